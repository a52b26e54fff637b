package tongli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

const secret = "the-outbound-secret-of-the-test"

// heard is one call as Tongli hears it.
type heard struct {
	method, path, query string
	header              http.Header
	body                []byte
}

// partner is a Tongli that answers by the row's script, one step a call.
type partner struct {
	*httptest.Server
	calls []heard
}

func newPartner(t *testing.T, steps ...http.HandlerFunc) (*partner, *Client) {
	t.Helper()
	p := &partner{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		p.calls = append(p.calls, heard{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header, body})
		if len(p.calls) > len(steps) {
			t.Errorf("call %d was not expected: %s", len(p.calls), r.URL)
			return
		}
		steps[len(p.calls)-1](w, r)
	}))
	t.Cleanup(p.Close)
	return p, clientOf(p.URL)
}

func clientOf(url string) *Client {
	return &Client{HTTP: NewHTTPClient(), BaseURL: url, AppID: "chejiajia", Now: time.Now, Secret: func(context.Context) (string, error) { return secret, nil }}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// verified is the call's nonce; the signature must be right over the very bytes that came.
func verified(t *testing.T, c heard) string {
	t.Helper()
	params, err := signature.ParseQuery(c.query)
	if err != nil {
		t.Fatal(err)
	}
	common, err := signature.Verify(c.method, c.path, params, c.body, "chejiajia", []string{secret}, time.Now())
	if err != nil {
		t.Errorf("%s %s: %v", c.path, c.query, err)
	}
	return common.Nonce
}

// TestTheBytesThatAreSigned are the bytes that are sent, whatever the names hold.
func TestTheBytesThatAreSigned(t *testing.T) {
	p, c := newPartner(t, says(200, `{"code":0}`), says(200, `{"code":"200","data":[{"park_sn":"P1"}]}`), says(200, `{"code":0}`))
	slots := []lease.Slot{{Date: lease.MustDate("2026-12-02"), Start: 1140, End: 390}, {Date: lease.MustDate("2026-12-01"), Start: 1140, End: 390}, {Date: lease.MustDate("2026-12-02"), Start: 1140, End: 390}}
	c.BaseURL += "/" // a slash behind is no second one
	if out := c.SyncWhitelist(t.Context(), `2017-01-01 12:00:00 "<&>\`, "苏E88888", slots); out.Class != Accepted || out.Unknown {
		t.Errorf("%+v", out)
	}
	if out := c.ListParks(t.Context(), 3, 1000); out.Class != Accepted || string(out.Data) != `[{"park_sn":"P1"}]` {
		t.Errorf("%+v", out)
	}
	if out := c.SyncWhitelist(t.Context(), "P1", "苏E88888", nil); out.Class != Accepted {
		t.Errorf("%+v", out)
	}
	want := []struct{ path, body string }{
		{"/api/SynLeaseOrder", `{"park_sn":"2017-01-01 12:00:00 \"<&>\\","car_plate_no":"苏E88888","dates":[{"date":"2026-12-01","start_time":"19:00","end_time":"06:30"},{"date":"2026-12-02","start_time":"19:00","end_time":"06:30"}]}`},
		{"/api/leasePark", `{"page":3,"limit":1000}`},
		{"/api/SynLeaseOrder", `{"park_sn":"P1","car_plate_no":"苏E88888","dates":[]}`},
	}
	nonces := map[string]bool{}
	for i, call := range p.calls {
		if call.method != "POST" || call.path != want[i].path || string(call.body) != want[i].body || call.header.Get("Content-Type") != "application/json; charset=utf-8" || call.header.Get("Idempotency-Key") != "" {
			t.Errorf("call %d: %+v\n%s\nwant %s", i, call, call.body, want[i].body)
		}
		nonces[verified(t, call)] = true
	}
	if len(nonces) != len(want) {
		t.Errorf("nonces came twice: %v", nonces)
	}
}

// TestSignedAnew: once where Tongli finds timestamp or nonce wrong, with a nonce and a time of its own; never for anything else.
func TestSignedAnew(t *testing.T) {
	bad := func(code int) http.HandlerFunc { return says(200, fmt.Sprintf(`{"code":%d}`, code)) }
	for _, c := range []struct {
		name  string
		steps []http.HandlerFunc
		want  Class
	}{
		{"the clock, then well", []http.HandlerFunc{bad(40104), says(200, `{"code":0}`)}, Accepted},
		{"the nonce, under 401, then well", []http.HandlerFunc{says(401, `{"code":"40105"}`), says(200, `{"code":0}`)}, Accepted},
		{"the clock twice", []http.HandlerFunc{bad(40104), bad(40104)}, Credentials},
		{"the clock, then the nonce", []http.HandlerFunc{bad(40104), bad(40105)}, Credentials},
		{"the clock, then a refusal", []http.HandlerFunc{bad(40104), bad(42202)}, Refused},
		{"the sign", []http.HandlerFunc{bad(40103)}, Credentials},
		{"the app_id", []http.HandlerFunc{bad(40102)}, Credentials},
		{"401 without a code", []http.HandlerFunc{says(401, "")}, Credentials},
		{"the clock under another status", []http.HandlerFunc{says(400, `{"code":40104}`)}, Refused},
	} {
		p, client := newPartner(t, c.steps...)
		if out := client.ListParks(t.Context(), 1, 10); out.Class != c.want || len(p.calls) != len(c.steps) {
			t.Errorf("%s: %+v after %d calls", c.name, out, len(p.calls))
		}
		nonces := map[string]bool{}
		for _, call := range p.calls {
			nonces[verified(t, call)] = true
		}
		if len(nonces) != len(p.calls) {
			t.Errorf("%s: a nonce came twice", c.name)
		}
	}
}

// TestRedirectsAreNotFollowed: a signature is for one URL, and a body for one host.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, c := newPartner(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL+r.URL.Path, status) })
		if out := c.ListParks(t.Context(), 1, 10); out.Class != Transient {
			t.Errorf("%d: %+v", status, out)
		}
	}
}

// TestAnswersThatBreak: what cannot be read is transient, and unknown where it may have been applied. Nothing is repeated by net/http.
func TestAnswersThatBreak(t *testing.T) {
	hijack := func(sends string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, sends)
			_ = conn.Close()
		}
	}
	for _, c := range []struct {
		name    string
		step    http.HandlerFunc
		class   Class
		unknown bool
	}{
		{"closed without an answer", hijack(""), Transient, true},
		{"closed within the head", hijack("HTTP/1.1 200 OK\r\nContent-"), Transient, true},
		{"closed within the body", hijack("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":0"), Transient, true},
		{"closed within the body of a 503", hijack("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n{\"code\":0"), Transient, false},
		{"no HTTP", hijack("220 smtp.example.com ESMTP\r\n"), Transient, true},
		{"empty", says(200, ""), Transient, true},
		{"HTML", says(200, "<html>"), Transient, true},
		{"cut", says(200, `{"code":0,"data":[`), Transient, true},
		{"two values", says(200, `{"code":0}{}`), Transient, true},
		{"larger than 8 MiB", says(200, `{"code":0,"data":"`+strings.Repeat("x", maxAnswer)+`"}`), Transient, true},
		{"larger than 8 MiB by white space", says(200, `{"code":0}`+strings.Repeat(" ", maxAnswer)), Transient, true},
		{"nearly 8 MiB", says(200, `{"code":0,"data":"`+strings.Repeat("x", maxAnswer-100)+`"}`), Accepted, false},
		{"a 504", says(504, ""), Transient, true},
	} {
		p, client := newPartner(t, c.step)
		if out := client.ListParks(t.Context(), 1, 10); out.Class != c.class || out.Unknown != c.unknown || len(p.calls) != 1 {
			t.Errorf("%s: %+v after %d calls", c.name, Outcome{Class: out.Class, Unknown: out.Unknown, Detail: out.Detail}, len(p.calls))
		}
	}
	nobody := clientOf("http://127.0.0.1:1")
	if out := nobody.ListParks(t.Context(), 1, 10); out.Class != Transient || out.Unknown {
		t.Errorf("nobody listens: %+v", out)
	}
	for _, url := range []string{"http://[::1", "://", "tongli.example.com"} {
		if out := clientOf(url).ListParks(t.Context(), 1, 10); out.Class == Accepted {
			t.Errorf("%s: %+v", url, out)
		}
	}
	locked := clientOf("http://127.0.0.1:1")
	locked.Secret = func(context.Context) (string, error) { return "", errors.New("no") }
	if out := locked.ListParks(t.Context(), 1, 10); out.Class != Transient || out.Unknown {
		t.Errorf("no secret: %+v", out)
	}
}

// pipe is a network of one connection, without a kernel, so that time may be the test's own.
func pipe(serving *sync.WaitGroup, serve func(net.Conn)) *http.Client {
	client := NewHTTPClient()
	transport := client.Transport.(*http.Transport)
	transport.Proxy = nil
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		serving.Go(func() { serve(theirs) })
		return ours, nil
	}
	return client
}

// TestGivenUp: a call ends after ten seconds, both of its tries together, or with the caller's own deadline.
func TestGivenUp(t *testing.T) {
	silent := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	dripping := func(conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(conn)) // an answer before its request would end the connection
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
		for {
			if _, err := conn.Write([]byte(" ")); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	slowly := func(conn net.Conn) { // finds the clock wrong after six seconds, each time
		requests := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(6 * time.Second)
			if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"code\":40104}"); err != nil {
				return
			}
		}
	}
	for name, serve := range map[string]func(net.Conn){"silent": silent, "a byte a second": dripping, "signed anew after six seconds": slowly} {
		for _, deadline := range []time.Duration{time.Hour, 3 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				c := clientOf("http://tongli.test")
				var serving sync.WaitGroup
				c.HTTP = pipe(&serving, serve)
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				begun := time.Now()
				out := c.ListParks(ctx, 1, 10)
				if took := time.Since(begun); took != min(10*time.Second, deadline) || out.Took != took || out.Class != Transient || !out.Unknown {
					t.Errorf("%s: %+v after %s", name, out, took)
				}
				c.HTTP.CloseIdleConnections()
				serving.Wait()
			})
		}
	}
}

// TestNoSecretInTheDetail: an answer that echoes our secret is not passed on, nor is a part of it where the answer is shortened.
func TestNoSecretInTheDetail(t *testing.T) {
	for _, body := range []string{`{"code":42202,"msg":"wrong secret ` + secret + `"}`, `{"code":42202,"msg":"` + strings.Repeat("x", 140) + secret + `"}`, `{"code":42202,"msg":"\u0074` + secret[1:] + `"}`,
		`{"code":"` + secret + `"}`, `{"code":"` + strings.Repeat("x", 16) + secret + `"}`, `{"` + secret + `":1,"` + secret + `":2}`, `{"` + strings.Repeat("x", 10) + secret + `":1,"` + strings.Repeat("x", 10) + secret + `":2}`} {
		_, c := newPartner(t, says(200, body))
		if out := c.ListParks(t.Context(), 1, 10); strings.Contains(out.Detail, secret[:8]) || !strings.Contains(out.Detail, "(secret)") {
			t.Errorf("%s: %q", body, out.Detail)
		}
	}
	_, c := newPartner(t, says(200, `{"code":42202,"msg":"`+strings.Repeat("x", 154)+`苏E88888"}`))
	if out := c.ListParks(t.Context(), 1, 10); strings.Contains(out.Detail, "苏E88") || !strings.Contains(out.Detail, "苏E8••8…") {
		t.Errorf("half a plate: %q", out.Detail)
	}
	_, c = newPartner(t, says(200, `{"code":42202,"msg":"苏E88888"}`))
	if out := c.ListParks(t.Context(), 1, 10); !strings.Contains(out.Detail, "苏E88888") {
		t.Errorf("the app may read its plate: %q", out.Detail)
	}
	long := bytes.Repeat([]byte("园"), 1000)
	_, c = newPartner(t, says(400, `{"code":42202,"msg":"`+string(long)+`"}`))
	if out := c.ListParks(t.Context(), 1, 10); len(out.Detail) > 700 {
		t.Errorf("%d bytes of detail", len(out.Detail))
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Unix(1790000000, 0)
	for value, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "0": 0, "-5": 0, "1.5": 0, "x": 0, "99999999999999": (1 << 30) * time.Second, "99999999999999999999": 0,
		now.Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).UTC().Format(http.TimeFormat): 0} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	if got := retryAfter("2147483647", now); got <= 0 {
		t.Errorf("a huge one: %s", got)
	}
}
