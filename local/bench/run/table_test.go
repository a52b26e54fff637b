package main

import (
	"math"
	"strings"
	"testing"
)

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		line line
		want string
	}{
		"below":                         {line{ours: sample{8.4}, goal: goal{atMost, 8.5}}, met},
		"at the limit":                  {line{ours: sample{8.5}, goal: goal{atMost, 8.5}}, met},
		"above":                         {line{ours: sample{8.6}, goal: goal{atMost, 8.5}}, missed},
		"the median counts":             {line{ours: sample{1, 99, 2}, goal: goal{atMost, 3}}, met},
		"the worst counts":              {line{ours: sample{1, 99, 2}, goal: goal{worstUpTo, 3}}, missed},
		"exactly":                       {line{ours: sample{1000, 1000}, goal: goal{exactly, 1000}}, met},
		"exactly, but one":              {line{ours: sample{1000, 1000, 999}, goal: goal{exactly, 1000}}, missed},
		"a quarter":                     {line{ours: sample{1}, reference: sample{4}, goal: goal{otherShare, 0.25}}, met},
		"more than a quarter":           {line{ours: sample{1.01}, reference: sample{4}, goal: goal{otherShare, 0.25}}, missed},
		"ratio":                         {line{ours: sample{6}, reference: sample{5}, goal: goal{ratioUpTo, 1.2}}, met},
		"ratio above":                   {line{ours: sample{6.1}, reference: sample{5}, goal: goal{ratioUpTo, 1.2}}, missed},
		"nothing to hold it against":    {line{ours: sample{6}, goal: goal{ratioUpTo, 1.2}}, "not measured here: nothing to hold it against"},
		"no figures":                    {line{goal: goal{atMost, 1}}, "not measured here: no figures"},
		"no figures, exactly":           {line{goal: goal{exactly, 0}}, "not measured here: no figures"},
		"not measured":                  {line{goal: goal{atMost, 1}, missing: "no CPU quota can be had"}, "not measured here: no CPU quota can be had"},
		"figures, and yet not measured": {line{ours: sample{0}, goal: goal{atMost, 1}, missing: "cut off"}, "not measured here: cut off"},
		"no number":                     {line{ours: sample{math.NaN()}, goal: goal{atMost, 1}}, missed},
		"against nothing but zeros":     {line{ours: sample{0}, reference: sample{0}, goal: goal{ratioUpTo, 1.2}}, missed},
		"told":                          {line{ours: sample{5}}, none},
		"told, and could not be":        {line{missing: "no Java"}, "not measured here: no Java"},
	} {
		if got := c.line.verdict(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSummaryIsAsGoodAsTheWorstLine(t *testing.T) {
	good, bad := line{ours: sample{1}, goal: goal{atMost, 1}}, line{ours: sample{2}, goal: goal{atMost, 1}}
	gone, words := line{goal: goal{atMost, 1}, missing: "no quota"}, line{ours: sample{1}}
	at := func(row int, l line) line { l.row = row; return l }
	lines := []line{at(1, good), at(4, good), at(4, bad), at(4, gone), at(3, gone), at(3, good), at(2, words), at(7, good), at(7, words)}
	want := "2 of 4 rows met; MISSED: 4; not (wholly) measured here: 3"
	if got := summary(lines); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := summary(nil); got != "0 of 0 rows met" {
		t.Error(got)
	}
}

func TestRendered(t *testing.T) {
	lines := []line{
		{row: 4, what: "processor time", unit: "ms", ours: sample{1.234, 1.2, 1.3}, reference: sample{6}, goal: goal{otherShare, 0.25}},
		{row: 4, what: "allocations", ours: sample{3200}, reference: sample{28000}, goal: goal{atMost, 3000}},
		{row: 1, what: "largest function", unit: "MB", ours: sample{8.02}, reference: sample{10.5}, goal: goal{atMost, 8.5}, note: "lease-order"},
		{row: 3, what: "lease-order", unit: "ms", goal: goal{otherShare, 0.25}, missing: "skipped: no CPU quota can be had here"},
	}
	want := `| # | what | ours | reference | ratio | goal | verdict |
|---|---|---|---|---|---|---|
| **1** | **binary, arm64, stripped** | | | | | |
| | largest function (lease-order) | 8.02 MB | 10.5 MB | 0.76 | ≤ 8.50 MB | met |
| **3** | **first caller at the quota of 128 MB: init and first answer** | | | | | |
| | lease-order | – | – |  | ≤ 1/4 of the reference | not measured here: skipped: no CPU quota can be had here |
| **4** | **page of 1,000 rows, the whole handler** | | | | | |
| | processor time | 1.23 ms (1.23–1.30) | 6 ms | 0.21 | ≤ 1/4 of the reference | met |
| | allocations | 3200 | 28000 | 0.11 | ≤ 3000 | MISSED |
`
	if got := markdown(lines); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	text := terminal(lines)
	if rows := strings.Split(strings.TrimSpace(text), "\n"); len(rows) != 8 || !strings.HasPrefix(rows[1], " 1  binary") || !strings.HasSuffix(rows[7], "MISSED") {
		t.Error(text)
	}
	if strings.Index(lineWith(text, "processor"), "6 ms") != strings.Index(lineWith(text, "allocations"), "28000") {
		t.Errorf("columns do not stand below each other:\n%s", text)
	}
}

func lineWith(text, with string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			return strings.NewReplacer("≤", "<", "–", "-").Replace(line)
		}
	}
	return ""
}
