package lease

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// 2026-12-04 is a Friday; 2026-10-01 is a holiday (Thursday), 2026-10-10 a Saturday that is worked.
func TestQuote(t *testing.T) {
	park := Park{Deadline: MustDate("2027-12-31"), Sat: true, Sun: true, Holiday: true, Price: 150, StartPrice: 300, HolidayPrice: 2000}
	clock := func(s string) Clock {
		c, err := ParseClock(s, true)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, c := range []struct {
		name, date, start, end string
		change                 func(*Park)
		want                   []int64 // what each part costs
	}{
		{"one started half-hour", "2026-12-01", "19:00", "19:01", nil, []int64{300 + 150}},
		{"a half-hour exactly", "2026-12-01", "19:00", "19:30", nil, []int64{300 + 150}},
		{"a minute more", "2026-12-01", "19:00", "19:31", nil, []int64{300 + 300}},
		{"overnight, two ordinary days", "2026-12-01", "19:00", "06:30", nil, []int64{300 + 10*150, 13 * 150}},
		{"an end of 00:00 is the same day's", "2026-12-01", "19:00", "00:00", nil, []int64{300 + 10*150}},
		{"an end of 24:00 too", "2026-12-01", "19:00", "24:00", nil, []int64{300 + 10*150}},
		{"a part of a half-hour on each side of midnight counts twice", "2026-12-01", "23:45", "00:15", nil, []int64{300 + 150, 150}},
		{"Saturday below its cap", "2026-12-05", "10:00", "12:00", nil, []int64{300 + 4*150}},
		{"Saturday at its cap", "2026-12-05", "00:00", "24:00", nil, []int64{2000}},
		{"Friday evening into Saturday", "2026-12-04", "22:00", "12:00", nil, []int64{300 + 4*150, 2000}},
		{"Sunday into Monday: the start price is Monday's", "2026-12-06", "22:00", "01:00", nil, []int64{4 * 150, 300 + 2*150}},
		{"Saturday into Sunday: one start price, two caps", "2026-12-05", "01:00", "00:30", nil, []int64{2000, 150}},
		{"Saturday evening into Sunday", "2026-12-05", "23:00", "01:00", nil, []int64{300 + 2*150, 2 * 150}},
		{"a cap of 0 is a free day that costs nothing", "2026-12-05", "10:00", "12:00", func(p *Park) { p.HolidayPrice = 0 }, []int64{0}},
		{"Saturday without is_sat is ordinary", "2026-12-05", "00:00", "24:00", func(p *Park) { p.Sat = false }, []int64{300 + 48*150}},
		{"a holiday", "2026-10-01", "00:00", "24:00", nil, []int64{2000}},
		{"a holiday without is_holiday", "2026-10-01", "00:00", "24:00", func(p *Park) { p.Holiday = false }, []int64{300 + 48*150}},
		{"a Saturday that is worked", "2026-10-10", "00:00", "24:00", nil, []int64{300 + 48*150}},
		{"everything free of charge", "2026-12-01", "19:00", "06:30", func(p *Park) { p.Price, p.StartPrice = 0, 0 }, []int64{0, 0}},
		{"the dearest park", "2026-12-01", "12:00", "11:59", func(p *Park) { p.Price, p.StartPrice = MaxFen, MaxFen }, []int64{MaxFen + 24*MaxFen, 24 * MaxFen}},
	} {
		p := park
		if c.change != nil {
			c.change(&p)
		}
		slot := Slot{Date: MustDate(c.date), Start: clock(c.start), End: clock(c.end)}
		total, parts := p.Quote(slot)
		var amounts []int64
		var sum int64
		for _, part := range parts {
			amounts = append(amounts, part.Amount)
			sum += part.Amount
		}
		if !slices.Equal(amounts, c.want) || total != sum {
			t.Errorf("%s: %v, in all %d; want %v", c.name, amounts, total, c.want)
		}
	}
}

// priced is a park and two slots of which the outer one holds the inner.
type priced struct {
	park         Park
	inner, outer Slot
}

func anyPriced() *rapid.Generator[priced] {
	return rapid.Custom(func(t *rapid.T) priced {
		fen := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, MaxFen))
		park := Park{Sat: rapid.Bool().Draw(t, "sat"), Sun: rapid.Bool().Draw(t, "sun"), Holiday: rapid.Bool().Draw(t, "holiday"),
			Price: fen.Draw(t, "price"), StartPrice: fen.Draw(t, "start_price"), HolidayPrice: fen.Draw(t, "holiday_price")}
		// days among which are holidays, week-ends, and week-ends that are worked; minutes after the first one's midnight
		date := MustDate("2026-09-24") + Date(rapid.IntRange(0, 30).Draw(t, "date"))
		from := rapid.IntRange(0, 2*1440-2).Draw(t, "outer from")
		to := from + rapid.IntRange(1, 1439).Draw(t, "outer minutes")
		a := rapid.IntRange(from, to-1).Draw(t, "inner from")
		b := rapid.IntRange(a+1, to).Draw(t, "inner to")
		slot := func(from, to int) Slot {
			return Slot{Date: date + Date(from/1440), Start: Clock(from % 1440), End: Clock(to % 1440)}
		}
		return priced{park, slot(a, b), slot(from, to)}
	})
}

