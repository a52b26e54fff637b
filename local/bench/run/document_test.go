package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTheDocumentKeepsWhatPeopleWrote(t *testing.T) {
	text := "before\n" + beginMark + "\nold\n" + endMark + "\nafter\n"
	got, err := between(text, "new\n")
	if want := "before\n" + beginMark + "\n\nnew\n\n" + endMark + "\nafter\n"; err != nil || got != want {
		t.Errorf("%q %v", got, err)
	}
	for _, bad := range []string{"", beginMark, endMark + beginMark} {
		if _, err := between(bad, "new"); err == nil {
			t.Errorf("%q has no two marks in their order", bad)
		}
	}
	raw, err := os.ReadFile("../../../" + documentFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := between(string(raw), "new"); err != nil {
		t.Error(err)
	}
	figures := figuresText("../../..", []line{{row: 1, ours: sample{9}, goal: goal{atMost, 8.5}}}, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	for _, want := range []string{"2026-11-24, 12:00 UTC", "processors", "0 of 1 rows met; MISSED: 1"} {
		if !strings.Contains(figures, want) {
			t.Errorf("no %q in\n%s", want, figures)
		}
	}
}

func TestARowThatIsMeasuredAgainTakesItsPlace(t *testing.T) {
	good, bad := line{ours: sample{1}, goal: goal{atMost, 1}}, line{ours: sample{2}, goal: goal{atMost, 1}}
	at := func(row int, l line) line { l.row = row; return l }
	before := figuresText("../../..", []line{at(1, good), at(4, bad), at(4, good), at(10, bad)}, time.Now())
	once, err := again(strings.TrimSpace(before), []line{at(4, good), at(4, line{what: "x", missing: "no quota"})}, "monday")
	if err != nil {
		t.Fatal(err)
	}
	twice, err := again(strings.TrimSpace(once), []line{at(4, good), at(1, good)}, "tuesday")
	if err != nil {
		t.Fatal(err)
	}
	if want := "**1 of 3 rows met; MISSED: 10; not (wholly) measured here: 4.**"; !strings.Contains(once, want) || strings.Count(once, "MISSED") != 2 || !strings.HasSuffix(once, "\n\nRow 4 was measured again: monday\n") {
		t.Errorf("no %q in\n%s", want, once)
	}
	if want := "**2 of 3 rows met; MISSED: 10.**"; !strings.Contains(twice, want) || strings.Contains(twice, "monday") || strings.Count(twice, "was measured again: tuesday") != 2 {
		t.Errorf("no %q in\n%s", want, twice)
	}
	_, table, _ := strings.Cut(twice, "| # |")
	table, _, _ = strings.Cut("| # |"+table, "\n\n")
	if want := strings.TrimSpace(markdown([]line{at(1, good), at(4, good), at(10, bad)})); table != want {
		t.Errorf("got\n%s\nwant\n%s", table, want)
	}
	if _, err := again("nothing yet", []line{at(4, good)}, "now"); err == nil {
		t.Error("there is no table to put it in")
	}
	if _, err := again(strings.TrimSpace(before), []line{at(5, good)}, "now"); err == nil {
		t.Error("there is no such row")
	}
}

func TestThePlotIsXMLAndShowsEachPoint(t *testing.T) {
	c := pagesChart([2]map[int]sample{{1: {5, 6, 7}, 1000: {6}}, {1: {20}, 10: {60}, 1000: nil}})
	svg := c.svg()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
	}
	if n := strings.Count(svg, "<circle"); n != 4 {
		t.Errorf("%d points, want 4", n)
	}
	if n := strings.Count(svg, "<polyline"); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
	if got := (chart{}).svg(); got != "" {
		t.Errorf("a plot of nothing: %s", got)
	}
	down := axis{0, 3, 300, 0}
	if got := labels([]series{{points: [][2]float64{{1, 10}}}, {}, {points: [][2]float64{{1, 11}}}, {points: [][2]float64{{1, 1}}}}, down); got[0]-got[2] != 16 || got[3] != 300 {
		t.Errorf("labels at %v", got)
	}
	a := newAxis([]float64{2, 900}, 0, 300)
	for v, want := range map[float64]float64{1: 0, 10: 100, 100: 200, 1000: 300} {
		if got := a.at(v); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%g is at %g, want %g", v, got, want)
		}
	}
	if got := power(6) + " " + power(-2); got != "1,000,000 0.01" {
		t.Error(got)
	}
}

func TestTheCostsPlotGrowsWithTheOrders(t *testing.T) {
	for _, s := range costChart().series {
		for i, p := range s.points {
			if p[1] <= 0 || i > 0 && p[1] <= s.points[i-1][1] {
				t.Errorf("%s: %v", s.name, s.points)
			}
		}
	}
	lines, err := costs(t.Context(), setting{})
	if err != nil || lines[0].verdict() != met {
		t.Errorf("%v %+v", err, lines[0])
	}
	sum, theirs := 0.0, 0.0
	for _, l := range lines {
		if strings.HasPrefix(l.what, "of it ") {
			sum, theirs = sum+l.ours.median(), theirs+l.reference.median()
		}
	}
	if math.Abs(sum-lines[0].ours.median()) > 1e-6 || math.Abs(theirs-lines[0].reference.median()) > 1e-6 {
		t.Errorf("the parts make %g and %g, the whole is %g and %g", sum, theirs, lines[0].ours.median(), lines[0].reference.median())
	}
}

func TestChosenRows(t *testing.T) {
	if got, err := chosen(""); err != nil || len(got) != 10 {
		t.Error(got, err)
	}
	if got, err := chosen("4, 10"); err != nil || len(got) != 2 || got[1] != 10 {
		t.Error(got, err)
	}
	for _, bad := range []string{"0", "11", "five", "4,"} {
		if got, err := chosen(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// A row that fails, or says nothing, is a line that is no pass.
func TestARowThatFailsIsNoPass(t *testing.T) {
	rows := map[int]func(context.Context, setting) ([]line, error){
		1: func(context.Context, setting) ([]line, error) {
			return []line{{row: 1, ours: sample{1}, goal: goal{atMost, 1}}, {row: 2, ours: sample{1}, goal: goal{atMost, 1}}}, nil
		},
		2: func(context.Context, setting) ([]line, error) {
			return []line{{row: 2, ours: sample{1}, goal: goal{atMost, 1}}}, errors.New("cut off")
		},
		3: func(context.Context, setting) ([]line, error) { return nil, nil },
	}
	lines := measure(t.Context(), setting{}, []int{1, 2, 3}, rows)
	if got, want := summary(lines), "1 of 3 rows met; not (wholly) measured here: 2, 3"; got != want || len(lines) != 4 {
		t.Errorf("%q, want %q: %+v", got, want, lines)
	}
}
