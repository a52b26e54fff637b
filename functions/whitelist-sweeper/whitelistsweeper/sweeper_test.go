package whitelistsweeper

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/whitelist"
)

var noon = lease.MustDate("2026-11-24").At(720)

// shelf is the store and the queue of a scripted test.
type shelf struct {
	now     time.Time
	orders  map[string]lease.Order
	ghosts  []leasestore.Due // what the index shows although it is done
	breaker leasestore.Breaker
	moves   []string
	fails   map[string]error // of MoveDue, by order_id
	shard   func(id string) int
	slow    time.Duration // each move takes so long

	position leasestore.Repush
	plates   []lease.Plate // live ones of P1, for the re-push; each is an item

	refuse map[string]int // order_id or plate: how often the queue does not take its message
	sent   []whitelist.Message
}

func (s *shelf) Breaker(context.Context) (leasestore.Breaker, error) { return s.breaker, nil }

func (s *shelf) SaveBreaker(_ context.Context, next, _ leasestore.Breaker) (leasestore.Breaker, bool, error) {
	s.breaker = next
	return next, true, nil
}

func (s *shelf) DueOrders(_ context.Context, until time.Time, limit int) ([]leasestore.Due, error) {
	list := slices.Clone(s.ghosts)
	for _, o := range s.orders {
		if !o.DueAt.IsZero() && !o.DueAt.After(until) {
			list = append(list, leasestore.Due{ParkSN: o.ParkSN, Plate: o.Plate, OrderID: o.OrderID, DueAt: o.DueAt, DueSince: o.DueSince, NextSlot: o.NextSlot(s.now), Shard: s.shard(o.OrderID)})
		}
	}
	slices.SortFunc(list, func(a, b leasestore.Due) int { return a.DueAt.Compare(b.DueAt) })
	count := map[int]int{}
	return slices.DeleteFunc(list, func(d leasestore.Due) bool { count[d.Shard]++; return count[d.Shard] > limit }), nil
}

func (s *shelf) MoveDue(_ context.Context, d leasestore.Due, to time.Time, sent bool) (*lease.Order, bool, error) {
	s.now = s.now.Add(s.slow)
	if err := s.fails[d.OrderID]; err != nil {
		return nil, false, err
	}
	o, ok := s.orders[d.OrderID]
	if !ok || !o.DueAt.Equal(d.DueAt) {
		return nil, false, nil
	}
	before := o
	if o.DueSince.IsZero() {
		o.DueSince = o.DueAt
	}
	o.DueAt, o.NotBefore, o.Sent = to, time.Time{}, sent
	s.orders[d.OrderID] = o
	s.moves = append(s.moves, d.OrderID)
	return &before, true, nil
}

func (s *shelf) RepushPosition(context.Context) (leasestore.Repush, error) { return s.position, nil }

func (s *shelf) SaveRepush(_ context.Context, next, held leasestore.Repush) (bool, error) {
	if held.Version != s.position.Version {
		return false, nil
	}
	next.Version++
	s.position = next
	return true, nil
}

func (s *shelf) LivePlates(_ context.Context, park, from string, limit int, _ time.Time, visit func(string, lease.Plate, string)) (string, error) {
	at := 0
	_, _ = fmt.Sscan(from, &at)
	end := min(at+limit, len(s.plates))
	for _, p := range s.plates[at:end] {
		visit(max(park, "P1"), p, "o")
		visit(max(park, "P1"), p, "p") // a second order of the plate
	}
	if end == len(s.plates) {
		return "", nil
	}
	return fmt.Sprint(end), nil
}

func (s *shelf) Send(_ context.Context, messages ...whitelist.Message) (failed []int, err error) {
	for i, m := range messages {
		name := m.OrderID
		if name == "" {
			name = string(m.Plate)
		}
		if s.refuse[name] > 0 {
			s.refuse[name]--
			failed, err = append(failed, i), errors.New("entry not taken")
			continue
		}
		s.sent = append(s.sent, m)
	}
	return failed, err
}

