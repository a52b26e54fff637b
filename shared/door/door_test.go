package door_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
	"lease-gateway/shared/telemetry"
)

const current, previous = "the-current-secret-of-the-test", "the-previous-secret-of-the-test"

var now = time.Unix(1790000000, 0)

// house is a door with everything behind it counted.
type house struct {
	*door.Door
	log     bytes.Buffer
	live    []string
	fresh   []string // what is read anew on a wrong signature; nil: the same
	noLive  error
	claims  []string // nonces that were claimed
	used    map[string]bool
	reads   int // of the secrets, anew
	handled []*door.Request
	handle  door.Handle
	units   leasestore.Units
}

func newHouse() *house {
	h := &house{live: []string{current, previous}, used: map[string]bool{}}
	h.Door = &door.Door{Signed: &door.Signed{AppID: "tongli", Secrets: h, Nonces: h}, Now: func() time.Time { return now }, Logger: telemetry.NewLogger(&h.log, "the-function"),
		Units: func() leasestore.Units { return h.units },
		Handle: func(ctx context.Context, r *door.Request) (envelope.Answer, error) {
			h.handled = append(h.handled, r)
			if h.handle != nil {
				return h.handle(ctx, r)
			}
			return envelope.Answer{}, nil
		}}
	return h
}

func (h *house) Live(_ context.Context, fresh bool) ([]string, error) {
	if fresh {
		h.reads++
		if h.fresh != nil {
			h.live = h.fresh
		}
	}
	return h.live, h.noLive
}

func (h *house) ClaimNonce(ctx context.Context, appID, nonce, token string, life time.Duration, at time.Time) error {
	h.claims = append(h.claims, nonce)
	h.units.Write++
	if appID != "tongli" || token == "" || life != 10*time.Minute || !at.Equal(now) {
		return errors.New("claimed for something else")
	}
	if h.used[nonce] {
		return lease.ErrNonceUsed
	}
	h.used[nonce] = true
	return nil
}

// event is one of API Gateway's.
type event struct {
	method, route, path, query, body string
	base64                           bool
	headers                          map[string]string
}

func (e event) json() []byte {
	raw, err := json.Marshal(map[string]any{"version": "2.0", "routeKey": e.route, "rawPath": e.path, "rawQueryString": e.query, "headers": e.headers, "body": e.body, "isBase64Encoded": e.base64,
		"requestContext": map[string]any{"requestId": "request-1", "http": map[string]string{"method": e.method}}})
	if err != nil {
		panic(err)
	}
	return raw
}

type answer struct {
	Status  int
	Headers map[string]string
	Body    string
	Code    int
	Request string
	Data    json.RawMessage
}

func (h *house) ask(t *testing.T, e event) answer {
	t.Helper()
	out, err := h.Invoke(t.Context(), e.json())
	if err != nil {
		t.Fatal(err)
	}
	var response struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	var body struct {
		Code      *int            `json:"code"`
		RequestID string          `json:"request_id"`
		Data      json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(out, &response); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(response.Body), &body); err != nil || body.Code == nil {
		t.Fatalf("no envelope: %s", out)
	}
	return answer{response.StatusCode, response.Headers, response.Body, *body.Code, body.RequestID, body.Data}
}

const goodBody = `{"park_sn":"P1"}`

// signed is a good POST lease/order, signed over body.
func signed(body string) event {
	return event{method: "POST", route: "POST /lease/order", path: "/lease/order", body: body,
		query: signature.Query("tongli", current, "POST", "/lease/order", nil, []byte(body), now, "0123456789abcdef")}
}

