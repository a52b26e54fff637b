package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/tonglisim"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

func newSetting(t testing.TB) setting {
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	targets := []string{"-s", "-C", root, "reference"}
	if os.Getenv("LEASE_BINARIES_BUILT") == "" {
		targets = append(targets, "build")
	}
	if out, err := exec.Command("make", targets...).CombinedOutput(); err != nil {
		t.Fatalf("make %v: %v\n%s", targets, err, out)
	}
	e := setting{root: root}
	e.dynamo, e.sqs = enginetest.Start(t)
	return e
}

// logbook takes the lines of both stacks.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestTheReferenceAnswersAsOursDoes: a comparison is honest only between functions that do the same. Both are asked the same, and what
// they answer and tell Tongli is compared.
func TestTheReferenceAnswersAsOursDoes(t *testing.T) {
	var parks []map[string]any
	for i := range 30 {
		var p map[string]any
		if err := json.Unmarshal([]byte(parkBody(fmt.Sprintf("L%02d", i))), &p); err != nil {
			t.Fatal(err)
		}
		parks = append(parks, p)
	}
	log := &logbook{}
	sides, stop, err := newSetting(t).both(t.Context(), sideOptions{sim: tonglisim.Options{Parks: parks}, log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	older := pushOf(parkBody("P1"))
	older.at = -time.Minute
	forged := pageOf("park_sn", "P1")
	forged.secret = "another"
	for _, c := range []struct {
		name string
		call call
		code int
	}{
		{"a new park", pushOf(parkBody("P1")), 0},
		{"an older push", older, 0},
		{"a park without a price", pushOf(`{"park_sn":"P2","park_name":"n","deadline":"2027-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":1,"is_holiday":0,"start_price":0,"holiday_price":0}`), 40002},
		{"no JSON", pushOf(`{`), 40001},
		{"an empty park", pageOf("park_sn", "P1"), 0},
		{"an unknown park", pageOf("park_sn", "nobody"), 40401},
		{"a forged page", forged, 40103},
		{"an order", orderOf(orderBody("o-1", "P1", "苏·e88888", 3, 1, 2)), 0},
		{"the same order again", orderOf(orderBody("o-1", "P1", "苏E88888", 3, 1, 2)), 0},
		{"another order of that id", orderOf(orderBody("o-1", "P1", "苏E88888", 4)), 40901},
		{"an order that comes between", orderOf(orderBody("o-0", "P1", "苏E88888", 5)), 0},
		{"an order of 30 dates", orderOf(orderBody("o-2", "P1", "苏E00001", nights(30)...)), 0},
		{"an order of 120 dates", orderOf(orderBody("o-3", "P1", "苏E00002", nights(120)...)), 0},
		{"an order in an unknown park", orderOf(orderBody("o-4", "nobody", "苏E88888", 1)), 40401},
		{"an order that is over", orderOf(orderBody("o-4", "P1", "苏E88888", -3, 1)), 42201},
		{"an order of no plate", orderOf(orderBody("o-4", "P1", "E88888", 1)), 40003},
		{"dates that overlap", orderOf(orderBody("o-4", "P1", "苏E88888", 1, 1)), 40003},
		{"all rows", pageOf("park_sn", "P1"), 0},
		{"page 1 of 50", pageOf("park_sn", "P1", "limit", "50"), 0},
		{"page 2 of 50", pageOf("park_sn", "P1", "limit", "50", "page", "2"), 0},
		{"the last page of 50", pageOf("park_sn", "P1", "limit", "50", "page", "4"), 0},
		{"a page behind the end", pageOf("park_sn", "P1", "limit", "50", "page", "5"), 0},
		{"one plate", pageOf("park_sn", "P1", "car_plate_no", "苏 E88888"), 0},
		{"no limit that is one", pageOf("park_sn", "P1", "limit", "10001"), 40003},
	} {
		var said [2]answer
		for i, s := range sides {
			payload, err := s.do(t.Context(), c.call)
			if err == nil {
				said[i], err = readAnswer(payload)
			}
			if err != nil {
				t.Fatalf("%s, %s: %v\n%s", c.name, s.name, err, log)
			}
			if a := &said[i].Body; a.Code != 0 {
				a.Msg = "" // in words of one's own
			}
			if c.call.function == appOrder && said[i].Body.Code == 0 {
				said[i].Body.Data = withoutPush(t, said[i].Body.Data)
			}
		}
		if said[0].Body.Code != c.code {
			t.Errorf("%s: ours is %d, want %d", c.name, said[0].Body.Code, c.code)
		}
		if diff := cmp.Diff(comparable(said[0]), comparable(said[1])); diff != "" {
			t.Errorf("%s: ours (-), the reference (+)\n%.2000s", c.name, diff)
		}
	}
	gates := func(s *side) []tonglisim.Entry {
		all := s.Tongli.Whitelist()
		slices.SortFunc(all, func(a, b tonglisim.Entry) int { return bytes.Compare([]byte(a.Plate), []byte(b.Plate)) })
		return all
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); cmp.Diff(gates(sides[0]), gates(sides[1])) != "" || len(gates(sides[0])) < 3 || len(gates(sides[0])[2].Dates) < 4; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("the whitelists differ: %s\n%s", cmp.Diff(gates(sides[0]), gates(sides[1])), log)
		}
	}
	for round, want := range []report{{Seen: 30, Added: 30, Complete: true}, {Seen: 30, Unchanged: 30, Complete: true}, {Seen: 30, Unchanged: 29, Corrected: 1, Complete: true}} {
		for _, s := range sides {
			if round == 2 {
				changed := map[string]any{}
				for name, value := range parks[7] {
					changed[name] = value
				}
				changed["price"] = 151
				s.Tongli.SetPark(changed)
			}
			var got report
			payload, err := s.invoke(t.Context(), poller, []byte(`{}`))
			if err == nil {
				err = json.Unmarshal(payload, &got)
			}
			if got.Elapsed, got.FetchMs, got.ReadMs, got.CompareMs, got.WriteMs = 0, 0, 0, 0, 0; err != nil || got != want {
				t.Errorf("poll %d, %s: %+v, want %+v: %v %s", round+1, s.name, got, want, err, payload)
			}
		}
	}
}

