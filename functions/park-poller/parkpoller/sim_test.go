package parkpoller_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lease-gateway/functions/park-poller/parkpoller"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/tongli"
)

// simParks is the stock that the simulation knows of: enough of it that the guard's floor of ten can be passed.
const simParks = 14

func simSN(i int) string { return fmt.Sprintf("P%02d", i) }

// world is one run of the simulation: a Tongli, a store, and sweeps that may be frozen at any call, on a fake clock.
type world struct {
	t      *testing.T
	mutate mutation
	memory *memory
	model  *model
	price  [simParks]int
	listed [simParks]bool
	frozen []*run
	runs   []*run
	wrong  error // the first thing that was
	trace  []string
}

func (w *world) fail(format string, args ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf(format, args...)
	}
}

// simulate plays the steps and returns what went wrong, with the trace that led there.
func simulate(t *testing.T, steps []step, mutate mutation) (err error) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, mutate: mutate, memory: &memory{parks: map[string]lease.StoredPark{}}, model: newModel()}
		for i := range w.listed {
			w.listed[i] = true
		}
		for _, s := range steps {
			if w.wrong == nil {
				w.trace = append(w.trace, fmt.Sprintf("%s %s", time.Now().Format("02T15:04:05"), s))
				w.play(s)
			}
		}
		for len(w.frozen) > 0 {
			w.thaw(0, false)
		}
		if w.wrong == nil {
			w.settle()
		}
		if w.wrong != nil {
			err = fmt.Errorf("%w\n%s", w.wrong, strings.Join(w.trace, "\n"))
		}
	})
	return err
}

func (w *world) play(s step) {
	switch s.Kind {
	case "wait":
		time.Sleep(time.Duration(s.Minutes) * time.Minute)
	case "list", "delist", "gone":
		for i := range simParks {
			if s.Parks&(1<<i) != 0 {
				w.listed[i] = s.Kind == "list"
			}
		}
		if s.Kind == "gone" {
			w.play(step{Kind: "sweep", Cap: 1000, Times: 3})
		}
	case "reprice":
		w.reprice(s.Parks, s.Price)
	case "push":
		w.push(s)
	case "sweep":
		for range max(s.Times, 1) {
			w.sweep(s)
			time.Sleep(5 * time.Minute)
			w.reprice(s.Parks, s.Price)
			s.Skew = -s.Skew // another instance
		}
	case "thaw", "kill":
		if len(w.frozen) > 0 {
			w.thaw(s.Parks%len(w.frozen), s.Kind == "kill")
		}
	}
}

func (w *world) reprice(parks, price int) {
	for i := range simParks {
		if parks&(1<<i) != 0 {
			w.price[i] = price
		}
	}
}

// push is what lease-park does: merge, on the condition of the version. Tongli's clock and ours are both wrong.
func (w *world) push(s step) {
	i := s.Parks % simParks
	pushed := time.Now().Add(time.Duration(s.TongliSkew-s.Delay) * time.Second).UnixMilli()
	arrived := time.Now().Add(time.Duration(s.Skew) * time.Second)
	if s.Delay == 0 {
		w.price[i] = s.Price // else it tells how it once was
	}
	park := simPark(i, s.Price)
	held, there := w.memory.get(park.SN)
	var before *lease.StoredPark
	if there {
		before = &held
	}
	if next, newer := before.ApplyPush(park, pushed, arrived); newer {
		_, _, _ = w.memory.PutPark(w.t.Context(), &next, before)
	}
	w.model.push(park.SN, s.Price, pushed, arrived.UnixMilli())
	w.compare("push")
}

func simPark(i, price int) lease.Park {
	return lease.Park{SN: simSN(i), Name: "园区", Deadline: lease.MustDate("2027-12-31"), Start: 1080, End: 480, Sat: true, Sun: true, Price: int64(price), StartPrice: 300, HolidayPrice: 2000}
}

// run is one sweep: the poller's store and Tongli, with its own clock, in an instance that can be frozen or killed.
type run struct {
	*world
	step    step
	allow   string    // plan id
	began   time.Time // true time at which its record was taken
	start   int64
	clock   int64 // its own clock then, unix ms
	report  parkpoller.Report
	err     error
	done    chan struct{}
	stops   chan struct{} // closed when it freezes
	thaws   chan struct{}
	whole   bool            // neither frozen nor killed
	walk    walk            // what Tongli answered
	missing map[string]bool // held when it looked, not withdrawn, and not listed

	mu     sync.Mutex
	asleep bool
	dead   bool
	looks  int
}

var errKilled = errors.New("killed")

func (w *world) sweep(s step) {
	r := &run{world: w, step: s, allow: w.model.plan(s.Allow), done: make(chan struct{}), stops: make(chan struct{}), thaws: make(chan struct{}), whole: true}
	r.walk = newWalk()
	w.runs = append(w.runs, r)
	wrapped, list := w.mutate.wrap(r, r)
	p := &parkpoller.Poller{Store: wrapped, Tongli: list, Now: r.now, Wait: r.wait, Logger: slog.New(slog.DiscardHandler)}
	go func() {
		defer close(r.done)
		ctx := context.Background()
		if s.Deadline > 0 {
			limited, cancel := context.WithTimeout(ctx, time.Duration(s.Deadline)*time.Second)
			defer cancel()
			ctx = limited
		}
		r.report, r.err = p.Handle(ctx, json.RawMessage(fmt.Sprintf(`{"allow_withdrawals":%q}`, r.allow)))
	}()
	r.rest()
}

