package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"lease-gateway/local/tonglisim"
)

// storage stands before an engine: it passes on, breaks the connection, or refuses with an echo of what it was asked, as a true error may have keys in it.
type storage struct {
	way   atomic.Int32
	proxy *httputil.ReverseProxy
}

const (
	passesOn = iota
	gone
	echoes
)

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch s.way.Load() {
	case gone:
		panic(http.ErrAbortHandler)
	case echoes:
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":%q}`, body)
	default:
		s.proxy.ServeHTTP(w, r)
	}
}

func standBefore(t *testing.T, engine string) (*storage, string) {
	t.Helper()
	target, err := url.Parse(engine)
	if err != nil {
		t.Fatal(err)
	}
	s := &storage{proxy: &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Host = p.In.Host },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

// echo is a Tongli that answers each plate in a way of its own, and puts all that it was sent into its words.
type echo struct {
	sim   *tonglisim.Sim
	db    *storage
	mu    sync.Mutex
	asked map[string]int
	parks atomic.Value // how api/leasePark answers
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	way := fmt.Sprint(e.parks.Load())
	if _, at, ok := strings.Cut(string(body), plantedPlate); ok {
		way = at[:1]
	}
	e.mu.Lock()
	e.asked[way]++
	e.mu.Unlock()
	words := fmt.Sprintf("%s of %s with %s (%s)", body, plantedPlate+way, plantedOurs, r.URL.RawQuery)
	say := func(status int, format string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, words)
	}
	switch way {
	case "1":
		say(200, `{"code":40003,"msg":%q}`)
	case "2":
		say(200, `<html>%s`)
	case "3":
		say(500, `{"code":50001,"msg":%q}`)
	case "4":
		w.Header().Set("Location", "/?"+url.QueryEscape(words))
		say(302, `%s`)
	case "5":
		w.Header().Set("Content-Length", "5000")
		say(200, `{"code":0,"msg":%q`)
		panic(http.ErrAbortHandler)
	case "6":
		panic(http.ErrAbortHandler)
	case "7":
		w.Header().Set("Content-Encoding", "gzip")
		say(200, `{"code":0,"msg":%q}`)
	case "8":
		say(422, `{"code":%[1]q,"msg":%[1]q,"errors":[{"field":%[1]q}]}`)
	case "9", "refused parks":
		say(401, `{"code":40103,"msg":%q}`)
	case "broken parks":
		if !strings.Contains(string(body), `"page":1,`) {
			say(200, `{"code":0,"data":[],"msg":%q}`)
			return
		}
		say(200, `{"code":0,"data":[{"park_sn":%[1]q,"price":%[1]q,"deadline":%[1]q},{%[1]q:1},%[1]q]}`)
	case "storage goes": // in the middle of a sweep
		e.db.way.Store(gone)
		e.sim.ServeHTTP(w, r)
	default:
		e.sim.ServeHTTP(w, r)
	}
}

func (e *echo) saw(ways ...string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, way := range ways {
		if e.asked[way] == 0 {
			return false
		}
	}
	return true
}
