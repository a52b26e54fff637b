package leasepark_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lease-gateway/functions/lease-park/leasepark"
	"lease-gateway/local/dynamowire"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

type secrets struct{}

func (secrets) Live(context.Context, bool) ([]string, error) { return []string{"secret"}, nil }

const body = `{"park_sn":"P1","park_name":"园区停车场","deadline":"2027-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":1,"is_holiday":0,` +
	`"price":150,"start_price":300,"holiday_price":2000,"longitude":"120.619585","latitude":"31.299379"}`

// pinned are the allocations of a push, with the SDK's share for its three calls and what -race adds: exact where times are not.
const pinned = 1120

func TestAllocationsOfAPush(t *testing.T) {
	now := lease.MustDate("2026-11-24").At(600)
	store := leasestore.Open(dynamowire.Client(nil), leasestore.Tables{Parks: "p", Expiring: "e"})
	d := &door.Door{Signed: &door.Signed{AppID: "tongli", Secrets: secrets{}, Nonces: store}, Handle: leasepark.Handle(store),
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), Units: store.Units}
	event, err := json.Marshal(map[string]any{"routeKey": "POST /lease/park", "rawPath": "/lease/park", "body": body,
		"rawQueryString": signature.Query("tongli", "secret", "POST", "/lease/park", nil, []byte(body), now, ""), "headers": map[string]string{"content-type": "application/json"},
		"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": "POST"}}})
	if err != nil {
		t.Fatal(err)
	}
	push := func() {
		out, err := d.Invoke(t.Context(), event)
		if err != nil || !strings.Contains(string(out), `{\"code\":0,`) {
			t.Fatal(err, string(out))
		}
	}
	if got := testing.AllocsPerRun(50, push); got > pinned {
		t.Errorf("%.0f allocations, pinned at %d", got, pinned)
	}
}
