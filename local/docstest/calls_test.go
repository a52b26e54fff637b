package docstest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
)

// What the client really sends to Tongli is verified as Tongli would, by the Python sample, and held against the
// document; the same bytes under another secret, path or body are not.
func TestOurCallsAsTongliSeesThem(t *testing.T) {
	type call struct {
		method, path, query, contentType string
		body                             []byte
	}
	var calls []call
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		calls = append(calls, call{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Content-Type"), body})
		_, _ = io.WriteString(w, `{"code":0,"msg":"ok","data":[]}`)
	}))
	defer server.Close()
	client := tongli.Client{HTTP: tongli.NewHTTPClient(), BaseURL: server.URL, AppID: "chejiajia-demo", Now: time.Now,
		Secret: func(context.Context) (string, error) { return "secret-密钥", nil }}
	slot := lease.Slot{Date: lease.MustDate("2026-12-01"), Start: 19 * 60, End: 6*60 + 30}
	for _, out := range []tongli.Outcome{
		client.ListParks(context.Background(), 1, 1000),
		client.SyncWhitelist(context.Background(), `2017-01-01 12:00:00 "<&>"`, "苏E88888", []lease.Slot{slot}),
		client.SyncWhitelist(context.Background(), "P1001", "粤Z1234港", nil),
	} {
		if out.Class != tongli.Accepted {
			t.Errorf("%+v", out)
		}
	}
	if len(calls) != 3 {
		t.Fatalf("%d calls arrived", len(calls))
	}
	for _, c := range calls {
		if c.method != "POST" || c.contentType != "application/json" && c.contentType != "application/json; charset=utf-8" {
			t.Errorf("%s %s, Content-Type %q", c.method, c.path, c.contentType)
		}
		if err := VerifyWithPython("secret-密钥", c.method, c.path, c.query, c.body); err != nil {
			t.Error(err)
		}
		if err := ValidateCall(c.path[1:], c.body); err != nil {
			t.Error(err)
		}
		for _, bad := range []struct {
			secret, path string
			body         []byte
		}{
			{"another", c.path, c.body},
			{"secret-密钥", c.path + "/", c.body},
			{"secret-密钥", c.path, append([]byte(" "), c.body...)},
		} {
			if VerifyWithPython(bad.secret, c.method, bad.path, c.query, bad.body) == nil {
				t.Errorf("verified: %q %q %q", bad.secret, bad.path, bad.body)
			}
		}
	}
}
