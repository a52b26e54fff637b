package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	pagesRows  = 1_000_000
	pagesTurns = 15
	// The reference's offset reads what lies before a page and nothing behind it, so fewer rows change none of its figures; a million
	// of its items take the engine five minutes to store, and pages beyond the hundredth end in the function's timeout.
	referenceRows = 200_000
	referenceLast = referenceRows / 1000
)

// pageNumbers are plotted.
var pageNumbers = []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}

// plotted is what row 5 leaves for the plot: time by page number, of each side.
var plotted [2]map[int]sample

func timed(n int, work func() error) (time.Duration, error) {
	began := time.Now()
	for range n {
		if err := work(); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// pages (row 5) walks a park of 1,000,000 rows by page number, and asks for pages of it in turns.
func pages(ctx context.Context, e setting) ([]line, error) {
	sides, stop, err := e.both(ctx, sideOptions{})
	if err != nil {
		return nil, err
	}
	defer stop()
	for i, rows := range []int{pagesRows, referenceRows} {
		say("filling a park of %d rows, %s", rows, sides[i].name)
		if err := sides[i].fill(ctx, "P1", rows); err != nil {
			return nil, err
		}
	}
	say("walking %d pages of ours, which leaves a mark at each", pagesRows/1000)
	for number := 1; number <= pagesRows/1000; number++ {
		a, err := sides[0].askPage(ctx, number)
		if err != nil {
			return nil, err
		}
		if a.Body.HasMore != (number < pagesRows/1000) {
			return nil, fmt.Errorf("page %d: more is %v", number, a.Body.HasMore)
		}
	}
	var took, units, ofRows [2]map[int]sample
	failed, last := "", referenceLast // why the reference gave no later page
	for i := range sides {
		took[i], units[i], ofRows[i] = map[int]sample{}, map[int]sample{}, map[int]sample{}
	}
	for turn := range pagesTurns + 1 {
		for i, s := range sides {
			if _, err := s.askPage(ctx, 2); err != nil { // wakes the side up, after what the other one has asked of the engine
				return nil, err
			}
			for _, number := range pageNumbers {
				if i == 1 && (number > last || number > 20 && turn > 2 || number > 5 && turn > 5) {
					continue // the further the page, the longer: a few turns tell
				}
				before := s.meter.now()
				var a answer
				d, err := timed(1, func() (err error) { a, err = s.askPage(ctx, number); return err })
				if err != nil && i == 1 && number > 1 {
					failed, last = fmt.Sprintf("page %d: %v", number, err), number-1
					say("the reference: %s", failed)
					continue
				}
				if err != nil {
					return nil, err
				}
				if rows := strings.Count(string(a.Body.Data), `"date"`); rows != pageLimit(s, number) {
					return nil, fmt.Errorf("%s: page %d has %d rows", s.name, number, rows)
				}
				if turn == 0 {
					continue // warms up
				}
				took[i][number] = append(took[i][number], ms(d))
				spent := s.meter.now().since(before)
				units[i][number] = append(units[i][number], spent.read)
				ofRows[i][number] = append(ofRows[i][number], spent.reads["OrdersTable"])
			}
		}
	}
	plotted = took
	lines := []line{
		{row: 5, what: "time of page 1,000", unit: "ms", ours: took[0][1000], reference: took[0][1], against: "our page 1", goal: goal{ratioUpTo, 1.2}},
		{row: 5, what: "time of page 100", unit: "ms", ours: took[0][100], reference: took[0][1], against: "our page 1", goal: goal{ratioUpTo, 1.2}},
		{row: 5, what: "read units of the rows of page 1,000", ours: ofRows[0][1000], reference: ofRows[0][1], against: "our page 1", goal: goal{ratioUpTo, 1.2}},
		{row: 5, what: "read units of the rows of page 100", ours: ofRows[0][100], reference: ofRows[0][1], against: "our page 1", goal: goal{ratioUpTo, 1.2}},
	}
	for _, number := range []int{1, 10, 100, 1000} {
		l := line{row: 5, what: "time of page " + strconv.Itoa(number), unit: "ms", ours: took[0][number], reference: took[1][number]}
		u := line{row: 5, what: "all read units of page " + strconv.Itoa(number), ours: units[0][number], reference: units[1][number]}
		if len(l.reference) == 0 {
			l.note = "the reference was not asked"
			if failed != "" {
				l.note = "the reference runs into its timeout of 15 s"
			}
		}
		lines = append(lines, l, u)
	}
	return lines, nil
}

// pageLimit: page 1 begins a walk anew, and with it the marks of the walk that has been made would end. It is asked for in a walk of its own, by a
// limit of one row less.
func pageLimit(s *side, number int) int {
	if s.name == ours && number == 1 {
		return 999
	}
	return 1000
}

var walked bool // page 1 of the walk itself has been asked for

func (s *side) askPage(ctx context.Context, number int) (answer, error) {
	limit := pageLimit(s, number)
	if number == 1 && !walked {
		walked, limit = true, 1000
	}
	return s.must(ctx, pageOf("park_sn", "P1", "page", strconv.Itoa(number), "limit", strconv.Itoa(limit)))
}
