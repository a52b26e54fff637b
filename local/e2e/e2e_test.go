package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lease-gateway/local/docstest"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/signature"
)

type orderView struct {
	Status    string
	Whitelist struct {
		State     string
		Attempts  int
		LastError *string `json:"last_error"`
	}
}

func view(t *testing.T, a answer) orderView {
	t.Helper()
	var v orderView
	if err := json.Unmarshal(a.Data, &v); err != nil {
		t.Fatalf("%s: %v", a.Raw, err)
	}
	return v
}

func state(t *testing.T, s *stack.Stack, id string) string {
	return view(t, app(t, s, "GET", "/app/orders/"+id, "")).Whitelist.State
}

// TestJourney is a lease from Tongli's push to the gate and back.
func TestJourney(t *testing.T) {
	s := start(t, stack.Options{SweepEvery: time.Second})
	want := func(a answer, status, code int) answer {
		t.Helper()
		if a.Status != status || a.Code != code {
			t.Fatalf("want %d/%d: %d %s", status, code, a.Status, a.Raw)
		}
		return a
	}
	sn := "2017-01-01 12:00:00"
	want(tongli(t, s, "POST", "/lease/park", "", park(sn)), 200, 0)
	want(app(t, s, "GET", "/app/park?park_sn="+escape(sn), ""), 200, 0)
	want(app(t, s, "POST", "/app/orders", order("o-2", sn, "苏 e88888", 2, 1)), 201, 0)
	placed := time.Now()
	want(app(t, s, "POST", "/app/orders", order("o-2", sn, "苏E·88888", 1, 2)), 200, 0) // the order of dates aside
	want(app(t, s, "POST", "/app/orders", order("o-1", sn, "苏E88888", 3)), 201, 0)
	want(app(t, s, "POST", "/app/orders", order("o-3", sn, "苏EA88888", 1)), 201, 0)
	eventually(t, 2*time.Second, "delivered", func() bool { return state(t, s, "o-2") == "delivered" && state(t, s, "o-1") == "delivered" })
	t.Logf("delivered %d ms after the last 201", time.Since(placed).Milliseconds())

	list := want(tongli(t, s, "GET", "/lease/order", "park_sn="+escape(sn), ""), 200, 0)
	row := func(plate string, n int) string {
		return fmt.Sprintf(`{"car_plate_no":%q,"date":%q,"start_time":"19:00","end_time":"06:30"}`, plate, day(n))
	}
	if got, want := string(list.Data), "["+strings.Join([]string{row("苏E88888", 3), row("苏E88888", 1), row("苏E88888", 2), row("苏EA88888", 1)}, ",")+"]"; got != want {
		t.Errorf("rows\n got %s\nwant %s", got, want)
	}
	if filtered := tongli(t, s, "GET", "/lease/order", "park_sn="+escape(sn)+"&car_plate_no="+escape("苏·EA8888 8"), ""); string(filtered.Data) != "["+row("苏EA88888", 1)+"]" {
		t.Errorf("filter: %s", filtered.Raw)
	}
	want(app(t, s, "DELETE", "/app/orders/o-2", ""), 200, 0)
	if after := tongli(t, s, "POST", "/lease/order", "", fmt.Sprintf(`{"park_sn":%q,"car_plate_no":"苏E88888"}`, sn)); string(after.Data) != "["+row("苏E88888", 3)+"]" {
		t.Errorf("cancelled order still listed: %s", after.Raw)
	}
	eventually(t, 2*time.Second, "the gate forgets two nights", func() bool {
		return slices.ContainsFunc(s.Tongli.Whitelist(), func(e tonglisim.Entry) bool {
			return e.Plate == "苏E88888" && len(e.Dates) == 1 && e.Dates[0].Date == day(3)
		})
	})
	eventually(t, 2*time.Second, "the cancellation is delivered", func() bool { return state(t, s, "o-2") == "delivered" })
	want(app(t, s, "DELETE", "/app/orders/o-2", ""), 200, 0)
	want(app(t, s, "POST", "/app/orders", order("o-2", sn, "苏E88888", 2, 1)), 409, 40902)
}

