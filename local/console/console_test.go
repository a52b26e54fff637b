package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/lease"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// start runs a stack with a console on free ports and engines of the test run.
func start(t *testing.T) (*stack.Stack, *Console) {
	t.Helper()
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	if build := exec.Command("make", "-C", root, "build"); os.Getenv("LEASE_BINARIES_BUILT") == "" {
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("make build: %v\n%s", err, out)
		}
	}
	dynamo, sqs := enginetest.Start(t)
	c, log := New(), &bytes.Buffer{}
	s, err := stack.Start(t.Context(), stack.Options{Root: root, Binaries: filepath.Join(root, ".build"), Engines: &engines.Engines{DynamoURL: dynamo, SQSURL: sqs},
		Name: enginetest.Name("console"), Console: c.Pages, Observer: c, Log: log, PollEvery: time.Hour, SweepEvery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Log(log.String()[max(0, log.Len()-6000):])
		}
	})
	return s, c
}

func ask(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), stack.Secret) {
		t.Errorf("%s %s shows the secret", method, url)
	}
	return resp.StatusCode, string(raw)
}

// TestConsole: one stack, since each costs seconds. The last ones leave the circuit open and end the stack.
func TestConsole(t *testing.T) {
	s, c := start(t)
	t.Run("a lease is told", func(t *testing.T) { aLeaseIsTold(t, s) })
	t.Run("what the poll changed", func(t *testing.T) { whatThePollChanged(t, s) })
	t.Run("what lies in the queues", func(t *testing.T) { whatLiesInTheQueues(t, s) })
	t.Run("nobody else drives it", func(t *testing.T) { nobodyElseDrivesIt(t, s) })
	t.Run("faults and the difference", func(t *testing.T) { faultsAndTheDifference(t, s) })
	t.Run("stop ends streams", func(t *testing.T) { stopEndsStreams(t, s, c) })
}

const park = `{"park_sn":"P1","park_name":"园区停车场","deadline":"2099-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":1,"is_holiday":0,"price":150,"start_price":300,"holiday_price":2000}`

func order(id string) string {
	return fmt.Sprintf(`{"order_id":%q,"park_sn":"P1","car_plate_no":"苏·e88888","dates":[{"date":%q,"start_time":"19:00","end_time":"06:30"}]}`, id, lease.DateOf(time.Now())+1)
}

// A lease by the console's buttons: each call, message and state is told, with what a click shows.
func aLeaseIsTold(t *testing.T, s *stack.Stack) {
	t.Helper()
	next := listen(t, s.ConsoleURL+"/events", "")
	seen := map[string]Event{}
	until := func(what string) Event {
		t.Helper()
		for {
			e, ok := next()
			if !ok {
				t.Fatalf("the stream ended before %s", what)
			}
			name := strings.Join([]string{e.Kind, e.From, e.To, e.Title, e.State}, " ")
			if seen[name] = e; name == what {
				return e
			}
		}
	}
	const sent = `,"note":"demo-secret-not-for-production"`
	if status, raw := ask(t, "POST", s.ConsoleURL+"/api/parks", strings.Replace(park, `,"deadline"`, sent+`,"deadline"`, 1)); status != 200 {
		t.Fatalf("%d %s", status, raw)
	}
	pushed := until("call tongli gateway POST /lease/park ")
	if status, raw := ask(t, "POST", s.ConsoleURL+"/api/orders", order("c-1")); status != 201 {
		t.Fatalf("%d %s", status, raw)
	}
	delivered := until("state gateway gateway active delivered")
	if delivered.OrderID != "c-1" || delivered.Plate != "苏E88888" {
		t.Errorf("delivered: %+v", delivered)
	}
	for _, name := range []string{"call app gateway POST /app/orders ", "message gateway queue SendMessageBatch ", "call gateway tongli POST /api/SynLeaseOrder "} {
		e, ok := seen[name]
		if !ok || e.ParkSN != "P1" || e.Plate != "苏E88888" || !e.OK {
			t.Errorf("%s: %t %+v", name, ok, e)
		}
	}
	for _, e := range []Event{pushed, seen["call gateway tongli POST /api/SynLeaseOrder "]} {
		status, raw := ask(t, "GET", fmt.Sprintf("%s/api/events/%d", s.ConsoleURL, e.ID), "")
		var detail struct {
			Request      string
			StringToSign string `json:"string_to_sign"`
			Answer       string
		}
		if err := json.Unmarshal([]byte(raw), &detail); err != nil || status != 200 || !strings.HasPrefix(detail.StringToSign, "POST\n/") || !strings.Contains(detail.Request, "sign=") || !strings.Contains(detail.Answer, `"code":0`) {
			t.Errorf("%d %s", status, raw)
		}
	}
	if status, raw := ask(t, "DELETE", s.ConsoleURL+"/api/orders/c-1", ""); status != 200 {
		t.Errorf("%d %s", status, raw)
	}
	until("state gateway gateway cancelled delivered")
	if status, raw := ask(t, "GET", s.ConsoleURL+"/api/orders", ""); status != 200 || !strings.Contains(raw, `"order_id":"c-1"`) || !strings.Contains(raw, `"status":"cancelled"`) {
		t.Errorf("%d %s", status, raw)
	}
	if status, raw := ask(t, "POST", s.ConsoleURL+"/api/orders", strings.Replace(order("c-2"), "19:00", "09:00", 1)); status != 422 || !strings.Contains(raw, `"field":"dates[0]"`) {
		t.Errorf("%d %s", status, raw)
	}
}

