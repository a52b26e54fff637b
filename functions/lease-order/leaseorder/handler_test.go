package leaseorder_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/functions/lease-order/leaseorder"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

type item = map[string]types.AttributeValue

// table answers what the store asks of DynamoDB: items by key, a range of a partition in order, page by page. It reads the store's own
// requests, so the real store and the real handler run over it.
type table struct {
	leasestore.Client
	items map[string]item // pk + "\n" + sk
	chunk int             // items of one answer at most, as a query's megabyte is
}

func text(v types.AttributeValue) string {
	s, _ := v.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func (t *table) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{Item: t.items[text(in.Key["pk"])+"\n"+text(in.Key["sk"])]}, nil
}

func (t *table) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	t.items[text(in.Item["pk"])+"\n"+text(in.Item["sk"])] = in.Item
	return &dynamodb.PutItemOutput{}, nil
}

func (t *table) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	pk, low, high := text(in.ExpressionAttributeValues[":pk"]), text(in.ExpressionAttributeValues[":low"]), text(in.ExpressionAttributeValues[":high"])
	var keys []string
	for k := range t.items {
		if p, sk, _ := strings.Cut(k, "\n"); p == pk && sk >= low && sk <= high {
			keys = append(keys, sk)
		}
	}
	sort.Strings(keys)
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		slices.Reverse(keys)
	}
	if from := text(in.ExclusiveStartKey["sk"]); from != "" {
		keys = keys[slices.Index(keys, from)+1:]
	}
	limit := min(int(*in.Limit), t.chunk)
	out := &dynamodb.QueryOutput{}
	for i, sk := range keys {
		if i == limit {
			break
		}
		out.Items = append(out.Items, t.items[pk+"\n"+sk])
		if i+1 == limit {
			out.LastEvaluatedKey = item{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk}}
		}
	}
	return out, nil
}

type fixed struct{}

func (fixed) Live(context.Context, bool) ([]string, error) { return []string{"secret"}, nil }

func (fixed) ClaimNonce(context.Context, string, string, string, time.Duration, time.Time) error {
	return nil
}

var now = lease.MustDate("2026-11-24").At(600)

type rig struct {
	*table
	store *leasestore.Store
	door  *door.Door
}

func newRig(chunk int) *rig {
	tb := &table{items: map[string]item{"P#P1\n": {"pk": &types.AttributeValueMemberS{Value: "P#P1"}}}, chunk: chunk}
	store := leasestore.Open(tb, leasestore.Tables{Parks: "p", Orders: "o", Expiring: "e"})
	return &rig{tb, store, &door.Door{Signed: &door.Signed{AppID: "tongli", Secrets: fixed{}, Nonces: fixed{}}, Handle: leaseorder.Handle(store, fixed{}),
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}}
}

func (r *rig) put(plate int, id string, nights int, cancelled bool) {
	o := &lease.Order{Content: lease.Content{OrderID: id, ParkSN: "P1", Plate: lease.Plate(fmt.Sprintf("苏E%05d", plate))}, Cancelled: cancelled, State: lease.Delivered, Rev: 1}
	for n := range nights {
		o.Slots = append(o.Slots, lease.Slot{Date: lease.MustDate("2026-12-01") + lease.Date(n), Start: 1140, End: 390})
	}
	if _, _, err := r.store.CreateOrder(context.Background(), o, ""); err != nil {
		panic(err)
	}
}

type page struct {
	Rows []struct {
		Plate string `json:"car_plate_no"`
		Date  string
		Start string `json:"start_time"`
	} `json:"data"`
	Code int
	More bool    `json:"has_more"`
	Next *string `json:"next_cursor"`
}

func (r *rig) get(params ...signature.Param) page {
	raw := signature.Query("tongli", "secret", "GET", "/lease/order", append(params, signature.Param{Name: "park_sn", Value: "P1"}), nil, now, "")
	event, _ := json.Marshal(map[string]any{"routeKey": "GET /lease/order", "rawPath": "/lease/order", "rawQueryString": raw,
		"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": "GET"}}})
	out, err := r.door.Invoke(context.Background(), event)
	if err != nil {
		panic(err)
	}
	var response struct{ Body string }
	var p page
	if err := json.Unmarshal(out, &response); err != nil {
		panic(err)
	}
	if err := json.Unmarshal([]byte(response.Body), &p); err != nil {
		panic(response.Body)
	}
	return p
}

// TestCursorIsBound: to park, plate filter and limit; anything else is 40003.
func TestCursorIsBound(t *testing.T) {
	r := newRig(100)
	r.put(1, "a", 5, false)
	first := r.get(signature.Param{Name: "limit", Value: "2"})
	c := *first.Next
	for name, params := range map[string][]signature.Param{
		"limit":   {{Name: "limit", Value: "3"}, {Name: "cursor", Value: c}},
		"plate":   {{Name: "limit", Value: "2"}, {Name: "cursor", Value: c}, {Name: "car_plate_no", Value: "苏E00001"}},
		"cut":     {{Name: "limit", Value: "2"}, {Name: "cursor", Value: c[:len(c)-2]}},
		"changed": {{Name: "limit", Value: "2"}, {Name: "cursor", Value: string(c[0]^1) + c[1:]}},
	} {
		if p := r.get(params...); p.Code != 40003 {
			t.Errorf("%s: code %d", name, p.Code)
		}
	}
	if p := r.get(signature.Param{Name: "limit", Value: "2"}, signature.Param{Name: "cursor", Value: c}, signature.Param{Name: "page", Value: "x"}); p.Code != 0 || len(p.Rows) != 2 {
		t.Errorf("with a cursor page is ignored: %+v", p)
	}
}

// TestPagesAgain: a page asked for again repeats, one beyond the end is empty, one without a mark is found from the nearest earlier one, and
// page 1 begins a new walk that no mark of the former one disturbs.
func TestPagesAgain(t *testing.T) {
	r := newRig(100)
	for i := range 10 {
		r.put(i, "o", 1, i == 9)
	}
	ask := func(n int) string {
		p := r.get(signature.Param{Name: "limit", Value: "2"}, signature.Param{Name: "page", Value: fmt.Sprint(n)})
		var plates []string
		for _, row := range p.Rows {
			plates = append(plates, strings.TrimPrefix(row.Plate, "苏E0000"))
		}
		return strings.Join(plates, "")
	}
	for _, c := range []struct {
		page int
		want string
	}{{4, "67"}, {1, "01"}, {2, "23"}, {2, "23"}, {3, "45"}, {9, ""}, {5, "8"}} {
		if got := ask(c.page); got != c.want {
			t.Errorf("page %d: %q, want %q", c.page, got, c.want)
		}
	}
	delete(r.items, "P#tongli#P1\n苏E00000#o")
	if got := ask(1) + ask(3); got != "1256" {
		t.Errorf("a new walk after one is gone: %q, want 1256", got)
	}
}
