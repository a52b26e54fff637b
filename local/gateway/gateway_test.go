package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"lease-gateway/local/lambdahost"
	"lease-gateway/local/template"
)

// fake answers every invocation alike and keeps the last one.
type fake struct {
	function string
	event    map[string]any
	result   lambdahost.Result
	err      error
}

func (f *fake) Invoke(_ context.Context, function string, payload []byte) (lambdahost.Result, error) {
	f.function, f.event = function, nil
	if err := json.Unmarshal(payload, &f.event); err != nil {
		return lambdahost.Result{}, err
	}
	return f.result, f.err
}

func serve(t *testing.T, f *fake) *httptest.Server {
	t.Helper()
	tmpl := &template.Template{Functions: []template.Function{
		{Name: "Park", Routes: []template.Route{{Method: "POST", Path: "/lease/park"}}},
		{Name: "Order", Routes: []template.Route{{Method: "GET", Path: "/app/orders/{order_id}"}, {Method: "POST", Path: "/app/orders/{order_id}/push"}, {Method: "GET", Path: "/app/orders/all"}}},
		{Name: "Unknown", Routes: []template.Route{{}}},
	}}
	s := httptest.NewServer(New(tmpl, f, func() time.Time { return time.Date(2026, 11, 24, 1, 2, 3, 4e6, time.UTC) }))
	t.Cleanup(s.Close)
	return s
}

