// Package pushes measures the compiled whitelist-pusher against a Tongli behind TLS: how long a batch takes beside a single call, and how many
// handshakes a run of many pushes needs.
package pushes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/local/bench/startup"
	"lease-gateway/local/lambdahost"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/whitelist"
)

// What is asked of it.
const (
	Batch = 10
	Takes = 200 * time.Millisecond // a call to Tongli
)

// Result of one run, of one process.
type Result struct {
	One, Ten   []time.Duration // a batch of one message and one of ten, each as often as was asked
	Pushes     int             // all that were made
	Handshakes int             // for all of them
}

// Ratio of the medians: a batch to a single call.
func (r Result) Ratio() float64 { return float64(median(r.Ten)) / float64(median(r.One)) }

func median(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[len(sorted)/2]
}

// Measure times as many turns of one push and of ten with a Tongli that answers after Takes, and makes as many more pushes, ten at a time, with one
// that answers at once. The orders are placed by the rig's own app-order. prefix keeps the orders of two measurements apart.
func Measure(ctx context.Context, rig *startup.Rig, prefix string, turns, more int) (Result, error) {
	host, err := rig.Host(ctx, "app-order", "whitelist-pusher")
	if err != nil {
		return Result{}, err
	}
	defer host.Stop(0)
	r := run{host: host, rig: rig, prefix: prefix}
	total := turns*(1+Batch) + more
	for range total {
		if err := r.place(ctx); err != nil {
			return Result{}, err
		}
	}
	before := rig.TongliConnections()
	out := Result{Pushes: total}
	if err := rig.Tongli.Fail(tonglisim.Fault{Interface: "SynLeaseOrder", Kind: "delay", DelayMs: int(Takes.Milliseconds())}); err != nil {
		return Result{}, err
	}
	for range turns {
		one, err := r.push(ctx, 1)
		if err != nil {
			return Result{}, err
		}
		ten, err := r.push(ctx, Batch)
		if err != nil {
			return Result{}, err
		}
		out.One, out.Ten = append(out.One, one), append(out.Ten, ten)
	}
	rig.Tongli.Heal()
	for len(r.waiting) > 0 {
		if _, err := r.push(ctx, min(Batch, len(r.waiting))); err != nil {
			return Result{}, err
		}
	}
	out.Handshakes = rig.TongliConnections() - before
	known := map[string]bool{}
	for _, e := range rig.Tongli.Whitelist() {
		known[e.Plate] = true
	}
	for _, plate := range r.placed {
		if !known[string(plate)] {
			return Result{}, fmt.Errorf("%s was not pushed", plate)
		}
	}
	return out, nil
}

type run struct {
	host    *lambdahost.Host
	rig     *startup.Rig
	prefix  string
	placed  []lease.Plate
	waiting []whitelist.Message
}

// place places an order of a plate that no other has.
func (r *run) place(ctx context.Context) error {
	n := len(r.placed)
	plate := lease.Plate(fmt.Sprintf("苏%c%05d", 'A'+rune(r.prefix[0]%8), n))
	id := fmt.Sprintf("%s-%05d", r.prefix, n)
	body := fmt.Sprintf(`{"order_id":%q,"park_sn":"EV1001","car_plate_no":%q,"dates":[{"date":%q,"start_time":"19:00","end_time":"06:30"}]}`, id, plate, lease.DateOf(time.Now())+1)
	event, err := json.Marshal(map[string]any{"version": "2.0", "routeKey": "POST /app/orders", "rawPath": "/app/orders", "headers": map[string]string{"content-type": "application/json"}, "body": body,
		"requestContext": map[string]any{"requestId": id, "routeKey": "POST /app/orders", "http": map[string]string{"method": "POST", "path": "/app/orders"}}})
	if err != nil {
		return err
	}
	answer, err := r.host.Invoke(ctx, "app-order", event)
	if err != nil {
		return err
	}
	var response struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(answer.Payload, &response); err != nil || response.StatusCode != 201 {
		return fmt.Errorf("order %s: %s", id, answer.Payload)
	}
	r.placed = append(r.placed, plate)
	r.waiting = append(r.waiting, whitelist.Message{Version: 1, ParkSN: "EV1001", Plate: plate, OrderID: id, Rev: 1})
	return nil
}

// push delivers the next messages as one batch, as the queue would.
func (r *run) push(ctx context.Context, n int) (time.Duration, error) {
	var batch events.SQSEvent
	for i, m := range r.waiting[:n] {
		body, err := json.Marshal(m)
		if err != nil {
			return 0, err
		}
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprintf("%s-%d", m.OrderID, i), Body: string(body), EventSource: "aws:sqs",
			Attributes: map[string]string{"MessageGroupId": m.Group(), "ApproximateReceiveCount": "1"}})
	}
	r.waiting = r.waiting[n:]
	event, err := json.Marshal(batch)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	answer, err := r.host.Invoke(ctx, "whitelist-pusher", event)
	took := time.Since(begun)
	if err != nil {
		return 0, err
	}
	var out events.SQSEventResponse
	if err := json.Unmarshal(answer.Payload, &out); err != nil || answer.Error != "" || len(out.BatchItemFailures) > 0 {
		return 0, fmt.Errorf("batch: %s", answer.Payload)
	}
	return took, nil
}
