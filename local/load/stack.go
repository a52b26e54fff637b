package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// local is a stack in processes of its own.
type local struct {
	cmd         *exec.Cmd
	data        string
	pid         int
	api, tongli string
}

// start runs `lease-local run` on free ports, its tables in a directory that goes with it.
func start(ctx context.Context, binary string) (*local, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "lease-load")
	if err != nil {
		return nil, err
	}
	l := &local{data: data}
	console, err := freePort()
	if err != nil {
		return nil, err
	}
	l.cmd = exec.Command(binary, "run")
	l.cmd.Dir = filepath.Dir(filepath.Dir(binary))
	l.cmd.Env = append(os.Environ(), "PORT=0", "INVOKE_PORT=0", fmt.Sprintf("CONSOLE_PORT=%d", console), "DATA_DIR="+data, "POLL_EVERY=15s", "SWEEP_EVERY=5s")
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		return nil, err
	}
	l.cmd.Stderr = log
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	l.pid = l.cmd.Process.Pid
	line, err := bufio.NewReader(out).ReadString('\n')
	api, ready := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ready {
		said, _ := os.ReadFile(log.Name())
		l.stop()
		return nil, fmt.Errorf("the stack did not start: %s", said)
	}
	var where struct{ Tongli string }
	if err := getJSON(ctx, fmt.Sprintf("http://127.0.0.1:%d/stack.json", console), &where); err != nil {
		l.stop()
		return nil, err
	}
	l.api, l.tongli = api, where.Tongli
	return l, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// stop ends the stack and waits for it.
func (l *local) stop() {
	_ = l.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- l.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		_ = l.cmd.Process.Kill()
		<-ended
	}
	_ = os.RemoveAll(l.data)
}

// calls counts what Tongli was asked, by path; it keeps the last 10,000.
func (l *local) calls(ctx context.Context) (map[string]int, error) {
	var all []struct {
		Path   string
		Status int
	}
	if err := getJSON(ctx, l.tongli+"/calls", &all); err != nil {
		return nil, err
	}
	byPath := map[string]int{}
	for _, c := range all {
		if c.Status != 200 {
			return nil, errors.New("a call of ours was answered with an error by Tongli")
		}
		byPath[c.Path]++
	}
	return byPath, nil
}
