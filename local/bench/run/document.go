package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
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

// document writes the figures into docs/performance.md, between its two marks: what people wrote around them stays. Where not all rows were
// measured, those that were take the place of the older ones, and a line says so.
func document(root string, lines []line, began time.Time, whole bool) error {
	file := filepath.Join(root, documentFile)
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	figures := figuresText(root, lines, began)
	if !whole {
		_, rest, _ := strings.Cut(string(raw), beginMark)
		old, _, _ := strings.Cut(rest, endMark)
		if figures, err = again(strings.TrimSpace(old), lines, began.UTC().Format("2006-01-02, 15:04 UTC")+"; "+machine(root)); err != nil {
			return err
		}
	}
	text, err := between(string(raw), figures)
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
	say("%s has the figures", documentFile)
	return os.WriteFile(file, []byte(text), 0o644)
}

// again puts the rows that were measured again into figures that were written before, and counts anew what is met.
func again(figures string, lines []line, when string) (string, error) {
	head, rest, found := strings.Cut(figures, "\n| # |")
	if !found {
		return "", fmt.Errorf("%s has no table yet: measure all rows first", documentFile)
	}
	table, notes, _ := strings.Cut("| # |"+rest, "\n\n")
	blocks := strings.Split(table, "\n| **")
	head = head[:strings.Index(head, "\n\n")+2]
	measured := map[int]bool{}
	for _, l := range lines {
		measured[l.row] = true
	}
	for _, row := range slices.Sorted(maps.Keys(measured)) {
		var own []line
		for _, l := range lines {
			if l.row == row {
				own = append(own, l)
			}
		}
		_, block, _ := strings.Cut(strings.TrimSuffix(markdown(own), "\n"), "\n| **")
		replaced := false
		for i, b := range blocks {
			if strings.HasPrefix(b, fmt.Sprintf("%d**", row)) {
				blocks[i], replaced = block, true
			}
		}
		if !replaced {
			return "", fmt.Errorf("%s has no row %d yet: measure all rows first", documentFile, row)
		}
		prefix := fmt.Sprintf("Row %d was measured again: ", row)
		var kept []string
		for line := range strings.SplitSeq(notes, "\n\n") {
			if line != "" && !strings.HasPrefix(line, prefix) {
				kept = append(kept, strings.TrimSpace(line))
			}
		}
		notes = strings.Join(append(kept, prefix+when), "\n\n")
	}
	return head + "**" + counted(blocks[1:]) + ".**\n\n" + strings.Join(blocks, "\n| **") + "\n\n" + notes + "\n", nil
}

// counted is the summary of rows as the table has them.
func counted(blocks []string) string {
	var lines []line
	for _, b := range blocks {
		var row int
		if _, err := fmt.Sscanf(b, "%d**", &row); err != nil {
			continue
		}
		for i, text := range strings.Split(b, "\n") {
			cells := strings.Split(strings.TrimSuffix(strings.TrimSpace(text), "|"), "|")
			if i == 0 {
				continue // the title
			}
			l := line{row: row}
			switch verdict := strings.TrimSpace(cells[len(cells)-1]); verdict {
			case none:
			case met:
				l.ours, l.goal = sample{0}, goal{atMost, 0}
			case missed:
				l.ours, l.goal = sample{1}, goal{atMost, 0}
			default:
				l.missing = verdict
			}
			lines = append(lines, l)
		}
	}
	return summary(lines)
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
