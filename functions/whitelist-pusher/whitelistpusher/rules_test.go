package whitelistpusher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

const plateA, plateB = lease.Plate("苏E88888"), lease.Plate("苏E99999")

// TestRetries: what one more transient failure means for an order, by the driver's time (contract 3.4). The jitter moves it by 20 % to both sides.
func TestRetries(t *testing.T) {
	const s = time.Second
	after := func(d time.Duration) tongli.Outcome {
		out := busy
		out.RetryAfter = d
		return out
	}
	for _, c := range []struct {
		name     string
		attempts int // before
		begins   time.Duration
		out      tongli.Outcome
		want     time.Duration // until the next attempt, without jitter
		fixed    bool          // no jitter: Tongli said when
	}{
		{"second", 1, 100 * time.Hour, busy, 42 * s, false},
		{"third", 2, 100 * time.Hour, busy, 90 * s, false},
		{"fourth", 3, 100 * time.Hour, busy, 3 * time.Minute, false},
		{"growing", 5, 100 * time.Hour, busy, 12 * time.Minute, false},
		{"at most an hour", 50, 100 * time.Hour, busy, 48 * time.Minute, false},
		{"two hours before a slot", 50, 2 * time.Hour, busy, 42 * s, false},
		{"during a slot", 50, -time.Hour, busy, 42 * s, false},
		{"Retry-After before the schedule, longer", 1, 100 * time.Hour, after(30 * time.Minute), 30 * time.Minute, true},
		{"Retry-After before the schedule, shorter", 7, 100 * time.Hour, after(7 * s), 7 * s, true},
		{"Retry-After of a first attempt", 0, 100 * time.Hour, after(20 * s), 20 * s, true},
		{"Retry-After at most two hours", 1, 100 * time.Hour, after(24 * time.Hour), 2 * time.Hour, true},
		{"Retry-After at most five minutes near a slot", 1, time.Hour, after(24 * time.Hour), 5 * time.Minute, true},
		{"Retry-After that reaches into the two hours", 1, 2*time.Hour + 10*time.Minute, after(time.Hour), 15 * time.Minute, true},
	} {
		for _, jitter := range []float64{-1, 0, 1} {
			o := night("o", plateA, 1)
			begins := noon.Add(c.begins).In(lease.Zone)
			o.Slots = []lease.Slot{{Date: lease.DateOf(begins), Start: lease.Clock(begins.Hour()*60 + begins.Minute()), End: lease.Clock((begins.Hour()*60 + begins.Minute() + 180) % 1440)}}
			o.Attempts = c.attempts
			b := newBench(o)
			b.Jitter = func() float64 { return jitter }
			b.gate.answer = func(int, lease.Plate, string) tongli.Outcome { return c.out }
			b.push(t, "o")
			want := c.want
			if !c.fixed {
				want += time.Duration(0.2 * jitter * float64(want))
			}
			got := b.store.of("o")
			if wait := got.NotBefore.Sub(b.now); wait != want || !got.DueAt.Equal(got.NotBefore) || got.Attempts != c.attempts+1 || got.LastError != c.out.Detail || got.State != lease.Pending {
				t.Errorf("%s, jitter %g: next attempt in %s, want %s: %+v", c.name, jitter, wait, want, got)
			}
			if len(b.waits) != 0 {
				t.Errorf("%s: tried again at once", c.name)
			}
		}
	}
}

// TestFirstRetry happens inside the invocation, within 3 s at any jitter; a second failure leaves it to the schedule.
func TestFirstRetry(t *testing.T) {
	for jitter, want := range map[float64]time.Duration{-1: 1200 * time.Millisecond, 0: 1500 * time.Millisecond, 1: 1800 * time.Millisecond} {
		b := newBench(night("o", plateA, 1))
		b.Jitter = func() float64 { return jitter }
		b.gate.answer = func(n int, _ lease.Plate, _ string) tongli.Outcome {
			if n == 1 {
				return busy
			}
			return accepted
		}
		b.push(t, "o")
		b.calls(t, plateA, "1", "1")
		b.is(t, "o", "delivered after 2, not due")
		if len(b.waits) != 1 || b.waits[0] != want {
			t.Errorf("jitter %g: waited %v, want %s", jitter, b.waits, want)
		}
	}
	b := newBench(night("o", plateA, 1))
	b.gate.answer = func(int, lease.Plate, string) tongli.Outcome { return busy }
	b.push(t, "o")
	b.calls(t, plateA, "1", "1")
	b.is(t, "o", "pending after 2, due in 42s")
	b.push(t, "o") // a message that comes too early pushes nothing
	b.calls(t, plateA, "1", "1")
	b.now = b.store.of("o").NotBefore
	b.push(t, "o")
	b.calls(t, plateA, "1", "1", "1")
	b.is(t, "o", "pending after 3, due in 1m30s")
}

