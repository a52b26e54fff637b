package startup

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Share128MB is the part of a processor that Lambda gives to a function of 128 MB: 128/1769.
const Share128MB = 0.0724

// period is after how long a quota begins anew. A function of 128 MB runs for 1.4 ms of each.
const period = 20 * time.Millisecond

// ErrNoQuota says that this machine gives no way to limit a process. Its text begins with "skipped:".
var ErrNoQuota = errors.New("skipped: no CPU quota can be had here")

// Quota limits processes to a share of one processor. nil limits nothing.
type Quota struct {
	Method string // "cgroup v2", "cgroup v1" or "systemd-run"
	make   func() (group, error)
}

// group holds one process. limit begins to limit it.
type group interface {
	prefix() []string // of the command
	add(pid int) error
	limit() error
	throttled() (int, error)
	remove()
}

// NewQuota takes the first way that works: a cgroup of version 2, one of version 1, a scope of systemd's.
func NewQuota(share float64) (*Quota, error) {
	budget := time.Duration(share * float64(period))
	var failed []string
	for _, q := range []*Quota{
		{"cgroup v2", func() (group, error) { return newCgroup2(budget) }},
		{"cgroup v1", func() (group, error) { return newCgroup1(budget) }},
		{"systemd-run", func() (group, error) { return newScope(share) }},
	} {
		err := q.try()
		if err == nil {
			return q, nil
		}
		failed = append(failed, fmt.Sprintf("%s: %v", q.Method, err))
	}
	return nil, fmt.Errorf("%w: %s", ErrNoQuota, strings.Join(failed, "; "))
}

// try limits a process of its own.
func (q *Quota) try() error {
	g, err := q.make()
	if err != nil {
		return err
	}
	defer g.remove()
	args := append(g.prefix(), "cat")
	cmd := exec.Command(args[0], args[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = g.add(cmd.Process.Pid)
	if err == nil {
		err = g.limit()
	}
	return errors.Join(err, in.Close(), cmd.Wait())
}

func (q *Quota) group() (group, error) {
	if q == nil {
		return unlimited{}, nil
	}
	return q.make()
}

type unlimited struct{}

func (unlimited) prefix() []string        { return nil }
func (unlimited) add(int) error           { return nil }
func (unlimited) limit() error            { return nil }
func (unlimited) throttled() (int, error) { return 0, nil }
func (unlimited) remove()                 {}

// cgroup is a directory below this process's own group, or below the root's.
type cgroup struct {
	dir    string
	limits [][2]string // file and content, in order
}

func newCgroup2(budget time.Duration) (group, error) {
	mount, err := mounted("cgroup2", "")
	if err != nil {
		return nil, err
	}
	// A group that has processes cannot give the controller on, the root excepted.
	_ = os.WriteFile(filepath.Join(mount, "cgroup.subtree_control"), []byte("+cpu"), 0) // it may be on already
	c, err := newCgroup(mount, [2]string{"cpu.max", fmt.Sprintf("%d %d", budget.Microseconds(), period.Microseconds())})
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(c.dir, "cpu.max")); err != nil {
		c.remove()
		return nil, errors.New("the cpu controller is not in it")
	}
	return c, nil
}

func newCgroup1(budget time.Duration) (group, error) {
	mount, err := mounted("cgroup", "cpu")
	if err != nil {
		return nil, err
	}
	return newCgroup(mount, [2]string{"cpu.cfs_period_us", strconv.FormatInt(period.Microseconds(), 10)}, [2]string{"cpu.cfs_quota_us", strconv.FormatInt(budget.Microseconds(), 10)})
}

func newCgroup(mount string, limits ...[2]string) (*cgroup, error) {
	c := &cgroup{filepath.Join(mount, "startup-"+rand.Text()[:8]), limits}
	return c, os.Mkdir(c.dir, 0o755)
}

// mounted finds where a hierarchy is mounted.
func mounted(kind, option string) (string, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 3 && fields[2] == kind && (option == "" || strings.Contains(","+fields[3]+",", ","+option+",")) {
			return fields[1], nil
		}
	}
	return "", errors.New("not mounted")
}

func (c *cgroup) prefix() []string { return nil }

func (c *cgroup) add(pid int) error {
	return os.WriteFile(filepath.Join(c.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

func (c *cgroup) limit() error {
	for _, l := range c.limits {
		if err := os.WriteFile(filepath.Join(c.dir, l[0]), []byte(l[1]), 0); err != nil {
			return err
		}
	}
	return nil
}

func (c *cgroup) throttled() (int, error) {
	raw, err := os.ReadFile(filepath.Join(c.dir, "cpu.stat"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), "nr_throttled ")
	count, _, _ := strings.Cut(rest, "\n")
	return strconv.Atoi(count)
}

// remove waits for the process to leave its group, which it does a moment after its end.
func (c *cgroup) remove() {
	for end := time.Now().Add(time.Second); os.Remove(c.dir) != nil && time.Now().Before(end); {
		<-time.After(time.Millisecond)
	}
}

// scope is a transient unit of systemd's: the way for users who may not write to the cgroups themselves.
type scope struct {
	unit  string
	user  []string
	share float64
}

func newScope(share float64) (group, error) {
	if _, err := exec.LookPath("systemd-run"); err != nil {
		return nil, errors.New("not installed")
	}
	s := &scope{unit: "startup-" + strings.ToLower(rand.Text()[:8]) + ".scope", share: share}
	if os.Getuid() != 0 {
		s.user = []string{"--user"}
	}
	return s, nil
}

func (s *scope) prefix() []string {
	return append(append([]string{"systemd-run"}, s.user...), "--quiet", "--scope", "--unit="+s.unit, fmt.Sprintf("--property=CPUQuotaPeriodSec=%dms", period.Milliseconds()))
}

func (s *scope) add(int) error { return nil }

func (s *scope) limit() error {
	args := append(append([]string{}, s.user...), "set-property", "--runtime", s.unit, fmt.Sprintf("CPUQuota=%.2f%%", s.share*100))
	if out, err := exec.Command("systemctl", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (s *scope) throttled() (int, error) { return 0, nil } // systemd does not tell

func (s *scope) remove() {} // it goes with its process
