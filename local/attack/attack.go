// Package attack sends forged, mutated and replayed requests to a running gateway and sees that none is let in: nine in ten are one
// change away from a request that was accepted a moment ago. Each kind of forgery has the answers that it may get; any other is a find.
package attack

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options of Run.
type Options struct {
	URL         string // with nothing after the host
	AppID       string
	Secret      string // one that verifies
	Outbound    string // the secret of the other direction; "": not known, or the same one, and that kind is left out
	Requests    int
	Connections int
	Seed        uint64
}

// Count of one kind.
type Count struct {
	Name  string
	Far   bool
	Sent  int
	Codes map[int]int // by code; -1: the gateway answered in its own words
}

// Report of a run.
type Report struct {
	Kinds  []Count
	Sent   int
	Near   int
	Nonces map[string]bool // of the requests that were rightly let in
	Parks  map[string]bool // pushed by those
	Finds  []string
	Took   time.Duration
}

const (
	perRound = 400                          // forged requests for each set of fresh ones: far fewer seconds than a timestamp lives
	atOnce   = "replay: at the same moment" // the kind of race
)

// run is the state of a Run.
type run struct {
	o      Options
	id     string
	wires  []*wire
	pushed int
	seen   []request
	mu     sync.Mutex
	report Report
}

// Run sends o.Requests forged requests over o.Connections connections. An error means that it could not be carried through.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := &run{o: o, id: fmt.Sprintf("attack-%d-%d-", o.Seed, time.Now().UnixNano()), report: Report{Nonces: map[string]bool{}, Parks: map[string]bool{}}}
	all := kinds(o)
	var near, far []int
	for i, k := range all {
		r.report.Kinds = append(r.report.Kinds, Count{Name: k.name, Far: k.far, Codes: map[int]int{}})
		if k.far {
			far = append(far, i)
		} else {
			near = append(near, i)
		}
	}
	r.report.Kinds = append(r.report.Kinds, Count{Name: atOnce, Codes: map[int]int{}})
	for range o.Connections {
		w, err := dialer(o.URL)
		if err != nil {
			return nil, err
		}
		r.wires = append(r.wires, w)
	}
	defer func() {
		for _, w := range r.wires {
			w.close()
		}
	}()
	start, random := time.Now(), rand.New(rand.NewPCG(o.Seed, 0))
	if err := r.race(); err != nil { // the park that the lists ask for
		return nil, err
	}
	for r.report.Sent < o.Requests {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		good, err := r.fresh()
		if err != nil {
			return nil, err
		}
		if err := r.race(); err != nil {
			return nil, err
		}
		var wg sync.WaitGroup
		errs := make([]error, len(r.wires))
		each := min(perRound, max(len(r.wires), o.Requests-r.report.Sent)) / len(r.wires)
		for i, w := range r.wires {
			f := &forger{Rand: rand.New(rand.NewPCG(o.Seed, random.Uint64())), o: o, seen: r.seen}
			offset := random.IntN(len(all))
			wg.Go(func() {
				for n := 0; n < each && errs[i] == nil; n++ {
					at := near[(offset+n)%len(near)]
					if n%10 == 9 {
						at = far[(offset+n/10)%len(far)]
					}
					errs[i] = r.forge(w, f, all[at], at, good)
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
	}
	r.report.Took = time.Since(start)
	for _, k := range r.report.Kinds {
		if k.Sent == 0 {
			r.report.Finds = append(r.report.Finds, "never sent: "+k.Name)
		}
	}
	if 10*r.report.Near < 9*r.report.Sent {
		r.report.Finds = append(r.report.Finds, fmt.Sprintf("only %d of %d were one change away from an accepted request", r.report.Near, r.report.Sent))
	}
	return &r.report, nil
}

func (r *run) forge(w *wire, f *forger, k kind, at int, good []request) error {
	for range 100 { // a kind that fits only some requests
		req := good[f.IntN(len(good))]
		base := req
		if !k.make(f, &req) {
			continue
		}
		a, err := w.send(req)
		if err != nil {
			return fmt.Errorf("%s: %s %s: %w", k.name, req.Method, req.target(), err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		count := &r.report.Kinds[at]
		count.Sent++
		count.Codes[a.Code]++
		r.report.Sent++
		if !k.far {
			r.report.Near++
		}
		if !slices.Contains(k.codes, a.Code) || a.Status < 400 || a.Status >= 500 {
			r.report.Finds = append(r.report.Finds, fmt.Sprintf("%s: %s\n  sent     %s %s %q\n  accepted %s %s %q", k.name, a, req.Method, req.target(), req.Body, base.Method, base.target(), base.Body))
		}
		return nil
	}
	return nil // counted as never sent if it never fits
}

// Print writes the table of kinds, and what was found.
func (r *Report) Print(w io.Writer) {
	for _, k := range r.Kinds {
		var codes []string
		for code, n := range k.Codes {
			name := strconv.Itoa(code)
			if code == own {
				name = "gateway"
			}
			codes = append(codes, fmt.Sprintf("%s ×%d", name, n))
		}
		slices.Sort(codes)
		fmt.Fprintf(w, "%-48s %7d  %s\n", k.Name, k.Sent, strings.Join(codes, ", "))
	}
	fmt.Fprintf(w, "%d forged requests of %d kinds, %.1f %% one change away from an accepted one, %.0f a second; %d accepted in between; %d finds\n",
		r.Sent, len(r.Kinds), 100*float64(r.Near)/float64(r.Sent), float64(r.Sent)/r.Took.Seconds(), len(r.Nonces), len(r.Finds))
}
