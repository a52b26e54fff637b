package lease

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDatesAgainstTime(t *testing.T) {
	for d := MustDate("1899-12-01"); d < MustDate("2200-01-01"); d++ {
		want := time.Unix(int64(d)*86400, 0).UTC()
		if d.String() != want.Format(time.DateOnly) || d.Weekday() != want.Weekday() || d.Year() != want.Year() {
			t.Fatalf("%d: %s %s, want %s", d, d, d.Weekday(), want)
		}
		if back := MustDate(d.String()); back != d {
			t.Fatalf("%s reads as %s", d, back)
		}
	}
	at := time.Date(2026, 11, 24, 16, 30, 0, 0, time.UTC)
	if got := DateOf(at); got != MustDate("2026-11-25") {
		t.Errorf("date in Shanghai %s", got)
	}
	for _, bad := range []string{"", "2026-1-01", "2026-02-30", "2025-02-29", "26-01-01", "2026/01/01", "2026-01-01 ", "0000-01-01", "２０２６-01-01"} {
		if _, err := ParseDate(bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		text       string
		start, end bool
	}{{"00:00", true, true}, {"23:59", true, true}, {"24:00", false, true}, {"24:01", false, false}, {"23:60", false, false}, {"9:00", false, false}, {"09:00:00", false, false}, {"", false, false}, {"+9:00", false, false}} {
		if _, err := ParseClock(c.text, false); (err == nil) != c.start {
			t.Errorf("start %q: %v", c.text, err)
		}
		got, err := ParseClock(c.text, true)
		if (err == nil) != c.end || err == nil && got.String() != c.text {
			t.Errorf("end %q: %s %v", c.text, got, err)
		}
	}
}

func TestPlates(t *testing.T) {
	good := map[string]string{
		"苏E88888": "苏E88888", "苏 E88888": "苏E88888", "苏·e88888": "苏E88888", "苏Ｅ８８８８８": "苏E88888", "苏E-8.8_8•8・8": "苏E88888", "粤B12345": "粤B12345",
		"苏EABCDE": "苏EABCDE", "苏ED12345": "苏ED12345", "苏EA1234A": "", "苏EDF1234": "苏EDF1234", "苏E12345D": "苏E12345D", "苏E1234警": "苏E1234警", "苏E1234学": "苏E1234学", "苏E1234挂": "苏E1234挂",
		"粤Z1234港": "粤Z1234港", "粤Z1234澳": "粤Z1234澳", "使123456": "使123456", "123456使": "123456使", "苏E1234领": "苏E1234领", "沪12345领": "沪12345领",
		"苏O12345": "苏O12345", "苏I12345": "", "苏E8888O": "", "苏E8888I": "", "WJ12345": "", "苏E8888": "", "苏E888888": "", "苏EL12345": "", "": "", "苏E12345L": "", "京A12345领": "", "苏E1234港": "",
	}
	for text, want := range good {
		got, err := ParsePlate(text)
		if string(got) != want || (want == "") != errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
		if want != "" {
			if again, err := ParsePlate(string(got)); again != got || err != nil {
				t.Errorf("%q is not stable: %q %v", got, again, err)
			}
			if masked := got.Masked(); strings.Contains(masked, string(got)) || !strings.Contains(masked, "•") {
				t.Errorf("%q masked is %q", got, masked)
			}
		}
	}
	if _, err := ParsePlate("苏E8888O"); !strings.Contains(err.Error(), "0") {
		t.Errorf("no hint: %v", err)
	}
	if Plate("苏E88888").Masked() != "苏E8••88" {
		t.Errorf("masked %s", Plate("苏E88888").Masked())
	}
}

// slowOpen is the contract's definition of an open minute, word by word.
func slowOpen(p *Park, d Date, minute int) bool {
	for start := d - 1; start <= d; start++ {
		if start > p.Deadline {
			continue
		}
		at := int(d-start)*1440 + minute
		from, to := int(p.Start), int(p.End)
		if to == 0 {
			to = 1440
		}
		if to < from {
			to += 1440
		}
		if at >= from && at < to {
			return true
		}
	}
	if d > p.Deadline {
		return false
	}
	days := map[string]string{"2026-10-01": "off", "2026-10-10": "work", "2026-10-04": "off", "2026-09-20": "work", "2026-10-03": "off"}
	switch kind := days[d.String()]; {
	case kind == "work":
		return false
	case kind == "off" && p.Holiday:
		return true
	}
	return d.Weekday() == time.Saturday && p.Sat || d.Weekday() == time.Sunday && p.Sun
}

// TestTermsProperty holds Leases against a minute-by-minute reference around a week with holidays and make-up days.
func TestTermsProperty(t *testing.T) {
	now := MustDate("2026-08-01").At(0)
	dates := []string{"2026-09-18", "2026-09-19", "2026-09-20", "2026-09-21", "2026-09-30", "2026-10-01", "2026-10-03", "2026-10-04", "2026-10-10", "2026-10-11", "2026-10-12", "2027-01-02", "2027-01-03"}
	rapid.Check(t, func(t *rapid.T) {
		clock := rapid.SampledFrom([]Clock{0, 60, 360, 390, 480, 720, 1080, 1140, 1200, 1439})
		end := rapid.SampledFrom([]Clock{0, 60, 360, 390, 480, 720, 1080, 1140, 1200, 1439, 1440})
		p := Park{Sat: rapid.Bool().Draw(t, "sat"), Sun: rapid.Bool().Draw(t, "sun"), Holiday: rapid.Bool().Draw(t, "holiday"),
			Start: clock.Draw(t, "open"), End: end.Draw(t, "close"), Deadline: MustDate(rapid.SampledFrom(dates).Draw(t, "deadline"))}
		s := Slot{MustDate(rapid.SampledFrom(dates).Draw(t, "date")), clock.Draw(t, "start"), end.Draw(t, "end")}
		if _, _, ok := span(p.Start, p.End); !ok || !s.Valid() {
			return
		}
		// the reference knows the calendar of a few days only
		for _, d := range []Date{s.Date - 1, s.Date, s.Date + 1} {
			if kind := published().days[d]; kind != ordinaryDay && !strings.Contains("2026-10-01 2026-10-10 2026-10-04 2026-09-20 2026-10-03", d.String()) {
				return
			}
		}
		want := s.Date <= p.Deadline
		from, to, _ := span(s.Start, s.End)
		for m := from; m < to; m++ {
			want = want && slowOpen(&p, s.Date+Date(m/1440), m%1440)
		}
		if err := p.Leases(s, now); (err == nil) != want {
			t.Fatalf("park %+v slot %s %s–%s: %v, want leased %v", p, s.Date, s.Start, s.End, err, want)
		}
	})
}

func TestOverAndUnknownYear(t *testing.T) {
	p := Park{Start: 1080, End: 480, Deadline: MustDate("2030-01-01")}
	s := Slot{MustDate("2026-11-24"), 1140, 390}
	if err := p.Leases(s, s.EndsAt()); !errors.Is(err, ErrNotLeased) {
		t.Errorf("a slot that is over: %v", err)
	}
	if err := p.Leases(s, s.EndsAt().Add(-time.Second)); err != nil {
		t.Errorf("a slot in its last second: %v", err)
	}
	if CalendarPublished(MustDate("2027-01-01")) || !CalendarPublished(MustDate("2026-01-01")) {
		t.Error("2026 is published, 2027 is not")
	}
}

func TestOverlapping(t *testing.T) {
	d := MustDate("2026-12-01")
	for _, c := range []struct {
		name  string
		slots []Slot
		want  []int
	}{
		{"touching", []Slot{{d, 600, 720}, {d, 720, 780}}, nil},
		{"touching at midnight", []Slot{{d, 1200, 0}, {d + 1, 0, 60}}, nil},
		{"equal", []Slot{{d, 600, 720}, {d, 600, 720}}, []int{1}},
		{"00:00 is 24:00", []Slot{{d, 600, 0}, {d, 600, 1440}}, []int{1}},
		{"overnight into the next", []Slot{{d + 1, 300, 360}, {d, 1200, 360}}, []int{1}},
		{"one over two", []Slot{{d, 0, 1440}, {d, 60, 120}, {d, 300, 360}}, []int{1, 2}},
	} {
		if got := Overlapping(c.slots); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestMergeProperty: in whatever order pushes arrive, the newest timestamp's content stands; a polled row applies only if its page was
// asked for after the last push arrived.
func TestMergeProperty(t *testing.T) {
	base := MustDate("2026-11-24").At(0)
	rapid.Check(t, func(t *rapid.T) {
		var held *StoredPark
		best, price := int64(-1), int64(-1)
		for i := range rapid.IntRange(1, 12).Draw(t, "n") {
			now := base.Add(time.Duration(i) * time.Second)
			p := Park{SN: "P", Price: rapid.Int64Range(0, 3).Draw(t, "price")}
			if rapid.Bool().Draw(t, "push") {
				stamp := rapid.Int64Range(0, 5).Draw(t, "timestamp")
				next, applied := held.ApplyPush(p, stamp, now)
				if applied != (stamp >= best) {
					t.Fatalf("push of %d after %d applied %v", stamp, best, applied)
				}
				if applied {
					best, price = stamp, p.Price
					held = &next
				}
			} else {
				asked := base.Add(time.Duration(rapid.IntRange(-1, i).Draw(t, "asked")) * time.Second)
				next, applied := held.ApplyPoll(p, asked, now)
				if applied && held != nil && asked.UnixMilli() <= held.SeenPush {
					t.Fatal("a row that was asked for before the push was applied")
				}
				if applied {
					price = p.Price
					held = &next
				}
			}
			if held != nil && held.Price != price {
				t.Fatalf("price %d, want %d", held.Price, price)
			}
		}
	})
}

func TestContentEqual(t *testing.T) {
	d := MustDate("2026-12-01")
	a := Content{"o", "P", "苏E88888", []Slot{{d, 1140, 0}, {d + 1, 1140, 390}}}
	b := Content{"o", "P", "苏E88888", []Slot{{d + 1, 1140, 390}, {d, 1140, 1440}}}
	if !a.Equal(&b) {
		t.Error("the order of dates, and 00:00 for 24:00, make no other content")
	}
	b.Slots[0].End++
	if a.Equal(&b) {
		t.Error("another end is other content")
	}
}
