package whitelistsweeper

import (
	"fmt"
	"testing"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

// TestMetrics: how old what is due is, who waits before a closed gate, and the circuit.
func TestMetrics(t *testing.T) {
	change := func(o lease.Order, f func(*lease.Order)) lease.Order { f(&o); return o }
	for _, c := range []struct {
		name  string
		order lease.Order
		setup func(*shelf)
		want  string // seconds, orders, open
	}{
		{"nothing", lease.Order{Content: lease.Content{OrderID: "x"}}, nil, "0 0 0"},
		{"due for a minute, slot far away", due("a", 30*hour), nil, "60 0 0"},
		{"slot in 29 minutes", due("a", 29*time.Minute), nil, "60 1 0"},
		{"slot in 31 minutes", due("a", 31*time.Minute), nil, "60 0 0"},
		{"slot has begun", due("a", -10*time.Minute), nil, "60 1 0"},
		{"at the gate, to be pushed once more", change(due("a", 10*time.Minute), func(o *lease.Order) { o.State = lease.Delivered }), nil, "60 0 0"},
		{"to be taken away", change(due("a", 10*time.Minute), func(o *lease.Order) { o.Cancelled = true }), nil, "60 0 0"},
		{"its slot is over", due("a", -2*hour), nil, "60 0 0"},
		{"moved on three times, and nothing came of it", change(due("a", 30*hour), func(o *lease.Order) { o.DueSince = noon.Add(-16 * time.Minute) }), nil, "960 0 0"},
		{"moved on a minute ago, its push has not come", change(due("a", 10*time.Minute), func(o *lease.Order) { o.DueAt, o.DueSince = noon.Add(4*time.Minute), noon.Add(-2*time.Minute) }), nil, "120 1 0"},
		{"placed just now", change(due("a", 10*time.Minute), func(o *lease.Order) { o.DueAt = noon.Add(time.Minute) }), nil, "0 0 0"},
		{"open: nobody can say what it is, so it counts", due("a", 10*time.Minute), func(s *shelf) { s.breaker.OpenUntil = noon.Add(time.Minute) }, "60 1 1"},
		{"a drain looks at what is not due yet", change(due("a", 10*time.Minute), func(o *lease.Order) { o.DueAt = noon.Add(time.Minute) }), func(s *shelf) { s.breaker.Drain = true }, "0 0 0"},
		{"half open", due("a", 30*hour), func(s *shelf) { s.breaker.OpenUntil = noon }, "60 0 1"},
		{"the index lags", due("a", 30*hour), func(s *shelf) { s.ghosts = []leasestore.Due{{OrderID: "done", DueAt: noon, NextSlot: noon}} }, "60 0 0"},
	} {
		s := newShelf(c.order)
		if c.setup != nil {
			c.setup(s)
		}
		_, got, err := s.sweep(t.Context(), "")
		var seconds, soon, open int
		_, _ = fmt.Sscanf(c.want, "%d %d %d", &seconds, &soon, &open)
		if want := fmt.Sprintf("OldestDueAgeSeconds Seconds %d, DueSoonUndelivered Count %d, BreakerOpen Count %d", seconds, soon, open); got != want || err != nil {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
	}
}

// TestStandstill: a pusher that never runs is told of by every sweep, although each moves the mark on: alarms want it minute after minute.
func TestStandstill(t *testing.T) {
	s := newShelf(due("a", 30*hour))
	for minute := range 20 {
		r, _, err := s.sweep(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(minute+1) * 60; r.OldestDue != want {
			t.Errorf("minute %d: oldest %d s, want %d", minute, r.OldestDue, want)
		}
		s.now = s.now.Add(time.Minute)
	}
	if len(s.sent) != 4 {
		t.Errorf("%d messages in 20 minutes, want one in five", len(s.sent))
	}
}

// TestDrain: after a circuit closed, sweeps look far ahead until all that was undelivered has been looked at, and not a sweep longer: else no schedule
// would hold any more.
func TestDrain(t *testing.T) {
	fill := func(n int, shard func(string) int) *shelf {
		s := newShelf()
		s.breaker.Drain, s.shard = true, shard
		for i := range n {
			o := due(fmt.Sprintf("%04d", i), 30*hour)
			o.DueAt = noon.Add(hour)
			s.orders[o.OrderID] = o
		}
		return s
	}
	one := func(string) int { return 0 }
	spread := func(id string) int { return int(id[3]-'0') % 8 }
	for _, c := range []struct {
		name  string
		shelf *shelf
		setup func(*shelf)
		sent  int
		goes  bool
	}{
		{"a few", fill(3, one), nil, 3, false},
		{"more than a common sweep reads of a shard", fill(1000, one), nil, 1000, false},
		{"as many as a shard gives: there may be more", fill(2000, one), nil, 2000, true},
		{"more than a sweep sends", fill(4500, spread), nil, 4000, true},
		{"one that the queue does not take", fill(20, one), func(s *shelf) { s.refuse["0007"] = 3 }, 19, true},
	} {
		if c.setup != nil {
			c.setup(c.shelf)
		}
		r, _, err := c.shelf.sweep(t.Context(), "")
		if err != nil || r.Sent != c.sent || c.shelf.breaker.Drain != c.goes {
			t.Errorf("%s: sent %d of %d, goes on %v; want %d, %v: %v", c.name, r.Sent, len(c.shelf.orders), c.shelf.breaker.Drain, c.sent, c.goes, err)
		}
	}
}
