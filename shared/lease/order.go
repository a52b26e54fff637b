package lease

import (
	"slices"
	"time"
)

// Limits of an order (chosen).
const (
	MaxDates     = 366                 // slots of one order
	MaxLiveSlots = 1000                // live slots of one plate in one park
	OrderKept    = 7 * 24 * time.Hour  // an order is answered until so long after its last slot
	OrderIDKept  = 90 * 24 * time.Hour // its id is not used again until so long after its last slot
)

// Content is what the app ordered; it never changes.
type Content struct {
	OrderID string
	ParkSN  string
	Plate   Plate
	Slots   []Slot // as sent: in the app's order, 1 to MaxDates, none overlapping
}

// Equal compares after normalising, the order of the dates aside.
func (c *Content) Equal(o *Content) bool {
	return c.OrderID == o.OrderID && c.ParkSN == o.ParkSN && c.Plate == o.Plate &&
		slices.EqualFunc(SortSlots(c.Slots), SortSlots(o.Slots), func(a, b Slot) bool { return a.Compare(b) == 0 })
}

// EndsAt is when the last slot ends.
func (c *Content) EndsAt() time.Time {
	var end time.Time
	for _, s := range c.Slots {
		if e := s.EndsAt(); e.After(end) {
			end = e
		}
	}
	return end
}

// Status of an order as the app sees it.
type Status string

const (
	Active    Status = "active"
	Cancelled Status = "cancelled"
	Ended     Status = "ended"
)

// WhitelistState tells where the push of the order's present state stands. After a cancellation it
// tells of the push that takes the plate away.
type WhitelistState string

const (
	Pending   WhitelistState = "pending"
	Delivered WhitelistState = "delivered"
	Refused   WhitelistState = "refused"
	Expired   WhitelistState = "expired" // its last slot was over before Tongli accepted it
)

// Order is a placed order and the state of its push.
type Order struct {
	Content
	Cancelled bool
	State     WhitelistState // as stored: Pending, Delivered or Refused; see Whitelist
	Rev       int64          // raised by every change of the order
	Seq       int64          // raised by every push that carried it or was due for it
	CreatedAt time.Time

	DueAt     time.Time // when the sweeper looks at it next; zero: nothing is due
	DueSince  time.Time // when this due mark was first due, if the sweeper has moved it on since; zero: it has not
	NotBefore time.Time // a scheduled attempt: not to be pushed earlier; zero: at once
	Sent      bool      // a message was sent for this due mark: if it is found due again, what became of that message is unknown
	Unsettled time.Time // an outcome was unknown: until then Tongli may still apply it

	Attempts    int
	DeliveredAt time.Time
	LastError   string
}

// Over reports whether the last slot has ended.
func (o *Order) Over(now time.Time) bool { return !o.EndsAt().After(now) }

// Live orders are those that lease/order lists and a whitelist holds, with all their slots.
func (o *Order) Live(now time.Time) bool { return !o.Cancelled && !o.Over(now) }

// Gone orders are no longer answered.
func (o *Order) Gone(now time.Time) bool { return now.Sub(o.EndsAt()) > OrderKept }

// Status of the order at now.
func (o *Order) Status(now time.Time) Status {
	switch {
	case o.Cancelled:
		return Cancelled
	case o.Over(now):
		return Ended
	}
	return Active
}

// Whitelist is the state of the push at now: what was still pending when the last slot ended is expired.
func (o *Order) Whitelist(now time.Time) WhitelistState {
	if o.State == Pending && o.Over(now) {
		return Expired
	}
	return o.State
}

// NextSlot is the start of the first slot that is not over at now, or the end of the last one.
func (o *Order) NextSlot(now time.Time) time.Time {
	next := o.EndsAt()
	for _, s := range o.Slots {
		if !s.Over(now) && s.StartsAt().Before(next) {
			next = s.StartsAt()
		}
	}
	return next
}

// ValidOrderID reports whether id is 1 to 64 of A-Z a-z 0-9 _ - . and begins with a letter or digit.
func ValidOrderID(id string) bool {
	for i := 0; i < len(id); i++ {
		switch c := id[i]; {
		case digit(c), c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i > 0 && (c == '_' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return len(id) >= 1 && len(id) <= 64
}
