package parkpoller_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/tongli"
)

// TestStock: over arbitrary sequences of pushes, sweeps with every fault, sweeps that overlap, are frozen at any call and woken later, or killed, and
// clocks that are wrong by up to 300 s, the stock is what the model says (invariants 4 and 5). `make simulate-poller` plays 20,000 sequences.
func TestStock(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		if err := simulate(t, steps.Draw(rt, "steps"), mutation{}); err != nil {
			rt.Fatal(err)
		}
	})
}

// settle: when things are quiet, the stock is what Tongli lists, and nothing else is on sale.
func (w *world) settle() {
	time.Sleep(30 * time.Hour)
	w.listed[0] = true
	healthy := step{Kind: "sweep", Cap: 5}
	w.trace = append(w.trace, "a day later three healthy sweeps")
	for range 3 {
		w.sweep(healthy)
		time.Sleep(5 * time.Minute)
	}
	if last := w.runs[len(w.runs)-1]; last.report.Guard {
		healthy.Allow = "last"
		w.sweep(healthy)
	}
	for i, listed := range w.listed {
		p, held := w.memory.get(simSN(i))
		if listed && (!held || p.Withdrawn || p.Price != int64(w.price[i])) || held && !listed && !p.Withdrawn {
			w.fail("in the end %s is %+v; listed %v, %d fen", simSN(i), p, listed, w.price[i])
		}
	}
}

type store interface {
	BeginSweep(ctx context.Context, start int64) (leasestore.SweepRecord, error)
	Sweep(ctx context.Context) (leasestore.SweepRecord, error)
	EndSweep(ctx context.Context, start int64, r leasestore.SweepRecord) (bool, error)
	SpendWithdrawals(ctx context.Context, start, hour, n int64) (bool, error)
	Parks(ctx context.Context, segments int, visit func(lease.StoredPark) error) error
	PutPark(ctx context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error)
}

type list interface {
	ListParks(ctx context.Context, page, limit int) tongli.Outcome
}

// mutation breaks the poller from the outside: what it reads and writes is bent so that one of its rules no longer holds.
type mutation struct {
	name  string
	store func(store) store
	list  func(list) list
}

func (m mutation) wrap(s store, l list) (store, list) {
	if m.store != nil {
		s = m.store(s)
	}
	if m.list != nil {
		l = m.list(l)
	}
	return s, l
}
