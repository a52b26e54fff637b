package whitelistpusher

import (
	"errors"
	"maps"
	"testing"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

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
