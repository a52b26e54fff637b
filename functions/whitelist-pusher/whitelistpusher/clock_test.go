package whitelistpusher

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/shared/config"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// wire is Tongli's end of the network: each call takes its time, or hangs until the caller gives it up.
type wire struct {
	takes func(plate string) time.Duration // below 0: for ever
	body  string
}

func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(raw), `"car_plate_no":"`)
	plate, _, _ := strings.Cut(rest, `"`)
	takes, body := w.takes(plate), w.body
	if takes < 0 {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	if err := config.Wait(req.Context(), takes); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

// TestTenAtATime, exact on a clock of its own: a batch of ten plates takes as long as its slowest call, a call that hangs costs its own plate two
// timeouts and the others nothing, and the invocation never runs into its end.
func TestTenAtATime(t *testing.T) {
	const quick, never = 200 * time.Millisecond, -1
	const body = `{"code":0,"msg":"ok"}`
	for _, c := range []struct {
		name   string
		takes  func(i int) time.Duration
		body   string
		left   time.Duration // of the invocation
		lasts  time.Duration
		states func(i int) string // state, attempts, and when after the start it was delivered
	}{
		{"200 ms a call", func(int) time.Duration { return quick }, body, 45 * time.Second, quick, func(int) string { return "delivered 1 200ms" }},
		{"one hangs", func(i int) time.Duration {
			if i == 3 {
				return never
			}
			return quick
		}, body, 45 * time.Second, 10*time.Second + whitelist.InvocationRetry + 10*time.Second, func(i int) string {
			if i == 3 {
				return "pending 2 -"
			}
			return "delivered 1 200ms"
		}},
		{"all hang", func(int) time.Duration { return never }, body, 45 * time.Second, 10*time.Second + whitelist.InvocationRetry + 10*time.Second, func(int) string { return "pending 2 -" }},
		{"all hang, and there is no time for a second call", func(int) time.Duration { return never }, body, 15 * time.Second, 10*time.Second + whitelist.InvocationRetry, func(int) string { return "pending 1 -" }},
		{"no time for a call at all", func(int) time.Duration { return quick }, body, 11 * time.Second, 0, func(int) string { return "pending 0 -" }},
		{"each a little slower than the one before", func(i int) time.Duration { return time.Duration(i) * time.Second }, body, 45 * time.Second, 9 * time.Second, func(i int) string {
			return "delivered 1 " + (time.Duration(i) * time.Second).String()
		}},
		{"slow to say that it wants a new signature: both calls are one", func(int) time.Duration { return 6 * time.Second }, `{"code":40104}`, 45 * time.Second, 10*time.Second + whitelist.InvocationRetry + 10*time.Second, func(int) string { return "pending 2 -" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				index := map[string]int{}
				var records []events.SQSMessage
				for i := range 10 {
					o := night(fmt.Sprintf("o%d", i), lease.Plate(fmt.Sprintf("苏E0000%d", i)), 1)
					index[string(o.Plate)] = i
					b.store.orders[o.OrderID] = o
					records = append(records, record(o.OrderID, whitelist.MessageFor(&o), 1))
				}
				b.Now, b.Wait = time.Now, config.Wait
				b.Tongli = &tongli.Client{HTTP: &http.Client{Transport: wire{func(plate string) time.Duration { return c.takes(index[plate]) }, c.body}}, BaseURL: "http://tongli.example",
					AppID: "chejiajia-demo", Secret: func(context.Context) (string, error) { return "s", nil }, Now: time.Now}
				ctx, cancel := context.WithTimeout(t.Context(), c.left)
				defer cancel()
				start := time.Now()
				out, err := b.Handle(ctx, events.SQSEvent{Records: records})
				if err != nil || len(out.BatchItemFailures) != 0 {
					t.Errorf("answer %+v %v", out, err)
				}
				if took := time.Since(start); took != c.lasts {
					t.Errorf("the batch took %s, want %s", took, c.lasts)
				}
				if ctx.Err() != nil {
					t.Error("it ran into the end of the invocation")
				}
				for i := range 10 {
					o := b.store.of(fmt.Sprintf("o%d", i))
					at := "-"
					if !o.DeliveredAt.IsZero() {
						at = o.DeliveredAt.Sub(start).String()
					}
					if got, want := fmt.Sprintf("%s %d %s", o.State, o.Attempts, at), c.states(i); got != want {
						t.Errorf("plate %d: %s, want %s", i, got, want)
					}
					if o.State == lease.Pending && o.DueAt.IsZero() {
						t.Errorf("plate %d is pending and not due", i)
					}
				}
			})
		})
	}
}
