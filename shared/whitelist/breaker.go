package whitelist

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

type breakerStore interface {
	Breaker(ctx context.Context) (leasestore.Breaker, error)
	SaveBreaker(ctx context.Context, next, held leasestore.Breaker) (leasestore.Breaker, bool, error)
}

// Breaker stands between the pushers and Tongli. Its state is shared by all instances through the store, read at most once a second,
// and written only by those who see failures, each adding its counts of both outcomes.
type Breaker struct {
	Store breakerStore
	Now   func() time.Time

	mu     sync.Mutex
	cached leasestore.Breaker
	at     time.Time
	ok     map[int64]int64 // successes by minute that were not written yet
}

// Allow says whether a call may be made now. While half open it lets one caller through, whose probe is not "".
func (b *Breaker) Allow(ctx context.Context) (allowed bool, probe string, err error) {
	state, err := b.state(ctx)
	now := b.Now()
	switch {
	case err != nil:
		return false, "", err
	case state.OpenUntil.IsZero():
		return true, "", nil
	case now.Before(state.OpenUntil), now.Before(state.ProbeUntil):
		return false, "", nil
	}
	next := state
	next.Probe, next.ProbeUntil = signature.NewNonce(), now.Add(probeLife)
	saved, won, err := b.Store.SaveBreaker(ctx, next, state)
	if err != nil {
		return false, "", err
	}
	b.keep(saved)
	if !won {
		return false, "", nil
	}
	return true, next.Probe, nil
}

func (b *Breaker) state(ctx context.Context) (leasestore.Breaker, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.Now(); b.at.IsZero() || now.Sub(b.at) >= breakerCache || now.Before(b.at) {
		state, err := b.Store.Breaker(ctx)
		if err != nil {
			return state, err
		}
		b.cached, b.at = state, now
	}
	return b.cached, nil
}

func (b *Breaker) keep(state leasestore.Breaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cached, b.at = state, b.Now()
}

// Succeeded counts an answer of Tongli's that shows it at work (accepted or refused). A probe closes the breaker.
func (b *Breaker) Succeeded(ctx context.Context, probe string) error {
	b.mu.Lock()
	b.ok = addTo(b.ok, b.Now().Unix()/60, 1)
	b.mu.Unlock()
	if probe == "" {
		return nil
	}
	return b.change(ctx, func(s leasestore.Breaker) (leasestore.Breaker, bool) {
		return leasestore.Breaker{Drain: true, Version: s.Version}, s.Probe == probe
	})
}

// Failed counts a transient failure and opens the breaker where there are too many, or where a probe failed.
func (b *Breaker) Failed(ctx context.Context, probe, reason string) error {
	return b.fail(ctx, probe, reason, false)
}

// Open opens the breaker at once: Tongli does not know our credentials, and every further call would be refused alike.
func (b *Breaker) Open(ctx context.Context, probe, reason string) error {
	return b.fail(ctx, probe, reason, true)
}

func (b *Breaker) fail(ctx context.Context, probe, reason string, atOnce bool) error {
	b.mu.Lock()
	successes := b.ok
	b.ok = nil
	b.mu.Unlock()
	now := b.Now()
	err := b.change(ctx, func(s leasestore.Breaker) (leasestore.Breaker, bool) {
		if !s.OpenUntil.IsZero() && (probe == "" || s.Probe != probe) {
			return s, false // open already, by another
		}
		minute := now.Unix() / 60
		counts := map[int64]*leasestore.Count{}
		add := func(c leasestore.Count) {
			if c.Minute <= minute-breakerWindow {
				return
			}
			if counts[c.Minute] == nil {
				counts[c.Minute] = &leasestore.Count{Minute: c.Minute}
			}
			counts[c.Minute].OK += c.OK
			counts[c.Minute].Failed += c.Failed
		}
		for _, c := range s.Counts {
			add(c)
		}
		for m, n := range successes {
			add(leasestore.Count{Minute: m, OK: n})
		}
		add(leasestore.Count{Minute: minute, Failed: 1})
		next := leasestore.Breaker{Level: s.Level, Drain: s.Drain}
		var good, bad int64
		for _, c := range counts {
			next.Counts = append(next.Counts, *c)
			good, bad = good+c.OK, bad+c.Failed
		}
		if atOnce || probe != "" || good+bad >= breakerCalls && bad*100 >= breakerPercent*(good+bad) {
			wait := min(breakerFirst<<min(s.Level, 10), breakerLongest)
			next = leasestore.Breaker{OpenUntil: now.Add(wait), Level: s.Level + 1, Reason: reason, Drain: s.Drain}
		}
		return next, true
	})
	if err != nil { // what was not written counts with the next failure
		b.mu.Lock()
		defer b.mu.Unlock()
		for m, n := range b.ok {
			successes = addTo(successes, m, n)
		}
		b.ok = successes
	}
	return err
}

func addTo(counts map[int64]int64, minute, n int64) map[int64]int64 {
	if counts == nil {
		counts = map[int64]int64{}
	}
	counts[minute] += n
	return counts
}

func (b *Breaker) change(ctx context.Context, change func(leasestore.Breaker) (leasestore.Breaker, bool)) error {
	held, err := b.Store.Breaker(ctx)
	for range 10 {
		if err != nil {
			return err
		}
		next, wanted := change(held)
		if !wanted {
			b.keep(held)
			return nil
		}
		saved, won, saveErr := b.Store.SaveBreaker(ctx, next, held)
		if saveErr == nil && won {
			b.keep(saved)
			return nil
		}
		held, err = saved, saveErr
	}
	return fmt.Errorf("%w: breaker is written too often", lease.ErrUnavailable)
}

// OpenError is what an order shows while the circuit is open.
func OpenError(s leasestore.Breaker) string {
	return fmt.Sprintf("circuit open until %s: %s", s.OpenUntil.In(lease.Zone).Format(time.RFC3339), s.Reason)
}
