package signdebug

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lease-gateway/shared/signature"
)

const secret, otherSecret = "c2VjcmV0LW9mLXRoZS10ZXN0", "another-secret-of-the-test"

var now = time.Unix(1790000000, 0)

func debugger() *Debugger {
	return &Debugger{Inbound: Side{"tongli", secret, "http://127.0.0.1:8080"}, Outbound: Side{"chejiajia", otherSecret, "http://127.0.0.1:9000"},
		Now: func() time.Time { return now }}
}

// list and push are the requests that the rows below are about; the query stands as on the URL, not sorted.
var (
	list = Question{Method: "GET", Path: "/lease/order",
		Query: "timestamp=1790000000&park_sn=2017-01-01+12:00*~&sign_type=HMAC-SHA256&nonce=5f3c0e9a1b7d4c2e&car_plate_no=%e8%8b%8f+E88888&app_id=tongli"}
	push = Question{Method: "POST", Path: "/lease/park", Query: "timestamp=1790000000&nonce=5f3c0e9a1b7d4c2e&app_id=tongli", Body: `{"park_sn": "P/1", "park_name": "园区"}`}
)

func rightString(t *testing.T, q Question) string {
	t.Helper()
	q.Sign, q.StringToSign = "-", ""
	a, err := debugger().Explain(q)
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte(q.Body)
	params, err := signature.ParseQuery(q.Query)
	if err != nil {
		t.Fatal(err)
	}
	if want := string(signature.StringToSign(q.Method, q.Path, params, raw)); a.StringToSign != want {
		t.Fatalf("%q, want %q", a.StringToSign, want)
	}
	return a.StringToSign
}

