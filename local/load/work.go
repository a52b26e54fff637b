package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

// What both sides use locally (README.md, Configuration).
const (
	appID  = "tongli-demo"
	secret = "demo-secret-not-for-production"
	parks  = 50
)

// work makes the requests: of a hundred, 25 orders, 30 reads of orders, 15 of lease/order, 10 pushed parks, 20 lists and searches of parks.
type work struct {
	api string

	mu     sync.Mutex
	next   int
	plates map[string]string // of the orders that were answered 201, by order_id
	ids    []string
}

func newWork(api string) *work { return &work{api: api, plates: map[string]string{}} }

func (w *work) placed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.ids)
}

func park(i, price int) []byte {
	return fmt.Appendf(nil, `{"park_sn":"LOAD%03d","park_name":"园区停车场","deadline":"2027-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":1,"is_holiday":1,`+
		`"price":%d,"start_price":300,"holiday_price":2000,"longitude":"%.6f","latitude":"31.299379"}`, i, price, 120.6+float64(i)/1000)
}

// prepare has Tongli list the parks, and pushes each once.
func (w *work) prepare(ctx context.Context, l *local) error {
	for i := range parks {
		if err := send(ctx, http.MethodPut, l.tongli+"/parks", park(i, 150)); err != nil {
			return err
		}
		if err := send(ctx, http.MethodPost, w.signed(http.MethodPost, "/lease/park", nil, park(i, 150)), park(i, 150)); err != nil {
			return err
		}
	}
	return nil
}

func send(ctx context.Context, method, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d %s %v", method, url, resp.StatusCode, answer, err)
	}
	return nil
}

// signed is the URL with a signature of this moment.
func (w *work) signed(method, path string, params []signature.Param, body []byte) string {
	return w.api + path + "?" + signature.Query(appID, secret, method, path, params, body, time.Now(), "")
}

// target is the next request.
func (w *work) target(t *vegeta.Target) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	n, i := w.next, rand.IntN(parks)
	t.Header = http.Header{"Content-Type": {"application/json"}}
	t.Body, t.Method = nil, http.MethodGet
	switch kind := rand.IntN(100); {
	case kind < 25:
		t.Method, t.URL = http.MethodPost, w.api+"/app/orders"
		day := lease.DateOf(time.Now()) + 1
		t.Body = fmt.Appendf(nil, `{"order_id":"load-%06d","park_sn":"LOAD%03d","car_plate_no":"苏E%05d","dates":[{"date":%q,"start_time":"19:00","end_time":"06:30"},{"date":%q,"start_time":"19:00","end_time":"06:30"}]}`,
			n, i, n, day, day+1)
	case kind < 55 && len(w.ids) > 0:
		t.URL = w.api + "/app/orders/" + w.ids[rand.IntN(len(w.ids))]
	case kind < 70:
		t.URL = w.signed(http.MethodGet, "/lease/order", []signature.Param{{Name: "park_sn", Value: fmt.Sprintf("LOAD%03d", i)}}, nil)
		t.Header.Set("Accept-Encoding", "gzip")
	case kind < 80:
		t.Method, t.Body = http.MethodPost, park(i, 100+50*rand.IntN(4))
		t.URL = w.signed(t.Method, "/lease/park", nil, t.Body)
	case kind < 90:
		t.URL = w.api + "/app/parks?limit=20"
	default:
		t.URL = w.api + "/app/parks?limit=20&near=120.619585,31.299379"
	}
	return nil
}

// saw learns of the orders that were placed.
func (w *work) saw(r *vegeta.Result) {
	if r.Code != http.StatusCreated {
		return
	}
	var answer struct {
		Data struct {
			OrderID string `json:"order_id"`
			Plate   string `json:"car_plate_no"`
		}
	}
	if json.Unmarshal(r.Body, &answer) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids = append(w.ids, answer.Data.OrderID)
	w.plates[answer.Data.OrderID] = answer.Data.Plate
}

// delivered waits until Tongli knows every plate, a minute at most, and says how many it does not know.
func (w *work) delivered(ctx context.Context, tongli string) (late int, err error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; {
		var entries []struct {
			Plate string `json:"car_plate_no"`
		}
		if err := getJSON(ctx, tongli+"/whitelist", &entries); err != nil {
			return 0, err
		}
		known := map[string]bool{}
		for _, e := range entries {
			known[e.Plate] = true
		}
		late = 0
		w.mu.Lock()
		for _, plate := range w.plates {
			if !known[plate] {
				late++
			}
		}
		w.mu.Unlock()
		if late == 0 || time.Now().After(end) {
			return late, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return late, ctx.Err()
		}
	}
}
