package simulation

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The short form's seeds; make simulate sets SEEDS.
const shortSeeds = 120

func number64(name string) (uint64, bool) {
	n, err := strconv.ParseUint(os.Getenv(name), 10, 64)
	return n, err == nil
}

// TestSimulation: whatever fails on the way, when things are quiet every acknowledged order is in lease/order or over, Tongli's whitelist
// equals the live orders that it did not refuse, no order_id names two orders, nothing is due for ever, what the app is shown is what
// happened, and Tongli was called no more often than the schedule allows. SEED=… plays one seed and prints what happened; SEEDS=… plays more.
func TestSimulation(t *testing.T) {
	if seed, ok := number64("SEED"); ok {
		r := Play(t, Options{Seed: seed, Trace: true})
		t.Logf("seed %d, in order:\n%s", seed, strings.Join(r.Trace, "\n"))
		if r.Wrong != "" {
			wentWrong(t, Options{Seed: seed}, r)
		}
		return
	}
	seeds, long := number64("SEEDS")
	if !long {
		seeds = shortSeeds
	}
	began := time.Now()
	fired, calls, bad := plays(t, seeds, nil)
	if len(bad) > 0 {
		wentWrong(t, Options{Seed: bad[0]}, Play(t, Options{Seed: bad[0]}))
		t.Errorf("%d seeds went wrong: %v", len(bad), bad)
	}
	var table strings.Builder
	for _, f := range faults {
		fmt.Fprintf(&table, "\n%9d  %s", fired[f.name], f.name)
		if fired[f.name] == 0 && seeds >= 2000 {
			t.Errorf("the fault %q never struck", f.name)
		}
	}
	t.Logf("%d seeds in %s, %d calls to Tongli; %d fault points and how often they struck:%s", seeds, time.Since(began).Round(time.Second), calls, len(faults), table.String())
}

// plays plays seeds on all processors. It returns how often each fault struck, and the seeds that went wrong.
func plays(t *testing.T, seeds uint64, b *breaks) (fired map[string]int, calls int, bad []uint64) {
	fired = map[string]int{}
	var mu sync.Mutex
	workers := uint64(2)
	t.Run("seeds", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for seed := worker + 1; seed <= seeds; seed += workers {
					r := Play(t, Options{Seed: seed, Break: b})
					mu.Lock()
					for what, n := range r.Fired {
						fired[what] += n
					}
					calls += r.Calls
					if r.Wrong != "" {
						bad = append(bad, seed)
						t.Logf("seed %d: %s", seed, r.Wrong)
					}
					enough := len(bad) >= 20
					mu.Unlock()
					if enough {
						return
					}
				}
			})
		}
	})
	slices.Sort(bad)
	return fired, calls, bad
}

// wentWrong prints a seed that went wrong, made short.
func wentWrong(t *testing.T, o Options, r Result) {
	short := Shrink(t, o)
	t.Errorf("seed %d: %s\nreplay it with: make simulate SEED=%d\nmade short (%d of %d faults: %s), what happened:\n%s", o.Seed, r.Wrong, o.Seed,
		len(short.Struck), len(r.Struck), strings.Join(short.Struck, "; "), strings.Join(short.Trace, "\n"))
}

// TestSameSeedSameRun: a seed decides everything, or no failure could be replayed.
func TestSameSeedSameRun(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		a, b := Play(t, Options{Seed: seed, Trace: true}), Play(t, Options{Seed: seed, Trace: true})
		if !slices.Equal(a.Trace, b.Trace) {
			for n := range min(len(a.Trace), len(b.Trace)) {
				if a.Trace[n] != b.Trace[n] {
					t.Fatalf("seed %d, line %d:\n%s\n%s", seed, n, a.Trace[n], b.Trace[n])
				}
			}
			t.Fatalf("seed %d: %d and %d lines", seed, len(a.Trace), len(b.Trace))
		}
		if len(a.Trace) < 20 {
			t.Errorf("seed %d: hardly anything happens: %q", seed, a.Trace)
		}
	}
}

// TestShrink: a failing run of many faults becomes one of few.
func TestShrink(t *testing.T) {
	at := slices.IndexFunc(mutations, func(b breaks) bool { return b.name == "no settling push" })
	m := &mutations[at]
	for seed := uint64(1); seed < 500; seed++ {
		o := Options{Seed: seed, Break: m}
		r := Play(t, o)
		if r.Wrong == "" || len(r.Struck) < 10 {
			continue
		}
		short := Shrink(t, o)
		if short.Wrong == "" || len(short.Struck) > 3 {
			t.Errorf("seed %d: %d of %d faults are left, and %q:\n%s", seed, len(short.Struck), len(r.Struck), short.Wrong, strings.Join(short.Trace, "\n"))
		}
		t.Logf("seed %d: %d faults become %d, in %d lines: %s", seed, len(r.Struck), len(short.Struck), len(short.Trace), short.Wrong)
		return
	}
	t.Error("no seed to shrink")
}