// TestUnsettled: an unknown outcome makes the plate due once more when two minutes are over, whatever succeeded in between.
func TestUnsettled(t *testing.T) {
	first := func(out tongli.Outcome) func(int, lease.Plate, string) tongli.Outcome {
		return func(n int, _ lease.Plate, _ string) tongli.Outcome {
			if n == 1 {
				return out
			}
			return accepted
		}
	}
	message := func(o lease.Order) whitelist.Message { return whitelist.MessageFor(&o) }
	for _, c := range []struct {
		name     string
		answer   func(int, lease.Plate, string) tongli.Outcome
		message  func(lease.Order) whitelist.Message
		received int
		other    func(*lease.Order) // a second order of the plate
		want     string
	}{
		{"503: it was not applied", first(busy), message, 1, nil, "delivered after 2, not due"},
		{"timed out, then accepted", first(lost), message, 1, nil, "delivered after 2, due in 1m58.5s"},
		{"received before", nil, message, 2, nil, "delivered after 1, due in 2m0s"},
		{"a message that came to nothing", nil, func(o lease.Order) whitelist.Message { m := whitelist.MessageFor(&o); m.Rescue = true; return m }, 1, nil, "delivered after 1, due in 2m0s"},
		{"another order's message may have been at work", nil, message, 1, func(*lease.Order) {}, "delivered after 1, due in 2m0s"},
		{"another order's mark has no message yet", nil, message, 1, func(o *lease.Order) { o.Sent = false }, "delivered after 1, not due"},
		{"another order is unsettled", nil, message, 1, func(o *lease.Order) {
			o.State, o.DueAt, o.Sent, o.Unsettled = lease.Delivered, time.Time{}, false, noon.Add(80*time.Second)
		}, "delivered after 1, due in 1m20s"},
		{"another order was, but no longer is", nil, message, 1, func(o *lease.Order) {
			o.State, o.DueAt, o.Sent, o.Unsettled = lease.Delivered, time.Time{}, false, noon.Add(-time.Second)
		}, "delivered after 1, not due"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := night("o", plateA, 1)
			b := newBench(o)
			days := "1"
			if c.other != nil {
				other := night("p", plateA, 2)
				c.other(&other)
				b.store.orders["p"], days = other, "1 2"
			}
			b.gate.answer = c.answer
			b.handle(t, "", record("m", c.message(o), c.received))
			b.is(t, "o", c.want)
			if strings.HasSuffix(c.want, "not due") {
				return
			}
			made := len(b.gate.calls[plateA])
			b.push(t, "o") // not before it has settled
			if len(b.gate.calls[plateA]) != made {
				t.Fatal("pushed again before two minutes were over")
			}
			b.now = b.store.of("o").DueAt
			b.push(t, "o")
			if got := b.gate.calls[plateA]; len(got) != made+1 || got[made] != days {
				t.Errorf("calls %q: want one more, of the newest state", got)
			}
			if now := b.store.of("o"); !now.DueAt.IsZero() || now.State != lease.Delivered || !now.Unsettled.IsZero() {
				t.Errorf("settled: %+v", now)
			}
		})
	}
}

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

