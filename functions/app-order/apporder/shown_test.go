package apporder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/whitelist"
)

// cabinet holds one order and the breaker.
type cabinet struct {
	order   lease.Order
	breaker leasestore.Breaker
	broken  error // of the breaker
	sent    []whitelist.Message
}

func (c *cabinet) Claimed(context.Context, string) (*lease.Content, error) {
	return &c.order.Content, nil
}
func (c *cabinet) Claim(context.Context, *lease.Content, string) (*lease.Content, error) {
	return &c.order.Content, nil
}
func (c *cabinet) CreateOrder(_ context.Context, o *lease.Order, _ string) (*lease.Order, bool, error) {
	return o, true, nil
}
func (c *cabinet) OrderOf(context.Context, *lease.Content) (*lease.Order, error) {
	o := c.order
	return &o, nil
}
func (c *cabinet) ChangeOrder(_ context.Context, o *lease.Order, change func(lease.Order) (lease.Order, bool)) (*lease.Order, error) {
	next, wanted := change(*o)
	if wanted {
		c.order = next
	}
	return &next, nil
}
func (c *cabinet) PlateOrders(context.Context, string, lease.Plate) ([]lease.Order, error) {
	return nil, nil
}
func (c *cabinet) Park(context.Context, string) (*lease.StoredPark, error) {
	return nil, lease.ErrParkUnknown
}
func (c *cabinet) Breaker(context.Context) (leasestore.Breaker, error) { return c.breaker, c.broken }
func (c *cabinet) Send(_ context.Context, m ...whitelist.Message) ([]int, error) {
	c.sent = append(c.sent, m...)
	return nil, nil
}

// ask calls a route at a moment and returns HTTP status, order status and whitelist as they are on the wire.
func (c *cabinet) ask(t *testing.T, method, suffix string, now time.Time) string {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	d := &door.Door{Handle: (&apporder.Orders{Store: c, Queue: c, Logger: quiet}).Handle, Now: func() time.Time { return now }, Logger: quiet}
	event := fmt.Sprintf(`{"routeKey":"%[1]s /app/orders/{order_id}%[2]s","rawPath":"/app/orders/o%[2]s","pathParameters":{"order_id":"o"},"requestContext":{"requestId":"r","http":{"method":"%[1]s"}}}`, method, suffix)
	out, err := d.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		StatusCode int
		Body       string
	}
	var body struct {
		Data struct {
			Status    string
			Whitelist json.RawMessage
		}
	}
	if err := errors.Join(json.Unmarshal(out, &answer), json.Unmarshal([]byte(answer.Body), &body)); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return fmt.Sprintf("%d %s %s", answer.StatusCode, body.Data.Status, strings.NewReplacer(`"`, "", "2026-11-24T", "", "+08:00", "").Replace(string(body.Data.Whitelist)))
}

