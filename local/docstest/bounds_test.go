package docstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/functions/app-park/apppark"
	"lease-gateway/functions/lease-order/leaseorder"
	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

var errPastTheDecoder = errors.New("the parameters were accepted")

// noStore is asked only when the parameters were accepted.
type noStore struct{}

func (noStore) Park(context.Context, string) (*lease.StoredPark, error) {
	return nil, errPastTheDecoder
}
func (noStore) ParkPage(context.Context, int, string) ([]lease.StoredPark, string, error) {
	return nil, "", errPastTheDecoder
}
func (noStore) Near(context.Context, lease.Place, int, func(*lease.StoredPark) bool) ([]leasestore.NearPark, bool, float64, error) {
	return nil, false, 0, errPastTheDecoder
}
func (noStore) Rows(context.Context, string, lease.Plate, leasestore.Position, int, time.Time, func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
	return leasestore.Position{}, false, false, errPastTheDecoder
}
func (noStore) Mark(context.Context, leasestore.Walk, int, time.Time) (leasestore.Position, int, string, error) {
	return leasestore.Position{}, 0, "", errPastTheDecoder
}
func (noStore) PutMark(context.Context, leasestore.Walk, int, leasestore.Position, string, time.Time) error {
	return errPastTheDecoder
}
func (noStore) Live(context.Context, bool) ([]string, error) { return []string{"secret"}, nil }

// noOrders is the app's store, asked only when the parameters were accepted: its other methods are never called.
type noOrders struct{ *leasestore.Store }

func (noOrders) Park(context.Context, string) (*lease.StoredPark, error) {
	return nil, errPastTheDecoder
}

func (noOrders) PlateOrders(context.Context, string, lease.Plate) ([]lease.Order, error) {
	return nil, errPastTheDecoder
}

func (noOrders) Claimed(context.Context, string) (*lease.Content, error) {
	return nil, errPastTheDecoder
}

// decode says whether the code that stands behind a schema accepts the object.
var decode = map[string]func(envelope.Value) error{
	"ParkRequest": func(v envelope.Value) error {
		fields := envelope.Read(v)
		fields.Park()
		return fields.Err()
	},
	"OrderQuery": func(v envelope.Value) error {
		_, err := leaseorder.Handle(noStore{}, noStore{})(context.Background(), &door.Request{Fields: envelope.Read(v)})
		return err
	},
	"OrderRequest": func(v envelope.Value) error {
		orders := &apporder.Orders{Store: noOrders{}, Logger: slog.New(slog.DiscardHandler)}
		_, err := orders.Handle(context.Background(), &door.Request{Route: door.Route{Method: "POST", Path: "/app/orders"}, Fields: envelope.Read(v)})
		return err
	},
}

var good = map[string]map[string]any{
	"ParkRequest": {"park_sn": "P1001", "park_name": "x", "deadline": "2027-12-31", "start_time": "18:00", "end_time": "08:00", "is_sat": 1, "is_sun": 0, "is_holiday": 1,
		"price": 1, "start_price": 2, "holiday_price": 3, "longitude": "120.5", "latitude": "31"},
	"OrderQuery": {"park_sn": "P1001", "car_plate_no": "苏E88888", "page": 1, "limit": 1},
	"OrderRequest": {"order_id": "A-1", "park_sn": "P1001", "car_plate_no": "苏E88888",
		"dates": []any{map[string]any{"date": "2026-12-01", "start_time": "19:00", "end_time": "06:30"}}},
}

func slots(n int) []any {
	all := make([]any, n)
	for i := range all {
		all[i] = map[string]any{"date": lease.Date(20000 + i).String(), "start_time": "19:00", "end_time": "06:30"}
	}
	return all
}

