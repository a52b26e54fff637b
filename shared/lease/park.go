package lease

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// MaxFen is the largest amount of money that a park may name, 100,000 yuan.
const MaxFen = 10_000_000

// Park is a car park as Tongli offers it (3.1), the whole state that a push or a polled row carries.
type Park struct {
	SN, Name            string
	Deadline            Date   // the last date on which a window or a slot may start
	Start, End          Clock  // the window of each date; End before Start is on the next day
	Sat, Sun, Holiday   bool   // all of that day is open
	Price               int64  // fen for each started 30 minutes
	StartPrice          int64  // fen
	HolidayPrice        int64  // fen
	Longitude, Latitude string // decimal degrees as sent, both or neither
}

// Hash identifies the content: parks that are offered alike have the same one.
func (p *Park) Hash() string {
	h := sha256.New()
	for _, s := range []string{p.SN, p.Name, p.Longitude, p.Latitude} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	fmt.Fprintf(h, "|%d|%d|%d|%t%t%t|%d|%d|%d", p.Deadline, p.Start, p.End, p.Sat, p.Sun, p.Holiday, p.Price, p.StartPrice, p.HolidayPrice)
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Changed names the fields in which o differs from p, by their names on the wire.
func (p *Park) Changed(o *Park) []string {
	var names []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"park_name", p.Name == o.Name}, {"deadline", p.Deadline == o.Deadline},
		{"start_time", p.Start == o.Start}, {"end_time", p.End == o.End},
		{"is_sat", p.Sat == o.Sat}, {"is_sun", p.Sun == o.Sun}, {"is_holiday", p.Holiday == o.Holiday},
		{"price", p.Price == o.Price}, {"start_price", p.StartPrice == o.StartPrice}, {"holiday_price", p.HolidayPrice == o.HolidayPrice},
		{"longitude", p.Longitude == o.Longitude}, {"latitude", p.Latitude == o.Latitude},
	} {
		if !f.same {
			names = append(names, f.name)
		}
	}
	return names
}

// Leases judges one slot by the park's terms at now: nil, or the reason in words (42201). A slot is
// leased if its date is not after the deadline, it is not over, and every minute of it lies in the
// union of the windows and free days up to the deadline.
func (p *Park) Leases(s Slot, now time.Time) error {
	if s.Over(now) {
		return fmt.Errorf("%w: the slot is already over", ErrNotLeased)
	}
	if s.Date > p.Deadline {
		return fmt.Errorf("%w: the date is after the park's deadline %s", ErrNotLeased, p.Deadline)
	}
	if closed, at := p.firstClosedMinute(s); closed {
		day := s.Date + Date(at/1440)
		return fmt.Errorf("%w: the park is closed on %s from %s", ErrNotLeased, day, Clock(at%1440))
	}
	return nil
}

// firstClosedMinute finds the first minute of the slot, counted from the midnight of its date, at
// which the park is closed. Each date opens at most two intervals, so walking them to a fixed point
// is enough: the open times that can touch a slot start on the day before, its date and the day after.
func (p *Park) firstClosedMinute(s Slot) (bool, int) {
	from, to, _ := span(s.Start, s.End)
	for moved := true; moved && from < to; {
		moved = false
		for offset := -1; offset <= 1; offset++ {
			d := s.Date + Date(offset)
			if d > p.Deadline {
				continue
			}
			if p.freeDay(d) && offset*1440 <= from && from < (offset+1)*1440 {
				from, moved = (offset+1)*1440, true
			}
			if open, closes, ok := span(p.Start, p.End); ok && offset*1440+open <= from && from < offset*1440+closes {
				from, moved = offset*1440+closes, true
			}
		}
	}
	return from < to, from
}

// Source tells which way a park's content came.
type Source string

const (
	SourcePush Source = "push"
	SourcePoll Source = "poll"
)

// StoredPark is a park with what we know about it.
type StoredPark struct {
	Park
	Hash      string
	Withdrawn bool      // missing from three complete sweeps: kept, answered, not leased
	UpdatedAt time.Time // last change of content
	Source    Source    // of that change

	PushedAt int64 // greatest timestamp of an applied push, unix ms by the caller's clock (10 digits: the last ms of that second); 0: none
	SeenPush int64 // when that push arrived, unix ms by our clock; 0: none
	AskedAt  int64 // when the page of the last applied polled row was asked for, unix ms by our clock; 0: none
	Version  int64 // raised by every write; the condition of the next one
	Misses   int   // successive complete sweeps without it
	MissedBy int64 // start of the sweep that counted the last miss, unix ms
}

// ApplyPush merges a push into what is stored (nil: a park that is new), as 3.1 orders them. It reports
// false where the push is older than an applied one and leaves everything as it is. pushed is the
// push's timestamp in ms by Tongli's clock, arrived ours.
func (s *StoredPark) ApplyPush(p Park, pushed int64, arrived time.Time) (StoredPark, bool) {
	next := StoredPark{}
	if s != nil {
		if pushed < s.PushedAt {
			return *s, false
		}
		next = *s
	}
	next.merge(p, SourcePush, arrived)
	next.PushedAt, next.SeenPush = pushed, max(next.SeenPush, arrived.UnixMilli())
	return next, true
}

// ApplyPoll merges a polled row whose page was asked for at asked. It reports false where something
// newer is stored: a push that arrived since, or a row of a page that was asked for later.
func (s *StoredPark) ApplyPoll(p Park, asked, now time.Time) (StoredPark, bool) {
	next := StoredPark{}
	if s != nil {
		if asked.UnixMilli() <= s.SeenPush || asked.UnixMilli() < s.AskedAt {
			return *s, false
		}
		next = *s
	}
	next.merge(p, SourcePoll, now)
	next.AskedAt = asked.UnixMilli()
	return next, true
}

func (s *StoredPark) merge(p Park, source Source, now time.Time) {
	if hash := p.Hash(); s.Hash != hash {
		s.Park, s.Hash, s.UpdatedAt, s.Source = p, hash, now, source
	}
	s.Withdrawn, s.Misses, s.MissedBy = false, 0, 0
	s.Version++
}

// ParseCoordinate accepts a decimal number of degrees within ±bound and returns it as sent.
func ParseCoordinate(s string, bound float64) (string, error) {
	digits, point := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case digit(c):
			digits++
		case c == '-' && i == 0:
		case c == '.' && !point && digits > 0 && i+1 < len(s):
			point = true
		default:
			return "", fmt.Errorf("%w: must be a decimal number", ErrInvalid)
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || digits == 0 || len(s) > 32 || v > bound || v < -bound {
		return "", fmt.Errorf("%w: must be a decimal number from %g to %g", ErrInvalid, -bound, bound)
	}
	return s, nil
}
