package parkpoller_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lease-gateway/functions/park-poller/parkpoller"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
)

// garbage is one kind of it: how page 2 of 2 is answered, and what the report must say.
type garbage struct {
	name   string
	answer func(w http.ResponseWriter, good string) // good is the body that would be right
	page   func(page int) string                    // instead: the rows of any page
	reason string                                   // "": complete
	says   string                                   // is in the detail
	reject string                                   // is among the reasons for which rows are rejected
	misses int                                      // parks that are not listed, in a complete sweep; such a list is answered twice only
}

// TestGarbage: over real HTTP, whatever Tongli answers, parks that were good stay good, and the report says what was wrong.
func TestGarbage(t *testing.T) {
	if n := len(garbageKinds); n < 40 {
		t.Errorf("%d kinds", n)
	}
	for _, g := range garbageKinds {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			testGarbage(t, g)
		})
	}
}

const goodParks, perPage = 12, 6

func testGarbage(t *testing.T, g garbage) {
	var bad atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Page int }
		if raw, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(raw, &in) != nil {
			t.Error("unreadable call")
		}
		from := min((in.Page-1)*perPage, goodParks)
		good := enveloped(rows(goodParks)[from:min(from+perPage, goodParks)]...)
		switch {
		case bad.Load() && g.page != nil:
			_, _ = io.WriteString(w, g.page(in.Page))
		case bad.Load() && in.Page == 2:
			g.answer(w, good)
		default:
			_, _ = io.WriteString(w, good)
		}
	}))
	defer server.Close()
	m := &memory{parks: map[string]lease.StoredPark{}}
	now := lease.MustDate("2026-11-24").At(600)
	sweep := func() parkpoller.Report {
		now = now.Add(5 * time.Minute)
		p := &parkpoller.Poller{Store: m, Now: func() time.Time { return now }, Wait: func(context.Context, time.Duration) error { return nil },
			Logger: slog.New(slog.DiscardHandler), Tongli: &tongli.Client{HTTP: tongli.NewHTTPClient(), BaseURL: server.URL, AppID: "a", Now: time.Now,
				Secret: func(context.Context) (string, error) { return "a-secret-of-the-test", nil }}}
		report, err := p.Handle(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if r := sweep(); !r.Complete || r.Added != goodParks {
		t.Fatalf("good: %+v", r)
	}
	before := maps.Clone(m.parks)
	bad.Store(true)
	sweeps := 4 // one more than withdraws
	switch {
	case g.misses > 0:
		sweeps = 2
	case g.reason == parkpoller.Endless, g.says == "over 8 MiB":
		sweeps = 1 // they take their time
	}
	for range sweeps {
		r := sweep()
		if reason(r) != g.reason || r.Complete != (g.reason == "") || !strings.Contains(r.Detail, g.says) || r.Withdrawn != 0 {
			t.Errorf("complete %v, reason %q, detail %q; want %q, %q", r.Complete, reason(r), r.Detail, g.reason, g.says)
		}
		if rejected := fmt.Sprint(r.Rejects); !strings.Contains(rejected, g.reject) || (r.Rejected > 0) != (g.reject != "") {
			t.Errorf("%d rejected: %s; want %q", r.Rejected, rejected, g.reject)
		}
		if r.Complete && r.Missing != g.misses {
			t.Errorf("%d missing, want %d", r.Missing, g.misses)
		}
	}
	for sn, held := range before {
		if now := m.parks[sn]; now.Park != held.Park || now.Withdrawn {
			t.Errorf("%s was %+v and is %+v", sn, held, now)
		}
	}
	bad.Store(false)
	if r := sweep(); !r.Complete || r.Unchanged != goodParks {
		t.Errorf("good again: %+v", r)
	}
}

func enveloped(rows ...string) string {
	return `{"code":0,"msg":"ok","data":[` + strings.Join(rows, ",") + `]}`
}

// goodRow is the first of page 2.
var goodRow = rows(goodParks)[perPage]

// text answers so many words; status and header come before.
func text(body string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) { _, _ = io.WriteString(w, body) }
}

func status(code int, body string, header ...string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, good string) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		if body == "good" {
			body = good
		}
		_, _ = io.WriteString(w, body)
	}
}

// edited answers the good page with some words replaced.
func edited(old, new string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, good string) {
		if !strings.Contains(good, old) {
			panic("nothing to replace: " + old)
		}
		_, _ = io.WriteString(w, strings.Replace(good, old, new, 1))
	}
}

// row7 answers the good page with its first row edited.
func row7(old, new string) func(http.ResponseWriter, string) {
	return edited(goodRow, strings.Replace(goodRow, old, new, 1))
}

// raw takes the connection and writes to it what no server should.
func raw(answer func(good string) string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, good string) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, answer(good))
		_ = conn.Close()
	}
}
