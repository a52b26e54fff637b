// Package loopback guards servers on 127.0.0.1 that a browser talks to: a page from elsewhere must neither drive them
// (a form or fetch that some website sends to this machine) nor read them (a foreign name that resolves to 127.0.0.1).
package loopback

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// names are the hosts under which a browser on this machine may ask.
var names = []string{"127.0.0.1", "localhost", "::1"}

// policy lets pages load what this server has, and nothing else: no inline script or style, no other host.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Guard refuses with 403 what another origin's page sends, and requests under a name that is not this machine's.
// Clients that are no browser (curl, `make demo`) send no Origin and pass.
func Guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, "this request came from a page of another origin: only the console's own page may send it")
	}))
	guarded := crossOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		if !slices.Contains(names, hostOf(r.Host)) {
			refuse(w, "open the console as http://127.0.0.1 or http://localhost with its port: other names are refused")
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		hostport = host
	}
	return strings.ToLower(strings.Trim(hostport, "[]"))
}

func refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusForbidden)
	_, _ = w.Write([]byte(`{"error":"` + why + `"}` + "\n"))
}
