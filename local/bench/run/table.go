package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// sample are the figures of the runs.
type sample []float64

func (s sample) at(part float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[int(math.Round(float64(len(sorted)-1)*part))]
}

func (s sample) median() float64 { return s.at(0.5) }

// text is the median, and the quarters around it where they differ.
func (s sample) text(unit string) string {
	if len(s) == 0 {
		return "–"
	}
	low, high := round(s.at(0.25)), round(s.at(0.75))
	text := round(s.median())
	if unit != "" {
		text += " " + unit
	}
	if low != high {
		text += " (" + low + "–" + high + ")"
	}
	return text
}

// round gives three significant digits.
func round(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		return "–"
	case size == math.Trunc(size) || size >= 1000:
		return fmt.Sprintf("%.0f", v)
	case size >= 100:
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	case size >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// goal is what a line is to reach. The zero goal is none: the line is told, not judged.
type goal struct {
	kind  kind
	limit float64
}

type kind int

const (
	told       kind = iota
	atMost          // ours, in the line's unit
	exactly         // each run of ours
	ratioUpTo       // ours against the other
	worstUpTo       // the largest run of ours
	otherShare      // as ratioUpTo, written as a share: 1/4
)

func (g goal) text(l *line) string {
	limit := round(g.limit)
	if l.unit != "" {
		limit += " " + l.unit
	}
	switch g.kind {
	case atMost, worstUpTo:
		return "≤ " + limit
	case exactly:
		return "= " + limit
	case ratioUpTo:
		return "≤ " + round(g.limit) + " × " + l.other()
	case otherShare:
		return "≤ 1/" + round(1/g.limit) + " of " + l.other()
	}
	return ""
}

// line is one measured figure of a row.
type line struct {
	row       int
	what      string
	unit      string
	ours      sample
	reference sample
	against   string // what ours is held against where that is not the reference
	goal      goal
	missing   string // why it was not measured here
	note      string
}

func (l *line) other() string { return cmp.Or(l.against, "the reference") }

func (l *line) ratio() float64 { return l.ours.median() / l.reference.median() }

// Verdicts. Whatever is not met is never a pass.
const (
	met    = "met"
	missed = "MISSED"
	none   = ""
)

func (l *line) verdict() string {
	if l.missing != "" {
		return "not measured here: " + l.missing
	}
	if l.goal.kind == told {
		return none
	}
	if len(l.ours) == 0 {
		return "not measured here: no figures"
	}
	value := l.ours.median()
	switch l.goal.kind {
	case exactly:
		if slices.ContainsFunc(l.ours, func(v float64) bool { return v != l.goal.limit }) {
			return missed
		}
		return met
	case worstUpTo:
		value = l.ours.at(1)
	case ratioUpTo, otherShare:
		if len(l.reference) == 0 {
			return "not measured here: nothing to hold it against"
		}
		value = l.ratio()
	}
	if value <= l.goal.limit { // false where it is no number
		return met
	}
	return missed
}

// titles of the rows, as they were set.
var titles = [...]string{1: "binary, arm64, stripped", 2: "init: processor time from exec to the first /next", 3: "first caller at the quota of 128 MB: init and first answer",
	4: "page of 1,000 rows, the whole handler", 5: "page N against page 1, 1,000,000 rows in one park", 6: "order of 30 dates, from POST to delivered", 7: "poll of 100,000 parks",
	8: "a batch of 10 pushes, Tongli takes 200 ms a call", 9: "from 201 to Tongli's acceptance, 50 orders a second", 10: "modelled cost of a million orders"}

func cells(l *line) []string {
	what := l.what
	if l.note != "" {
		what += " (" + l.note + ")"
	}
	ratio := ""
	if r := l.ratio(); len(l.ours) > 0 && len(l.reference) > 0 && l.missing == "" && !math.IsNaN(r) && !math.IsInf(r, 0) {
		ratio = round(r)
	}
	ours, reference := l.ours.text(l.unit), l.reference.text(l.unit)
	if l.against != "" && len(l.reference) > 0 {
		reference += ", " + l.against
	}
	return []string{what, ours, reference, ratio, l.goal.text(l), l.verdict()}
}

var heads = []string{"what", "ours", "reference", "ratio", "goal", "verdict"}

// byRow keeps the lines in the rows' order.
func byRow(lines []line) []line {
	sorted := slices.Clone(lines)
	slices.SortStableFunc(sorted, func(a, b line) int { return cmp.Compare(a.row, b.row) })
	return sorted
}

// terminal renders the table for people at a terminal.
func terminal(lines []line) string {
	widths := make([]int, len(heads))
	for i, h := range heads {
		widths[i] = utf8.RuneCountInString(h)
	}
	lines = byRow(lines)
	for i := range lines {
		for j, c := range cells(&lines[i]) {
			widths[j] = max(widths[j], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	put := func(cells []string) {
		for j, c := range cells {
			b.WriteString(c)
			if j < len(cells)-1 {
				b.WriteString(strings.Repeat(" ", 2+widths[j]-utf8.RuneCountInString(c)))
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("    ")
	put(heads)
	last := 0
	for i := range lines {
		if lines[i].row != last {
			last = lines[i].row
			fmt.Fprintf(&b, "%2d  %s\n", last, titles[last])
		}
		b.WriteString("    ")
		put(cells(&lines[i]))
	}
	return b.String()
}

// markdown renders it for docs/performance.md.
func markdown(lines []line) string {
	var b strings.Builder
	b.WriteString("| # | " + strings.Join(heads, " | ") + " |\n|---" + strings.Repeat("|---", len(heads)) + "|\n")
	last := 0
	lines = byRow(lines)
	for i := range lines {
		if lines[i].row != last {
			last = lines[i].row
			fmt.Fprintf(&b, "| **%d** | **%s** %s\n", last, titles[last], strings.Repeat("| ", len(heads)-1)+"|")
		}
		b.WriteString("| | " + strings.Join(cells(&lines[i]), " | ") + " |\n")
	}
	return b.String()
}

// summary says in one line how the rows stand: a row is met when each of its goals is.
func summary(lines []line) string {
	state := map[int]string{}
	for i := range lines {
		l := &lines[i]
		switch v := l.verdict(); {
		case v == none:
		case v == missed:
			state[l.row] = missed
		case v != met && state[l.row] != missed:
			state[l.row] = "not measured"
		case v == met && state[l.row] == "":
			state[l.row] = met
		}
	}
	words := map[string][]string{}
	for row := 1; row < len(titles); row++ {
		if s := state[row]; s != "" {
			words[s] = append(words[s], fmt.Sprint(row))
		}
	}
	text := fmt.Sprintf("%d of %d rows met", len(words[met]), len(state))
	if rows := words[missed]; len(rows) > 0 {
		text += "; MISSED: " + strings.Join(rows, ", ")
	}
	if rows := words["not measured"]; len(rows) > 0 {
		text += "; not (wholly) measured here: " + strings.Join(rows, ", ")
	}
	return text
}
