package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"lease-gateway/local/tonglisim"
)

const (
	acceptOrders    = 1000
	acceptPerSecond = 50
	acceptRuns      = 2
)

// accepted (row 9) places orders at 50 a second through the whole local stack, whatever the answers do, and measures from each 201 until Tongli has
// accepted that plate's push.
func accepted(ctx context.Context, e setting) ([]line, error) {
	var waits [2]sample
	var p99 [2]sample
	for run := range acceptRuns {
		for i, name := range []string{ours, reference} {
			all, err := e.acceptance(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("%s, run %d: %w", name, run+1, err)
			}
			waits[i], p99[i] = append(waits[i], all...), append(p99[i], all.at(0.99))
		}
	}
	return []line{
		{row: 9, what: "99th percentile", unit: "ms", ours: p99[0], reference: p99[1], goal: goal{worstUpTo, 2000}},
		{row: 9, what: "median of all orders", unit: "ms", ours: waits[0], reference: waits[1]},
	}, nil
}

func (e setting) acceptance(ctx context.Context, name string) (sample, error) {
	var mu sync.Mutex
	placed, pushed := map[string]time.Time{}, map[string]time.Time{}
	s, err := e.start(ctx, name, sideOptions{sim: tonglisim.Options{Parks: []map[string]any{}, OnCall: func(c tonglisim.Call) {
		var body struct {
			Plate string `json:"car_plate_no"`
		}
		if json.Unmarshal(c.Body, &body) == nil && c.Applied {
			mu.Lock()
			defer mu.Unlock()
			if pushed[body.Plate].IsZero() {
				pushed[body.Plate] = time.Now()
			}
		}
	}}})
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if _, err := s.must(ctx, pushOf(parkBody("P1"))); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	tick := time.NewTicker(time.Second / acceptPerSecond)
	defer tick.Stop()
	var calls sync.WaitGroup
	var failed error
	for i := range acceptOrders {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
		calls.Go(func() {
			plate := fmt.Sprintf("苏E%05d", i)
			resp, err := client.Post(s.URL+"/app/orders", "application/json", strings.NewReader(orderBody(fmt.Sprintf("b%05d", i), "P1", plate, 1)))
			status := 0
			if err == nil {
				status = resp.StatusCode
				_ = resp.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			if placed[plate] = time.Now(); status != http.StatusCreated {
				failed = fmt.Errorf("order %d: %d %v", i, status, err)
			}
		})
	}
	calls.Wait()
	if failed != nil {
		return nil, failed
	}
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		mu.Lock()
		n := len(pushed)
		mu.Unlock()
		if n == acceptOrders {
			break
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-limit.C:
			return nil, fmt.Errorf("%d of %d orders are not accepted a minute after the last one", acceptOrders-n, acceptOrders)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	var waits sample
	for plate, at := range placed {
		waits = append(waits, ms(max(0, pushed[plate].Sub(at))))
	}
	return waits, nil
}
