package lambdahost

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"lease-gateway/local/process"
)

// invocation is one call of a function. done gets exactly one Result; one without RequestID says that
// the host stopped.
type invocation struct {
	id       string
	payload  []byte
	done     chan Result
	deadline time.Time
	timer    *time.Timer
}

// pool is one function's instances and the invocations that wait for one. Host.mu guards it.
type pool struct {
	host     *Host
	function Function
	pending  []*invocation
	idle     []*instance // waiting at /next; the last one in is the first one out
	live     int         // processes
	coming   int         // of those: starting, or answered and not yet back at /next
}

// instance is one process.
type instance struct {
	pool    *pool
	id      string
	process *process.Process
	ready   chan struct{}    // closed at the first /next
	gone    chan struct{}    // closed when the process has ended and its invocation was answered
	next    chan *invocation // hands over to the /next that waits
	current *invocation
	started bool   // was at /next once
	coming  bool   // counted in pool.coming
	report  []byte // what it posted to /init/error
	failure string // why it ended
}

func (p *pool) add(inv *invocation) {
	if n := len(p.idle); n > 0 {
		in := p.idle[n-1]
		p.idle = p.idle[:n-1]
		in.hand(inv)
		return
	}
	p.pending = append(p.pending, inv)
	p.scale()
}

func (p *pool) drop(inv *invocation) {
	p.pending = slices.DeleteFunc(p.pending, func(x *invocation) bool { return x == inv })
}

// scale starts processes while more invocations wait than instances are on their way.
func (p *pool) scale() {
	for !p.host.stopped && len(p.pending) > p.coming && p.live < p.function.Limit {
		p.start()
	}
}

// start starts one process; the caller holds Host.mu.
func (p *pool) start() *instance {
	h := p.host
	h.lastID++
	in := &instance{
		pool: p, id: strconv.Itoa(h.lastID), ready: make(chan struct{}), gone: make(chan struct{}),
		next: make(chan *invocation, 1), coming: true,
	}
	p.live++
	p.coming++
	cmd := exec.Command(p.function.Binary)
	cmd.Dir = filepath.Dir(p.function.Binary)
	cmd.Env = p.environment(in)
	out := h.log.writer(p.function.Label)
	cmd.Stdout, cmd.Stderr = out, out
	var err error
	if in.process, err = process.Start(cmd); err != nil {
		h.log.printf(p.function.Label, "cannot be started: %v", err)
		in.failure = err.Error()
		p.ended(in)
		close(in.gone)
		return in
	}
	h.instances[in.id] = in
	initTimer := time.AfterFunc(initTimeout, func() {
		h.mu.Lock()
		late := !in.started
		if late {
			in.failure = fmt.Sprintf("init took longer than %s", initTimeout)
		}
		h.mu.Unlock()
		if late {
			in.process.Kill()
		}
	})
	go func() {
		<-in.process.Done()
		initTimer.Stop()
		h.mu.Lock()
		delete(h.instances, in.id)
		if in.failure == "" {
			in.failure = "Runtime exited with error: " + in.process.State().String()
		}
		p.ended(in)
		h.mu.Unlock()
		close(in.gone)
	}()
	return in
}

// environment is the template's, with what Lambda itself sets.
func (p *pool) environment(in *instance) []string {
	f := p.function
	env := map[string]string{
		"PATH": os.Getenv("PATH"), "LANG": "en_US.UTF-8", "TZ": ":UTC",
		"_HANDLER": "bootstrap", "LAMBDA_TASK_ROOT": filepath.Dir(f.Binary),
		"AWS_LAMBDA_RUNTIME_API":          p.host.addr + "/instances/" + in.id,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/local/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      in.id,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"AWS_REGION":                      p.host.region,
		"AWS_DEFAULT_REGION":              p.host.region,
		"AWS_ACCESS_KEY_ID":               "local",
		"AWS_SECRET_ACCESS_KEY":           "local",
		"AWS_SESSION_TOKEN":               "local",
	}
	for name, value := range f.Env {
		env[name] = value
	}
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// arrive: the instance is at /next. It gets the first invocation that waits, or becomes idle.
func (in *instance) arrive() {
	p := in.pool
	if !in.started {
		in.started = true
		close(in.ready)
	}
	if in.coming {
		in.coming = false
		p.coming--
	}
	if len(p.pending) > 0 && !p.host.stopped {
		inv := p.pending[0]
		p.pending = p.pending[1:]
		in.hand(inv)
		return
	}
	p.idle = append(p.idle, in)
}

// hand gives the invocation to the instance, and starts its time.
func (in *instance) hand(inv *invocation) {
	timeout := in.pool.function.Timeout
	inv.deadline = time.Now().Add(timeout)
	in.current = inv
	inv.timer = time.AfterFunc(timeout, func() {
		h := in.pool.host
		h.mu.Lock()
		late := in.current == inv
		if late {
			in.failure = fmt.Sprintf("Task timed out after %.2f seconds", timeout.Seconds())
		}
		h.mu.Unlock()
		if late {
			h.log.printf(in.pool.function.Label, "RequestId: %s %s", inv.id, in.failure)
			in.process.Kill()
		}
	})
	in.next <- inv
}

// finish answers the invocation that the instance works on. It reports false when that is another one.
func (in *instance) finish(id string, payload []byte, failed bool) bool {
	inv := in.current
	if inv == nil || inv.id != id {
		return false
	}
	in.current = nil
	inv.timer.Stop()
	in.coming = true // expected back at /next
	in.pool.coming++
	r := Result{RequestID: inv.id, Payload: payload}
	if failed {
		r.Error = "Unhandled"
	}
	inv.done <- r
	return true
}

// ended: the process is gone. Its invocation fails with the reason, and another process replaces it. One
// that ended before it was ever ready fails an invocation that waits, or it would be started for ever.
func (p *pool) ended(in *instance) {
	p.live--
	if in.coming {
		in.coming = false
		p.coming--
	}
	p.idle = slices.DeleteFunc(p.idle, func(x *instance) bool { return x == in })
	inv := in.current
	if inv != nil {
		in.current = nil
		inv.timer.Stop()
	} else if !in.started && len(p.pending) > 0 {
		inv = p.pending[0]
		p.pending = p.pending[1:]
	}
	if inv != nil {
		payload := in.report
		if payload == nil {
			payload = failurePayload(inv.id, in.failure, inv.deadline)
		}
		inv.done <- Result{RequestID: inv.id, Payload: payload, Error: "Unhandled"}
	}
	if p.host.stopped {
		return
	}
	switch {
	case in.asked(): // Ctrl-C reaches the whole process group: this host is about to stop too
	case in.started:
		p.host.log.printf(p.function.Label, "process ended (%s), another takes its place", in.failure)
		if p.live == 0 && len(p.pending) == 0 {
			p.start()
		}
	default:
		p.host.log.printf(p.function.Label, "process ended before it was ready: %s", in.failure)
	}
	p.scale()
}

// asked reports whether somebody ended the process with SIGINT or SIGTERM.
func (in *instance) asked() bool {
	if in.process == nil {
		return false
	}
	status, ok := in.process.State().Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGINT || status.Signal() == syscall.SIGTERM)
}

// failurePayload has Lambda's shape for a function that could not answer by itself.
func failurePayload(requestID, failure string, deadline time.Time) []byte {
	kind := "Runtime.ExitError"
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		kind = "Sandbox.Timedout"
	}
	b, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": "RequestId: " + requestID + " Error: " + failure})
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	return b
}