// TestOrderOfChecks: a request that is wrong in every way is put right one step at a time, and each step is answered with the next check's
// code. The nonce is claimed at the end alone.
func TestOrderOfChecks(t *testing.T) {
	h := newHouse()
	h.used["0123456789abcdef"] = true
	large := strings.Repeat("x", envelope.MaxBody+1)
	e := event{method: "PUT", route: "$default", path: "/nowhere", body: large, query: "a=%zz"}
	sign := func(appID, secret, stamp string) string {
		q := "app_id=" + appID + "&nonce=0123456789abcdef&timestamp=" + stamp
		params, err := signature.ParseQuery(q)
		if err != nil {
			t.Fatal(err)
		}
		return q + "&sign=" + signature.Sign(secret, signature.StringToSign("POST", "/lease/order", params, []byte("{")))
	}
	late, right := strconv.FormatInt(now.Unix()-301, 10), strconv.FormatInt(now.Unix(), 10)
	for _, step := range []struct {
		change               func()
		status, code, claims int
	}{
		{func() {}, 413, 41301, 0},
		{func() { e.body = "{" }, 404, 40400, 0},
		{func() { e.path = "/lease/order" }, 405, 40500, 0},
		{func() { e.method, e.route = "POST", "POST /lease/order" }, 401, 40101, 0},
		{func() { e.query = "app_id=stranger" }, 401, 40101, 0},
		{func() { e.query = sign("stranger", "wrong", late) }, 401, 40104, 0},
		{func() { e.query = sign("stranger", "wrong", right) }, 401, 40102, 0},
		{func() { e.query = sign("tongli", "wrong", right) }, 401, 40103, 0},
		{func() { e.query = sign("tongli", current, right) }, 401, 40105, 1},
		{func() { h.used = map[string]bool{} }, 400, 40001, 2},
	} {
		step.change()
		if a := h.ask(t, e); a.Status != step.status || a.Code != step.code || len(h.claims) != step.claims || len(h.handled) != 0 || a.Request != "request-1" {
			t.Fatalf("want %d after %d claims: %+v, claimed %q, handled %d", step.code, step.claims, a, h.claims, len(h.handled))
		}
	}
	if a := h.ask(t, signed(goodBody)); a.Code != 40105 {
		t.Errorf("the nonce of a request whose body was bad: %+v", a)
	}
	h.used = map[string]bool{}
	if a := h.ask(t, signed(goodBody)); a.Code != 0 || len(h.handled) != 1 || h.handled[0].Common.AppID != "tongli" || h.handled[0].Fields.ParkSN(true) != "P1" {
		t.Errorf("%+v", a)
	}
}

func TestSecrets(t *testing.T) {
	with := func(secret string) event {
		e := signed(goodBody)
		e.query = signature.Query("tongli", secret, "POST", "/lease/order", nil, []byte(goodBody), now, "")
		return e
	}
	h := newHouse()
	if a := h.ask(t, with(previous)); a.Code != 0 || h.reads != 0 {
		t.Errorf("the previous secret: %+v, %d reads anew", a, h.reads)
	}
	if a := h.ask(t, with("wrong")); a.Code != 40103 || h.reads != 1 {
		t.Errorf("a wrong secret: %+v, %d reads anew", a, h.reads)
	}
	h.fresh = []string{"rotated", current}
	if a := h.ask(t, with("rotated")); a.Code != 0 || h.reads != 2 {
		t.Errorf("a secret that was rotated: %+v, %d reads anew", a, h.reads)
	}
	if a := h.ask(t, with(previous)); a.Code != 40103 {
		t.Errorf("a secret that was retired: %+v", a)
	}
	h.live, h.fresh, h.noLive = nil, nil, errors.New("Secrets Manager is away")
	if a := h.ask(t, with(current)); a.Status != 503 || a.Code != 50301 || strings.Contains(a.Body, "away") {
		t.Errorf("no secret can be read: %+v", a)
	}
	e := with(current)
	e.query = ""
	if a := h.ask(t, e); a.Code != 40101 {
		t.Errorf("no secret can be read, none is needed: %+v", a)
	}
}

