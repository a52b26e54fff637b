package e2e

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/functions/whitelist-pusher/whitelistpusher"
	"lease-gateway/local/stack"
	"lease-gateway/shared/config"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	partner "lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// pigeonhole is a queue that keeps what it is given.
type pigeonhole struct{ messages []whitelist.Message }

func (p *pigeonhole) Send(_ context.Context, m ...whitelist.Message) ([]int, error) {
	p.messages = append(p.messages, m...)
	return nil, nil
}

// willing is a Tongli that accepts everything.
type willing struct{ slots int }

func (w *willing) SyncWhitelist(_ context.Context, _ string, _ lease.Plate, slots []lease.Slot) partner.Outcome {
	w.slots = len(slots)
	return partner.Outcome{Class: partner.Accepted}
}

// TestUnitsOfAnOrder counts what an order of 30 dates costs from its POST until it is delivered, by ConsumedCapacity, through the handlers themselves.
func TestUnitsOfAnOrder(t *testing.T) {
	s := start(t, stack.Options{})
	tables := tablesOf(s)
	for _, f := range s.Template.Functions {
		if f.Folder == "app-order" {
			tables.Parks = f.Env["PARKS_TABLE"]
		}
	}
	if a := tongli(t, s, "POST", "/lease/park", "", park("P1")); a.Code != 0 {
		t.Fatal(a.Raw)
	}
	quiet, store, queue, gate := slog.New(slog.NewTextHandler(io.Discard, nil)), leasestore.Open(s.DynamoDB(), tables), &pigeonhole{}, &willing{}
	orders := &door.Door{Handle: (&apporder.Orders{Store: store, Queue: queue, Logger: quiet}).Handle, Now: time.Now, Logger: quiet}
	pusher := &whitelistpusher.Pusher{Store: store, Tongli: gate, Breaker: &whitelist.Breaker{Store: store, Now: time.Now}, Now: time.Now, Wait: config.Wait,
		Jitter: func() float64 { return 0 }, Logger: quiet}
	nights := make([]int, 30)
	for i := range nights {
		nights[i] = i + 1
	}
	event, err := json.Marshal(map[string]any{"routeKey": "POST /app/orders", "rawPath": "/app/orders", "body": order("o", "P1", "苏E88888", nights...),
		"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": "POST"}}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := orders.Invoke(t.Context(), event); err != nil || len(queue.messages) != 1 {
		t.Fatalf("%s %v", out, err)
	}
	placed := store.Units()
	body, err := json.Marshal(queue.messages[0])
	if err != nil {
		t.Fatal(err)
	}
	record := events.SQSMessage{MessageId: "m", Body: string(body), Attributes: map[string]string{"MessageGroupId": queue.messages[0].Group(), "ApproximateReceiveCount": "1"}}
	if out, err := pusher.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{record}}); err != nil || len(out.BatchItemFailures) != 0 || gate.slots != 30 {
		t.Fatalf("%+v %v, %d slots", out, err, gate.slots)
	}
	if got := state(t, s, "o"); got != "delivered" {
		t.Fatalf("the order is %s", got)
	}
	all := store.Units()
	if all.Write > 6 || placed.Write < 2 || all.Write <= placed.Write {
		t.Errorf("write units: %g to place it, %g in all, want at most 6", placed.Write, all.Write)
	}
	t.Logf("an order of 30 dates: %g write and %g read units to place it, %g and %g in all, until it is delivered", placed.Write, placed.Read, all.Write, all.Read)
}
