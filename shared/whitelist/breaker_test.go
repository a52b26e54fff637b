package whitelist

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lease-gateway/shared/leasestore"
)

// flawed is a breaker's store whose writes fail, or meet another's write first, so many times; it counts reads.
type flawed struct {
	shared
	fail, race int
	reads      int
}

func (f *flawed) Breaker(ctx context.Context) (leasestore.Breaker, error) {
	f.reads++
	return f.shared.Breaker(ctx)
}

func (f *flawed) SaveBreaker(ctx context.Context, next, held leasestore.Breaker) (leasestore.Breaker, bool, error) {
	if f.fail > 0 {
		f.fail--
		return leasestore.Breaker{}, false, errors.New("throttled")
	}
	if f.race > 0 {
		f.race--
		f.b.Version++ // another instance wrote
	}
	return f.shared.SaveBreaker(ctx, next, held)
}

// TestCircuitOpens: at 70 % failures of at least ten calls within five minutes, whoever saw them; 401 at once.
func TestCircuitOpens(t *testing.T) {
	for _, c := range []struct {
		name   string
		script string        // a, b: an instance's failure; A, B: its success; !: 401
		every  time.Duration // between the calls
		open   bool
	}{
		{"nine failures are too few", "aaaaaaaaa", 0, false},
		{"ten failures", "aaaaaaaaaa", 0, true},
		{"ten failures of two instances", "ababababab", 0, true},
		{"seven of ten", "AAAaaaaaaa", 0, true},
		{"six of ten", "AAAAaaaaaa", 0, false},
		{"the other's successes count when it sees a failure", "BBBBbaaaaaa", 0, false},
		{"successes alone are never written, so they cannot hold a circuit closed that others open", "BBBBaaaaaaaaaa", 0, true},
		{"ten failures in five minutes", "aaaaaaaaaa", 26 * time.Second, true},
		{"ten failures in ten minutes", "aaaaaaaaaa", time.Minute, false},
		{"old successes are forgotten", strings.Repeat("A", 20) + "aaaaaaaaaaaaaa", 20 * time.Second, true},
		{"401", "!", 0, true},
		{"401 among many successes", "AAAAAAAAAAAAAAAAAAAA!", 0, true},
	} {
		now, store := start, &shared{}
		clock := func() time.Time { return now }
		a, b := &Breaker{Store: store, Now: clock}, &Breaker{Store: store, Now: clock}
		for _, call := range c.script {
			var err error
			switch call {
			case 'a':
				err = a.Failed(t.Context(), "", "HTTP 503")
			case 'b':
				err = b.Failed(t.Context(), "", "HTTP 503")
			case 'A':
				err = a.Succeeded(t.Context(), "")
			case 'B':
				err = b.Succeeded(t.Context(), "")
			case '!':
				err = a.Open(t.Context(), "", "HTTP 401")
			}
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(c.every)
		}
		if open := !store.b.OpenUntil.IsZero(); open != c.open {
			t.Errorf("%s: open %v, want %v: %+v", c.name, open, c.open, store.b.Counts)
		}
	}
}

// TestHalfOpen: of many instances one probes; if it dies at it, another one does after 15 s; a probe of an earlier opening says nothing.
func TestHalfOpen(t *testing.T) {
	now, store := start, &shared{}
	instances := make([]*Breaker, 8)
	for i := range instances {
		instances[i] = &Breaker{Store: store, Now: func() time.Time { return now }}
	}
	if err := instances[0].Open(t.Context(), "", "HTTP 401"); err != nil {
		t.Fatal(err)
	}
	probes := func() (list []string) {
		t.Helper()
		for _, b := range instances {
			ok, probe, err := b.Allow(t.Context())
			if err != nil || ok != (probe != "") {
				t.Fatalf("allowed %v by %q: %v", ok, probe, err)
			}
			if ok {
				list = append(list, probe)
			}
		}
		return list
	}
	if got := probes(); len(got) != 0 {
		t.Errorf("open, and %d went through", len(got))
	}
	now = now.Add(30 * time.Second)
	first := probes()
	now = now.Add(14 * time.Second)
	if late := probes(); len(first) != 1 || len(late) != 0 {
		t.Fatalf("half open: %d, then %d went through; want one", len(first), len(late))
	}
	now = now.Add(time.Second)
	second := probes()
	if len(second) != 1 || second[0] == first[0] {
		t.Fatalf("after the prober died: %q", second)
	}
	if err := instances[3].Succeeded(t.Context(), first[0]); err != nil || store.b.OpenUntil.IsZero() {
		t.Errorf("a probe that was given up closed the circuit: %v", err)
	}
	if err := instances[4].Succeeded(t.Context(), second[0]); err != nil || !store.b.OpenUntil.IsZero() || !store.b.Drain {
		t.Errorf("closed: %+v %v", store.b, err)
	}
}

// TestBreakerReads: the shared state is read once a second at most, and again after that.
func TestBreakerReads(t *testing.T) {
	now, store := start, &flawed{}
	b := &Breaker{Store: store, Now: func() time.Time { return now }}
	for i := range 30 {
		if _, _, err := b.Allow(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := 1 + i/10; store.reads != want {
			t.Fatalf("call %d: %d reads, want %d", i, store.reads, want)
		}
		now = now.Add(100 * time.Millisecond)
	}
}

// TestBreakerWrites: a write that meets another's is made again over it, and what could not be written at all counts with the next failure.
func TestBreakerWrites(t *testing.T) {
	store := &flawed{race: 5}
	b := &Breaker{Store: store, Now: func() time.Time { return start }}
	if err := b.Failed(t.Context(), "", "x"); err != nil || len(store.b.Counts) != 1 || store.b.Counts[0].Failed != 1 {
		t.Errorf("over five others: %+v %v", store.b, err)
	}
	for range 3 {
		if err := b.Succeeded(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	store.fail = 20
	if err := b.Failed(t.Context(), "", "x"); err == nil {
		t.Error("a write that never went through is no error")
	}
	store.fail = 0
	if err := b.Failed(t.Context(), "", "x"); err != nil || store.b.Counts[0].OK != 3 {
		t.Errorf("successes that could not be written are lost: %+v %v", store.b, err)
	}
}
