package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
)

const (
	pollParks  = 100_000
	pollRounds = 3
)

// report is the poller's answer, as far as it is compared.
type report struct {
	Seen, Added, Corrected, Unchanged int
	Complete                          bool
	Reason                            *string
	FetchMs                           int64 `json:"fetch_ms"`
	ReadMs                            int64 `json:"read_ms"`
	CompareMs                         int64 `json:"compare_ms"`
	WriteMs                           int64 `json:"write_ms"`
	Elapsed                           int64 `json:"ms"`
}

// heapPeaks reads what the collector says of itself (GODEBUG=gctrace=1): the heap at the end of each collection, garbage included.
type heapPeaks struct {
	mu   sync.Mutex
	peak float64 // MB
}

var traceLine = regexp.MustCompile(`gc \d+ @.* (\d+)->(\d+)->\d+ MB,`)

func (h *heapPeaks) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range traceLine.FindAllSubmatch(b, -1) {
		for _, figure := range m[1:] {
			n, _ := strconv.ParseFloat(string(figure), 64)
			h.peak = max(h.peak, n)
		}
	}
	return len(b), nil
}

// take returns the peak since it was last taken.
func (h *heapPeaks) take() float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	peak := h.peak
	h.peak = 0
	return peak
}

// polled is what one sweep cost.
type polled struct {
	report                 report
	puts, reads, heap, cpu float64
}

// polls (row 7) sweeps 100,000 parks of a Tongli in a process of its own: at first all are new, then nothing has changed, then 1 % has.
func polls(ctx context.Context, e setting) ([]line, error) {
	address, stopTongli, err := startManyParks()
	if err != nil {
		return nil, err
	}
	defer stopTongli()
	var heaps [2]heapPeaks
	var sides [2]*side
	for i, name := range []string{ours, reference} {
		s, err := e.start(ctx, name, sideOptions{tongli: address, godebug: "gctrace=1", log: io.Writer(&heaps[i])})
		if err != nil {
			return nil, err
		}
		defer s.stop()
		sides[i] = s
	}
	var all [2]map[string][]polled
	for i, s := range sides {
		all[i] = map[string][]polled{}
		say("100,000 new parks, %s", s.name)
		p, err := s.poll(ctx, &heaps[i])
		if err != nil {
			return nil, err
		}
		if p.puts != pollParks {
			return nil, fmt.Errorf("%s: %.0f writes of new parks: %+v", s.name, p.puts, p.report)
		}
		all[i]["new"] = append(all[i]["new"], p)
	}
	for round := range 2 * pollRounds {
		kind := "unchanged"
		if round%2 == 1 {
			kind = "1 %"
			resp, err := http.Post(fmt.Sprintf("%s/change?round=%d", address, round), "", nil)
			if err != nil {
				return nil, err
			}
			_ = resp.Body.Close()
		}
		for i, s := range sides {
			p, err := s.poll(ctx, &heaps[i])
			if err != nil {
				return nil, err
			}
			all[i][kind] = append(all[i][kind], p)
		}
	}
	of := func(side int, kind string, figure func(polled) float64) (s sample) {
		for _, p := range all[side][kind] {
			s = append(s, figure(p))
		}
		return s
	}
	both := func(what, unit, kind string, g goal, figure func(polled) float64) line {
		return line{row: 7, what: what + ", " + map[string]string{"unchanged": "nothing changed", "1 %": "1 % changed", "new": "all new"}[kind], unit: unit,
			ours: of(0, kind, figure), reference: of(1, kind, figure), goal: g}
	}
	puts, reads := func(p polled) float64 { return p.puts }, func(p polled) float64 { return p.reads }
	heap, cpu := func(p polled) float64 { return p.heap }, func(p polled) float64 { return p.cpu }
	lines := []line{
		both("park writes", "", "unchanged", goal{exactly, 0}, puts), both("park writes", "", "1 %", goal{exactly, pollParks / 100}, puts),
		both("read units", "", "unchanged", goal{worstUpTo, 6000}, reads), both("read units", "", "1 %", goal{worstUpTo, 6000}, reads),
		both("heap peak", "MB", "unchanged", goal{worstUpTo, 128}, heap), both("heap peak", "MB", "1 %", goal{worstUpTo, 128}, heap), both("heap peak", "MB", "new", goal{worstUpTo, 128}, heap),
		both("processor time", "ms", "unchanged", goal{}, cpu), both("time", "ms", "unchanged", goal{}, func(p polled) float64 { return float64(p.report.Elapsed) }),
	}
	for _, part := range []struct {
		name string
		of   func(report) int64
	}{{"fetching", func(r report) int64 { return r.FetchMs }}, {"reading", func(r report) int64 { return r.ReadMs }}, {"comparing", func(r report) int64 { return r.CompareMs }},
		{"writing", func(r report) int64 { return r.WriteMs }}} {
		lines = append(lines, line{row: 7, what: "of it " + part.name + ", 1 % changed", unit: "ms", ours: of(0, "1 %", func(p polled) float64 { return float64(part.of(p.report)) })})
	}
	return lines, nil
}

func (s *side) poll(ctx context.Context, heap *heapPeaks) (p polled, err error) {
	heap.take()
	before := s.meter.now()
	spent, err := s.cpu(poller)
	if err != nil {
		return p, err
	}
	payload, err := s.invoke(ctx, poller, []byte(`{}`))
	if err != nil {
		return p, err
	}
	after, err := s.cpu(poller)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(payload, &p.report); err != nil || !p.report.Complete || p.report.Seen != pollParks {
		return p, fmt.Errorf("%s: not a whole sweep: %v %.500s", s.name, err, payload)
	}
	d := s.meter.now().since(before)
	p.puts, p.reads, p.heap, p.cpu = float64(d.calls["PutItem ParksTable"]), d.read, heap.take(), ms(after-spent)
	return p, nil
}
