package whitelistpusher

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// pinned are the allocations of a batch of ten plates, the store's apart, with what -race adds: exact where times are not, but for the order of the ten.
const pinned = 2600

func TestAllocationsOfABatch(t *testing.T) {
	b := newBench()
	b.Tongli = &tongli.Client{HTTP: &http.Client{Transport: wire{func(string) time.Duration { return 0 }, `{"code":0,"msg":"ok"}`}}, BaseURL: "http://tongli.example", AppID: "chejiajia-demo",
		Secret: func(context.Context) (string, error) { return "s", nil }, Now: time.Now}
	var due []lease.Order
	var records []events.SQSMessage
	for i := range 10 {
		o := night(fmt.Sprintf("o%d", i), lease.Plate(fmt.Sprintf("苏E0000%d", i)), 1)
		due = append(due, o)
		records = append(records, record(o.OrderID, whitelist.MessageFor(&o), 1))
	}
	push := func() {
		for _, o := range due {
			b.store.orders[o.OrderID] = o
		}
		b.store.writes = b.store.writes[:0]
		out, err := b.Handle(t.Context(), events.SQSEvent{Records: records})
		if err != nil || len(out.BatchItemFailures) > 0 || len(b.store.writes) != 10 {
			t.Fatal(out, err, b.store.writes)
		}
	}
	if got := testing.AllocsPerRun(50, push); got > pinned {
		t.Errorf("%.0f allocations, pinned at %d", got, pinned)
	}
}
