// Package lambdahost runs compiled Lambda functions as processes and drives them through the Lambda
// Runtime API, as AWS does: one invocation at a time per process, more processes as more invocations
// come, a deadline, and a new process where one panicked, exited or overran.
package lambdahost

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Function is one binary and how it runs.
type Function struct {
	Name     string // LeaseParkFunction
	Label    string // in front of its log lines; empty: Name
	Binary   string
	Env      map[string]string
	Timeout  time.Duration // of one invocation
	MemoryMB int           // told to the function, not enforced
	Limit    int           // concurrent executions: the reserved concurrency, or what this machine can bear
}

// Options of Start.
type Options struct {
	Functions []Function
	Region    string
	Log       io.Writer // lines of the functions and of the host
}

// Result of an invocation that ran.
type Result struct {
	RequestID string
	Payload   []byte
	Error     string // "Unhandled" when the function failed; Payload then tells errorType and errorMessage
}

var (
	// ErrUnknownFunction: no function of that name.
	ErrUnknownFunction = errors.New("function not found")
	// ErrStopped: the host is ending.
	ErrStopped = errors.New("the host is stopping")
)

const (
	initTimeout  = 10 * time.Second // AWS gives an init as much
	responseMax  = 6 << 20          // bytes of an answer, as on AWS
	runtimeLevel = "/2018-06-01/runtime/"
)

// Host is a running set of functions.
type Host struct {
	region string
	log    *lineLog
	server *http.Server
	addr   string

	mu        sync.Mutex
	pools     map[string]*pool
	instances map[string]*instance
	lastID    int
	stopped   bool
}

// Start starts the host and one warm instance of each function, and returns when each is ready.
func Start(ctx context.Context, o Options) (*Host, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &Host{
		region: o.Region, log: &lineLog{w: o.Log}, addr: listener.Addr().String(),
		pools: map[string]*pool{}, instances: map[string]*instance{},
	}
	h.server = &http.Server{Handler: h.runtimeAPI(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = h.server.Serve(listener) }() // ends with Stop
	for _, f := range o.Functions {
		if f.Label == "" {
			f.Label = f.Name
		}
		h.pools[f.Name] = &pool{host: h, function: f}
	}
	warm := make(chan error, len(h.pools))
	for _, p := range h.pools {
		h.mu.Lock()
		in := p.start()
		h.mu.Unlock()
		go func() {
			select {
			case <-in.ready:
				warm <- nil
			case <-in.gone:
				warm <- fmt.Errorf("%s ended before it was ready: %s", p.function.Name, in.failure)
			case <-ctx.Done():
				warm <- ctx.Err()
			}
		}()
	}
	var failed error
	for range h.pools {
		failed = errors.Join(failed, <-warm)
	}
	if failed != nil {
		h.Stop(0)
		return nil, failed
	}
	return h, nil
}

// Invoke runs the function and waits for its answer, first for its turn where the function's concurrency
// is taken. When ctx ends while it waits, it never runs; later it runs on, and only the caller leaves.
func (h *Host) Invoke(ctx context.Context, name string, payload []byte) (Result, error) {
	inv := &invocation{id: newRequestID(), payload: payload, done: make(chan Result, 1)}
	h.mu.Lock()
	p, ok := h.pools[name]
	if !ok || h.stopped {
		h.mu.Unlock()
		if ok {
			return Result{}, ErrStopped
		}
		return Result{}, ErrUnknownFunction
	}
	p.add(inv)
	h.mu.Unlock()
	select {
	case r := <-inv.done:
		if r.RequestID == "" {
			return Result{}, ErrStopped
		}
		return r, nil
	case <-ctx.Done():
		h.mu.Lock()
		p.drop(inv)
		h.mu.Unlock()
		return Result{}, ctx.Err()
	}
}

// Functions are the names that can be invoked.
func (h *Host) Has(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.pools[name]
	return ok
}

// Pids are the processes of a function that run now.
func (h *Host) Pids(name string) []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	var pids []int
	for _, in := range h.instances {
		if in.pool.function.Name == name {
			pids = append(pids, in.process.Pid())
		}
	}
	return pids
}

// Stop lets running invocations end for as long as grace, then ends every process.
func (h *Host) Stop(grace time.Duration) {
	h.mu.Lock()
	h.stopped = true
	for _, p := range h.pools {
		for _, inv := range p.pending {
			inv.done <- Result{}
		}
		p.pending = nil
	}
	h.mu.Unlock()
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for h.busy() {
		select {
		case <-tick.C:
			continue
		case <-deadline.C:
		}
		break
	}
	h.mu.Lock()
	running := make([]*instance, 0, len(h.instances))
	for _, in := range h.instances {
		running = append(running, in)
	}
	h.mu.Unlock()
	var all sync.WaitGroup
	for _, in := range running {
		all.Go(func() {
			in.process.Kill() // Lambda freezes an idle function and gives it no farewell either
			<-in.gone
		})
	}
	all.Wait()
	_ = h.server.Close()
	h.log.flush()
}

func (h *Host) busy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, in := range h.instances {
		if in.current != nil {
			return true
		}
	}
	return false
}

// newRequestID is a random UUID.
func newRequestID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // never: crypto/rand does not fail
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
