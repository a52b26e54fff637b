package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	pageRounds = 25
	pageCalls  = 20 // of each side in a round
)

// page (row 4) asks for page 1 of 1,000 rows, of a park that has more: event in, signature, nonce, read, mark, answer out, each side in a process of
// its own. Its processor time is what the kernel counted.
func page(ctx context.Context, e setting) ([]line, error) {
	sides, stop, err := e.both(ctx, sideOptions{})
	if err != nil {
		return nil, err
	}
	defer stop()
	for _, s := range sides {
		if err := s.fill(ctx, "P1", 1500); err != nil {
			return nil, err
		}
	}
	var spent, waited [2]sample
	for round := range pageRounds + 1 {
		for i, s := range sides {
			before, err := s.cpu(leaseOrder)
			if err != nil {
				return nil, err
			}
			took, err := timed(pageCalls, func() error {
				a, err := s.must(ctx, pageOf("park_sn", "P1"))
				if rows := strings.Count(string(a.Body.Data), `"date"`); err == nil && (rows != 1000 || !a.Body.HasMore) {
					err = fmt.Errorf("%s: a page of %d rows", s.name, rows)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			after, err := s.cpu(leaseOrder)
			if err != nil {
				return nil, err
			}
			if round > 0 { // the first one warms up
				spent[i] = append(spent[i], ms(after-before)/pageCalls)
				waited[i] = append(waited[i], ms(took)/pageCalls)
			}
		}
	}
	lines := []line{
		{row: 4, what: "processor time", unit: "ms", ours: spent[0], reference: spent[1], goal: goal{otherShare, 0.25}},
		{row: 4, what: "time, the engine and its meter included", unit: "ms", ours: waited[0], reference: waited[1]},
	}
	return append(lines, allocations(ctx, e)...), nil
}

var benchLine = regexp.MustCompile(`(?m)^BenchmarkThousandRows(/plain)?\S*\s.* (\d+) allocs/op`)

// allocations runs both sides' own benchmark, over answers that are given: they are exact.
func allocations(ctx context.Context, e setting) []line {
	l := line{row: 4, what: "allocations", goal: goal{atMost, 3000}}
	for i, dir := range []string{"functions/lease-order/leaseorder", "local/bench/reference"} {
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "ThousandRows", "-benchtime", "50x", ".")
		cmd.Dir = filepath.Join(e.root, dir)
		out, err := cmd.CombinedOutput()
		found := benchLine.FindSubmatch(out)
		if err != nil || found == nil {
			l.missing = fmt.Sprintf("%s: %v", dir, err)
			return []line{l}
		}
		n, _ := strconv.ParseFloat(string(found[2]), 64)
		if i == 0 {
			l.ours = sample{n}
		} else {
			l.reference = sample{n}
		}
	}
	return []line{l}
}
