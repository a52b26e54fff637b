package apppark_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/functions/app-park/apppark"
	"lease-gateway/local/dynamowire"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

// recorder keeps the items that the store writes.
type recorder struct {
	leasestore.Client
	items []map[string]types.AttributeValue
}

func (r *recorder) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{}, nil
}

func (r *recorder) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	r.items = append(r.items, in.Item)
	return &dynamodb.PutItemOutput{}, nil
}

// twentyParks is DynamoDB's answer to a scan, as the store writes parks.
func twentyParks(t *testing.T) []byte {
	r := &recorder{}
	writer := leasestore.Open(r, leasestore.Tables{Parks: "p"})
	for i := range 20 {
		if _, err := writer.MergePark(t.Context(), fmt.Sprintf("P%02d", i), func(h *lease.StoredPark) (lease.StoredPark, bool) {
			return h.ApplyPush(lease.Park{SN: fmt.Sprintf("P%02d", i), Name: "园区停车场", Deadline: lease.MustDate("2027-12-31"), Start: 1080, End: 480, Sat: true, Price: 150, StartPrice: 300,
				HolidayPrice: 2000, Longitude: "120.619585", Latitude: "31.299379"}, 1, now)
		}); err != nil {
			t.Fatal(err)
		}
	}
	var items []map[string]any
	for _, i := range r.items {
		one := map[string]any{}
		for name, value := range i {
			switch v := value.(type) {
			case *types.AttributeValueMemberS:
				one[name] = map[string]string{"S": v.Value}
			case *types.AttributeValueMemberN:
				one[name] = map[string]string{"N": v.Value}
			default:
				t.Fatalf("%s is a %T", name, value)
			}
		}
		items = append(items, one)
	}
	raw, err := json.Marshal(map[string]any{"Items": items, "Count": len(items), "ScannedCount": len(items)})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// pinned are the allocations of a list of twenty parks, with the SDK's share and what -race adds: exact where times are not.
const pinned = 1320

func TestAllocationsOfAList(t *testing.T) {
	store := leasestore.Open(dynamowire.Client(map[string][]byte{"Scan": twentyParks(t)}), leasestore.Tables{Parks: "p"})
	d := &door.Door{Handle: apppark.Handle(store), Now: func() time.Time { return now }, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), Units: store.Units}
	event, err := json.Marshal(map[string]any{"routeKey": "GET /app/parks", "rawPath": "/app/parks", "rawQueryString": "limit=20",
		"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": "GET"}}})
	if err != nil {
		t.Fatal(err)
	}
	list := func() {
		out, err := d.Invoke(t.Context(), event)
		if err != nil || strings.Count(string(out), `\"park_sn\"`) != 20 {
			t.Fatal(err, string(out))
		}
	}
	if got := testing.AllocsPerRun(50, list); got > pinned {
		t.Errorf("%.0f allocations, pinned at %d", got, pinned)
	}
}