// TestCodes produces each code of the contract's error table that a caller can bring about.
func TestCodes(t *testing.T) {
	s := start(t, stack.Options{})
	tongli(t, s, "POST", "/lease/park", "", park("P1"))
	app(t, s, "POST", "/app/orders", order("held", "P1", "苏E88888", 1))
	app(t, s, "POST", "/app/orders", order("gone", "P1", "苏E88888", 2))
	app(t, s, "DELETE", "/app/orders/gone", "")
	signed := func(method, path string, at time.Time, nonce, body string) string {
		return s.URL + path + "?" + signature.Query(stack.InboundAppID, stack.Secret, method, path, nil, []byte(body), at, nonce)
	}
	now, json := time.Now(), "application/json"
	replay := signed("POST", "/lease/order", now, "", `{"park_sn":"P1"}`)
	send(t, "POST", replay, json, []byte(`{"park_sn":"P1"}`))
	huge := bytes.Repeat([]byte("x"), 256<<10+1)
	type producer struct {
		name         string
		got          answer
		status, code int
		fields       string
	}
	producers := []producer{
		{"not JSON", tongli(t, s, "POST", "/lease/park", "", `{`), 400, 40001, ""},
		{"a name twice", tongli(t, s, "POST", "/lease/order", "", `{"park_sn":"P1","park_sn":"P1"}`), 400, 40001, ""},
		{"missing", tongli(t, s, "POST", "/lease/park", "", park("P1", "price", "", "is_sat", "2")), 400, 40002, "is_sat price"},
		{"invalid", tongli(t, s, "POST", "/lease/park", "", park("P1", "price", "1.0", "end_time", `"18:00"`)), 400, 40003, "end_time price"},
		{"limit above", tongli(t, s, "POST", "/lease/order", "", `{"park_sn":"P1","limit":10001}`), 400, 40003, "limit"},
		{"foreign cursor", tongli(t, s, "POST", "/lease/order", "", `{"park_sn":"P1","cursor":"abc"}`), 400, 40003, "cursor"},
		{"no nonce", send(t, "POST", s.URL+"/lease/order?app_id=tongli-demo&timestamp=1790000000&sign=00", json, nil), 401, 40101, ""},
		{"escape", send(t, "POST", s.URL+"/lease/order?a=%25zz&b=%ff", json, nil), 401, 40101, ""},
		{"app_id", send(t, "POST", s.URL+"/lease/order?"+signature.Query("stranger", stack.Secret, "POST", "/lease/order", nil, nil, now, ""), json, nil), 401, 40102, ""},
		{"sign", send(t, "POST", signed("POST", "/lease/order", now, "", "x"), json, []byte("y")), 401, 40103, ""},
		{"path signed", send(t, "POST", s.URL+"/lease/park?"+signature.Query(stack.InboundAppID, stack.Secret, "POST", "/lease/order", nil, nil, now, ""), json, nil), 401, 40103, ""},
		{"timestamp", send(t, "POST", signed("POST", "/lease/order", now.Add(-400*time.Second), "", ""), json, nil), 401, 40104, ""},
		{"replay", send(t, "POST", replay, json, []byte(`{"park_sn":"P1"}`)), 401, 40105, ""},
		{"route", send(t, "GET", s.URL+"/lease/parks", "", nil), 404, 40400, ""},
		{"park of a list", tongli(t, s, "GET", "/lease/order", "park_sn=P2", ""), 404, 40401, ""},
		{"park of an order", app(t, s, "POST", "/app/orders", order("o", "P2", "苏E88888", 1)), 404, 40401, ""},
		{"order", app(t, s, "GET", "/app/orders/none", ""), 404, 40402, ""},
		{"method", send(t, "DELETE", s.URL+"/lease/park", "", nil), 405, 40500, ""},
		{"other content", app(t, s, "POST", "/app/orders", order("held", "P1", "苏E88888", 2)), 409, 40901, ""},
		{"cancelled", app(t, s, "POST", "/app/orders", order("gone", "P1", "苏E88888", 2)), 409, 40902, ""},
		{"size", send(t, "POST", s.URL+"/lease/park", json, huge), 413, 41301, ""},
		{"terms", app(t, s, "POST", "/app/orders", order("o", "P1", "苏E88888", 1, -2, 500)), 422, 42201, "dates[1] dates[2]"},
		{"plate", app(t, s, "POST", "/app/orders", order("o", "P1", "苏E8888O", 1)), 400, 40003, "car_plate_no"},
	}
	if latin := "{\"park_sn\":\"\xff\"}"; leftOut("", latin) == "" {
		producers = append(producers, producer{"bytes that are not UTF-8", tongli(t, s, "POST", "/lease/order", "", latin), 400, 40001, ""})
	} else {
		t.Log("left out: bytes that are not UTF-8: " + leftOut("", latin))
	}
	for _, c := range producers {
		if c.got.Status != c.status || c.got.Code != c.code {
			t.Errorf("%s: want %d/%d, got %d %s", c.name, c.status, c.code, c.got.Status, c.got.Raw)
		}
		names := strings.Fields(c.got.fields())
		slices.Sort(names)
		if got := strings.Join(names, " "); got != c.fields {
			t.Errorf("%s: fields %q, want %q", c.name, got, c.fields)
		}
	}
	if a := send(t, "POST", signed("POST", "/lease/order", now.Add(time.Hour), "", ""), json, nil); !strings.Contains(string(a.Data), "server_time") {
		t.Errorf("40104 without server_time: %s", a.Raw)
	}
}