func (s *shelf) ids() string {
	var ids []string
	for _, m := range s.sent {
		ids = append(ids, m.OrderID)
	}
	return strings.Join(ids, " ")
}

// due is an order of a plate of its own whose mark has been due for a minute and whose slot begins after so long.
func due(id string, begins time.Duration) lease.Order {
	at := noon.Add(begins).In(lease.Zone)
	m := at.Hour()*60 + at.Minute()
	return lease.Order{Content: lease.Content{OrderID: id, ParkSN: "P1", Plate: lease.Plate("苏E" + id), Slots: []lease.Slot{{Date: lease.DateOf(at), Start: lease.Clock(m), End: lease.Clock((m + 60) % 1440)}}},
		State: lease.Pending, Rev: 1, DueAt: noon.Add(-time.Minute), Sent: true}
}

func newShelf(orders ...lease.Order) *shelf {
	s := &shelf{now: noon, orders: map[string]lease.Order{}, fails: map[string]error{}, refuse: map[string]int{}, shard: func(string) int { return 0 }}
	for _, o := range orders {
		s.orders[o.OrderID] = o
	}
	return s
}

// sweep makes one sweep; metrics are name, unit and value of each.
func (s *shelf) sweep(ctx context.Context, input string) (r Report, metrics string, err error) {
	var out bytes.Buffer
	clock := func() time.Time { return s.now }
	w := &Sweeper{Store: s, Queue: s, Now: clock, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: &telemetry.Metrics{Out: &out, Stage: "test", Now: clock}}
	r, err = w.Handle(ctx, json.RawMessage(input))
	var line map[string]any
	if json.Unmarshal(out.Bytes(), &line) != nil {
		return r, "", err
	}
	group := line["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
	var all []string
	for _, m := range group["Metrics"].([]any) {
		d := m.(map[string]any)
		all = append(all, fmt.Sprintf("%s %s %v", d["Name"], d["Unit"], line[d["Name"].(string)]))
	}
	return r, strings.Join(all, ", "), err
}

const hour = time.Hour

// TestSweep: what one sweep sends, in which order, and what it moves on.
func TestSweep(t *testing.T) {
	second := func(o lease.Order, plate lease.Plate) lease.Order { o.Plate = plate; return o }
	later := func(o lease.Order, d time.Duration) lease.Order {
		o.DueAt = noon.Add(d)
		o.NotBefore = o.DueAt
		return o
	}
	for _, c := range []struct {
		name  string
		shelf *shelf
		setup func(*shelf)
		sent  string
		moved int
	}{
		{"soonest slot first", newShelf(due("c", 30*hour), due("a", hour), due("b", 5*hour)), nil, "a b c", 3},
		{"one message for a plate, all of its marks", newShelf(due("a", hour), second(due("b", 2*hour), "苏Ea"), due("c", 3*hour)), nil, "a c", 3},
		{"not what is due later", newShelf(due("a", hour), later(due("b", hour), time.Second)), nil, "a", 1},
		{"an index that lags", newShelf(due("a", hour)), func(s *shelf) {
			s.ghosts = []leasestore.Due{{OrderID: "done", DueAt: noon}, {OrderID: "a", Plate: "苏Ea", ParkSN: "P1", DueAt: noon.Add(-hour)}}
		}, "a", 1},
		{"open: nothing is sent, nothing moved", newShelf(due("a", hour)), func(s *shelf) { s.breaker.OpenUntil = noon.Add(time.Second) }, "", 0},
		{"half open: one plate, with all of its marks", newShelf(due("a", hour), due("b", 2*hour), second(due("c", 3*hour), "苏Ea")), func(s *shelf) { s.breaker.OpenUntil = noon }, "a", 2},
		{"half open and nothing due: the probe does not wait", newShelf(later(due("a", 30*hour), hour), later(due("b", 20*hour), hour)), func(s *shelf) { s.breaker.OpenUntil = noon }, "b", 1},
		{"closed again: everything undelivered, soonest slot first", newShelf(later(due("a", 30*hour), 2*hour), due("b", 40*hour), later(due("c", 20*hour), hour)), func(s *shelf) { s.breaker.Drain = true }, "c a b", 3},
		{"an item of a later version stops nothing", newShelf(due("a", hour), due("b", 2*hour), due("c", 3*hour)), func(s *shelf) { s.fails["b"] = fmt.Errorf("%w: 2", lease.ErrVersionUnknown) }, "a c", 2},
		{"entries that the queue did not take, twice", newShelf(due("a", hour), due("b", 2*hour)), func(s *shelf) { s.refuse["a"] = 2 }, "b a", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.setup != nil {
				c.setup(c.shelf)
			}
			r, _, err := c.shelf.sweep(t.Context(), "{}")
			if err != nil {
				t.Fatal(err)
			}
			if got := c.shelf.ids(); got != c.sent || r.Moved != c.moved || r.Sent != len(c.shelf.sent) {
				t.Errorf("sent %q, moved %d; want %q, %d: %+v", got, r.Moved, c.sent, c.moved, r)
			}
			named := map[string]bool{}
			for _, m := range c.shelf.sent {
				named[m.OrderID] = true
				o := c.shelf.orders[m.OrderID]
				if !o.DueAt.Equal(noon.Add(5*time.Minute)) || !o.Sent || m.DueAt != o.DueAt.UnixMilli() || !m.Rescue {
					t.Errorf("%s: mark %s, message %+v", m.OrderID, o.DueAt, m)
				}
			}
			for _, id := range c.shelf.moves {
				if c.shelf.orders[id].Sent != named[id] {
					t.Errorf("%s: its mark says sent %v", id, !named[id])
				}
			}
		})
	}
}

