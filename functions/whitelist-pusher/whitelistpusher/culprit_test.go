package whitelistpusher

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// TestCulprit: a refusal of several undelivered orders is narrowed down by pushing the delivered ones and one more at a time, soonest slot first.
func TestCulprit(t *testing.T) {
	refuses := func(bad ...string) func(int, lease.Plate, string) tongli.Outcome {
		return func(_ int, _ lease.Plate, days string) tongli.Outcome {
			for _, day := range strings.Fields(days) {
				for _, b := range bad {
					if day == b {
						return refused
					}
				}
			}
			return accepted
		}
	}
	for _, c := range []struct {
		name   string
		orders int // o1, o2 … on December 1, 2 …; the last of them was delivered before
		answer func(int, lease.Plate, string) tongli.Outcome
		calls  []string
		states string
	}{
		{"none", 3, refuses(), []string{"1 2 3"}, "d d d"},
		{"the only one: no second call is needed", 2, refuses("1"), []string{"1 2"}, "r d"},
		{"one of three", 4, refuses("2"), []string{"1 2 3 4", "1 4", "1 2 4", "1 3 4"}, "d r d d"},
		{"all", 3, refuses("1", "2"), []string{"1 2 3", "1 3", "2 3"}, "r r d"},
		{"the first two of ten", 10, refuses("1", "2"), []string{"1 2 3 4 5 6 7 8 9 10", "1 10", "2 10", "3 10", "3 4 10", "3 4 5 10", "3 4 5 6 10", "3 4 5 6 7 10", "3 4 5 6 7 8 10", "3 4 5 6 7 8 9 10"}, "r r d d d d d d d d"},
		{"a hiccup on the way: what is left waits", 4, func(n int, _ lease.Plate, _ string) tongli.Outcome {
			return map[int]tongli.Outcome{1: refused, 2: accepted, 3: busy}[n]
		}, []string{"1 2 3 4", "1 4", "1 2 4"}, "d p p d"},
		{"the circuit opens on the way: no attempt is used up", 4, func(n int, _ lease.Plate, _ string) tongli.Outcome {
			return map[int]tongli.Outcome{1: refused, 2: accepted, 3: stranger}[n]
		}, []string{"1 2 3 4", "1 4", "1 2 4"}, "d p p d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			var fresh []string
			for i := 1; i <= c.orders; i++ {
				o := night(fmt.Sprintf("o%d", i), plateA, i)
				if i == c.orders {
					o = b.delivered(o)
				} else {
					fresh = append(fresh, o.OrderID)
				}
				b.store.orders[o.OrderID] = o
			}
			b.gate.answer = c.answer
			b.push(t, fresh...)
			b.calls(t, plateA, c.calls...)
			var states []string
			for i := 1; i <= c.orders; i++ {
				o := b.store.of(fmt.Sprintf("o%d", i))
				states = append(states, string(o.State[0]))
				if (o.State == lease.Pending) == o.DueAt.IsZero() {
					t.Errorf("%s is %s, due %s", o.OrderID, o.State, o.DueAt)
				}
			}
			if got := strings.Join(states, " "); got != c.states {
				t.Errorf("states %s, want %s", got, c.states)
			}
		})
	}
	// what was refused is left out of later lists until it is asked for again
	b := newBench(night("bad", plateA, 1), night("good", plateA, 2))
	b.gate.answer = refuses("1")
	b.push(t, "bad", "good")
	b.store.orders["new"] = night("new", plateA, 3)
	b.push(t, "new")
	asked := b.store.of("bad")
	asked.State, asked.Rev, asked.DueAt = lease.Pending, 2, b.now.Add(time.Minute)
	b.store.orders["bad"], b.gate.answer = asked, nil
	b.push(t, "bad")
	b.calls(t, plateA, "1 2", "1", "2", "2 3", "1 2 3")
	b.is(t, "bad", "delivered after 2, not due")
}

// TestCulpritOutOfTime: what the invocation has no time for is due at once, with no attempt used up.
func TestCulpritOutOfTime(t *testing.T) {
	b := newBench(night("o1", plateA, 1), night("o2", plateA, 2), night("o3", plateA, 3))
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	deadline, _ := ctx.Deadline()
	b.now = deadline.Add(-20 * time.Second).Truncate(time.Millisecond)
	for id, o := range b.store.orders { // the slots have to lie ahead of a clock that is the machine's
		o.Slots = []lease.Slot{{Date: lease.DateOf(b.now) + lease.Date(id[1]-'0'), Start: 1140, End: 390}}
		o.DueAt = b.now
		b.store.orders[id] = o
	}
	b.gate.answer = func(n int, _ lease.Plate, _ string) tongli.Outcome {
		b.now = b.now.Add(6 * time.Second)
		return map[int]tongli.Outcome{1: refused, 2: accepted}[n]
	}
	o := b.store.of("o1")
	if err := b.safely(ctx, &plate{Message: whitelist.MessageFor(&o), about: map[string]bool{"o1": true, "o2": true, "o3": true}}); err != nil {
		t.Fatal(err)
	}
	if calls := len(b.gate.calls[plateA]); calls != 2 {
		t.Errorf("%d calls, want 2: a third does not fit into the eight seconds left", calls)
	}
	b.is(t, "o1", "delivered after 1, not due")
	b.is(t, "o2", "pending after 0, due in 0s")
	b.is(t, "o3", "pending after 0, due in 0s")
}

// TestRefusedWithNothingNew: a cancellation becomes refused, delivered orders stay delivered, and each alarms.
func TestRefusedWithNothingNew(t *testing.T) {
	for _, c := range []struct {
		name    string
		orders  func(b *bench) []lease.Order
		message whitelist.Message
		states  map[string]string
	}{
		{"a cancellation", func(b *bench) []lease.Order {
			gone := night("gone", plateA, 1)
			gone.Cancelled, gone.Rev = true, 2
			return []lease.Order{gone, b.delivered(night("stays", plateA, 2))}
		}, whitelist.Message{OrderID: "gone"}, map[string]string{"gone": "refused after 1, not due", "stays": "delivered after 1, not due"}},
		{"a settling push", func(b *bench) []lease.Order {
			o := b.delivered(night("o", plateA, 1))
			o.DueAt, o.NotBefore = noon, noon
			return []lease.Order{o}
		}, whitelist.Message{OrderID: "o"}, map[string]string{"o": "delivered after 2, not due"}},
		{"the nightly push", func(b *bench) []lease.Order { return []lease.Order{b.delivered(night("o", plateA, 1))} },
			whitelist.Message{Repush: "run"}, map[string]string{"o": "delivered after 1, not due"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			for _, o := range c.orders(b) {
				b.store.orders[o.OrderID] = o
			}
			b.gate.answer = func(int, lease.Plate, string) tongli.Outcome { return refused }
			m := c.message
			m.Version, m.ParkSN, m.Plate = 1, "P1", plateA
			b.handle(t, "", record("m", m, 1))
			for id, want := range c.states {
				b.is(t, id, want)
			}
			if got := b.emitted(t)["PushRefused Count"]; got != 1 {
				t.Errorf("PushRefused %g, want 1: it alarms", got)
			}
		})
	}
}