// TestStrings: one mistake a row; what the caller signed is the right string with one change.
func TestStrings(t *testing.T) {
	type row struct {
		cause, part, name string
		from, to          string // changed once in the right string; "" at the end
	}
	rows := map[*Question][]row{
		&list: {
			{"query_not_sorted", "query", "app_id", "app_id=tongli&car_plate_no=%E8%8B%8F%20E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01%2012%3A00%2A~&sign_type=HMAC-SHA256&timestamp=1790000000",
				"timestamp=1790000000&park_sn=2017-01-01%2012%3A00%2A~&sign_type=HMAC-SHA256&nonce=5f3c0e9a1b7d4c2e&car_plate_no=%E8%8B%8F%20E88888&app_id=tongli"},
			{"query_not_sorted", "query", "app_id", "app_id=tongli&car_plate_no=%E8%8B%8F%20E88888", "car_plate_no=%E8%8B%8F%20E88888&app_id=tongli"},
			{"query_as_on_url", "query", "app_id", "app_id=tongli&car_plate_no=%E8%8B%8F%20E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01%2012%3A00%2A~&sign_type=HMAC-SHA256&timestamp=1790000000", list.Query},
			{"space_as_plus", "query", "car_plate_no", "%20E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01%20", "+E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01+"},
			{"encoding_of_language", "query", "park_sn", "%2A", "*"},
			{"encoding_of_language", "query", "park_sn", "~", "%7E"},
			{"hex_lower_case", "query", "car_plate_no", "%E8%8B%8F%20E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01%2012%3A00%2A", "%e8%8b%8f%20E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01%2012%3a00%2a"},
			{"encoded_twice", "query", "park_sn", "%2012%3A00%2A", "%252012%253A00%252A"},
			{"not_encoded", "query", "car_plate_no", "%E8%8B%8F%20E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01%2012%3A00%2A", "苏 E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01 12:00*"},
			{"encoding_differs", "query", "park_sn", "%3A", ":"},
			{"sign_type_left_out", "query", "sign_type", "sign_type=HMAC-SHA256&", ""},
			{"common_only", "query", "car_plate_no", "car_plate_no=%E8%8B%8F%20E88888&nonce=5f3c0e9a1b7d4c2e&park_sn=2017-01-01%2012%3A00%2A~", "nonce=5f3c0e9a1b7d4c2e"},
			{"sign_included", "query", "sign_type", "&sign_type", "&sign=abc&sign_type"},
			{"parameter_missing", "query", "car_plate_no", "car_plate_no=%E8%8B%8F%20E88888&", ""},
			{"parameter_added", "query", "park_sn", "&park_sn", "&page=1&park_sn"},
			{"timestamp_unit", "query", "timestamp", "1790000000", "1790000000000"},
			{"timestamp_unit", "query", "timestamp", "1790000000", "1790000000123"},
			{"another_request", "query", "timestamp", "1790000000", "1790000001"},
			{"another_request", "query", "nonce", "5f3c0e9a1b7d4c2e", "5f3c0e9a1b7d4c2f"},
			{"value_differs", "query", "car_plate_no", "E88888", "E88889"},
			{"last_line_missing", "body", "", "1790000000\n", "1790000000"},
			{"newline_added", "body", "", "", "\n"},
			{"crlf", "method", "", "\n", "\r\n"},
			{"newline_literal", "method", "", "GET\n", `GET\n`},
			{"method_case", "method", "", "GET", "get"},
			{"method_differs", "method", "", "GET", "POST"},
			{"path_slash", "path", "", "/lease/order", "lease/order"},
			{"path_slash", "path", "", "/lease/order", "/lease/order/"},
			{"path_with_host", "path", "", "/lease/order", "https://example.com/dev/lease/order"},
			{"path_with_host", "path", "", "/lease/order", "/prod/lease/order"},
			{"path_differs", "path", "", "/lease/order", "/lease/park"},
		},
		&push: {
			{"body_missing", "body", "", push.Body, ""},
			{"body_hash", "body", "", push.Body, "e3b0"}, // replaced below
			{"body_base64", "body", "", push.Body, base64.StdEncoding.EncodeToString([]byte(push.Body))},
			{"body_reserialised", "body", "", push.Body, `{"park_sn":"P/1","park_name":"园区"}`},
			{"body_reserialised", "body", "", push.Body, `{"park_sn":"P\/1","park_name":"\u56ed\u533a"}`},
			{"body_reserialised", "body", "", push.Body, `{"park_sn": "P/1", "park_name": "\u56ed\u533a"}`},
			{"body_reserialised", "body", "", push.Body, "{\n \"park_name\": \"园区\", \"park_sn\": \"P/1\"}"},
			{"body_in_query", "query", "timestamp", "&nonce=5f3c0e9a1b7d4c2e&timestamp=1790000000\n" + push.Body, "&nonce=5f3c0e9a1b7d4c2e&park_name=%E5%9B%AD%E5%8C%BA&park_sn=P%2F1&timestamp=1790000000\n"},
			{"body_bom", "body", "", `{"park_sn"`, "\ufeff" + `{"park_sn"`},
			{"body_white_space", "body", "", push.Body, push.Body + " "},
			{"newline_added", "body", "", push.Body, push.Body + "\n"},
			{"charset", "body", "", "园区", "\xd4\xb0\xc7\xf8"},
			{"body_differs", "body", "", "P/1", "P/2"},
			{"last_line_missing", "query", "timestamp", "\n{", "{"},
		},
	}
	seen := map[string]bool{}
	for q, list := range rows {
		right := rightString(t, *q)
		for _, r := range list {
			yours := right + r.to
			if r.from != "" {
				yours = strings.Replace(right, r.from, r.to, 1)
			}
			switch r.cause {
			case "crlf":
				yours = strings.ReplaceAll(right, "\n", "\r\n")
			case "newline_literal":
				yours = strings.ReplaceAll(right, "\n", `\n`)
			case "body_hash":
				yours = (mistakes[slices.IndexFunc(mistakes, func(m mistake) bool { return m.cause == "body_hash" })]).wrong(&request{method: q.Method, path: q.Path, params: mustParams(t, q.Query), body: []byte(q.Body)}, right)[1]
			}
			if yours == right {
				t.Fatalf("%s: the row changes nothing", r.cause)
			}
			seen[r.cause] = true
			asked := *q
			asked.StringToSignBase64 = base64.StdEncoding.EncodeToString([]byte(yours))
			a, err := debugger().Explain(asked)
			if err != nil {
				t.Fatal(err)
			}
			if a.Verdict != StringDiffers || len(a.Causes) == 0 || a.Causes[0].Cause != r.cause || a.Causes[0].Hint == "" || a.Causes[0].HintZH == "" {
				t.Errorf("%s: %s %+v %+v", r.cause, a.Verdict, a.Causes, a.Difference)
			}
			if d := a.Difference; d == nil || r.cause != "last_line_missing" && d.Part != r.part || d.Name != r.name && r.name != "" || d.Ours == d.Yours {
				t.Errorf("%s: %+v, want %s %s", r.cause, d, r.part, r.name)
			}
		}
	}
	t.Logf("%d causes", len(seen))
}