// TestAcknowledged on the condition that rev and seq are what was loaded; else the plate is due again at once, with another seq.
func TestAcknowledged(t *testing.T) {
	for _, c := range []struct {
		name   string
		during func(o *lease.Order)
		want   string
	}{
		{"nothing came between", func(*lease.Order) {}, "delivered after 1, not due"},
		{"cancelled meanwhile", func(o *lease.Order) { o.Rev, o.Cancelled, o.DueAt = 2, true, noon.Add(time.Minute) }, "pending after 0, due in 0s"},
		{"another push overlapped", func(o *lease.Order) { o.Seq, o.State, o.DueAt = 1, lease.Delivered, time.Time{} }, "delivered after 0, due in 0s"},
		{"only the due mark was moved on", func(o *lease.Order) { o.DueAt = noon.Add(5 * time.Minute) }, "delivered after 1, not due"},
	} {
		b := newBench(night("o", plateA, 1))
		b.store.during = func(l *ledger, held *lease.Order) {
			o := l.orders[held.OrderID]
			c.during(&o)
			l.orders[held.OrderID] = o
		}
		before := b.store.of("o")
		b.push(t, "o")
		if got := b.state("o"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if b.store.of("o").Seq <= before.Seq {
			t.Errorf("%s: the push raised no seq", c.name)
		}
	}
}

// TestNothingToPush: which states make no call at all, and what becomes of the mark.
func TestNothingToPush(t *testing.T) {
	for _, c := range []struct {
		name   string
		order  func(b *bench, o *lease.Order)
		repush bool
		want   string
	}{
		{"its last slot is over", func(b *bench, _ *lease.Order) { b.now = lease.MustDate("2026-12-02").At(390) }, false, "pending after 0, not due"},
		{"over, at night", func(b *bench, _ *lease.Order) { b.now = lease.MustDate("2026-12-02").At(390) }, true, "pending after 0, not due"},
		{"done by an earlier message", func(b *bench, o *lease.Order) { *o = b.delivered(*o) }, false, "delivered after 1, not due"},
		{"its attempt comes later", func(_ *bench, o *lease.Order) { o.NotBefore, o.DueAt = noon.Add(time.Minute), noon.Add(time.Minute) }, false, "pending after 0, due in 1m0s"},
		{"refused, at night", func(_ *bench, o *lease.Order) { o.State, o.DueAt = lease.Refused, time.Time{} }, true, "refused after 0, not due"},
		{"cancelled and taken away, at night", func(b *bench, o *lease.Order) { *o = b.delivered(*o); o.Cancelled = true }, true, "delivered after 1, not due"},
		{"the circuit is open", func(b *bench, _ *lease.Order) { b.fuse.open = true }, false, "pending after 0, due in 1m0s"},
	} {
		o := night("o", plateA, 1)
		b := newBench()
		c.order(b, &o)
		b.store.orders["o"] = o
		m := whitelist.MessageFor(&o)
		if c.repush {
			m.Repush = "run"
		}
		b.handle(t, "", record("m", m, 1))
		if got := b.state("o"); got != c.want || len(b.gate.calls) != 0 {
			t.Errorf("%s: %s, want %s; calls %v", c.name, got, c.want, b.gate.calls)
		}
	}
	// the minute before the last slot is over it is still pushed
	b := newBench(night("o", plateA, 1))
	b.now = lease.MustDate("2026-12-02").At(389)
	b.push(t, "o")
	b.calls(t, plateA, "1")
}

// TestNightly pushes all live slots of a plate although nothing is due, and mends nothing else.
func TestNightly(t *testing.T) {
	b := newBench()
	for i, id := range []string{"a", "b"} {
		b.store.orders[id] = b.delivered(night(id, plateA, i+1))
	}
	m := whitelist.Message{Version: 1, ParkSN: "P1", Plate: plateA, Repush: "2026-11-25T03:00:00+08:00"}
	b.handle(t, "", record("m", m, 1))
	b.calls(t, plateA, "1 2")
	b.is(t, "a", "delivered after 1, not due")
	// Tongli fails by night: one order of the plate carries the retry
	b.gate.answer = func(int, lease.Plate, string) tongli.Outcome { return busy }
	b.handle(t, "", record("m", m, 1))
	b.is(t, "a", "delivered after 2, due in 42s")
	b.is(t, "b", "delivered after 1, not due")
}

// TestCircuit: what is told to the breaker, and what an answer about our credentials leaves alone.
func TestCircuit(t *testing.T) {
	for _, c := range []struct {
		name  string
		out   tongli.Outcome
		told  string
		state string
	}{
		{"accepted", accepted, "succeeded", "delivered after 1, not due"},
		{"refused shows Tongli at work", refused, "succeeded", "refused after 1, not due"},
		{"busy", busy, "failed", "pending after 2, due in 42s"},
		{"401", stranger, "opened", "pending after 0, due in 1m0s"},
	} {
		for _, probe := range []string{"", "!"} {
			for _, write := range []error{nil, errors.New("breaker out of reach")} {
				b := newBench(night("o", plateA, 1))
				b.fuse.probe, b.fuse.write = probe, write
				b.gate.answer = func(int, lease.Plate, string) tongli.Outcome { return c.out }
				b.push(t, "o") // a breaker that cannot be written is no fault of the message
				b.is(t, "o", c.state)
				if len(b.fuse.events) == 0 || b.fuse.count(c.told+probe) != len(b.fuse.events) {
					t.Errorf("%s: told %v, want %s", c.name, b.fuse.events, c.told+probe)
				}
			}
		}
	}
	b := newBench(night("o", plateA, 1))
	b.fuse.allow = lease.ErrUnavailable
	o := b.store.of("o")
	b.handle(t, "m", record("m", whitelist.MessageFor(&o), 1)) // nobody knows whether it may be sent
	b.calls(t, plateA)
}

// TestMetrics: what each outcome writes, with names and units as alarms and dashboard have them.
func TestMetrics(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(n int, plate lease.Plate, days string) tongli.Outcome
		cancel bool
		want   map[string]float64
	}{
		{"delivered", nil, false, map[string]float64{"Delivered Count": 1, "PushLatencyMs Milliseconds": 700}},
		{"delivered at the second attempt", func(n int, _ lease.Plate, _ string) tongli.Outcome {
			return map[int]tongli.Outcome{1: busy, 2: accepted}[n]
		}, false, map[string]float64{"Retried Count": 1, "Delivered Count": 1, "PushLatencyMs Milliseconds": 2200}},
		{"refused", func(int, lease.Plate, string) tongli.Outcome { return refused }, false, map[string]float64{"PushRefused Count": 1}},
		{"a cancellation is no delivery", nil, true, map[string]float64{}},
		{"401", func(int, lease.Plate, string) tongli.Outcome { return stranger }, false, map[string]float64{}},
	} {
		o := night("o", plateA, 1)
		o.Cancelled = c.cancel
		b := newBench(o)
		b.now = noon.Add(700 * time.Millisecond)
		b.gate.answer = c.answer
		b.push(t, "o")
		if got := b.emitted(t); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
