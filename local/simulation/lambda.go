package simulation

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// function is a Lambda: its instances live on between invocations, each with a clock and caches of its own.
type function struct {
	name   string
	limit  time.Duration // of an invocation
	build  func(*instance)
	idle   []*instance
	made   int
	modern bool // the newer version is deployed
}

// instance is one process.
type instance struct {
	*function
	label  string
	skew   time.Duration
	modern bool
	handle func(ctx context.Context, payload any) (any, error)
	w      *World
}

func (i *instance) now() time.Time { return time.Now().Add(i.skew) }

// invocation is one call of an instance.
type invocation struct {
	*instance
	name     string
	dead     bool // its process is gone: whoever comes back to it ends
	ended    bool // its caller was told
	begun    time.Time
	about    map[string]bool        // order_ids that its messages name
	again    map[plateKey]bool      // plates of which a message says that a pusher before may have died
	loaded   map[plateKey]time.Time // when it last loaded a plate's orders
	lastCall map[plateKey]*call
	// troubled: a write of it failed or was slow, so that what it saw may not have reached the breaker
	troubled  bool
	isolating map[plateKey]bool // plates of which it met a refusal
	done      func(result any, err error)
}

type invocationKey struct{}

func invocationOf(ctx context.Context) *invocation {
	inv, _ := ctx.Value(invocationKey{}).(*invocation)
	return inv
}

// errCrashed is what the caller of an invocation hears of one that came to nothing.
type errCrashed struct{ why string }

func (e errCrashed) Error() string { return e.why }

// invoke runs a function in an idle instance of the version that is deployed, or in a new one. done is told once.
func (w *World) invoke(f *function, payload any, done func(result any, err error)) {
	var i *instance
	for n := len(f.idle); i == nil && n > 0; n = len(f.idle) {
		last := f.idle[n-1]
		f.idle = f.idle[:n-1]
		if last.modern == f.modern {
			i = last
		}
	}
	if i == nil {
		f.made++
		i = &instance{function: f, label: fmt.Sprintf("%s/%d", f.name, f.made), modern: f.modern, w: w}
		if i.modern {
			i.label += "′"
		}
		if w.present(clocksDiffer) && w.stage == chaos {
			if i.skew = w.between("clock", -2*time.Second, 2*time.Second); w.o.Only == nil || w.o.Only[clocksDiffer.name] {
				w.note(clocksDiffer, i.label+" by "+i.skew.String())
			} else {
				i.skew = 0
			}
		}
		f.build(i)
	}
	w.invocations++
	inv := &invocation{instance: i, name: fmt.Sprintf("%s#%d", i.label, w.invocations), begun: time.Now(), about: aboutOf(payload), again: againOf(payload), loaded: map[plateKey]time.Time{}, isolating: map[plateKey]bool{}, lastCall: map[plateKey]*call{}, done: done}
	deadline := time.Now().Add(f.limit)
	ctx, cancel := context.WithDeadline(context.WithValue(context.Background(), invocationKey{}, inv), deadline)
	w.at(deadline, inv.name, func() {
		if !inv.ended {
			w.note(outOfTime, inv.name)
			inv.end(nil, errCrashed{"time limit"})
		}
	})
	go func() {
		defer cancel()
		w.turn(ctx, "begins")
		result, err := i.handle(ctx, payload)
		w.at(time.Now(), inv.name+" ends", func() {
			if !inv.ended {
				f.idle = append(f.idle, i)
				inv.ended = true
				w.left(inv)
				done(result, err)
			}
		})
	}()
}

// end kills the process.
func (inv *invocation) end(result any, err error) {
	inv.dead, inv.ended = true, true
	inv.w.died(inv)
	inv.w.left(inv)
	inv.done(result, err)
}

// crash ends the invocation's process at once; it does not return.
func (w *World) crash(inv *invocation) {
	if !inv.ended {
		w.say("%s is gone", inv.name)
		inv.end(nil, errCrashed{"crashed"})
	}
	runtime.Goexit()
}

// turn waits for the scheduler: the plates of a batch are begun side by side, and the dice may be asked by one at a time only.
func (w *World) turn(ctx context.Context, what string) {
	if inv := invocationOf(ctx); inv != nil {
		if w.park(time.Now(), inv.name+" "+what); inv.dead {
			runtime.Goexit()
		}
	}
}

// pause lets time pass in an invocation. It returns the context's error where that ends first, and not at all where the process is gone.
func (w *World) pause(ctx context.Context, d time.Duration, what string) error {
	inv := invocationOf(ctx)
	if w.strike(standstill, inv.name) {
		inv.troubled = true
		d += w.between("standstill", 5*time.Second, 70*time.Second)
	}
	until, cut := time.Now().Add(d), false
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until, cut = deadline, true
	}
	w.park(until, inv.name+" "+what)
	if inv.dead {
		runtime.Goexit()
	}
	if cut {
		return context.DeadlineExceeded
	}
	return nil
}
