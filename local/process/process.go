// Package process runs child processes that never outlive this one: they stay in its process group, and
// the kernel kills them when it dies, even by SIGKILL.
package process

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Pdeathsig follows the thread that forked, not the process. All children are therefore started by one
// goroutine that keeps its thread until the end.
var starts = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// Process is a started child.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts cmd and reaps it when it ends.
func Start(cmd *exec.Cmd) (*Process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // a grandchild that holds the pipes must not hold us
	started := make(chan error)
	starts() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended stands in State
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the process has ended and all of its output has been read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Pid of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// State is how it ended; valid after Done.
func (p *Process) State() *os.ProcessState { return p.cmd.ProcessState }

// Kill ends it at once and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error means that it is gone already
	<-p.done
}

// Stop asks it to end (SIGTERM), kills it when it has not ended after grace, and waits until it is gone.
func (p *Process) Stop(grace time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Kill()
	}
}