// TestBodies: base64 is decoded before it is measured and signed; what is none is answered in its turn.
func TestBodies(t *testing.T) {
	coded := func(body string) event {
		e := signed(body)
		e.body, e.base64 = base64.StdEncoding.EncodeToString([]byte(body)), true
		return e
	}
	fill := func(n int) string { return goodBody + strings.Repeat(" ", n-len(goodBody)) }
	undecodable := func(change func(*event)) event {
		e := signed(goodBody) // no base64: it has braces
		e.base64 = true
		change(&e)
		return e
	}
	for _, c := range []struct {
		name   string
		e      event
		code   int
		claims int
	}{
		{"base64", coded(goodBody), 0, 1},
		{"base64 of bytes that are not UTF-8", coded("\xff"), 40001, 1},
		{"base64 of nothing", coded(""), 0, 1},
		{"256 KiB", signed(fill(envelope.MaxBody)), 0, 1},
		{"256 KiB and a byte", signed(fill(envelope.MaxBody + 1)), 41301, 0},
		{"256 KiB in base64", coded(fill(envelope.MaxBody)), 0, 1},
		{"256 KiB and a byte in base64", coded(fill(envelope.MaxBody + 1)), 41301, 0},
		{"256 KiB and two bytes in base64", coded(fill(envelope.MaxBody + 2)), 41301, 0},
		{"256 KiB and three bytes in base64", coded(fill(envelope.MaxBody + 3)), 41301, 0},
		{"4 MB in base64", coded(fill(4 << 20)), 41301, 0},
		{"undecodable", undecodable(func(*event) {}), 40001, 1},
		{"undecodable, signed over something else", undecodable(func(e *event) { e.query = signed("x").query }), 40103, 0},
		{"undecodable and not signed", undecodable(func(e *event) { e.query = "" }), 40101, 0},
		{"undecodable, wrong method", undecodable(func(e *event) { e.method, e.route = "PUT", "$default" }), 40500, 0},
		{"undecodable, unknown route", undecodable(func(e *event) { e.path, e.route = "/x", "$default" }), 40400, 0},
		{"undecodable and too large", undecodable(func(e *event) { e.body = strings.Repeat("!", 400<<10) }), 41301, 0},
		{"undecodable, larger than 256 KiB, less than that if it were base64", undecodable(func(e *event) { e.body = strings.Repeat("!", envelope.MaxBody+2) }), 41301, 0},
	} {
		h := newHouse()
		if a := h.ask(t, c.e); a.Code != c.code || len(h.claims) != c.claims {
			t.Errorf("%s: want %d, %d claims; got %+v, %d", c.name, c.code, c.claims, a, len(h.claims))
		}
	}
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		method, route, path string
		code                int
		allow               string
	}{
		{"GET", "$default", "/", 40400, ""},
		{"GET", "$default", "/lease", 40400, ""},
		{"GET", "$default", "/lease/park/", 40400, ""},
		{"GET", "$default", "/app/orders//push", 40400, ""},
		{"GET", "$default", "/lease/park", 40500, "POST"},
		{"PUT", "$default", "/lease/order", 40500, "GET, POST"},
		{"PUT", "$default", "/app/orders/A-1", 40500, "GET, DELETE"},
		{"GET", "$default", "/app/orders/A-1/push", 40500, "POST"},
		{"POST", "POST /lease/order", "/prod/lease/order", 0, ""}, // the stage's prefix is not signed
	} {
		h, e := newHouse(), signed(goodBody)
		e.method, e.route, e.path = c.method, c.route, c.path
		if a := h.ask(t, e); a.Code != c.code || a.Headers["allow"] != c.allow || a.Headers["content-type"] != "application/json; charset=utf-8" {
			t.Errorf("%s %s: %+v", c.method, c.path, a)
		}
	}
	h := newHouse()
	h.Handle = nil // unknown-route has none
	if a := h.ask(t, event{method: "POST", route: "$default", path: "/lease/order"}); a.Code != 40500 {
		t.Errorf("%+v", a)
	}
}

