package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
)

// BenchmarkAccepted places orders at 50 a second, whatever the answers do, and measures from each 201 until Tongli has accepted that plate's push. The goal is
// 2 s at the 99th percentile with a healthy Tongli. Run: make bench-push
func BenchmarkAccepted(b *testing.B) {
	const perSecond = 50
	var mu sync.Mutex
	placed, pushed := map[string]time.Time{}, map[string]time.Time{}
	s := start(b, stack.Options{SweepEvery: 5 * time.Second, Tongli: tonglisim.Options{OnCall: func(c tonglisim.Call) {
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
	tongli(b, s, "POST", "/lease/park", "", park("P1"))
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 64
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	var calls sync.WaitGroup
	b.ResetTimer()
	for i := range b.N {
		<-tick.C
		calls.Go(func() {
			plate := fmt.Sprintf("苏E%05d", i)
			status := attempt(b.Context(), "POST", s.URL+"/app/orders", order(fmt.Sprintf("b%05d", i), "P1", plate, 1))
			mu.Lock()
			defer mu.Unlock()
			if placed[plate] = time.Now(); status != 201 {
				b.Errorf("order %d: %d", i, status)
			}
		})
	}
	calls.Wait()
	eventually(b, time.Minute, "all accepted", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(pushed) == b.N
	})
	b.StopTimer()
	var waits []time.Duration
	for plate, at := range placed {
		waits = append(waits, max(0, pushed[plate].Sub(at)))
	}
	slices.Sort(waits)
	at := func(percent int) float64 { return float64(waits[(len(waits)-1)*percent/100].Milliseconds()) }
	b.ReportMetric(at(50), "p50-ms")
	b.ReportMetric(at(99), "p99-ms")
	b.ReportMetric(at(100), "max-ms")
}