// At every bound of every field, on either side, the schema and the decoder come to the same verdict.
func TestTheBoundsOfTheDocumentAreThoseOfTheDecoder(t *testing.T) {
	long := func(n int) string { return strings.Repeat("园", n) }
	numbers := func(bounds ...int64) []any {
		all := []any{-1, 1.5, "1.0", "1e2", "+1", "x", true, []any{}, "007", "0x1"}
		for _, b := range bounds {
			for _, n := range []int64{b - 1, b, b + 1} {
				if n >= 0 {
					all = append(all, n, fmt.Sprint(n), fmt.Sprintf("00%d", n))
				}
			}
		}
		return all
	}
	clock := []any{"00:00", "23:59", "24:00", "24:01", "25:00", "12:60", "9:00", "09:0", "0900", "09:00:00", "-1:00", 900}
	date := []any{"2026-12-01", "2026-13-01", "2026-00-10", "2026-12-32", "2026-12-00", "2026-1-1", "20261201", "2026/12/01", 20261201}
	sn := []any{"P", " x y:z", long(64), long(65), 1001, true, map[string]any{}}
	values := map[string]map[string][]any{
		"ParkRequest": {
			"park_sn": sn, "park_name": {"x", long(128), long(129), 5}, "deadline": date, "start_time": clock, "end_time": clock,
			"is_sat": numbers(0, 1), "is_sun": numbers(0, 1), "is_holiday": numbers(0, 1),
			"price": numbers(0, lease.MaxFen), "start_price": numbers(0, lease.MaxFen), "holiday_price": numbers(0, lease.MaxFen),
			"longitude": {"180", "-180", "180.0", "180.1", "181", "-180.5", "179.999", "0", "00120.5", "+1", "1.", ".5", "1e2", "", 120.5, "99", "100"},
			"latitude":  {"90", "-90", "90.00", "90.1", "91", "89.9", "-0", "+1", "-", "1.", ".5", "x", 31},
		},
		"OrderQuery": {"park_sn": sn, "page": append(numbers(1, 10_000_000, math.MaxInt64-1), json.RawMessage("9223372036854775808"), json.RawMessage("99999999999999999999"), "99999999999999999999", "0000000000000000000000", json.RawMessage("-99999999999999999999")), "limit": numbers(1, 10_000), "car_plate_no": {"苏E88888", 5, true, []any{}}},
		"OrderRequest": {
			"park_sn": sn, "order_id": {"A", "0", strings.Repeat("a", 64), strings.Repeat("a", 65), "-a", "_a", ".a", "a_-.Z", "a b", "a/b", "é", 5},
			"car_plate_no": {"苏E88888", 5},
			"dates":        {slots(1), slots(lease.MaxDates), slots(lease.MaxDates + 1), []any{}, map[string]any{}, []any{"x"}, []any{map[string]any{"date": "2026-12-01"}}, 5, "x"},
		},
	}
	for name, fields := range values {
		for field := range good[name] {
			if fields[field] == nil {
				t.Errorf("%s: no values for %s", name, field)
			}
		}
		for field, tries := range fields {
			for _, value := range tries {
				object := maps.Clone(good[name])
				object[field] = value
				agree(t, name, object, fmt.Sprintf("%s: %v", field, value))
			}
			object := maps.Clone(good[name])
			delete(object, field)
			agree(t, name, object, field+" absent")
		}
	}
	for _, field := range []string{"date", "start_time", "end_time"} {
		for _, value := range append(clock, date...) {
			slot := map[string]any{"date": "2026-12-01", "start_time": "19:00", "end_time": "06:30"}
			slot[field] = value
			object := maps.Clone(good["OrderRequest"])
			object["dates"] = []any{slot}
			agree(t, "OrderRequest", object, fmt.Sprintf("dates[0].%s: %v", field, value))
		}
	}
}

