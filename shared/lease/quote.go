package lease

// The price of a slot. The source document gives the three prices and no formula: this one is chosen, and stands here only.
//
//  1. The slot is split at midnight (Asia/Shanghai): a slot that ends on the next day has two parts.
//  2. A part costs Price for each started 30 minutes.
//  3. A part on a free day of the park (a legal holiday, Saturday or Sunday on which it is open all day) costs HolidayPrice at most.
//  4. StartPrice is charged once for each slot: with its first part on a day that is not free, or, where all its days are free,
//     with its first part, and then below that day's HolidayPrice too.
//
// So a price is never negative, a longer slot never costs less than one that it contains, and a free day never costs more
// than its HolidayPrice.

// PricePart is what one calendar day of a slot costs. Money is in fen.
type PricePart struct {
	Date       Date
	From, To   Clock // To is 24:00 where the day's part ends at midnight
	FreeDay    bool
	HalfHours  int   // started ones
	StartPrice int64 // 0 where another part bears it
	Uncapped   int64 // StartPrice + HalfHours × Price
	Amount     int64 // Uncapped, or the park's HolidayPrice on a free day if that is less
}

// Quote is the price of a slot by the park's terms, in fen, and its parts. It does not ask whether the park leases that slot.
func (p *Park) Quote(s Slot) (int64, []PricePart) {
	from, to, _ := span(s.Start, s.End)
	var parts []PricePart
	for day := s.Date; from < to; day++ {
		until := min(to, int(endOfDay))
		parts = append(parts, PricePart{Date: day, From: Clock(from), To: Clock(until), FreeDay: p.freeDay(day), HalfHours: (until - from + 29) / 30})
		from, to = 0, to-int(endOfDay)
	}
	bears := 0
	for i, part := range parts {
		if !part.FreeDay {
			bears = i
			break
		}
	}
	var total int64
	for i := range parts {
		part := &parts[i]
		if i == bears {
			part.StartPrice = p.StartPrice
		}
		part.Uncapped = part.StartPrice + int64(part.HalfHours)*p.Price
		part.Amount = part.Uncapped
		if part.FreeDay {
			part.Amount = min(part.Amount, p.HolidayPrice)
		}
		total += part.Amount
	}
	return total, parts
}