// TestWhereThePushStands: GET tells the truth about it, and why, in every state (contract, section 4). The clock stands at noon of November 24; the one slot is over on
// November 25 at 06:30.
func TestWhereThePushStands(t *testing.T) {
	noon := lease.MustDate("2026-11-24").At(720)
	over := lease.MustDate("2026-11-25").At(390)
	fresh := lease.Order{Content: lease.Content{OrderID: "o", ParkSN: "P1", Plate: "苏E88888", Slots: []lease.Slot{{Date: lease.MustDate("2026-11-24"), Start: 1140, End: 390}}},
		State: lease.Pending, Rev: 1, CreatedAt: noon, DueAt: noon.Add(time.Minute), Sent: true}
	delivered := func(o *lease.Order) {
		o.State, o.Attempts, o.DeliveredAt, o.DueAt, o.Sent, o.LastError = lease.Delivered, 1, noon.Add(time.Second), time.Time{}, false, ""
	}
	cancelled := func(o *lease.Order) {
		o.Cancelled, o.State, o.Attempts, o.DeliveredAt = true, lease.Pending, 0, time.Time{}
	}
	failed := func(o *lease.Order) {
		o.Attempts, o.LastError, o.DueAt = 3, "HTTP 503", noon.Add(90*time.Second)
		o.NotBefore, o.Sent = o.DueAt, false
	}
	refused := func(o *lease.Order) {
		o.State, o.Attempts, o.LastError, o.DueAt = lease.Refused, 1, "HTTP 200, code 42202: no such plate", time.Time{}
	}
	open := leasestore.Breaker{OpenUntil: noon.Add(30 * time.Second), Reason: "HTTP 503"}
	for _, c := range []struct {
		name    string
		changes []func(*lease.Order)
		breaker leasestore.Breaker
		broken  error
		now     time.Time
		want    string
	}{
		{"on its way", nil, leasestore.Breaker{}, nil, noon, "200 active {state:pending,attempts:0,delivered_at:null,next_attempt_at:null,last_error:null}"},
		{"failed, waits", []func(*lease.Order){failed}, leasestore.Breaker{}, nil, noon, "200 active {state:pending,attempts:3,delivered_at:null,next_attempt_at:12:01:30,last_error:HTTP 503}"},
		{"failed, its next attempt is on its way", []func(*lease.Order){failed, func(o *lease.Order) { o.NotBefore, o.Sent, o.DueAt = time.Time{}, true, noon.Add(5*time.Minute) }}, leasestore.Breaker{}, nil, noon,
			"200 active {state:pending,attempts:3,delivered_at:null,next_attempt_at:null,last_error:HTTP 503}"},
		{"delivered", []func(*lease.Order){delivered}, leasestore.Breaker{}, nil, noon, "200 active {state:delivered,attempts:1,delivered_at:12:00:01,next_attempt_at:null,last_error:null}"},
		{"delivered, pushed once more when it has settled", []func(*lease.Order){delivered, func(o *lease.Order) { o.DueAt = noon.Add(2 * time.Minute); o.NotBefore, o.Unsettled = o.DueAt, o.DueAt }}, leasestore.Breaker{}, nil, noon,
			"200 active {state:delivered,attempts:1,delivered_at:12:00:01,next_attempt_at:12:02:00,last_error:null}"},
		{"delivered, and the nightly push failed", []func(*lease.Order){delivered, func(o *lease.Order) {
			o.Attempts, o.LastError, o.DueAt, o.NotBefore = 2, "no answer in time", noon.Add(42*time.Second), noon.Add(42*time.Second)
		}}, leasestore.Breaker{}, nil, noon, "200 active {state:delivered,attempts:2,delivered_at:12:00:01,next_attempt_at:12:00:42,last_error:no answer in time}"},
		{"refused", []func(*lease.Order){refused}, leasestore.Breaker{}, nil, noon, "200 active {state:refused,attempts:1,delivered_at:null,next_attempt_at:null,last_error:HTTP 200, code 42202: no such plate}"},
		{"refused stays refused when it is over", []func(*lease.Order){refused}, leasestore.Breaker{}, nil, over, "200 ended {state:refused,attempts:1,delivered_at:null,next_attempt_at:null,last_error:HTTP 200, code 42202: no such plate}"},
		{"the minute before its last slot is over", []func(*lease.Order){failed}, leasestore.Breaker{}, nil, over.Add(-time.Minute), "200 active {state:pending,attempts:3,delivered_at:null,next_attempt_at:12:01:30,last_error:HTTP 503}"},
		{"expired, and why", []func(*lease.Order){failed}, leasestore.Breaker{}, nil, over, "200 ended {state:expired,attempts:3,delivered_at:null,next_attempt_at:null,last_error:HTTP 503}"},
		{"ended, it was at the gate", []func(*lease.Order){delivered}, leasestore.Breaker{}, nil, over, "200 ended {state:delivered,attempts:1,delivered_at:12:00:01,next_attempt_at:null,last_error:null}"},
		{"cancelled, to be taken away", []func(*lease.Order){delivered, cancelled}, leasestore.Breaker{}, nil, noon, "200 cancelled {state:pending,attempts:0,delivered_at:null,next_attempt_at:null,last_error:null}"},
		{"cancelled and taken away", []func(*lease.Order){cancelled, delivered}, leasestore.Breaker{}, nil, noon, "200 cancelled {state:delivered,attempts:1,delivered_at:12:00:01,next_attempt_at:null,last_error:null}"},
		{"cancelled, and Tongli refuses to take it away", []func(*lease.Order){cancelled, refused}, leasestore.Breaker{}, nil, noon, "200 cancelled {state:refused,attempts:1,delivered_at:null,next_attempt_at:null,last_error:HTTP 200, code 42202: no such plate}"},
		{"cancelled, over before it was taken away", []func(*lease.Order){cancelled, failed}, leasestore.Breaker{}, nil, over, "200 cancelled {state:expired,attempts:3,delivered_at:null,next_attempt_at:null,last_error:HTTP 503}"},
		{"the circuit is open: until when, attempts unchanged", []func(*lease.Order){failed}, open, nil, noon, "200 active {state:pending,attempts:3,delivered_at:null,next_attempt_at:12:00:30,last_error:circuit open until 12:00:30: HTTP 503}"},
		{"the circuit is half open", nil, open, nil, noon.Add(30 * time.Second), "200 active {state:pending,attempts:0,delivered_at:null,next_attempt_at:null,last_error:circuit half open, the probe goes out with the next sweep: HTTP 503}"},
		{"the circuit is open, and it is at the gate", []func(*lease.Order){delivered}, open, nil, noon, "200 active {state:delivered,attempts:1,delivered_at:12:00:01,next_attempt_at:null,last_error:null}"},
		{"the circuit is open, and it expired", []func(*lease.Order){failed}, leasestore.Breaker{OpenUntil: over.Add(time.Hour)}, nil, over, "200 ended {state:expired,attempts:3,delivered_at:null,next_attempt_at:null,last_error:HTTP 503}"},
		{"the breaker cannot be read: what the order knows", []func(*lease.Order){failed}, open, lease.ErrUnavailable, noon, "200 active {state:pending,attempts:3,delivered_at:null,next_attempt_at:12:01:30,last_error:HTTP 503}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := &cabinet{order: fresh, breaker: c.breaker, broken: c.broken}
			for _, change := range c.changes {
				change(&store.order)
			}
			if got := store.ask(t, "GET", "", c.now); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
	// whoever asks for a push, or cancels, through an open circuit is told so
	for _, call := range []struct{ method, suffix, want string }{
		{"POST", "/push", "202 active {state:pending,attempts:3,delivered_at:null,next_attempt_at:12:00:30,last_error:circuit open until 12:00:30: HTTP 503}"},
		{"DELETE", "", "200 cancelled {state:pending,attempts:0,delivered_at:null,next_attempt_at:12:00:30,last_error:circuit open until 12:00:30: HTTP 503}"},
	} {
		store := &cabinet{order: fresh, breaker: open}
		failed(&store.order)
		if got := store.ask(t, call.method, call.suffix, noon); got != call.want || len(store.sent) != 1 {
			t.Errorf("%s%s: sent %d\n got %s\nwant %s", call.method, call.suffix, len(store.sent), got, call.want)
		}
	}
	// a push that is asked for makes a refused order pending, and does not wait for its time
	store := &cabinet{order: fresh}
	refused(&store.order)
	if got, want := store.ask(t, "POST", "/push", noon), "202 active {state:pending,attempts:1,delivered_at:null,next_attempt_at:null,last_error:HTTP 200, code 42202: no such plate}"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got, want := store.ask(t, "POST", "/push", over), "409  "; !strings.HasPrefix(got, want) {
		t.Errorf("a push of what is over: %s", got)
	}
}