func mustParams(t *testing.T, query string) []signature.Param {
	t.Helper()
	params, err := signature.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return params
}

// TestSigns: only a sign is given, made by the mistake of the row; it is recognised by making the mistake again.
func TestSigns(t *testing.T) {
	for _, q := range []Question{list, push} {
		right := rightString(t, q)
		for name, signs := range digests(secret, otherSecret, right) {
			for _, sign := range signs {
				asked := q
				asked.Sign = sign
				if a, err := debugger().Explain(asked); err != nil || a.Verdict != SignDiffers || a.Causes[0].Cause != name || !a.Causes[0].Certain || a.Difference != nil {
					t.Errorf("%s: %v %+v", name, err, a.Causes)
				}
			}
		}
		r := &request{method: q.Method, path: q.Path, rawQuery: q.Query, params: mustParams(t, q.Query), body: []byte(q.Body)}
		for _, m := range mistakes {
			for _, text := range m.wrong(r, right) {
				asked := q
				asked.Sign = signature.Sign(secret, []byte(text))
				a, err := debugger().Explain(asked)
				if err != nil {
					t.Fatal(err)
				}
				if text == right {
					if a.Verdict != Equal {
						t.Errorf("%s: %s", m.cause, a.Verdict)
					}
				} else if a.Verdict != SignDiffers || !a.Causes[0].Certain {
					t.Errorf("%s: %s %+v", m.cause, a.Verdict, a.Causes)
				}
			}
		}
	}
	asked := list
	asked.Sign = strings.Repeat("0", 64)
	if a, err := debugger().Explain(asked); err != nil || a.Causes[0].Cause != "unknown" {
		t.Errorf("%v %+v", err, a)
	}
	asked.StringToSign = rightString(t, list)
	if a, err := debugger().Explain(asked); err != nil || a.Verdict != SignDiffers || a.Causes[0].Cause != "secret_wrong" {
		t.Errorf("%v %+v", err, a)
	}
	asked.Sign = signature.Sign(secret, []byte(asked.StringToSign))
	if a, err := debugger().Explain(asked); err != nil || a.Verdict != Equal || len(a.Causes)+len(a.Problems) != 0 || a.Sign != asked.Sign {
		t.Errorf("%v %+v", err, a)
	}
}

// TestEveryCauseHasAHint, and every hint a cause that can come.
func TestEveryCauseHasAHint(t *testing.T) {
	for _, m := range mistakes {
		if hints[m.cause][0] == "" || hints[m.cause][1] == "" {
			t.Errorf("%s has no hint", m.cause)
		}
	}
	for name := range digests(secret, otherSecret, "") {
		if hints[name][0] == "" || hints[name][1] == "" {
			t.Errorf("%s has no hint", name)
		}
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		code           int
	}{
		{"good", "nonce", "nonce", 0},
		{"no nonce", "nonce=5f3c0e9a1b7d4c2e&", "", 40101},
		{"a short nonce", "5f3c0e9a1b7d4c2e", "5f3c", 40101},
		{"app_id of the other direction", "app_id=tongli", "app_id=chejiajia", 40102},
		{"the clock", "1790000000", "1790000301", 40104},
	} {
		q := push
		q.Query = strings.Replace(q.Query, c.from, c.to, 1)
		q.StringToSign = "x"
		a, err := debugger().Explain(q)
		code := 0
		if len(a.Problems) > 0 {
			code = a.Problems[0].Code
		}
		if err != nil || code != c.code {
			t.Errorf("%s: %v %+v", c.name, err, a.Problems)
		}
	}
}

