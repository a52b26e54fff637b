package triggers

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Schedule is an EventBridge Scheduler schedule with an interval of its own.
type Schedule struct {
	Function string
	Every    time.Duration
	Input    string // of the template; <aws.scheduler.…> is replaced
	AtStart  bool   // runs at once too, not only after the first interval
	Invoke   Invoker
	Now      func() time.Time
	Log      func(format string, args ...any)
}

// Run fires until ctx ends, and then waits for the run at hand. A tick is dropped while the previous
// run still goes on.
func (s *Schedule) Run(ctx context.Context) {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	var running atomic.Bool
	var all sync.WaitGroup
	defer all.Wait()
	fire := func() {
		if !running.CompareAndSwap(false, true) {
			return
		}
		all.Go(func() {
			defer running.Store(false)
			result, err := s.Invoke.Invoke(ctx, s.Function, s.input())
			switch {
			case ctx.Err() != nil:
			case err != nil:
				s.Log("the scheduled run could not be started: %v", err)
			case result.Error != "":
				s.Log("the scheduled run failed: %s", result.Payload)
			}
		})
	}
	if s.AtStart {
		fire()
	}
	for {
		select {
		case <-tick.C:
			fire()
		case <-ctx.Done():
			return
		}
	}
}

func (s *Schedule) input() []byte {
	if s.Input == "" {
		return []byte("{}")
	}
	return []byte(strings.NewReplacer(
		"<aws.scheduler.scheduled-time>", s.Now().UTC().Format("2006-01-02T15:04:05Z"),
		"<aws.scheduler.execution-id>", strings.ToLower(rand.Text()),
		"<aws.scheduler.attempt-number>", "1",
	).Replace(s.Input))
}
