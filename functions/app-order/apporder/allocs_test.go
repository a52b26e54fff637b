package apporder_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/local/dynamowire"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/whitelist"
)

type sent struct{}

func (sent) Send(context.Context, ...whitelist.Message) ([]int, error) { return nil, nil }

// parkAndNothingElse answers as a table that holds the park, and no order.
type parkAndNothingElse struct{ *leasestore.Store }

func (parkAndNothingElse) Park(context.Context, string) (*lease.StoredPark, error) {
	return &lease.StoredPark{Park: lease.Park{SN: "P1", Deadline: lease.MustDate("2027-12-31"), Start: 1080, End: 480}}, nil
}

// pinned are the allocations of an order of 30 dates, with the SDK's share for its calls and what -race adds: exact where times are not.
const pinned = 1420

func TestAllocationsOfAnOrder(t *testing.T) {
	now := lease.MustDate("2026-11-24").At(600)
	store := leasestore.Open(dynamowire.Client(map[string][]byte{"Query": []byte(`{"Items":[],"Count":0}`)}), leasestore.Tables{Parks: "p", Orders: "o", Expiring: "e"})
	orders := &apporder.Orders{Store: parkAndNothingElse{store}, Queue: sent{}, Logger: slog.New(slog.DiscardHandler)}
	d := &door.Door{Handle: orders.Handle, Now: func() time.Time { return now }, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), Units: store.Units}
	event := orderOfThirtyDates(t)
	place := func() {
		out, err := d.Invoke(t.Context(), event)
		if err != nil || !strings.Contains(string(out), `"statusCode":201`) {
			t.Fatal(err, string(out))
		}
	}
	if got := testing.AllocsPerRun(50, place); got > pinned {
		t.Errorf("%.0f allocations, pinned at %d", got, pinned)
	}
}

// ordersPanic is a store whose read of a plate's orders meets what it has no word for.
type ordersPanic struct{ parkAndNothingElse }

func (ordersPanic) PlateOrders(context.Context, string, lease.Plate) ([]lease.Order, error) {
	panic("unheard of")
}

// TestPanicBesideTheHandler: a panic in what runs beside the handler is answered as one in it, and does not end the process.
func TestPanicBesideTheHandler(t *testing.T) {
	now := lease.MustDate("2026-11-24").At(600)
	store := leasestore.Open(dynamowire.Client(map[string][]byte{}), leasestore.Tables{Parks: "p", Orders: "o", Expiring: "e"})
	orders := &apporder.Orders{Store: ordersPanic{parkAndNothingElse{store}}, Queue: sent{}, Logger: slog.New(slog.DiscardHandler)}
	d := &door.Door{Handle: orders.Handle, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)}
	out, err := d.Invoke(t.Context(), orderOfThirtyDates(t))
	if err != nil || !strings.Contains(string(out), `"statusCode":500`) || !strings.Contains(string(out), "50001") {
		t.Error(err, string(out))
	}
}

func orderOfThirtyDates(t *testing.T) []byte {
	t.Helper()
	var dates []string
	for n := range 30 {
		dates = append(dates, fmt.Sprintf(`{"date":%q,"start_time":"19:00","end_time":"06:30"}`, lease.MustDate("2026-12-01")+lease.Date(n)))
	}
	event, err := json.Marshal(map[string]any{"routeKey": "POST /app/orders", "rawPath": "/app/orders", "headers": map[string]string{"content-type": "application/json"},
		"body":           `{"order_id":"A-1","park_sn":"P1","car_plate_no":"苏E88888","dates":[` + strings.Join(dates, ",") + `]}`,
		"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": "POST"}}})
	if err != nil {
		t.Fatal(err)
	}
	return event
}
