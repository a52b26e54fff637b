package signature

import (
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

type vector struct {
	Name, Method, Path, Body, Sign string
	Query                          [][2]string
	StringToSign                   string `json:"string_to_sign"`
}

func vectors(t *testing.T) (secret string, cases []vector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/signature-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Secret string
		Cases  []vector
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Cases) == 0 {
		t.Fatalf("vectors: %v", err)
	}
	return file.Secret, file.Cases
}

func TestVectors(t *testing.T) {
	secret, cases := vectors(t)
	for _, c := range cases {
		var params []Param
		appID := ""
		for _, q := range c.Query {
			params = append(params, Param{q[0], q[1]})
			if q[0] == "app_id" {
				appID = q[1]
			}
		}
		text := StringToSign(c.Method, c.Path, params, []byte(c.Body))
		if string(text) != c.StringToSign {
			t.Errorf("%s: string to sign\n got %q\nwant %q", c.Name, text, c.StringToSign)
		}
		if got := Sign(secret, text); got != c.Sign {
			t.Errorf("%s: sign %s, want %s", c.Name, got, c.Sign)
		}
		// and as it comes over the wire, in another order and with a plus for a space
		raw := "sign=" + c.Sign
		for i := len(params) - 1; i >= 0; i-- {
			raw += "&" + url.QueryEscape(params[i].Name) + "=" + url.QueryEscape(params[i].Value)
		}
		received, err := ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(c.Method, c.Path, received, []byte(c.Body), appID, []string{"other", secret}, time.Unix(1790000000, 0)); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// TestVerify: one change a row to a request that is accepted.
func TestVerify(t *testing.T) {
	const secret, path, body = "s", "/lease/order", `{"park_sn":"P1"}`
	now := time.Unix(1790000000, 0)
	type request struct {
		method, path, body, query string
		app                       string
		secrets                   []string
		now                       time.Time
	}
	good := func(at time.Time) request {
		return request{"POST", path, body, Query("tongli", secret, "POST", path, []Param{{"x", "a b+c~d*"}}, []byte(body), at, "0123456789abcdef"), "tongli", []string{secret}, now}
	}
	resigned := func(query string) string {
		params, err := ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		return query + "&sign=" + Sign(secret, StringToSign("POST", path, params, []byte(body)))
	}
	const base = "app_id=tongli&timestamp=1790000000&nonce=0123456789abcdef"
	for _, c := range []struct {
		name   string
		change func(*request)
		want   error
	}{
		{"good", func(r *request) {}, nil},
		{"previous secret", func(r *request) { r.secrets = []string{"new", secret} }, nil},
		{"300 s late", func(r *request) { r.now = now.Add(300 * time.Second) }, nil},
		{"300 s early", func(r *request) { r.now = now.Add(-300 * time.Second) }, nil},
		{"301 s late", func(r *request) { r.now = now.Add(301 * time.Second) }, ErrTimestamp},
		{"301 s early", func(r *request) { r.now = now.Add(-301 * time.Second) }, ErrTimestamp},
		{"method", func(r *request) { r.method = "GET" }, ErrWrong},
		{"path", func(r *request) { r.path = "/lease/park" }, ErrWrong},
		{"body byte", func(r *request) { r.body = strings.Replace(body, "P1", "P2", 1) }, ErrWrong},
		{"body space", func(r *request) { r.body += " " }, ErrWrong},
		{"query value", func(r *request) { r.query = strings.Replace(r.query, "x=a", "x=b", 1) }, ErrWrong},
		{"query added", func(r *request) { r.query += "&y=" }, ErrWrong},
		{"empty pieces", func(r *request) { r.query = "&&" + strings.ReplaceAll(r.query, "&", "&&") }, nil},
		{"plus for space", func(r *request) { r.query = strings.Replace(r.query, "%20", "+", 1) }, nil},
		{"secret", func(r *request) { r.secrets = []string{"other"} }, ErrWrong},
		{"no secret", func(r *request) { r.secrets = nil }, ErrWrong},
		{"empty secret", func(r *request) { r.secrets = []string{""} }, ErrWrong},
		{"app_id", func(r *request) { r.app = "chejiajia" }, ErrAppUnknown},
		{"sign upper case", func(r *request) {
			at := strings.Index(r.query, "sign=") + 5
			r.query = r.query[:at] + strings.ToUpper(r.query[at:])
		}, ErrWrong},
		{"sign short", func(r *request) { r.query = r.query[:len(r.query)-1] }, ErrWrong},
		{"sign empty", func(r *request) { r.query = base + "&sign=" }, ErrMalformed},
		{"sign twice", func(r *request) { r.query += "&sign=0" }, ErrMalformed},
		{"nonce twice", func(r *request) { r.query = resigned(base + "&nonce=0123456789abcdef") }, ErrMalformed},
		{"nonce 15", func(r *request) { r.query = resigned("app_id=tongli&timestamp=1790000000&nonce=0123456789abcde") }, ErrMalformed},
		{"nonce 64", func(r *request) {
			r.query = resigned("app_id=tongli&timestamp=1790000000&nonce=" + strings.Repeat("a", 64))
		}, nil},
		{"nonce 65", func(r *request) {
			r.query = resigned("app_id=tongli&timestamp=1790000000&nonce=" + strings.Repeat("a", 65))
		}, ErrMalformed},
		{"nonce alphabet", func(r *request) { r.query = resigned("app_id=tongli&timestamp=1790000000&nonce=0123456789abcde.") }, ErrMalformed},
		{"timestamp 11 digits", func(r *request) { r.query = resigned("app_id=tongli&timestamp=17900000000&nonce=0123456789abcdef") }, ErrMalformed},
		{"timestamp ms", func(r *request) { r.query = resigned("app_id=tongli&timestamp=1790000000123&nonce=0123456789abcdef") }, nil},
		{"timestamp sign", func(r *request) { r.query = resigned("app_id=tongli&timestamp=-179000000&nonce=0123456789abcdef") }, ErrMalformed},
		{"sign_type", func(r *request) { r.query = resigned(base + "&sign_type=HMAC-SHA256") }, nil},
		{"sign_type other", func(r *request) { r.query = resigned(base + "&sign_type=MD5") }, ErrMalformed},
		{"sign_type empty", func(r *request) { r.query = resigned(base + "&sign_type=") }, ErrMalformed},
	} {
		r := good(now)
		c.change(&r)
		params, err := ParseQuery(r.query)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := Verify(r.method, r.path, params, []byte(r.body), r.app, r.secrets, r.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestParseQueryErrors(t *testing.T) {
	for _, raw := range []string{"a=%zz", "a=%", "a=%4", "%ff=1", "a=%c3%28"} {
		if _, err := ParseQuery(raw); !errors.Is(err, ErrQuery) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
