package lambdahost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var echoBinary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambdahost-")
	if err != nil {
		panic(err)
	}
	echoBinary = filepath.Join(dir, "echo")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", echoBinary, "./testdata/echo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

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

func startHost(t *testing.T, log *syncBuffer, functions ...Function) *Host {
	t.Helper()
	h, err := Start(t.Context(), Options{Functions: functions, Region: "us-east-1", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Stop(0) })
	return h
}

func echo(limit int) Function {
	return Function{Name: "EchoFunction", Label: "echo", Binary: echoBinary, Timeout: 5 * time.Second, MemoryMB: 256, Limit: limit, Env: map[string]string{"GIVEN": "value"}}
}

type answer struct {
	PID          int    `json:"pid"`
	RequestID    string `json:"request_id"`
	ARN          string `json:"arn"`
	LeftMS       int64  `json:"left_ms"`
	Name         string `json:"name"`
	Memory       int    `json:"memory"`
	Given        string `json:"given"`
	Region       string `json:"region"`
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
}

func invoke(t *testing.T, h *Host, payload string) (Result, answer) {
	t.Helper()
	r, err := h.Invoke(t.Context(), "EchoFunction", []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(r.Payload, &a); err != nil {
		t.Fatalf("answer %s: %v", r.Payload, err)
	}
	return r, a
}

func TestInvoke(t *testing.T) {
	log := &syncBuffer{}
	h := startHost(t, log, echo(3))
	r, a := invoke(t, h, `{}`)
	if r.Error != "" || a.RequestID != r.RequestID || a.Name != "EchoFunction" || a.Memory != 256 || a.Given != "value" || a.Region != "us-east-1" {
		t.Errorf("answer %+v", a)
	}
	if !strings.HasSuffix(a.ARN, ":function:EchoFunction") || a.LeftMS < 3000 || a.LeftMS > 5000 {
		t.Errorf("arn %q, %d ms left", a.ARN, a.LeftMS)
	}
	for range 20 { // one after the other needs no second process
		if _, again := invoke(t, h, `{}`); again.PID != a.PID {
			t.Fatalf("process %d, then %d", a.PID, again.PID)
		}
	}
	if _, err := h.Invoke(t.Context(), "NoFunction", nil); !errors.Is(err, ErrUnknownFunction) {
		t.Errorf("unknown function: %v", err)
	}
	if want := "echo              | handled " + r.RequestID + "\n"; !strings.Contains(log.String(), want) {
		t.Errorf("log lacks %q:\n%s", want, log)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct{ do, kind, message string }{
		{"panic", "string", "as asked"},
		{"exit", "Runtime.ExitError", "exit status 3"},
		{"error", "errorString", "no luck"},
		{"large", "Function.ResponseSizeTooLarge", "payload size"},
	} {
		t.Run(c.do, func(t *testing.T) {
			h := startHost(t, &syncBuffer{}, echo(1))
			r, a := invoke(t, h, `{"do":"`+c.do+`"}`)
			if r.Error != "Unhandled" || a.ErrorType != c.kind || !strings.Contains(a.ErrorMessage, c.message) {
				t.Errorf("%s: %s", r.Error, r.Payload)
			}
			if r, _ := invoke(t, h, `{}`); r.Error != "" { // and goes on
				t.Errorf("the next invocation failed too: %s", r.Payload)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	f := echo(1)
	f.Timeout = 300 * time.Millisecond
	h := startHost(t, &syncBuffer{}, f)
	r, a := invoke(t, h, `{"wait_ms":60000}`)
	if r.Error != "Unhandled" || a.ErrorType != "Sandbox.Timedout" || !strings.Contains(a.ErrorMessage, "Task timed out after 0.30 seconds") {
		t.Errorf("%s: %s", r.Error, r.Payload)
	}
	if r, _ := invoke(t, h, `{}`); r.Error != "" {
		t.Errorf("the next invocation failed too: %s", r.Payload)
	}
}

// All at once need as many processes as the limit allows, and never more.
func TestConcurrency(t *testing.T) {
	const limit, calls = 3, 9
	h := startHost(t, &syncBuffer{}, echo(limit))
	var mu sync.Mutex
	pids := map[int]bool{}
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			r, err := h.Invoke(context.Background(), "EchoFunction", []byte(`{"wait_ms":100}`))
			var a answer
			if err == nil {
				err = json.Unmarshal(r.Payload, &a)
			}
			if err != nil || r.Error != "" {
				t.Errorf("%v %s", err, r.Payload)
			}
			mu.Lock()
			pids[a.PID] = true
			mu.Unlock()
		})
	}
	all.Wait()
	if len(pids) != limit {
		t.Errorf("%d processes, want %d", len(pids), limit)
	}
}

// With a concurrency of one the second invocation waits; when its caller gives up it never runs.
func TestReservedConcurrencyWaits(t *testing.T) {
	h := startHost(t, &syncBuffer{}, echo(1))
	first := make(chan Result, 1)
	go func() {
		r, _ := h.Invoke(context.Background(), "EchoFunction", []byte(`{"wait_ms":400}`))
		first <- r
	}()
	waitUntil(t, h.busy)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.Invoke(ctx, "EchoFunction", []byte(`{"do":"exit"}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a caller with little patience: %v", err)
	}
	r, a := invoke(t, h, `{}`)
	select {
	case f := <-first:
		var b answer
		if err := json.Unmarshal(f.Payload, &b); err != nil || b.PID != a.PID || r.Error != "" {
			t.Errorf("other process or error: %s, %s", f.Payload, r.Payload)
		}
	default:
		t.Error("the second invocation did not wait for the first")
	}
}

func TestBrokenInitIsSaid(t *testing.T) {
	f := echo(1)
	f.Env = map[string]string{"BROKEN_INIT": "1"}
	log := &syncBuffer{}
	_, err := Start(t.Context(), Options{Functions: []Function{f}, Log: log})
	if err == nil || !strings.Contains(err.Error(), "EchoFunction") || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(log.String(), "echo              | cannot start like this") {
		t.Errorf("log:\n%s", log)
	}
}

func TestMissingBinaryIsSaid(t *testing.T) {
	f := echo(1)
	f.Binary = echoBinary + "-missing"
	_, err := Start(t.Context(), Options{Functions: []Function{f}, Log: &syncBuffer{}})
	if err == nil || !strings.Contains(err.Error(), "EchoFunction") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error %v", err)
	}
}

// Killed by somebody while nothing runs, it serves the next invocation all the same.
func TestTerminatedProcessIsReplaced(t *testing.T) {
	h := startHost(t, &syncBuffer{}, echo(1))
	_, a := invoke(t, h, `{}`)
	if err := syscall.Kill(a.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool { return errors.Is(syscall.Kill(a.PID, 0), syscall.ESRCH) })
	if r, b := invoke(t, h, `{}`); r.Error != "" || b.PID == a.PID {
		t.Errorf("%s %s", r.Error, r.Payload)
	}
}

func TestStopLeavesNoProcess(t *testing.T) {
	h := startHost(t, &syncBuffer{}, echo(2))
	_, a := invoke(t, h, `{}`)
	go func() { _, _ = h.Invoke(context.Background(), "EchoFunction", []byte(`{"wait_ms":60000}`)) }()
	waitUntil(t, h.busy)
	begun := time.Now()
	h.Stop(100 * time.Millisecond)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if err := syscall.Kill(a.PID, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", a.PID, err)
	}
	if _, err := h.Invoke(t.Context(), "EchoFunction", nil); !errors.Is(err, ErrStopped) {
		t.Errorf("after Stop: %v", err)
	}
}

// waitUntil polls the condition for at most ten seconds.
func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal(fmt.Errorf("the condition did not come true"))
		}
	}
}
