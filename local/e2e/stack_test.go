// Package e2e tests the whole system: compiled binaries through the Lambda Runtime API, on the real engines.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lease-gateway/local/docstest"
	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// start is startStack, with its API in front of containers where LEASE_SAM asks for it.
func start(t testing.TB, o stack.Options) *stack.Stack {
	t.Helper()
	s := startStack(t, o)
	if samCommand != "" {
		s.URL = startAPI(t, s)
	}
	return s
}

// startStack builds the functions and runs a stack of the test's own on the shared engines.
func startStack(t testing.TB, o stack.Options) *stack.Stack {
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
	o.Root, o.Binaries = root, filepath.Join(root, ".build")
	if o.Engines == nil {
		o.Engines = &engines.Engines{DynamoURL: dynamo, SQSURL: sqs}
	}
	o.Name = enginetest.Name("e2e")
	o.Containers = samContainers()
	log := &bytes.Buffer{}
	if o.Log != nil {
		o.Log = io.MultiWriter(log, o.Log)
	} else {
		o.Log = log
	}
	told := o.Tongli.OnCall
	o.Tongli.OnCall = func(c tonglisim.Call) {
		if told != nil {
			told(c)
		}
		if err := docstest.ValidateCall(strings.TrimPrefix(c.Path, "/"), c.Body); err != nil {
			t.Errorf("a call to Tongli is not what docs/openapi.yaml says: %v", err)
		}
	}
	s, err := stack.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Log(tail(log.String(), 8000))
		}
	})
	return s
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// answer of the API.
type answer struct {
	Status int
	Code   int             `json:"code"`
	Msg    string          `json:"msg"`
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Field string `json:"field"`
	} `json:"errors"`
	HasMore bool    `json:"has_more"`
	Next    *string `json:"next_cursor"`
	Request string  `json:"request_id"`
	Raw     string
}

func (a answer) fields() string {
	var names []string
	for _, e := range a.Errors {
		names = append(names, e.Field)
	}
	return strings.Join(names, " ")
}

// send sends a request as it is and wants an envelope, as docs/openapi.yaml has it.
func send(t testing.TB, method, target, contentType string, body []byte) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
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
	a := answer{Status: resp.StatusCode, Raw: string(raw)}
	if method == http.MethodHead {
		return a
	}
	if err := json.Unmarshal(raw, &a); err != nil || a.Request == "" {
		t.Fatalf("%s %s: no envelope: %s", method, target, raw)
	}
	if _, measured := t.(*testing.B); measured {
		return a
	}
	if err := docstest.ValidateAnswer(method, req.URL.EscapedPath(), resp.StatusCode, raw); err != nil {
		t.Errorf("the answer is not what docs/openapi.yaml says: %v", err)
	}
	return a
}

// app calls as the app does.
func app(t testing.TB, s *stack.Stack, method, path, body string) answer {
	t.Helper()
	return send(t, method, s.URL+path, "application/json", []byte(body))
}

// tongli calls as Tongli does, signed.
func tongli(t testing.TB, s *stack.Stack, method, path, query, body string) answer {
	t.Helper()
	params, err := signature.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, method, s.URL+path+"?"+signature.Query(stack.InboundAppID, stack.Secret, method, path, params, []byte(body), time.Now(), ""), "application/json", []byte(body))
}

// eventually polls until the condition holds.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience(within))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", within, what)
		case <-tick.C:
		}
	}
}

func day(offset int) string { return (lease.DateOf(time.Now()) + lease.Date(offset)).String() }

func park(sn string, change ...string) string {
	fields := map[string]string{"park_sn": fmt.Sprintf("%q", sn), "park_name": `"园区停车场"`, "deadline": `"2027-12-31"`, "start_time": `"18:00"`, "end_time": `"08:00"`,
		"is_sat": "1", "is_sun": "1", "is_holiday": "0", "price": "150", "start_price": "300", "holiday_price": "2000"}
	for i := 0; i+1 < len(change); i += 2 {
		fields[change[i]] = change[i+1]
	}
	var parts []string
	for name, v := range fields {
		if v != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, v))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func order(id, sn, plate string, nights ...int) string {
	var dates []string
	for _, n := range nights {
		dates = append(dates, fmt.Sprintf(`{"date":%q,"start_time":"19:00","end_time":"06:30"}`, day(n)))
	}
	return fmt.Sprintf(`{"order_id":%q,"park_sn":%q,"car_plate_no":%q,"dates":[%s]}`, id, sn, plate, strings.Join(dates, ","))
}

func escape(s string) string { return url.QueryEscape(s) }

// serve serves a handler on a port until the test ends.
func serve(t *testing.T, port string, h http.Handler) {
	t.Helper()
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Second}
	l := listener(t, port)
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
}
