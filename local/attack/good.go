package attack

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lease-gateway/shared/signature"
)

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

// anew is the same request with another nonce and sign.
func (r *run) anew(req request) request {
	nonce := signature.NewNonce()
	r.report.Nonces[nonce] = true
	with(&req, "nonce", nonce)
	resign(&req, r.o.Secret)
	return req
}

// accepted sends a request that must be accepted and returns it as it was. After a connection error nobody knows whether it arrived, so
// it is signed anew: a repeat could be refused as a replay.
func (r *run) accepted(w *wire, req request) (request, error) {
	a, err := w.once(req)
	for try := 0; err != nil && try < 2; try++ {
		w.close()
		req = r.anew(req)
		a, err = w.once(req)
	}
	if err == nil && a.Code != 0 {
		err = errors.New(a.String())
	}
	if err != nil {
		return req, fmt.Errorf("a good request was not accepted: %s %s: %w", req.Method, req.target(), err)
	}
	return req, nil
}

// fresh sends requests that must be accepted, one of each shape and clock.
func (r *run) fresh() ([]request, error) {
	var accepted []request
	for n := range 12 {
		req, err := r.accepted(r.wires[n%len(r.wires)], r.good(n))
		if err != nil {
			return nil, err
		}
		accepted = append(accepted, req)
	}
	r.seen = append(r.seen, accepted...)
	if len(r.seen) > 120 {
		r.seen = slices.Clone(r.seen[len(r.seen)-120:])
	}
	return accepted, nil
}

// race sends one good request over all connections at the same time: one is let in, all others are replays. Where a connection breaks,
// the one that was let in may be the one whose answer is lost.
func (r *run) race() error {
	req := r.good(0)
	answers, errs := make([]answer, len(r.wires)), make([]error, len(r.wires))
	var wg sync.WaitGroup
	for i, w := range r.wires {
		wg.Go(func() { answers[i], errs[i] = w.once(req) })
	}
	wg.Wait()
	in, lost, count := 0, false, &r.report.Kinds[len(r.report.Kinds)-1]
	for i, a := range answers {
		if errs[i] != nil {
			lost = true
			r.wires[i].close()
			if a, errs[i] = r.wires[i].send(req); errs[i] != nil {
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
	if in > 1 || in == 0 && !lost {
		r.report.Finds = append(r.report.Finds, fmt.Sprintf("%s: %d of %d equal requests were let in", count.Name, in, len(r.wires)))
	}
	return nil
}

// Well sends good requests of each shape: all must be accepted.
func Well(o Options) error {
	w, err := dialer(o.URL)
	if err != nil {
		return err
	}
	defer w.close()
	r := &run{o: o, id: fmt.Sprintf("attack-%d-%d-", o.Seed, time.Now().UnixNano()), wires: []*wire{w}, report: Report{Nonces: map[string]bool{}, Parks: map[string]bool{}}}
	_, err = r.fresh()
	return err
}