// Tongli down: the whitelist differs, for a reason, and agrees again when it is well.
func faultsAndTheDifference(t *testing.T, s *stack.Stack) {
	t.Helper()
	type answer struct {
		Rows    []row
		Breaker breakerView
		Faults  []json.RawMessage
	}
	tongli := func() (a answer) {
		t.Helper()
		status, raw := ask(t, "GET", s.ConsoleURL+"/api/tongli", "")
		if err := json.Unmarshal([]byte(raw), &a); err != nil || status != 200 {
			t.Fatalf("%d %s %v", status, raw, err)
		}
		return a
	}
	ask(t, "POST", s.ConsoleURL+"/api/parks", park)
	if status, raw := ask(t, "POST", s.ConsoleURL+"/api/faults", `{"kind":"nonsense"}`); status != 400 {
		t.Errorf("%d %s", status, raw)
	}
	if status, raw := ask(t, "POST", s.ConsoleURL+"/api/faults", `{"kind":"status","status":401}`); status != 201 {
		t.Errorf("%d %s", status, raw)
	}
	next := listen(t, s.ConsoleURL+"/events", "")
	ask(t, "POST", s.ConsoleURL+"/api/orders", order("f-1"))
	for e, ok := next(); e.Kind != "breaker"; e, ok = next() {
		if !ok {
			t.Fatal("the stream ended before the breaker opened")
		}
	}
	if a := tongli(); a.Breaker.State != "open" || len(a.Faults) != 1 || len(a.Rows) != 1 || a.Rows[0].Same || a.Rows[0].Why != "pending" || len(a.Rows[0].Ours) != 1 || len(a.Rows[0].Theirs) != 0 {
		t.Errorf("%+v", a)
	}
	if status, raw := ask(t, "DELETE", s.ConsoleURL+"/api/faults", ""); status != 200 || strings.TrimSpace(raw) != "[]" {
		t.Errorf("%d %s", status, raw)
	}
	if status, raw := ask(t, "POST", s.ConsoleURL+"/api/sweep", ""); status != 200 || !strings.Contains(raw, `"breaker":"open"`) {
		t.Errorf("%d %s", status, raw)
	}
	if len(tongli().Faults) != 0 {
		t.Error("the fault is still there")
	}
}

