package loopback

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	reached := false
	guarded := Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { reached = true; _, _ = io.WriteString(w, "in") }))
	for _, c := range []struct {
		name, method, host string
		header             map[string]string
		in                 bool
	}{
		{"curl", "POST", "127.0.0.1:8081", nil, true},
		{"the console's page", "POST", "127.0.0.1:8081", map[string]string{"Origin": "http://127.0.0.1:8081", "Sec-Fetch-Site": "same-origin"}, true},
		{"typed into the address bar", "GET", "localhost:8081", map[string]string{"Sec-Fetch-Site": "none"}, true},
		{"by IPv6", "GET", "[::1]:8081", nil, true},
		{"without a port", "GET", "LOCALHOST", nil, true},
		{"another site's form", "POST", "127.0.0.1:8081", map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, false},
		{"another site's form, an older browser", "POST", "127.0.0.1:8081", map[string]string{"Origin": "https://evil.example"}, false},
		{"another port of this machine", "POST", "127.0.0.1:8081", map[string]string{"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"}, false},
		{"another port, an older browser", "DELETE", "127.0.0.1:8081", map[string]string{"Origin": "http://127.0.0.1:3000"}, false},
		{"a sandboxed frame", "POST", "127.0.0.1:8081", map[string]string{"Origin": "null"}, false},
		{"a name that was rebound", "GET", "evil.example:8081", map[string]string{"Sec-Fetch-Site": "same-origin"}, false},
		{"a rebound name's own page", "POST", "evil.example:8081", map[string]string{"Origin": "http://evil.example:8081", "Sec-Fetch-Site": "same-origin"}, false},
		{"a name that begins well", "GET", "127.0.0.1.evil.example", nil, false},
		{"no name", "GET", "", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			reached = false
			r := httptest.NewRequest(c.method, "/api/faults", strings.NewReader("{}"))
			r.Host = c.host
			for name, v := range c.header {
				r.Header.Set(name, v)
			}
			w := httptest.NewRecorder()
			guarded.ServeHTTP(w, r)
			if reached != c.in || (w.Code == http.StatusOK) != c.in || !c.in && !strings.Contains(w.Body.String(), `"error"`) {
				t.Errorf("reached %t, %d %s", reached, w.Code, w.Body)
			}
			if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}
