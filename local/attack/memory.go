package attack

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Process is what one process of this machine holds of memory, in bytes.
type Process struct {
	PID       int
	Name      string // of its executable
	RSS, Peak int64
}

// Family is a process and its children, by name and PID.
func Family(pid int) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var family []Process
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		status, err := os.ReadFile(filepath.Join("/proc", e.Name(), "status"))
		if err != nil {
			continue // it has ended
		}
		facts := map[string]string{}
		for line := range strings.Lines(string(status)) {
			name, value, _ := strings.Cut(line, ":")
			facts[name] = strings.TrimSuffix(strings.TrimSpace(value), " kB")
		}
		if id != pid && facts["PPid"] != strconv.Itoa(pid) {
			continue
		}
		exe, err := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
		if err != nil {
			continue // as above
		}
		p := Process{PID: id, Name: filepath.Base(exe)}
		for fact, to := range map[string]*int64{"VmRSS": &p.RSS, "VmHWM": &p.Peak} {
			n, err := strconv.ParseInt(facts[fact], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("process %d: %s: %w", id, fact, err)
			}
			*to = n * kib
		}
		family = append(family, p)
	}
	slices.SortFunc(family, func(a, b Process) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return a.PID - b.PID
	})
	return family, nil
}

// grown is how much more memory than before a process may hold that has no limit of its own.
const grown = 64 << 20

// Bounded prints the processes before and after, and finds those that hold too much. limits are bytes by name: of a process that has one,
// its peak counts, as Lambda ends a function there; of self, what it holds more than before. Others (the engines) are printed only.
func Bounded(w io.Writer, before, after []Process, limits map[string]int64, self int) (finds []string) {
	held := map[int]int64{}
	for _, p := range before {
		held[p.PID] = p.RSS
	}
	mib := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
	fmt.Fprintf(w, "%-20s %8s %11s %11s %11s %11s\n", "process", "pid", "MiB before", "MiB after", "MiB peak", "MiB limit")
	for _, p := range after {
		was, limit := "-", "-"
		if n, ok := held[p.PID]; ok {
			was = mib(n)
		}
		switch n, ok := limits[p.Name]; {
		case ok:
			if limit = mib(n); p.Peak > n {
				finds = append(finds, fmt.Sprintf("memory: %s held %s MiB, and has %s", p.Name, mib(p.Peak), limit))
			}
		case p.PID == self:
			if limit = "+" + mib(grown); p.RSS > held[p.PID]+grown {
				finds = append(finds, fmt.Sprintf("memory: %s holds %s MiB, before it was %s", p.Name, mib(p.RSS), was))
			}
		}
		fmt.Fprintf(w, "%-20s %8d %11s %11s %11s %11s\n", p.Name, p.PID, was, mib(p.RSS), mib(p.Peak), limit)
	}
	return finds
}