func do(t *testing.T, method, address string, body io.Reader, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

func TestEvent(t *testing.T) {
	f := &fake{result: lambdahost.Result{Payload: []byte(`{"statusCode":200,"body":"ok"}`)}}
	s := serve(t, f)
	do(t, "POST", s.URL+"/lease/park?b=2&a=%E8%8B%8F+x&a=3&c", strings.NewReader(`{"x":"苏"}`), http.Header{
		"Content-Type": {"application/json"}, "X-Twice": {"one", "two"}, "Cookie": {"a=1; b=2"}, "User-Agent": {"tester"}, "Accept-Encoding": {"identity"},
	})
	e := f.event
	host := strings.TrimPrefix(s.URL, "http://")
	ctx := e["requestContext"].(map[string]any)
	port := e["headers"].(map[string]any)["x-forwarded-port"]
	want := map[string]any{
		"version": "2.0", "routeKey": "POST /lease/park", "rawPath": "/lease/park", "rawQueryString": "b=2&a=%E8%8B%8F+x&a=3&c",
		"cookies": []any{"a=1", "b=2"},
		"headers": map[string]any{"content-type": "application/json", "x-twice": "one,two", "user-agent": "tester", "accept-encoding": "identity",
			"host": host, "content-length": "11", "x-forwarded-for": "127.0.0.1", "x-forwarded-port": port, "x-forwarded-proto": "http"},
		"queryStringParameters": map[string]any{"a": "苏 x,3", "b": "2", "c": ""},
		"requestContext": map[string]any{
			"accountId": "000000000000", "apiId": "local", "domainName": host, "domainPrefix": "local", "requestId": ctx["requestId"],
			"routeKey": "POST /lease/park", "stage": "$default", "time": "24/Nov/2026:01:02:03 +0000", "timeEpoch": 1795482123004.0,
			"http": map[string]any{"method": "POST", "path": "/lease/park", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "tester"},
		},
		"body": `{"x":"苏"}`, "isBase64Encoded": false,
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}
}

func TestRoutes(t *testing.T) {
	f := &fake{result: lambdahost.Result{Payload: []byte(`{"statusCode":204}`)}}
	s := serve(t, f)
	for _, c := range []struct {
		method, path, function, key, parameter, rawPath string
	}{
		{"POST", "/lease/park", "Park", "POST /lease/park", "", "/lease/park"},
		{"GET", "/lease/park", "Unknown", "$default", "", "/lease/park"},
		{"HEAD", "/app/orders/1", "Unknown", "$default", "", "/app/orders/1"},
		{"OPTIONS", "/lease/park", "Unknown", "$default", "", "/lease/park"},
		{"POST", "/lease/park/", "Unknown", "$default", "", "/lease/park/"},
		{"GET", "/app/orders/a%20b", "Order", "GET /app/orders/{order_id}", "a b", "/app/orders/a b"},
		{"GET", "/app/orders/a%2Fb", "Order", "GET /app/orders/{order_id}", "a/b", "/app/orders/a/b"},
		{"GET", "/app/orders/all", "Order", "GET /app/orders/all", "", "/app/orders/all"},
		{"GET", "/app/orders/", "Unknown", "$default", "", "/app/orders/"},
		{"POST", "/app/orders/7/push", "Order", "POST /app/orders/{order_id}/push", "7", "/app/orders/7/push"},
		{"GET", "/", "Unknown", "$default", "", "/"},
	} {
		do(t, c.method, s.URL+c.path, nil, nil)
		parameters, _ := f.event["pathParameters"].(map[string]any)
		got, _ := parameters["order_id"].(string)
		if f.function != c.function || f.event["routeKey"] != c.key || got != c.parameter || f.event["rawPath"] != c.rawPath {
			t.Errorf("%s %s: %s, %v, parameter %q, rawPath %v", c.method, c.path, f.function, f.event["routeKey"], got, f.event["rawPath"])
		}
	}
}

func TestBodies(t *testing.T) {
	f := &fake{result: lambdahost.Result{Payload: []byte(`{"statusCode":204}`)}}
	s := serve(t, f)
	for _, c := range []struct {
		contentType, body, want string
		encoded                 bool
	}{
		{"application/json; charset=utf-8", "{}", "{}", false},
		{"", "{}", "{}", false},
		{"application/x-www-form-urlencoded", "a=1", "YT0x", true},
		{"application/json", "\xff\xfe", "//4=", true},
		{"application/octet-stream", "x", "eA==", true},
	} {
		do(t, "POST", s.URL+"/lease/park", strings.NewReader(c.body), http.Header{"Content-Type": {c.contentType}})
		if f.event["body"] != c.want || f.event["isBase64Encoded"] != c.encoded {
			t.Errorf("%q %q: %v, %v", c.contentType, c.body, f.event["body"], f.event["isBase64Encoded"])
		}
	}
	resp, got := do(t, "POST", s.URL+"/lease/park", bytes.NewReader(make([]byte, BodyMax+1)), nil)
	if resp.StatusCode != 413 || got != `{"message":"Request Entity Too Large"}` {
		t.Errorf("a body over the limit: %d %s", resp.StatusCode, got)
	}
	// Without a Content-Length it is counted while it is read.
	resp, _ = do(t, "POST", s.URL+"/lease/park", io.MultiReader(bytes.NewReader(make([]byte, BodyMax)), strings.NewReader("x")), nil)
	if resp.StatusCode != 413 {
		t.Errorf("a chunked body over the limit: %d", resp.StatusCode)
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, payload, failure string
		err                    error
		status                 int
		contentType, body      string
	}{
		{name: "plain", payload: `{"statusCode":201,"headers":{"content-type":"application/json"},"body":"{}"}`, status: 201, contentType: "application/json", body: "{}"},
		{name: "base64", payload: `{"statusCode":200,"headers":{"Content-Type":"x/y"},"body":"aGk=","isBase64Encoded":true}`, status: 200, contentType: "x/y", body: "hi"},
		{name: "no statusCode", payload: `{"a":1}`, status: 200, contentType: "application/json", body: `{"a":1}`},
		{name: "no JSON", payload: `oops`, status: 500, contentType: "application/json", body: `{"message":"Internal Server Error"}`},
		{name: "function error", payload: `{"errorType":"x"}`, failure: "Unhandled", status: 500, contentType: "application/json", body: `{"message":"Internal Server Error"}`},
		{name: "too late", err: context.DeadlineExceeded, status: 503, contentType: "application/json", body: `{"message":"Service Unavailable"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, &fake{result: lambdahost.Result{Payload: []byte(c.payload), Error: c.failure}, err: c.err})
			resp, got := do(t, "POST", s.URL+"/lease/park", nil, nil)
			if resp.StatusCode != c.status || resp.Header.Get("Content-Type") != c.contentType || got != c.body {
				t.Errorf("%d %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), got)
			}
		})
	}
	s := serve(t, &fake{result: lambdahost.Result{Payload: []byte(`{"statusCode":200,"cookies":["a=1","b=2"]}`)}})
	resp, _ := do(t, "POST", s.URL+"/lease/park", nil, nil)
	if diff := cmp.Diff([]string{"a=1", "b=2"}, resp.Header.Values("Set-Cookie")); diff != "" {
		t.Error(diff)
	}
}

// pipes is a listener whose connections live in memory, so that their time is the test's.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.done); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestSlowClients: who sends a byte a second is cut off, headers after 10 s and a body after 30 s, and who sends nothing after a minute.
func TestSlowClients(t *testing.T) {
	for _, c := range []struct {
		name, start string
		drips       bool
		after       time.Duration
	}{
		{"headers", "POST /lease/park HTTP/1.1\r\nHost: x\r\nX-A: ", true, 10 * time.Second},
		{"a body", "POST /lease/park HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", true, Timeout},
		{"nothing more", "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", false, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := Server(New(&template.Template{}, nil, time.Now))
				p := pipes{make(chan net.Conn), make(chan struct{})}
				go func() { _ = server.Serve(p) }()
				defer server.Close()
				client, conn := net.Pipe()
				p.conns <- conn
				closed := make(chan time.Time)
				go func() {
					_, _ = io.Copy(io.Discard, client)
					closed <- time.Now()
				}()
				begun := time.Now()
				_, _ = io.WriteString(client, c.start)
				for c.drips {
					if _, err := io.WriteString(client, "a"); err != nil {
						break
					}
					time.Sleep(time.Second)
				}
				if took := (<-closed).Sub(begun); took < c.after || took > c.after+2*time.Second {
					t.Errorf("cut off after %s, want %s", took, c.after)
				}
			})
		})
	}
}

// TestTargets: what stands behind the method may be a URL, an asterisk or an authority; the function is asked, or the gateway refuses, and nothing is a 500.
func TestTargets(t *testing.T) {
	for line, want := range map[string]string{
		"GET http://elsewhere HTTP/1.1": "404 /", "GET http://elsewhere/x?y=1 HTTP/1.1": "404 /x", "GET / HTTP/1.1": "404 /", "OPTIONS * HTTP/1.1": "404 *", "CONNECT elsewhere:443 HTTP/1.1": "400 ",
	} {
		f := &fake{result: lambdahost.Result{Payload: []byte(`{"statusCode":404,"body":"{}"}`)}}
		server := httptest.NewUnstartedServer(nil)
		server.Config = Server(New(&template.Template{Functions: []template.Function{{Name: "Rest", Routes: []template.Route{{}}}}}, f, time.Now))
		server.Start()
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, line+"\r\nHost: x\r\nConnection: close\r\n\r\n")
		raw, err := io.ReadAll(conn)
		_ = conn.Close()
		server.Close()
		path, _ := f.event["rawPath"].(string)
		if got := string(raw[9:12]) + " " + path; err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", line, got, err, want)
		}
	}
}
