package whitelist

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

var start = lease.MustDate("2026-11-24").At(600)

func slot(in time.Duration) []lease.Slot {
	at := start.Add(in).In(lease.Zone)
	return []lease.Slot{{Date: lease.DateOf(at), Start: lease.Clock(at.Hour()*60 + at.Minute()), End: lease.Clock((at.Hour()*60 + at.Minute() + 60) % 1440)}}
}

// TestSchedule holds the schedule against the contract's words (3.4) at both ends of the jitter, a local sweep of five seconds included.
func TestSchedule(t *testing.T) {
	const sweep = 5 * time.Second
	far := slot(100 * time.Hour)
	for _, jitter := range []float64{-1, 0, 1} {
		for _, c := range []struct {
			name     string
			attempts int
			after    time.Duration
			slots    []lease.Slot
			most     time.Duration
		}{
			{"the first within 3 s", 1, 0, far, 3 * time.Second},
			{"the second within a minute", 2, 0, far, time.Minute - sweep},
			{"the third within two minutes", 3, 0, far, 2*time.Minute - sweep},
			{"at most an hour", 20, 0, far, time.Hour},
			{"near a slot at most a minute", 20, 0, slot(90 * time.Minute), time.Minute - sweep},
			{"during a slot at most a minute", 20, 0, slot(-30 * time.Minute), time.Minute - sweep},
			{"into the two hours by at most a minute", 20, 0, slot(2*time.Hour + 10*time.Minute), 11*time.Minute - sweep},
			{"Retry-After capped at two hours", 2, 9 * time.Hour, far, 2 * time.Hour},
			{"Retry-After capped at five minutes near a slot", 2, 9 * time.Hour, slot(time.Hour), 5 * time.Minute},
		} {
			if got := NextAttempt(c.attempts, c.after, c.slots, start, jitter).Sub(start); got > c.most || got <= 0 {
				t.Errorf("%s, jitter %g: %s, want at most %s", c.name, jitter, got, c.most)
			}
		}
	}
	if got := NextAttempt(1, 90*time.Second, far, start, 0).Sub(start); got != 90*time.Second {
		t.Errorf("Retry-After comes before the schedule: %s", got)
	}
}

func TestScheduleGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "attempts")
		slots := slot(200 * time.Hour)
		if a, b := NextAttempt(n, 0, slots, start, 0), NextAttempt(n+1, 0, slots, start, 0); b.Before(a) {
			t.Fatalf("attempt %d waits %s, the next one %s", n, a.Sub(start), b.Sub(start))
		}
	})
}

// shared is the breaker's item.
type shared struct {
	b     leasestore.Breaker
	saves int
}

func (s *shared) Breaker(context.Context) (leasestore.Breaker, error) { return s.b, nil }

func (s *shared) SaveBreaker(_ context.Context, next, held leasestore.Breaker) (leasestore.Breaker, bool, error) {
	if held.Version != s.b.Version {
		return s.b, false, nil
	}
	next.Version++
	s.b, s.saves = next, s.saves+1
	return next, true, nil
}

// TestBreaker: two instances share one circuit.
func TestBreaker(t *testing.T) {
	now, store, ctx := start, &shared{}, t.Context()
	clock := func() time.Time { return now }
	a, b := &Breaker{Store: store, Now: clock}, &Breaker{Store: store, Now: clock}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	allowed := func(x *Breaker) bool {
		t.Helper()
		ok, _, err := x.Allow(ctx)
		check(err)
		return ok
	}
	for range 4 {
		check(b.Succeeded(ctx, ""))
	}
	if store.saves != 0 {
		t.Error("successes alone were written")
	}
	check(b.Failed(ctx, "", "HTTP 503")) // brings its four successes along
	for range 7 {
		check(a.Failed(ctx, "", "HTTP 503"))
	}
	if !allowed(a) {
		t.Error("open at 8 of 12, below 70 %")
	}
	check(a.Failed(ctx, "", "HTTP 503"))
	check(a.Failed(ctx, "", "HTTP 503"))
	now = now.Add(time.Second) // the other's cache
	if allowed(a) || allowed(b) {
		t.Fatal("closed at 10 of 14, above 70 % of at least ten")
	}
	if left := store.b.OpenUntil.Sub(start); left != 30*time.Second {
		t.Errorf("open for %s, want 30 s", left)
	}
	wait := 30 * time.Second
	for range 5 {
		now = store.b.OpenUntil
		okA, probeA, err := a.Allow(ctx)
		check(err)
		okB, _, err := b.Allow(ctx)
		check(err)
		if !okA || probeA == "" || okB {
			t.Fatalf("half open: %v and %v went through, want one probe", okA, okB)
		}
		check(b.Failed(ctx, "", "late")) // no probe of its own: says nothing
		check(a.Failed(ctx, probeA, "HTTP 503"))
		wait = min(2*wait, 5*time.Minute)
		if got := store.b.OpenUntil.Sub(now); got != wait {
			t.Fatalf("opened again for %s, want %s", got, wait)
		}
	}
	now = store.b.OpenUntil.Add(time.Second)
	_, probe, err := b.Allow(ctx)
	check(err)
	check(b.Succeeded(ctx, probe))
	if !allowed(b) || !store.b.Drain || store.b.Level != 0 {
		t.Errorf("a probe that succeeds closes it and makes everything due: %+v", store.b)
	}
	check(a.Open(ctx, "", "401"))
	now = now.Add(time.Second)
	if allowed(b) {
		t.Error("401 opens at once")
	}
}

func TestOldFailuresAreForgotten(t *testing.T) {
	now, store := start, &shared{}
	b := &Breaker{Store: store, Now: func() time.Time { return now }}
	for range 30 {
		if err := b.Failed(t.Context(), "", "x"); err != nil {
			t.Fatal(err)
		}
		now = now.Add(40 * time.Second) // never ten within five minutes
	}
	if !store.b.OpenUntil.IsZero() {
		t.Errorf("open: %+v", store.b)
	}
}

// TestIDs: the deduplication id differs for a change, a retry and a second push, and is equal for a true repeat.
func TestIDs(t *testing.T) {
	m := Message{Version: 1, ParkSN: "P1", Plate: "苏E88888", OrderID: "o", Rev: 1, DueAt: 5}
	for name, other := range map[string]Message{"change": {1, "P1", "苏E88888", "o", 2, 5, false, ""}, "retry": {1, "P1", "苏E88888", "o", 1, 6, false, ""}, "re-push": {1, "P1", "苏E88888", "o", 1, 5, false, "night"}} {
		if other.Deduplication() == m.Deduplication() || other.Group() != m.Group() {
			t.Errorf("%s: same id, or another group", name)
		}
	}
	if again := m; again.Deduplication() != m.Deduplication() {
		t.Error("a true repeat has another id")
	}
	if (Message{ParkSN: "P12", Plate: "3"}).Group() == (Message{ParkSN: "P1", Plate: "23"}).Group() {
		t.Error("two plates share a group")
	}
	for _, bad := range []string{"", "{", "[]", `{"v":2,"park_sn":"P","car_plate_no":"x"}`, `{"v":1}`} {
		if _, err := ReadMessage(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
