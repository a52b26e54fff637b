package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

const (
	documentFile = "docs/performance.md"
	pagesPlot    = "docs/img/performance-pages.svg"
	costPlot     = "docs/img/performance-cost.svg"
	beginMark    = "<!-- make bench writes from here -->"
	endMark      = "<!-- to here -->"
)

// document writes the figures into docs/performance.md, between its two marks: what people wrote around them stays.
func document(root string, lines []line, began time.Time) error {
	file := filepath.Join(root, documentFile)
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if svg := pagesChart(plotted).svg(); svg != "" {
		if err := os.WriteFile(filepath.Join(root, pagesPlot), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(root, costPlot), []byte(costChart().svg()), 0o644); err != nil {
		return err
	}
	text, err := between(string(raw), figuresText(root, lines, began))
	if err != nil {
		return err
	}
	say("%s has the figures", documentFile)
	return os.WriteFile(file, []byte(text), 0o644)
}

// between replaces what stands between the marks.
func between(text, figures string) (string, error) {
	before, rest, found := strings.Cut(text, beginMark)
	_, after, ended := strings.Cut(rest, endMark)
	if !found || !ended {
		return "", fmt.Errorf("%s lacks the marks %q and %q", documentFile, beginMark, endMark)
	}
	return before + beginMark + "\n\n" + figures + "\n" + endMark + after, nil
}

func figuresText(root string, lines []line, began time.Time) string {
	return fmt.Sprintf("%s, in %s. %s\n\n**%s.**\n\n%s", began.UTC().Format("2006-01-02, 15:04 UTC"), time.Since(began).Round(time.Minute), machine(root), summary(lines), markdown(lines))
}

// machine says what was measured on, as far as it can be known here.
func machine(root string) string {
	cpu := runtime.GOARCH
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`).FindSubmatch(raw); m != nil {
			cpu = string(m[1])
		}
	}
	memory := ""
	if raw, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb int
		if _, err := fmt.Sscanf(string(raw), "MemTotal: %d kB", &kb); err == nil {
			memory = fmt.Sprintf(", %d GB of memory", (kb+1<<19)>>20)
		}
	}
	load := ""
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = fmt.Sprintf("; load average at the end %s, for 15 minutes %s", strings.Fields(string(raw))[0], strings.Fields(string(raw))[2])
	}
	commit := ""
	cmd := exec.Command("git", "rev-parse", "--short", "HEAD")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil {
		commit = ", commit " + strings.TrimSpace(string(out))
	}
	return fmt.Sprintf("Machine: %d processors (%s)%s, %s/%s, %s%s%s.", runtime.NumCPU(), cpu, memory, runtime.GOOS, runtime.GOARCH, runtime.Version(), commit, load)
}