// rest waits until the sweep has ended or is frozen, and holds an ended one against the model.
func (r *run) rest() {
	select {
	case <-r.done:
		r.judge()
	case <-r.stops:
		synctest.Wait()
		r.frozen = append(r.frozen, r)
		r.model.adopt(r.memory) // what it has written so far
	}
}

func (w *world) thaw(i int, kill bool) {
	r := w.frozen[i]
	w.frozen = append(w.frozen[:i:i], w.frozen[i+1:]...)
	r.mu.Lock()
	r.asleep, r.dead = false, kill
	r.mu.Unlock()
	close(r.thaws)
	<-r.done
	r.judge()
}

func (r *run) now() time.Time { return time.Now().Add(time.Duration(r.step.Skew) * time.Second) }

func (r *run) wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return r.gate(ctx, "Wait", func() {})
}

// gate is passed by every call that leaves the instance: it may freeze or kill the instance before the call's effect or after it.
func (r *run) gate(ctx context.Context, call string, effect func()) error {
	here := r.step.Stop != "" && call == r.step.Stop
	if err := r.pass(here && !r.step.After); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	effect()
	return r.pass(here && r.step.After)
}

func (r *run) pass(stop bool) error {
	r.mu.Lock()
	if stop && r.whole {
		r.whole = false
		if r.step.Kill {
			r.dead = true
		} else {
			r.asleep = true
			close(r.stops)
		}
	}
	asleep := r.asleep
	r.mu.Unlock()
	if asleep {
		<-r.thaws
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return errKilled
	}
	return nil
}

func (r *run) BeginSweep(ctx context.Context, start int64) (record leasestore.SweepRecord, err error) {
	err = r.gate(ctx, "BeginSweep", func() {
		record, _ = r.memory.BeginSweep(ctx, start)
		r.start, r.began = record.Latest, time.Now()
	})
	r.clock = r.now().UnixMilli()
	return record, err
}

func (r *run) Sweep(ctx context.Context) (record leasestore.SweepRecord, err error) {
	r.mu.Lock()
	r.looks++
	call := fmt.Sprintf("Sweep %d", r.looks)
	r.mu.Unlock()
	err = r.gate(ctx, call, func() { record, _ = r.memory.Sweep(ctx) })
	return record, err
}

func (r *run) EndSweep(ctx context.Context, start int64, record leasestore.SweepRecord) (ok bool, err error) {
	err = r.gate(ctx, "EndSweep", func() {
		before := r.memory.copyRecord()
		ok, _ = r.memory.EndSweep(ctx, start, record)
		if after := r.memory.copyRecord(); after.LastComplete != before.LastComplete && r.walk.outcome(r.step).reason != "" {
			r.fail("a sweep that is not complete (%s) is on record as complete", r.walk.outcome(r.step).reason)
		}
	})
	return ok, err
}

func (r *run) SpendWithdrawals(ctx context.Context, start, hour, n int64) (ok bool, err error) {
	err = r.gate(ctx, "SpendWithdrawals", func() { ok, _ = r.memory.SpendWithdrawals(ctx, start, hour, n) })
	return ok, err
}

func (r *run) Parks(ctx context.Context, n int, visit func(lease.StoredPark) error) error {
	err := r.gate(ctx, "Parks", func() {
		r.missing = r.model.missingOf(r)
		_ = r.memory.Parks(ctx, n, visit) // visit's only error is the poller's own
	})
	return errors.Join(err, r.gate(ctx, "Parks read", func() {}))
}

func (r *run) PutPark(ctx context.Context, next, held *lease.StoredPark) (there *lease.StoredPark, ok bool, err error) {
	err = r.gate(ctx, "PutPark "+next.SN, func() {
		before, existed := r.memory.get(next.SN)
		if there, ok, _ = r.memory.PutPark(ctx, next, held); ok {
			r.mu.Lock()
			r.model.written(r, existed, before, *next)
			r.mu.Unlock()
		}
	})
	return there, ok, err
}

// ListParks answers as the step says: three seconds late, capped, with the fault of that page.
func (r *run) ListParks(ctx context.Context, page, _ int) (out tongli.Outcome) {
	asked := r.now()
	select {
	case <-time.After(time.Duration(r.step.Latency) * time.Second):
	case <-ctx.Done():
		return tongli.Outcome{Class: tongli.Transient, Detail: "no answer in time"}
	}
	err := r.gate(ctx, fmt.Sprintf("ListParks %d", page), func() { out = r.answer(page, asked) })
	if err != nil {
		return tongli.Outcome{Class: tongli.Transient, Detail: "no answer in time"}
	}
	return out
}