// TestUnsent: what the queue never takes is due again at once, and is no rescue then.
func TestUnsent(t *testing.T) {
	s := newShelf(due("a", hour), due("b", 2*hour))
	s.refuse["a"] = 3
	if r, _, err := s.sweep(t.Context(), ""); err != nil || r.Unsent != 1 || r.Sent != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if o := s.orders["a"]; !o.DueAt.Equal(noon) || o.Sent {
		t.Errorf("due at %s, sent %v", o.DueAt, o.Sent)
	}
	if _, _, err := s.sweep(t.Context(), ""); err != nil || s.ids() != "b a" || s.sent[1].Rescue {
		t.Errorf("then %q, rescue %v: %v", s.ids(), s.sent[len(s.sent)-1].Rescue, err)
	}
}

// TestStoreFails: the messages whose marks were moved go out, the sweep fails, and still tells what it saw.
func TestStoreFails(t *testing.T) {
	s := newShelf(due("a", 10*time.Minute), due("b", 2*hour), due("c", 3*hour))
	s.fails["b"] = lease.ErrUnavailable
	_, metrics, err := s.sweep(t.Context(), "")
	if !errors.Is(err, lease.ErrUnavailable) || s.ids() != "a" {
		t.Errorf("sent %q: %v", s.ids(), err)
	}
	if want := "OldestDueAgeSeconds Seconds 60, DueSoonUndelivered Count 1, BreakerOpen Count 0"; metrics != want {
		t.Errorf("metrics %s, want %s", metrics, want)
	}
}

// TestOutOfTime: five seconds are left for the report, and what was not looked at stays due.
func TestOutOfTime(t *testing.T) {
	s := newShelf()
	for i := range 40 {
		o := due(fmt.Sprintf("%02d", i), time.Duration(i+1)*hour)
		s.orders[o.OrderID] = o
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(hour))
	defer cancel()
	deadline, _ := ctx.Deadline()
	for id, o := range s.orders {
		o.DueAt = deadline.Add(-hour)
		s.orders[id] = o
	}
	s.now, s.slow, s.breaker.Drain = deadline.Add(-25*time.Second), time.Second, true
	r, _, err := s.sweep(ctx, "")
	if err != nil || r.Moved != 21 || r.Sent != 21 {
		t.Errorf("moved %d, sent %d, want 21: one a second, until less than five are left: %v", r.Moved, r.Sent, err)
	}
	if !s.breaker.Drain {
		t.Error("a drain that was cut short counts as done")
	}
}