// TestPanic: a fixed text and the request id; the detail is in the log only.
func TestPanic(t *testing.T) {
	h := newHouse()
	h.handle = func(context.Context, *door.Request) (envelope.Answer, error) {
		panic("the detail, 苏E88888, " + current)
	}
	a := h.ask(t, signed(goodBody))
	if a.Status != 500 || a.Code != 50001 || a.Request != "request-1" || strings.Contains(a.Body, "detail") {
		t.Errorf("%+v", a)
	}
	if log := h.log.String(); !strings.Contains(log, "the detail, 苏E8••88, (secret)") || !strings.Contains(log, "door_test.go") || !strings.Contains(log, `"code":50001`) {
		t.Error(log)
	}
	h.handle = nil
	if a := h.ask(t, event{method: "POST", route: "POST /lease/order", path: "/lease/order", body: goodBody, query: signature.Query("tongli", current, "POST", "/lease/order", nil, []byte(goodBody), now, "")}); a.Code != 0 {
		t.Errorf("after a panic: %+v", a)
	}
	h.handle = func(context.Context, *door.Request) (envelope.Answer, error) {
		return envelope.Answer{}, errors.New("an error that the table does not know")
	}
	e := signed(goodBody)
	e.query = signature.Query("tongli", current, "POST", "/lease/order", nil, []byte(goodBody), now, "")
	if a := h.ask(t, e); a.Code != 50001 || strings.Contains(a.Body, "table") || !strings.Contains(h.log.String(), "an error that the table does not know") {
		t.Errorf("%+v", a)
	}
}

// TestStorageThatHangs is answered as 50301 before API Gateway gives up, wherever it hangs.
func TestStorageThatHangs(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, where := range map[string]func(*house){
		"at the nonce": func(h *house) { h.Signed.Nonces = nonces(hang) },
		"in the handler": func(h *house) {
			h.handle = func(ctx context.Context, _ *door.Request) (envelope.Answer, error) {
				return envelope.Answer{}, hang(ctx)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse()
			where(h)
			begun := time.Now()
			h.Now = func() time.Time { return now.Add(time.Since(begun)) }
			a := h.ask(t, signed(goodBody))
			if took := time.Since(begun); a.Status != 503 || a.Code != 50301 || took < 5*time.Second || took > 14*time.Second {
				t.Errorf("%s: %+v after %s", name, a, took)
			}
			if !strings.Contains(h.log.String(), `"ms":9000`) {
				t.Errorf("%s: %s", name, h.log.String())
			}
		})
	}
}

type nonces func(context.Context) error

func (n nonces) ClaimNonce(ctx context.Context, _, _, _ string, _ time.Duration, _ time.Time) error {
	return n(ctx)
}

func TestNoHTTPEvent(t *testing.T) {
	for _, payload := range []string{``, `null`, `[]`, `{}`, `{"rawPath":"/x"}`, `{"requestContext":{"http":{"method":"GET"}}}`, `{"rawPath":5}`} {
		if out, err := newHouse().Invoke(t.Context(), []byte(payload)); err == nil || !strings.Contains(err.Error(), "payload 2.0") {
			t.Errorf("%q: %s, %v", payload, out, err)
		}
	}
}

// TestCompression follows Accept-Encoding, of whatever case the header is.
func TestCompression(t *testing.T) {
	for header, zipped := range map[string]bool{"": false, "gzip": true, "GZIP": true, "br, gzip": true, "gzip;q=0": false, "gzip; q=0.0": false, "gzip;q=0.5": true, "identity": false, "xgzip": false} {
		h := newHouse()
		h.handle = func(context.Context, *door.Request) (envelope.Answer, error) {
			return envelope.Answer{Data: strings.Repeat("x", 2000)}, nil
		}
		e := signed(goodBody)
		e.headers = map[string]string{"Accept-Encoding": header}
		out, err := h.Invoke(t.Context(), e.json())
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(out, []byte(`"content-encoding":"gzip"`)); got != zipped {
			t.Errorf("%q: %t", header, got)
		}
	}
}
