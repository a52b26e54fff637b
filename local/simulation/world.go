package simulation

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

// stage of a run.
type stage int

const (
	chaos   stage = iota // the clients act, faults strike
	mending              // faults have stopped but for the mildest; the night's push goes over all plates
	calm                 // nothing goes wrong any more
)

// Options of a run.
type Options struct {
	Seed  uint64
	Break *breaks         // nil: the code as it is
	Only  map[string]bool // the faults that may strike; nil: all
	Skip  map[int]bool    // actions of the script that are left out
	Trace bool
}

// Result of a run.
type Result struct {
	Wrong   string // "" when everything held
	Trace   []string
	Struck  []string       // the faults that struck, in order, as Only takes them
	Actions int            // of the script
	Fired   map[string]int // by fault
	Calls   int
	Steps   int
}

// World is one run.
type World struct {
	scheduler
	dice
	Result
	o     Options
	stage stage
	swarm map[*fault]bool

	dynamo *Dynamo
	queue  *Queue
	tongli *Tongli

	app, pusher, sweeper *function
	invocations          int
	pushing              int // batches at work
	pollAt, pausedUntil  time.Time
	clients              int // at work
	waiting              map[chan answer]bool
	late                 int // calls that Tongli still has to apply
	script               script
	record
}

// start of every run: 10:00 in Asia/Shanghai.
var start = lease.MustDate("2026-11-24").At(600)

const (
	sweepEvery = time.Minute
	patience   = 6 * time.Hour // after which what is still due counts as due for ever
)

const stack = "simulation"

var tables = leasestore.Tables{Parks: stack + "-ParksTable", Orders: stack + "-OrdersTable", Expiring: stack + "-ExpiringTable"}

// Play plays one seed.
func Play(t *testing.T, o Options) (r Result) {
	synctest.Test(t, func(*testing.T) {
		time.Sleep(time.Until(start))
		w := newWorld(o)
		w.play()
		w.end()
		w.Steps, w.Calls = w.steps, len(w.tongli.calls)
		r = w.Result
	})
	return r
}

func newWorld(o Options) *World {
	w := &World{o: o, dice: newDice(o.Seed), swarm: map[*fault]bool{}, waiting: map[chan answer]bool{}, Result: Result{Fired: map[string]int{}}}
	w.dynamo = &Dynamo{Now: time.Now, Lag: w.lag}
	for _, table := range deployment().tables {
		w.dynamo.CreateTable(table)
	}
	w.queue = &Queue{Now: time.Now, Visibility: deployment().visibility, MaxReceive: deployment().maxReceive, Dead: &Queue{Now: time.Now}}
	w.tongli = &Tongli{w: w, gates: map[plateKey]string{}, newest: map[plateKey]int{}, refuses: map[string]bool{}, byPlate: map[plateKey][]*call{}}
	w.wire()
	w.begin()
	return w
}

func (w *World) tracing() bool { return w.o.Trace }

// say adds to the trace.
func (w *World) say(format string, args ...any) {
	if w.o.Trace {
		w.Trace = append(w.Trace, time.Now().In(lease.Zone).Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// wrong ends the run with what does not hold; the first finding stands.
func (w *World) wrong(format string, args ...any) {
	if w.Wrong == "" {
		w.Wrong = fmt.Sprintf(format, args...)
		w.say("WRONG: %s", w.Wrong)
	}
}

func (w *World) lag() time.Duration {
	if w.strike(indexLag, "") {
		return w.between("a long lag", time.Second, 40*time.Second)
	}
	return w.between("lag", 0, 200*time.Millisecond)
}

// play runs the script with its faults, then lets things become quiet and judges them, then lets Tongli forget and the night's push mend it.
func (w *World) play() {
	w.at(start.Add(w.between("first sweep", 0, sweepEvery)), "sweep", w.sweep)
	w.until(w.run())
	w.stage = calm
	w.tongli.downUntil, w.tongli.rejectsUntil = time.Time{}, time.Time{}
	w.say("the faults stop")
	w.quietFrom(time.Now())
	w.settle(w.still)
	w.verdict(context.Background())
	w.stage = mending
	w.say("all was well; the night's push begins")
	if w.intn("forgets", 3) == 0 {
		w.tongli.forget()
	}
	w.repushAll()
	w.settle(w.repushDone)
	w.stage = calm
	w.settle(w.still)
	w.verdict(context.Background())
	w.night()
}

// settle waits until something holds, with a patience after which what has not come will not come.
func (w *World) settle(holds func() bool) {
	for limit := time.Now().Add(patience); w.Wrong == "" && !holds() && time.Now().Before(limit); {
		w.until(time.Now().Add(sweepEvery))
	}
}

// until lets everything happen up to a time.
func (w *World) until(t time.Time) {
	for w.Wrong == "" && w.step(t) {
	}
	if d := time.Until(t); d > 0 {
		time.Sleep(d)
		synctest.Wait()
	}
}

// still reports whether nothing moves any more.
func (w *World) still() bool {
	if w.clients > 0 || w.late > 0 || w.pushing > 0 || len(w.queue.messages) > 0 {
		return false
	}
	for _, i := range w.dynamo.tables[tables.Orders].items {
		if i["due"] != nil {
			return false
		}
	}
	return true
}

// sweep is the schedule's minute.
func (w *World) sweep() {
	w.at(time.Now().Add(sweepEvery), "sweep", w.sweep)
	w.invoke(w.sweeper, "{}", func(any, error) {})
}

// end ends all that is still at work. Nothing of it can change the result.
func (w *World) end() {
	w.stage, w.o.Trace = calm, false
	w.release()
	for got := range w.waiting {
		close(got)
	}
	w.release()
}