func agree(t *testing.T, name string, object map[string]any, what string) {
	t.Helper()
	body, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	value, err := envelope.DecodeJSON(body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	coded := decode[name](value)
	var parameters *envelope.ParameterError
	if coded != nil && !errors.As(coded, &parameters) && !errors.Is(coded, errPastTheDecoder) {
		t.Fatalf("%s %s: %v", name, what, coded)
	}
	documented := ValidateSchema(name, body)
	if (documented == nil) != (parameters == nil) {
		t.Errorf("%s %s: the document says %v, the decoder %v", name, what, documented, coded)
	}
}

// The parameters of the app's GETs of parks, and the common parameters, which no object holds.
func TestTheBoundsOfTheQueryParameters(t *testing.T) {
	accepted := func(path string, params ...signature.Param) bool {
		value, err := envelope.DecodeParams(params)
		if err != nil {
			t.Fatal(err)
		}
		_, err = apppark.Handle(noStore{})(context.Background(), &door.Request{Now: time.Unix(1790000000, 0), Route: door.Route{Method: "GET", Path: path}, Fields: envelope.Read(value)})
		return errors.Is(err, errPastTheDecoder)
	}
	agree := func(schema, value string, coded bool) {
		t.Helper()
		if documented := ValidateSchema(schema, quote(value)); (documented == nil) != coded {
			t.Errorf("%s %q: the document says %v, the code %v", schema, value, documented, coded)
		}
	}
	for _, limit := range []string{"0", "1", "01", "1000", "1001", "-1", "x", "1.0"} {
		agree("ParkLimit", limit, accepted("/app/parks", signature.Param{Name: "limit", Value: limit}))
	}
	for _, near := range []string{"120.6,31.3", "120.6", ",", "120.6,", ",31.3", "180,90", "-180,-90", "180.1,0", "0,90.1", "+1,0", "1e2,0", "0,0,0", "1;2", "120.6, 31.3", "00120.5,031.3"} {
		agree("Near", near, accepted("/app/parks", signature.Param{Name: "near", Value: near}))
	}
	for _, moment := range []string{"2026-12-01T19:00", "2026-12-01 19:00", "2026-12-01T24:00", "2026-12-01T23:59", "2026-13-01T10:00", "2026-12-01", "2026-12-01T1900", "2026-12-01T19:00:00", "2026-12-01T19:60"} {
		agree("LocalMoment", moment, accepted("/app/parks", signature.Param{Name: "near", Value: "0,0"}, signature.Param{Name: "open_from", Value: moment}))
	}
	slot := map[string]string{"park_sn": "P1", "date": "2026-12-01", "start_time": "19:00", "end_time": "06:30"}
	for name, schema := range map[string]string{"date": "Date", "start_time": "StartTime", "end_time": "EndTime", "park_sn": "ParkSN"} {
		for _, value := range []string{"P", strings.Repeat("x", 65), "2026-12-01", "2026-13-01", "20:00", "24:00", "24:01", "9:00"} {
			var params []signature.Param
			for n, v := range slot {
				if n == name {
					v = value
				}
				params = append(params, signature.Param{Name: n, Value: v})
			}
			agree(schema, value, accepted("/app/quote", params...))
		}
	}
	params := mustSpec(t).Components.Parameters
	try := func(name string, values ...string) {
		for _, v := range values {
			query := url.Values{"app_id": {"a"}, "timestamp": {"1790000000"}, "nonce": {"5f3c0e9a1b7d4c2e"}, "sign": {"x"}}
			query.Set(name, v)
			parsed, err := signature.ParseQuery(query.Encode())
			if err != nil {
				t.Fatal(err)
			}
			_, coded := signature.ReadCommon(parsed)
			if documented := validate(params[name].Value.Schema.Value, quote(v)); (documented == nil) != (coded == nil) {
				t.Errorf("%s %q: the document says %v, the code %v", name, v, documented, coded)
			}
		}
	}
	try("app_id", "a")
	try("timestamp", "1790000000", "1790000000123", "179000000", "17900000001", "-179000000", "+179000000", "179000000x", "")
	try("nonce", strings.Repeat("a", 15), strings.Repeat("a", 16), strings.Repeat("Z", 64), strings.Repeat("a", 65), "aaaaaaaa_-aaaaaaaa", "aaaaaaaaaaaaaaa.", "é234567890123456")
	try("sign_type", "HMAC-SHA256", "hmac-sha256", "MD5")
}

func quote(s string) []byte {
	quoted, _ := json.Marshal(s) // a string always encodes
	return quoted
}

// The documented pattern of a plate is what ParsePlate lets through unchanged.
func TestThePlatePattern(t *testing.T) {
	for _, form := range []string{"苏E88888", "苏ED12345", "苏E12345D", "苏E8888警", "苏E8888学", "苏E8888挂", "粤Z8888港", "粤Z8888澳", "使123456", "123456使",
		"苏E8888领", "苏12345领", "粤E8888港", "苏I88888", "苏E8888O", "苏EL12345", "使12345", "WJ12345"} {
		plate, err := lease.ParsePlate(form)
		if documented := ValidateSchema("Plate", quote(form)); (documented == nil) != (err == nil) {
			t.Errorf("%s: the document says %v, ParsePlate %s, %v", form, documented, plate, err)
		}
	}
	alphabet := []rune("苏京粤Z使领港警学挂E08BDFKIO1a")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringOfN(rapid.SampledFrom(alphabet), 6, 9, -1),
			rapid.StringMatching(`[苏京粤][A-HZ]([A-HJK0-9]{5}|[A-HJK][A-Z0-9][0-9]{4}|[0-9]{5}[A-HJK]|[A-Z0-9]{4}[警学挂领港澳])|使[0-9]{6}|[0-9]{6}使|[苏京][0-9]{5}领`),
		).Draw(t, "plate")
		plate, err := lease.ParsePlate(text)
		if documented := ValidateSchema("Plate", quote(text)); (documented == nil) != (err == nil && string(plate) == text) {
			t.Fatalf("%s: the document says %v, ParsePlate %s, %v", text, documented, plate, err)
		}
	})
}