type pricing func(*Park, Slot) (int64, []PricePart)

// keepsItsWord is the promise of the rule: what a mutation of it must break.
func keepsItsWord(quote pricing, c priced) error {
	less, _ := quote(&c.park, c.inner)
	more, parts := quote(&c.park, c.outer)
	if less < 0 || less > more {
		return fmt.Errorf("%v costs %d, and %v that holds it %d", c.inner, less, c.outer, more)
	}
	started := int64(0)
	for _, part := range parts {
		started += part.StartPrice
		if part.FreeDay && part.Amount > c.park.HolidayPrice {
			return fmt.Errorf("%v costs %d on %s, above the day's cap of %d", c.outer, part.Amount, part.Date, c.park.HolidayPrice)
		}
		if least := part.StartPrice + int64(part.To-part.From)*c.park.Price/30; !part.FreeDay && part.Amount < least {
			return fmt.Errorf("%v costs %d on %s, and its minutes alone %d", c.outer, part.Amount, part.Date, least)
		}
	}
	if started != c.park.StartPrice {
		return fmt.Errorf("%v bears a start price of %d in all, not %d", c.outer, started, c.park.StartPrice)
	}
	return nil
}

func TestPricesKeepTheirWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := keepsItsWord((*Park).Quote, anyPriced().Draw(t, "case")); err != nil {
			t.Fatal(err)
		}
	})
}

// Rules that look as good, and are not: the property tells each of them from ours.
func TestOtherPricingRulesAreCaught(t *testing.T) {
	recount := func(parts []PricePart) (total int64) {
		for _, part := range parts {
			total += part.Amount
		}
		return total
	}
	for name, mutant := range map[string]pricing{
		"no cap": func(p *Park, s Slot) (int64, []PricePart) {
			_, parts := p.Quote(s)
			for i := range parts {
				parts[i].Amount = parts[i].Uncapped
			}
			return recount(parts), parts
		},
		"the start price always with the first part": func(p *Park, s Slot) (int64, []PricePart) {
			_, parts := p.Quote(s)
			for i := range parts {
				parts[i].StartPrice = 0
				if i == 0 {
					parts[i].StartPrice = p.StartPrice
				}
				parts[i].Uncapped = parts[i].StartPrice + int64(parts[i].HalfHours)*p.Price
				if parts[i].Amount = parts[i].Uncapped; parts[i].FreeDay {
					parts[i].Amount = min(parts[i].Amount, p.HolidayPrice)
				}
			}
			return recount(parts), parts
		},
		"half-hours counted through midnight": func(p *Park, s Slot) (int64, []PricePart) {
			_, parts := p.Quote(s)
			if len(parts) == 2 {
				first := int(parts[0].To-parts[0].From)%30 + int(parts[1].To)
				parts[1].HalfHours = max(0, (first+29)/30-1)
				parts[1].Uncapped = parts[1].StartPrice + int64(parts[1].HalfHours)*p.Price
				if parts[1].Amount = parts[1].Uncapped; parts[1].FreeDay {
					parts[1].Amount = min(parts[1].Amount, p.HolidayPrice)
				}
			}
			return recount(parts), parts
		},
		"full half-hours only, one at least": func(p *Park, s Slot) (int64, []PricePart) {
			_, parts := p.Quote(s)
			for i := range parts {
				parts[i].HalfHours = max(1, int(parts[i].To-parts[i].From)/30)
				parts[i].Amount = parts[i].StartPrice + int64(parts[i].HalfHours)*p.Price
				if parts[i].FreeDay {
					parts[i].Amount = min(parts[i].Amount, p.HolidayPrice)
				}
			}
			return recount(parts), parts
		},
	} {
		if !fails(mutant) {
			t.Errorf("%s: not caught", name)
		}
	}
}

// fails looks for an example by which a rule breaks its word. Examples come by number, so the search is the same each time.
func fails(quote pricing) bool {
	cases := anyPriced()
	for number := range 4000 {
		if keepsItsWord(quote, cases.Example(number)) != nil {
			return true
		}
	}
	return false
}