// TestFirstDifference: whatever the two strings are, what lies before the offset is equal, and something there is not.
func TestFirstDifference(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ab=&%\n苏\x00\ufeff")), 0, 30, -1)
	rapid.Check(t, func(t *rapid.T) {
		ours, yours := text.Draw(t, "ours"), text.Draw(t, "yours")
		if shared := text.Draw(t, "shared"); true {
			ours, yours = shared+ours, shared+yours
		}
		if ours == yours {
			return
		}
		d := difference(ours, yours)
		if d.Offset > min(len(ours), len(yours)) || ours[:d.Offset] != yours[:d.Offset] || d.Line != 1+strings.Count(ours[:d.Offset], "\n") {
			t.Fatalf("%+v", d)
		}
		a, b := []rune(ours[d.Offset:]), []rune(yours[d.Offset:])
		if len(a) > 0 && len(b) > 0 && a[0] == b[0] {
			t.Fatalf("at %d both have %q", d.Offset, a[0])
		}
		if strings.ContainsAny(d.Ours+d.Yours+d.Before, "\n\x00\ufeff") {
			t.Fatalf("not escaped: %+v", d)
		}
	})
}

func ask(t *testing.T, body string) (int, string) {
	t.Helper()
	server := httptest.NewServer(debugger())
	defer server.Close()
	resp, err := http.Post(server.URL, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || !json.Valid(raw) {
		t.Fatalf("%v %s", err, raw)
	}
	return resp.StatusCode, string(raw)
}

// TestNoSecretIsPrinted, wherever the caller has put it.
func TestNoSecretIsPrinted(t *testing.T) {
	for _, s := range []string{secret, otherSecret} {
		for _, q := range []Question{
			{Method: "GET", Path: "/" + s, Query: "a=b"},
			{Method: s, Path: "/lease/order"},
			{Method: "POST", Path: "/lease/park", Query: s + "=" + s, Body: s},
			{Method: "POST", Path: "/lease/park", Query: push.Query, Body: push.Body, StringToSign: s},
			{Method: "POST", Path: "/lease/park", Query: push.Query + "&x=" + s, Body: push.Body, StringToSign: "POST\n/lease/park\nsecret=" + s},
			{Method: "POST", Path: "/lease/park", Query: push.Query, Body: push.Body, Sign: s},
			{Method: "POST", Path: "/lease/park", Query: "app_id=" + s + "&timestamp=" + s + "&nonce=" + s, Sign: "x"},
			{Method: "POST", Path: "/lease/park", BodyBase64: s + "="},
			{Method: "POST", Path: "/lease/park", Query: "a=%" + s, Direction: Outbound},
			{Direction: s},
			{Method: "POST", Path: "/lease/park", ContentType: s, Body: "x"},
		} {
			raw, err := json.Marshal(q)
			if err != nil {
				t.Fatal(err)
			}
			if _, out := ask(t, string(raw)); strings.Contains(out, s) {
				t.Errorf("%s: %s", raw, out)
			}
		}
		if _, out := ask(t, `{"`+s+`":1}`); strings.Contains(out, s) {
			t.Error(out)
		}
	}
}

func TestHTTP(t *testing.T) {
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"method":"GET","path":"/lease/order","query":"park_sn=P1"}`, 200, `"verdict":"signed"`},
		{`{"method":"GET","path":"/lease/order","query":"park_sn=P1","sign":"x"}`, 200, `"code":40101`},
		{`{"method":"GET","path":"lease/order"}`, 400, "begins with a slash"},
		{`{"path":"/lease/order"}`, 400, "required"},
		{`{"method":"GET","path":"/x","direction":"up"}`, 400, "direction"},
		{`{"method":"GET","path":"/x","query":"a=%zz"}`, 400, "40101"},
		{`{"method":"GET","path":"/x","body":"a","body_base64":"YQ=="}`, 400, "body_base64"},
		{`{"method":"GET","path":"/x","string_to_sign":"a","string_to_sign_base64":"YQ=="}`, 400, "string_to_sign_base64"},
		{`{"methods":"GET"}`, 400, "methods"},
		{`[`, 400, "error"},
	} {
		if status, out := ask(t, c.body); status != c.status || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d %s", c.body, status, out)
		}
	}
	if status, _ := ask(t, `{"body":"`+strings.Repeat("x", maxQuestion)+`"}`); status != 400 {
		t.Errorf("a question that is too large: %d", status)
	}
}
