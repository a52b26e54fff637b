// Package startup measures how a compiled function starts, as Lambda starts it: from exec to its first /next on a Runtime
// API, and from a first event to its answer under a quota of processor time.
package startup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"lease-gateway/local/process"
)

// Binary is a function and its first event.
type Binary struct {
	Path     string
	Env      map[string]string      // besides what Lambda itself sets
	MemoryMB int                    // told to the function; 0: 128
	Event    func() ([]byte, error) // makes a fresh one, as a signature is good once; nil: only the init is measured
	Services *Services              // the endpoints that it is to use over TLS; nil: none
}

// Cost is time on the wall and time on a processor.
type Cost struct{ Wall, CPU time.Duration }

// Result of one start.
type Result struct {
	Init      Cost // from exec to the first /next
	WarmUp    Cost // the part of Init from the first connection to a service until the last answer of one
	Answer    Cost // from the first event to its answer
	Throttled int  // periods of the quota in which the first event had to wait for processor time
	Payload   []byte
	Failed    bool // the answer was an error
}

// Wait is what a caller waits who comes to a cold function, the download of its code apart.
func (r Result) Wait() time.Duration { return r.Init.Wall + r.Answer.Wall }

// Timeout of one measurement.
const timeout = 60 * time.Second

// gate says that it is there, and becomes the binary when it is told so: by then it is in its group, and nothing of that is measured.
const gate = `echo; read _; exec "$0"`

// Measure starts the binary once. The init runs without a limit, as on AWS; the first event under the quota, if there is one.
func Measure(ctx context.Context, b Binary, quota *Quota) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	path, err := filepath.Abs(b.Path)
	if err != nil {
		return Result{}, err
	}
	if _, err := os.Stat(path); err != nil {
		return Result{}, err
	}
	group, err := quota.group()
	if err != nil {
		return Result{}, err
	}
	defer group.remove()
	m := &run{group: group, done: make(chan struct{})}
	if b.Event != nil {
		if m.event, err = b.Event(); err != nil {
			return Result{}, err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Result{}, err
	}
	server := &http.Server{Handler: m.runtimeAPI(), ReadHeaderTimeout: timeout}
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer func() { _ = server.Close() }()
	stop, err := m.start(group, path, environment(b, path, listener.Addr().String()))
	if err != nil {
		return Result{}, err
	}
	defer stop()
	if b.Services != nil {
		defer b.Services.watch(m.connected, m.answered)()
	}
	if err := m.exec(); err != nil {
		return Result{}, err
	}
	select {
	case <-m.done:
	case <-m.process.Done():
		return Result{}, fmt.Errorf("%s ended: %s: %s", filepath.Base(path), m.process.State(), m.output.String())
	case <-ctx.Done():
		return Result{}, fmt.Errorf("%s gave no answer: %w: %s", filepath.Base(path), ctx.Err(), m.output.String())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.result, m.err
}

// run is one measurement under way.
type run struct {
	event   []byte
	group   group
	process *process.Process
	open    io.Writer // a line into it opens the gate
	output  syncBuffer
	done    chan struct{}

	mu     sync.Mutex
	result Result
	err    error
	exect  moment
	warm   moment // the first connection to a service
	handed moment
	ready  bool
	ended  bool
}

type moment struct {
	wall time.Time
	cpu  time.Duration
}

func (m moment) since(from moment) Cost { return Cost{m.wall.Sub(from.wall), m.cpu - from.cpu} }

// now reads both clocks. The processor clock of another process is exact to a nanosecond and counts its ended threads too.
func (m *run) now() moment {
	cpu, err := ProcessCPU(m.process.Pid())
	m.err = errors.Join(m.err, err)
	return moment{time.Now(), cpu}
}

// ProcessCPU is the processor time that a process has had, exact to a nanosecond, its ended threads included.
func ProcessCPU(pid int) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED: the low bits of a clock that belongs to a process
	var t syscall.Timespec
	id := ^pid<<3 | schedClock
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&t)), 0); errno != 0 {
		return 0, fmt.Errorf("processor clock of %d: %w", pid, errno)
	}
	return time.Duration(t.Nano()), nil
}

