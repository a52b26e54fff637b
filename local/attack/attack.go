// Package attack sends forged, mutated and replayed requests to a running gateway and sees that none is let in: nine in ten are one
// change away from a request that was accepted a moment ago. Each kind of forgery has the answers that it may get; any other is a find.
package attack

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lease-gateway/shared/signature"
)

// Options of Run.
type Options struct {
	URL         string
	AppID       string
	Secret      string // one that verifies
	Outbound    string // the secret of the other direction
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

const perRound = 400 // forged requests for each set of fresh ones: far fewer seconds than a timestamp lives

// run is the state of a Run.
type run struct {
	o       Options
	id      string
	address string
	wires   []*wire
	pushed  int
	seen    []request
	mu      sync.Mutex
	report  Report
}

// Run sends o.Requests forged requests over o.Connections connections. An error means that it could not be carried through.
func Run(o Options) (*Report, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, err
	}
	r := &run{o: o, id: fmt.Sprintf("attack-%d-%d-", o.Seed, time.Now().UnixNano()), address: u.Host, report: Report{Nonces: map[string]bool{}, Parks: map[string]bool{}}}
	all := kinds()
	var near, far []int
	for i, k := range all {
		r.report.Kinds = append(r.report.Kinds, Count{Name: k.name, Far: k.far, Codes: map[int]int{}})
		if k.far {
			far = append(far, i)
		} else {
			near = append(near, i)
		}
	}
	r.report.Kinds = append(r.report.Kinds, Count{Name: "replay: at the same moment", Codes: map[int]int{}})
	for range o.Connections {
		r.wires = append(r.wires, &wire{address: r.address})
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
	return &r.report, nil
}

// good makes a request as Tongli would send it.
func (r *run) good(n int) request {
	now, list := time.Now(), r.id+"0"
	var req request
	switch n % 4 {
	case 0, 1:
		sn := r.id + strconv.Itoa(r.pushed)
		r.pushed++
		r.report.Parks[sn] = true
		fields := [][2]string{{"park_sn", sn}, {"park_name", "园区"}, {"deadline", "2037-12-31"}, {"start_time", "18:00"}, {"end_time", "08:00"}, {"is_sat", "1"}, {"is_sun", "1"}, {"is_holiday", "0"}, {"price", "150"}, {"start_price", "300"}, {"holiday_price", "2000"}}
		req = request{Method: "POST", Path: "/lease/park"}
		var parts []string
		for _, f := range fields {
			if n%4 == 0 {
				parts = append(parts, fmt.Sprintf("%q:%q", f[0], f[1]))
			} else {
				parts = append(parts, f[0]+"="+url.QueryEscape(f[1]))
			}
		}
		if n%4 == 0 {
			req.Headers, req.Body = []string{"Content-Type: application/json"}, []byte("{"+strings.Join(parts, ",")+"}")
		} else {
			req.Headers, req.Body = []string{"Content-Type: application/x-www-form-urlencoded"}, []byte(strings.Join(parts, "&"))
		}
	case 2:
		req = request{Method: "POST", Path: "/lease/order", Headers: []string{"Content-Type: application/json"}, Body: fmt.Appendf(nil, `{"park_sn":%q,"limit":10}`, list)}
	case 3:
		req = request{Method: "GET", Path: "/lease/order"}
	}
	params := []signature.Param{}
	if req.Method == "GET" {
		params = append(params, signature.Param{Name: "park_sn", Value: list})
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	if n%3 == 2 {
		stamp = strconv.FormatInt(now.UnixMilli(), 10)
	}
	params = append(params, signature.Param{Name: "app_id", Value: r.o.AppID}, signature.Param{Name: "timestamp", Value: stamp}, signature.Param{Name: "nonce", Value: signature.NewNonce()})
	req.Query = signature.CanonicalQuery(params) + "&sign=" + signature.Sign(r.o.Secret, signature.StringToSign(req.Method, req.Path, params, req.Body))
	r.report.Nonces[params[len(params)-1].Value] = true
	return req
}

// fresh sends requests that must be accepted, one of each shape and clock.
func (r *run) fresh() ([]request, error) {
	var accepted []request
	for n := range 12 {
		req := r.good(n)
		a, err := r.wires[n%len(r.wires)].send(req)
		if err != nil || a.Code != 0 {
			return nil, fmt.Errorf("a good request was not accepted: %s %s: %v %w", req.Method, req.target(), a, err)
		}
		accepted = append(accepted, req)
	}
	r.seen = append(r.seen, accepted...)
	if len(r.seen) > 120 {
		r.seen = slices.Clone(r.seen[len(r.seen)-120:])
	}
	return accepted, nil
}

// race sends one good request over all connections at the same time: one is let in, all others are replays.
func (r *run) race() error {
	req := r.good(0)
	answers, errs := make([]answer, len(r.wires)), make([]error, len(r.wires))
	var wg sync.WaitGroup
	for i, w := range r.wires {
		wg.Go(func() { answers[i], errs[i] = w.once(req) })
	}
	wg.Wait()
	in, count := 0, &r.report.Kinds[len(r.report.Kinds)-1]
	for i, a := range answers {
		if errs[i] != nil {
			r.wires[i].close()
			if a, errs[i] = r.wires[i].send(req); errs[i] != nil { // an old connection: the server had closed it
				return errs[i]
			}
		}
		switch a.Code {
		case 0:
			in++
		case usedNonce:
			count.Sent++
			count.Codes[a.Code]++
			r.report.Sent++
			r.report.Near++
		default:
			r.report.Finds = append(r.report.Finds, "at the same moment: "+a.String())
		}
	}
	if in != 1 {
		r.report.Finds = append(r.report.Finds, fmt.Sprintf("%d of %d equal requests at the same moment were let in", in, len(r.wires)))
	}
	return nil
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
	for _, f := range r.Finds[:min(len(r.Finds), 20)] {
		fmt.Fprintln(w, "FIND:", f)
	}
}
