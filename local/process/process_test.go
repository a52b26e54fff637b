package process

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// As a helper this binary starts a child, tells its id, and waits to be killed.
func TestMain(m *testing.M) {
	if os.Getenv("PROCESS_TEST_HELPER") == "" {
		os.Exit(m.Run())
	}
	p, err := Start(exec.Command("sleep", "600"))
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(p.Pid()) + "\n")
	<-p.Done()
}

func TestChildrenDieWithAParentThatIsKilled(t *testing.T) {
	helper := exec.Command(os.Args[0])
	helper.Env = append(os.Environ(), "PROCESS_TEST_HELPER=1")
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if group, err := syscall.Getpgid(child); err != nil || group != syscall.Getpgrp() {
		t.Errorf("process group %d, %v, want ours, %d", group, err, syscall.Getpgrp())
	}
	if err := helper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = helper.Wait() // it was killed
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); !gone(child); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("process %d outlived its parent", child)
		}
	}
}

// gone: no such process, or one that init has yet to reap.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(raw), ") Z ")
}

func TestStop(t *testing.T) {
	p, err := Start(exec.Command("sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"))
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	p.Stop(100 * time.Millisecond)
	if took := time.Since(begun); took > 5*time.Second || !gone(p.Pid()) {
		t.Errorf("took %s, gone: %v", took, gone(p.Pid()))
	}
}