// What a poll changed is told by name, and a push before it is not taken for the poll's doing.
func whatThePollChanged(t *testing.T, s *stack.Stack) {
	t.Helper()
	changes := func() *PollChanges {
		t.Helper()
		var a struct{ Poll *PollChanges }
		if _, raw := ask(t, "GET", s.ConsoleURL+"/api/parks?q=nothing", ""); json.Unmarshal([]byte(raw), &a) != nil {
			t.Fatal(raw)
		}
		return a.Poll
	}
	wait := func(holds func(*PollChanges) bool) *PollChanges {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
			if p := changes(); p != nil && holds(p) {
				return p
			}
			if time.Now().After(deadline) {
				t.Fatalf("it was not told: %+v", changes())
			}
		}
	}
	first := wait(func(*PollChanges) bool { return true })
	ask(t, "POST", s.ConsoleURL+"/api/parks", park)
	listed := maps.Clone(tonglisim.Suzhou()[0])
	listed["price"] = 777
	s.Tongli.SetPark(listed)
	if status, raw := ask(t, "POST", s.ConsoleURL+"/api/poll", ""); status != 200 || !strings.Contains(raw, `"corrected":1`) {
		t.Fatalf("%d %s", status, raw)
	}
	last := wait(func(p *PollChanges) bool { return p.At.After(first.At) })
	if last.Total != 1 || last.Changes[0].ParkSN != "SZ0001" || last.Changes[0].Kind != "corrected" || strings.Join(last.Changes[0].Fields, " ") != "price" {
		t.Errorf("%+v", last)
	}
	if status, raw := ask(t, "GET", s.ConsoleURL+"/api/parks?q=sz0001", ""); status != 200 || !strings.Contains(raw, `"price":777`) || !strings.Contains(raw, `"total":1,`) && !strings.Contains(raw, `"total":1}`) {
		t.Errorf("%d %s", status, raw)
	}
}

// A dead letter is told of, and counted.
func whatLiesInTheQueues(t *testing.T, s *stack.Stack) {
	t.Helper()
	next := listen(t, s.ConsoleURL+"/events", "")
	if status, raw := ask(t, "GET", s.ConsoleURL+"/api/queue", ""); status != 200 || !strings.Contains(raw, `"dead":0`) {
		t.Errorf("%d %s", status, raw)
	}
	for _, q := range s.Template.Queues {
		if q.DeadLetterARN == "" {
			if _, err := s.SQS().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(s.SQSURL + "/" + engines.AccountID + "/" + q.Name), MessageBody: aws.String("unreadable"),
				MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for e, ok := next(); e.Kind != "queue" || e.OK; e, ok = next() {
		if !ok {
			t.Fatal("the stream ended before the dead letter was told of")
		}
	}
	if status, raw := ask(t, "GET", s.ConsoleURL+"/api/queue", ""); status != 200 || !strings.Contains(raw, `"dead":1`) {
		t.Errorf("%d %s", status, raw)
	}
}

// A page from elsewhere must not drive the console, and the API's port has nothing of it.
func nobodyElseDrivesIt(t *testing.T, s *stack.Stack) {
	t.Helper()
	for _, c := range []struct{ method, path, origin string }{
		{"POST", "/api/poll", "https://evil.example"}, {"DELETE", "/api/faults", "http://127.0.0.1:1"}, {"POST", "/api/orders", "null"},
	} {
		if status, raw := ask(t, c.method, s.ConsoleURL+c.path, "{}", "Origin", c.origin, "Content-Type", "text/plain"); status != 403 {
			t.Errorf("%s %s from %s: %d %s", c.method, c.path, c.origin, status, raw)
		}
	}
	if status, _ := ask(t, "POST", s.ConsoleURL+"/api/sweep", "", "Origin", s.ConsoleURL, "Sec-Fetch-Site", "same-origin"); status != 200 {
		t.Errorf("its own page: %d", status)
	}
	for _, path := range []string{"/", "/events", "/api/orders", "/js/main.js", "/stack.json"} {
		if status, raw := ask(t, "GET", s.URL+path, ""); status != 404 || !strings.Contains(raw, "40400") {
			t.Errorf("the API's port answers %s with %d %.100s", path, status, raw)
		}
	}
}

// An open stream does not hold up the stack's end.
func stopEndsStreams(t *testing.T, s *stack.Stack, c *Console) {
	t.Helper()
	next := listen(t, s.ConsoleURL+"/events", "")
	next()
	s.Stop()
	for _, ok := next(); ok; {
		_, ok = next()
	}
	if !c.stream.closed || c.done.Err() == nil { // else the server waited for the stream and then cut it
		t.Error("the console was not closed")
	}
}