// comparable is an answer whose data is a value and not bytes.
func comparable(a answer) map[string]any {
	var data any
	_ = json.Unmarshal(a.Body.Data, &data)
	fields := map[string]bool{}
	for _, f := range a.Body.Errors {
		fields[f.Field] = true
	}
	return map[string]any{"status": a.Status, "code": a.Body.Code, "msg": a.Body.Msg, "page": a.Body.Page, "limit": a.Body.Limit, "more": a.Body.HasMore, "data": data, "errors": fields}
}

// withoutPush takes out of an order what depends on how far its push is.
func withoutPush(t *testing.T, raw json.RawMessage) json.RawMessage {
	var o map[string]any
	if err := json.Unmarshal(raw, &o); err != nil || o["whitelist"] == nil {
		t.Errorf("no order: %v %s", err, raw)
	}
	delete(o, "whitelist")
	raw, _ = json.Marshal(o)
	return raw
}

func nights(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

// TestTheMeter holds what it counts against what DynamoDB bills: a transaction by its items, and what the functions did not ask for.
func TestTheMeter(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 1100))
	for body, want := range map[string]float64{
		`{"TransactItems":[{"Put":{"TableName":"a-OrdersTable","Item":{"pk":{"S":"x"}}}}]}`:                                                     2,
		`{"TransactItems":[{"Put":{"Item":{"pk":{"S":"x"}}}},{"Put":{"Item":{"pk":{"S":"` + long + `"}}}}]}`:                                    6,
		`{"TransactItems":[{"Put":{"Item":{"l":{"L":[{"M":{"date":{"S":"` + long[:980] + `"}}},{"N":"12345"},{"BOOL":true},{"B":"AAAA"}]}}}}]}`: 2,
		`{"TransactItems":[{"Put":{"Item":{"l":{"L":[{"M":{"date":{"S":"` + long[:1010] + `"}}},{"N":"12345"}]}}}}]}`:                           4,
	} {
		if got := transaction([]byte(body)); got != want {
			t.Errorf("%.80s: %v, want %v", body, got, want)
		}
	}
	for body, want := range map[string]float64{
		`{"Items":[],"ConsumedCapacity":{"TableName":"t","CapacityUnits":5.5},"Count":0}`:                5.5,
		`{"ConsumedCapacity":[{"TableName":"t","CapacityUnits":5},{"TableName":"u","CapacityUnits":2}]}`: 7,
		`{}`: 0,
	} {
		if got := consumed([]byte(body)); got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
	m := &meter{spent: spent{calls: map[string]int{}, reads: map[string]float64{}}}
	before := m.now()
	m.count("PutItem", []byte(`{"TableName":"x-y-ParksTable"}`), []byte(`{"ConsumedCapacity":{"CapacityUnits":2}}`))
	m.count("PutItem", []byte(`{"TableName":"x-y-ParksTable"}`), []byte(`{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}`))
	m.count("Query", []byte(`{"TableName":"x-y-OrdersTable"}`), []byte(`{"ConsumedCapacity":{"CapacityUnits":0.5}}`))
	m.count("DescribeTable", nil, nil)
	if got := m.now().since(before); got.write != 3 || got.read != 0.5 || got.reads["OrdersTable"] != 0.5 || got.calls["PutItem ParksTable"] != 2 || len(got.calls) != 2 {
		t.Errorf("%+v", got)
	}
}