// TestStorageOutOfReach: 50301 within the API's time, and nothing is said of the detail.
func TestStorageOutOfReach(t *testing.T) {
	s := start(t, stack.Options{Env: map[string]string{"PARKS_TABLE": "no-such-table"}})
	if a := app(t, s, "GET", "/app/park?park_sn=P1", ""); a.Status != 503 || a.Code != 50301 || strings.Contains(a.Raw, "no-such-table") {
		t.Errorf("%d %s", a.Status, a.Raw)
	}
}

// TestOneOrderID: 100 concurrent POSTs of one id with different content over several parks, exactly one 201 (invariant 3).
func TestOneOrderID(t *testing.T) {
	s := start(t, stack.Options{})
	for p := range 4 {
		tongli(t, s, "POST", "/lease/park", "", park(fmt.Sprintf("P%d", p)))
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	count := map[int]int{}
	for i := range 100 {
		wg.Go(func() {
			a := app(t, s, "POST", "/app/orders", order("same", fmt.Sprintf("P%d", i%4), fmt.Sprintf("苏E%05d", i), 1+i%3))
			mu.Lock()
			defer mu.Unlock()
			count[a.Status]++
		})
	}
	wg.Wait()
	if count[201] != 1 || count[409] != 99 {
		t.Errorf("answers by status: %v", count)
	}
	listed := 0
	for p := range 4 {
		var rows []map[string]string
		if err := json.Unmarshal(tongli(t, s, "GET", "/lease/order", fmt.Sprintf("park_sn=P%d", p), "").Data, &rows); err != nil {
			t.Fatal(err)
		}
		if len(rows) > 0 {
			listed++
		}
	}
	if listed != 1 {
		t.Errorf("the order is in %d parks", listed)
	}
}

// TestNewerParkStays: an older push never overwrites a newer one (invariant 4).
func TestNewerParkStays(t *testing.T) {
	s := start(t, stack.Options{})
	push := func(at time.Time, price string) answer {
		body := park("P1", "price", price)
		return send(t, "POST", s.URL+"/lease/park?"+signature.Query(stack.InboundAppID, stack.Secret, "POST", "/lease/park", nil, []byte(body), at, ""), "", []byte(body))
	}
	now := time.Now()
	push(now, "200")
	if a := push(now.Add(-time.Minute), "100"); a.Code != 0 || a.Msg != "stale" {
		t.Errorf("older push: %s", a.Raw)
	}
	if a := app(t, s, "GET", "/app/park?park_sn=P1", ""); !strings.Contains(a.Raw, `"price":200`) {
		t.Errorf("the older push won: %s", a.Raw)
	}
}

// invoke calls a function over the Invoke API.
func invoke(t *testing.T, s *stack.Stack, function, payload string) (body string, failed bool) {
	t.Helper()
	resp, err := http.Post(s.InvokeURL+"/2015-03-31/functions/"+function+"/invocations", "application/json", strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), resp.Header.Get("X-Amz-Function-Error") != ""
}

type report struct {
	Seen, Added, Corrected, Unchanged, Rejected, Missing, Withdrawn int
	Complete                                                        bool
	Reason                                                          *string
}

func poll(t *testing.T, s *stack.Stack, input string) report {
	t.Helper()
	body, failed := invoke(t, s, "ParkPollerFunction", input)
	var r report
	if err := json.Unmarshal([]byte(body), &r); err != nil || failed {
		t.Fatalf("poller: %s", body)
	}
	return r
}

// TestPoller walks 2,500 parks in one invocation, and an incomplete sweep withdraws nothing (invariant 5).
func TestPoller(t *testing.T) {
	var parks []map[string]any
	for i := range 2500 {
		var p map[string]any
		if err := json.Unmarshal([]byte(park(fmt.Sprintf("S%04d", i))), &p); err != nil {
			t.Fatal(err)
		}
		parks = append(parks, p)
	}
	s := start(t, stack.Options{Tongli: tonglisim.Options{Parks: parks}})
	if r := poll(t, s, ""); r.Seen != 2500 || r.Added != 2500 || !r.Complete {
		t.Fatalf("first sweep: %+v", r)
	}
	if a := app(t, s, "POST", "/app/orders", order("o", "S2499", "苏E88888", 1)); a.Status != 201 {
		t.Errorf("order: %s", a.Raw)
	}
	eventually(t, 5*time.Second, "an order on a polled park reaches the gate", func() bool { return len(s.Tongli.Whitelist()) == 1 })
	s.Tongli.RemovePark("S0003")
	for i, fault := range []tonglisim.Fault{{Interface: "leasePark", Kind: "status", Status: 500}, {Interface: "leasePark", Kind: "garbage"}, {Interface: "leasePark", Kind: "cut"}} {
		if err := s.Tongli.Fail(fault); err != nil {
			t.Fatal(err)
		}
		if r := poll(t, s, "{}"); r.Complete || r.Reason == nil || r.Withdrawn != 0 {
			t.Errorf("faulty sweep %d: %+v", i, r)
		}
		s.Tongli.Heal()
	}
	for i := range 3 {
		r := poll(t, s, "{}")
		if !r.Complete || r.Missing != 1 || (r.Withdrawn == 1) != (i == 2) {
			t.Errorf("sweep %d without the park: %+v", i, r)
		}
	}
	if a := app(t, s, "POST", "/app/orders", order("o2", "S0003", "苏E88888", 1)); a.Code != 42201 || a.fields() != "park_sn" {
		t.Errorf("order on a withdrawn park: %s", a.Raw)
	}
	if a := tongli(t, s, "GET", "/lease/order", "park_sn=S0003", ""); a.Code != 0 {
		t.Errorf("a withdrawn park is still answered: %s", a.Raw)
	}
	if body, failed := invoke(t, s, "ParkPollerFunction", `[]`); !failed || !strings.Contains(body, "allow_withdrawals") {
		t.Errorf("malformed input: %s", body)
	}
}

// TestTongliFails: transient answers are retried, a refusal isolates the culprit, 401 opens the circuit (invariants 1 and 2).
func TestTongliFails(t *testing.T) {
	s := start(t, stack.Options{SweepEvery: 500 * time.Millisecond})
	tongli(t, s, "POST", "/lease/park", "", park("P1"))
	fail := func(f tonglisim.Fault) {
		t.Helper()
		f.Interface = "SynLeaseOrder"
		if err := s.Tongli.Fail(f); err != nil {
			t.Fatal(err)
		}
	}
	fail(tonglisim.Fault{Kind: "status", Status: 503, Calls: 1})
	app(t, s, "POST", "/app/orders", order("hiccup", "P1", "苏E00001", 1))
	eventually(t, 5*time.Second, "delivered by the retry in the invocation", func() bool { return state(t, s, "hiccup") == "delivered" })
	if v := view(t, app(t, s, "GET", "/app/orders/hiccup", "")); v.Whitelist.Attempts != 2 {
		t.Errorf("attempts %d, want 2", v.Whitelist.Attempts)
	}
	fail(tonglisim.Fault{Kind: "code", Code: 42202, Calls: 1})
	app(t, s, "POST", "/app/orders", order("bad", "P1", "苏E00002", 1))
	eventually(t, 3*time.Second, "refused", func() bool { return state(t, s, "bad") == "refused" })
	if a := tongli(t, s, "GET", "/lease/order", "park_sn=P1&car_plate_no="+escape("苏E00002"), ""); string(a.Data) == "[]" {
		t.Error("a refused order is listed, Tongli's second way to it")
	}
	app(t, s, "POST", "/app/orders", order("good", "P1", "苏E00002", 2))
	eventually(t, 3*time.Second, "the refused one does not lock out the other", func() bool { return state(t, s, "good") == "delivered" })
	if a := app(t, s, "POST", "/app/orders/bad/push", ""); a.Status != 202 {
		t.Errorf("push again: %s", a.Raw)
	}
	eventually(t, 3*time.Second, "delivered when asked for again", func() bool { return state(t, s, "bad") == "delivered" })

	fail(tonglisim.Fault{Kind: "status", Status: 401, Calls: 1})
	app(t, s, "POST", "/app/orders", order("waits", "P1", "苏E00003", 1))
	eventually(t, 3*time.Second, "the circuit is open", func() bool {
		v := view(t, app(t, s, "GET", "/app/orders/waits", ""))
		return v.Whitelist.State == "pending" && v.Whitelist.Attempts == 0 && v.Whitelist.LastError != nil && strings.Contains(*v.Whitelist.LastError, "circuit open until")
	})
}

// TestStrangersTongli: a Tongli of someone else's gets a correctly signed call within 2 s, the order says delivered, and after the
// DELETE it gets the shorter list.
func TestStrangersTongli(t *testing.T) {
	type call struct {
		path, query string
		body        []byte
	}
	calls := make(chan call, 10)
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- call{r.URL.Path, r.URL.RawQuery, body}
		_, _ = io.WriteString(w, `{"code":"200","msg":"成功"}`)
	}))
	defer stranger.Close()
	s := start(t, stack.Options{TongliBaseURL: stranger.URL + "/"})
	tongli(t, s, "POST", "/lease/park", "", park("P1"))
	gets := func(want string) {
		t.Helper()
		select {
		case c := <-calls:
			params, err := signature.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := signature.Verify("POST", "/api/SynLeaseOrder", params, c.body, stack.OutboundAppID, []string{stack.Secret}, time.Now()); err != nil || c.path != "/api/SynLeaseOrder" {
				t.Errorf("%s: %v", c.path, err)
			}
			if err := docstest.ValidateCall("api/SynLeaseOrder", c.body); err != nil {
				t.Error(err)
			}
			if string(c.body) != want {
				t.Errorf("body\n got %s\nwant %s", c.body, want)
			}
		case <-time.After(patience(2 * time.Second)):
			t.Fatalf("not within 2 s: %s", want)
		}
	}
	app(t, s, "POST", "/app/orders", order("o", "P1", "苏E88888", 2, 1))
	gets(fmt.Sprintf(`{"park_sn":"P1","car_plate_no":"苏E88888","dates":[{"date":%q,"start_time":"19:00","end_time":"06:30"},{"date":%q,"start_time":"19:00","end_time":"06:30"}]}`, day(1), day(2)))
	eventually(t, 2*time.Second, "delivered", func() bool { return state(t, s, "o") == "delivered" })
	app(t, s, "DELETE", "/app/orders/o", "")
	gets(`{"park_sn":"P1","car_plate_no":"苏E88888","dates":[]}`)
}

