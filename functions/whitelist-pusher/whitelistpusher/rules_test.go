package whitelistpusher

import (
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
	// a short Retry-After is waited for there too, to the letter; a longer one is left to the sweeper
	for after, state := range map[time.Duration]string{time.Second: "delivered after 2, not due", 3 * time.Second: "delivered after 2, not due", 4 * time.Second: "pending after 1, due in 4s"} {
		b := newBench(night("o", plateA, 1))
		b.Jitter = func() float64 { return -1 }
		b.gate.answer = func(n int, _ lease.Plate, _ string) tongli.Outcome {
			if n == 1 {
				return tongli.Outcome{Class: tongli.Transient, Detail: "HTTP 429", RetryAfter: after}
			}
			return accepted
		}
		b.push(t, "o")
		if got := b.state("o"); got != state || len(b.waits) > 0 && b.waits[0] != after {
			t.Errorf("Retry-After %s: %s after waiting %v, want %s", after, got, b.waits, state)
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

// TestUnsettledAlthoughDone: a message that came again says that its first receiver may have died in mid-call. Where another push has brought
// the plate up to date meanwhile, that call may still be applied over it: nothing is pushed now, and the newest state once the plate has settled.
func TestUnsettledAlthoughDone(t *testing.T) {
	o := night("o", plateA, 1)
	m := whitelist.MessageFor(&o)
	for _, received := range []int{1, 2} {
		b := newBench()
		b.store.orders["o"] = b.delivered(o)
		b.handle(t, "", record("m", m, received))
		b.calls(t, plateA)
		if received == 1 {
			b.is(t, "o", "delivered after 1, not due")
			continue
		}
		b.is(t, "o", "delivered after 1, due in 2m0s")
		b.now = b.store.of("o").DueAt
		b.push(t, "o")
		b.calls(t, plateA, "1")
		b.is(t, "o", "delivered after 2, not due")
	}
	b := newBench() // over or gone: there is nothing to be settled
	b.handle(t, "", record("m", m, 2))
	b.calls(t, plateA)
}

// TestFirstRetryFindsItsMarkReady: the mark's jitter and the wait's are thrown apart, and the wait may be the shorter one.
func TestFirstRetryFindsItsMarkReady(t *testing.T) {
	b := newBench(night("o", plateA, 1))
	throws := []float64{1, -1}
	b.Jitter = func() float64 {
		next := throws[0]
		throws = append(throws[1:], next)
		return next
	}
	b.gate.answer = func(n int, _ lease.Plate, _ string) tongli.Outcome {
		if n == 1 {
			return busy
		}
		return accepted
	}
	b.push(t, "o")
	b.calls(t, plateA, "1", "1")
	b.is(t, "o", "delivered after 2, not due")
}
