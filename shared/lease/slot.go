package lease

import (
	"cmp"
	"slices"
	"time"
)

// Slot is one stay that is leased: it belongs to the date on which it starts. An End before Start lies
// on the next day. Start and End are kept as they were sent (00:00 and 24:00 are equal as an end).
type Slot struct {
	Date       Date
	Start, End Clock
}

// Valid reports whether the slot has a length: end equal to start is an error, named end_time.
func (s Slot) Valid() bool { _, _, ok := span(s.Start, s.End); return ok }

// minutes are the slot's start and end as minutes since 1970-01-01 00:00 in Zone.
func (s Slot) minutes() (from, to int) {
	from, to, _ = span(s.Start, s.End)
	return int(s.Date)*1440 + from, int(s.Date)*1440 + to
}

// StartsAt is the moment from which the car may enter.
func (s Slot) StartsAt() time.Time { return s.Date.At(int(s.Start)) }

// EndsAt is the first moment that the slot no longer covers.
func (s Slot) EndsAt() time.Time { _, to, _ := span(s.Start, s.End); return s.Date.At(to) }

// Over reports whether the slot has ended at now.
func (s Slot) Over(now time.Time) bool { return !s.EndsAt().After(now) }

// Compare orders slots by date, start and end; slots that cover the same time are equal.
func (s Slot) Compare(o Slot) int {
	sf, st := s.minutes()
	of, ot := o.minutes()
	return cmp.Or(cmp.Compare(sf, of), cmp.Compare(st, ot))
}

// SortSlots returns the slots sorted by date and start, those that cover equal time once: the form in
// which a whitelist is sent and contents are compared.
func SortSlots(slots []Slot) []Slot {
	sorted := slices.Clone(slots)
	slices.SortStableFunc(sorted, Slot.Compare)
	return slices.CompactFunc(sorted, func(a, b Slot) bool { return a.Compare(b) == 0 })
}

// Overlapping returns the indices of slots that share a minute with another one of the list, the
// later index of each pair (touching is fine), in ascending order.
func Overlapping(slots []Slot) []int {
	order := make([]int, len(slots))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(slots[a].Compare(slots[b]), cmp.Compare(a, b)) })
	bad := map[int]bool{}
	for i, a := range order {
		_, to := slots[a].minutes()
		for _, b := range order[i+1:] {
			if from, _ := slots[b].minutes(); from >= to {
				break
			}
			bad[max(a, b)] = true
		}
	}
	var indices []int
	for i := range bad {
		indices = append(indices, i)
	}
	slices.Sort(indices)
	return indices
}
