package simulation

import (
	"cmp"
	"container/heap"
	"runtime"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// event wakes a goroutine that is parked, or runs a function, at its time.
type event struct {
	at   time.Time
	name string // orders events that were registered in one step, since their goroutines ran side by side
	seq  uint64
	wake chan struct{}
	run  func()
}

// scheduler lets one goroutine run at a time. It is the bubble's root: between two steps everything else is blocked.
type scheduler struct {
	mu    sync.Mutex
	fresh []*event
	queue eventQueue
	seq   uint64
	steps int
	over  bool // the run has ended: whoever still works ends too
}

func (s *scheduler) add(e *event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fresh = append(s.fresh, e)
}

// at runs f at a time, in the scheduler's goroutine: it must not park.
func (s *scheduler) at(t time.Time, name string, f func()) {
	s.add(&event{at: t, name: name, run: f})
}

// park blocks the caller until a time.
func (s *scheduler) park(t time.Time, name string) {
	e := &event{at: t, name: name, wake: make(chan struct{})}
	s.add(e)
	<-e.wake
	if s.over {
		runtime.Goexit()
	}
}

// handOver makes what the caller has done known to whoever is woken next, also where the caller goes on to block on something else than
// the scheduler: the race detector does not take synctest.Wait for that.
func (s *scheduler) handOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
}

// step lets the next event happen, and returns when everybody is blocked again; false when there is none, or none before the limit.
func (s *scheduler) step(limit time.Time) bool {
	synctest.Wait() // the caller may have begun something
	s.mu.Lock()
	slices.SortStableFunc(s.fresh, func(a, b *event) int { return cmp.Compare(a.name, b.name) })
	for _, e := range s.fresh {
		s.seq++
		e.seq = s.seq
		heap.Push(&s.queue, e)
	}
	s.fresh = s.fresh[:0]
	if len(s.queue) == 0 || s.queue[0].at.After(limit) {
		s.mu.Unlock()
		return false
	}
	e := heap.Pop(&s.queue).(*event)
	s.mu.Unlock()
	if d := time.Until(e.at); d > 0 {
		time.Sleep(d)
	}
	s.steps++
	if e.run != nil {
		e.run()
	} else {
		close(e.wake)
	}
	synctest.Wait()
	return true
}

// release ends whatever is parked, at the end of a run.
func (s *scheduler) release() {
	synctest.Wait()
	for s.over = true; ; synctest.Wait() {
		s.mu.Lock()
		all := append(s.fresh, s.queue...)
		s.fresh, s.queue = nil, nil
		s.mu.Unlock()
		woken := false
		for _, e := range all {
			if e.wake != nil {
				close(e.wake)
				woken = true
			}
		}
		if !woken {
			return
		}
	}
}

type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if c := q[i].at.Compare(q[j].at); c != 0 {
		return c < 0
	}
	return q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(e any)   { *q = append(*q, e.(*event)) }
func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}