// start brings the gate into its group.
func (m *run) start(g group, path string, env []string) (stop func(), err error) {
	in, open, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	there, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close(), open.Close())
	}
	args := append(g.prefix(), "/bin/sh", "-c", gate, path)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = filepath.Dir(path), env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &m.output
	m.open = open
	m.process, err = process.Start(cmd)
	_, _ = in.Close(), out.Close()
	if err != nil {
		return nil, errors.Join(err, open.Close(), there.Close())
	}
	stop = func() {
		m.process.Kill()
		_, _ = open.Close(), there.Close()
	}
	if _, err := io.ReadFull(there, make([]byte, 1)); err != nil {
		stop()
		return nil, fmt.Errorf("%s cannot be started: %s", strings.Join(args, " "), m.output.String())
	}
	go func() { _, _ = io.Copy(io.Discard, there) }() // ends with the process
	if err := g.add(m.process.Pid()); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

func (m *run) exec() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.exect = m.now()
	_, err := io.WriteString(m.open, "\n")
	return err
}

// connected and answered are told by the services.
func (m *run) connected() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.warm.wall.IsZero() && !m.ready {
		m.warm = m.now()
	}
}

func (m *run) answered() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ready {
		m.result.WarmUp = m.now().since(m.warm)
	}
}

func (m *run) runtimeAPI() http.Handler {
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", m.next)
	end := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			m.answer(r, failed)
			w.WriteHeader(http.StatusAccepted)
		}
	}
	mux.HandleFunc("POST "+base+"invocation/{id}/response", end(false))
	mux.HandleFunc("POST "+base+"invocation/{id}/error", end(true))
	mux.HandleFunc("POST "+base+"init/error", end(true))
	return mux
}

func (m *run) next(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	first := !m.ready
	if first {
		m.ready = true
		m.result.Init = m.now().since(m.exect)
	}
	if !first || m.ended || len(m.event) == 0 {
		m.end()
		m.mu.Unlock()
		<-r.Context().Done()
		return
	}
	m.err = errors.Join(m.err, m.group.limit())
	header := w.Header()
	header.Set("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000001")
	header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(timeout).UnixMilli(), 10))
	header.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:000000000000:function:measured")
	header.Set("Content-Type", "application/json")
	m.handed = m.now()
	m.mu.Unlock()
	_, _ = w.Write(m.event) // a process that is gone is noticed by its end
}

func (m *run) answer(r *http.Request, failed bool) {
	payload, err := io.ReadAll(r.Body)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	if m.ready {
		m.result.Answer = m.now().since(m.handed)
	}
	throttled, e := m.group.throttled()
	m.err = errors.Join(m.err, err, e)
	m.result.Payload, m.result.Failed, m.result.Throttled = payload, failed, throttled
	m.end()
}

// end is reached once; the caller holds mu.
func (m *run) end() {
	if !m.ended {
		m.ended = true
		close(m.done)
	}
}

// environment is what Lambda sets, the endpoints, and the binary's own.
func environment(b Binary, path, api string) []string {
	memory := b.MemoryMB
	if memory == 0 {
		memory = 128
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "LANG=en_US.UTF-8", "TZ=:UTC", "_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=" + filepath.Dir(path),
		"AWS_LAMBDA_RUNTIME_API=" + api, "AWS_LAMBDA_FUNCTION_NAME=measured", "AWS_LAMBDA_FUNCTION_VERSION=1",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(memory), "AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_REGION=ap-east-1", "AWS_DEFAULT_REGION=ap-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
	}
	if b.Services != nil {
		env = append(env, b.Services.env...)
	}
	for name, value := range b.Env {
		env = append(env, name+"="+value) // the last one of a name counts
	}
	return env
}

// syncBuffer is what a process said on its standard error.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