// TestPages walks by page and by cursor while orders come and go (invariant 6).
func TestPages(t *testing.T) {
	s := start(t, stack.Options{})
	tongli(t, s, "POST", "/lease/park", "", park("P1"))
	for i := range 12 {
		app(t, s, "POST", "/app/orders", order(fmt.Sprintf("o%02d", i), "P1", fmt.Sprintf("苏E%05d", i*10), 1, 2, 3))
	}
	for _, by := range []string{"page", "cursor"} {
		seen := map[string]int{}
		next := ""
		for page := 1; page < 50; page++ {
			query := fmt.Sprintf("park_sn=P1&limit=5&page=%d", page)
			if by == "cursor" && next != "" {
				query = "park_sn=P1&limit=5&cursor=" + next
			}
			a := tongli(t, s, "GET", "/lease/order", query, "")
			var rows []map[string]string
			if err := json.Unmarshal(a.Data, &rows); err != nil {
				t.Fatalf("%s", a.Raw)
			}
			for _, r := range rows {
				seen[r["car_plate_no"]+" "+r["date"]]++
			}
			if (len(rows) == 5) != a.HasMore && a.HasMore {
				t.Errorf("by %s: page %d has %d rows and says has_more", by, page, len(rows))
			}
			// an order before the walker goes, another one comes behind it
			app(t, s, "POST", "/app/orders", order(fmt.Sprintf("%s-new%02d", by, page), "P1", fmt.Sprintf("苏E%05d", 1+page), 1))
			if page > 1 {
				app(t, s, "DELETE", fmt.Sprintf("/app/orders/%s-new%02d", by, page-1), "")
			}
			if !a.HasMore {
				break
			}
			next = *a.Next
		}
		for i := range 12 {
			for n := 1; n <= 3; n++ {
				if k := fmt.Sprintf("苏E%05d %s", i*10, day(n)); seen[k] != 1 {
					t.Errorf("by %s: row %s came %d times", by, k, seen[k])
				}
			}
		}
	}
}
