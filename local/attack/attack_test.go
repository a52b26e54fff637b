package attack

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const secret, outbound = "a-secret-for-calls-to-us", "a-secret-for-our-calls"

func attacked(t *testing.T, h http.Handler) Options {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return Options{URL: server.URL, AppID: "tongli", Secret: secret, Outbound: outbound, Requests: 600, Connections: 8, Seed: 1}
}

func attackOn(t *testing.T, broken string, seed uint64) *Report {
	t.Helper()
	o := attacked(t, &verifier{broken: broken, known: map[string]signedText{}, nonces: map[string]chan struct{}{}})
	o.Seed = seed
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestBrokenVerification: whatever one check a verifier leaves out, the attack finds by the kind that is made for it; it finds nothing where all are made.
func TestBrokenVerification(t *testing.T) {
	report := attackOn(t, "", 1)
	var out strings.Builder
	if report.Print(&out); len(report.Finds) > 0 || report.Sent < 600 || 10*report.Near < 9*report.Sent {
		t.Fatalf("%s%q", out.String(), report.Finds)
	}
	for _, k := range report.Kinds {
		if !strings.Contains(out.String(), "\n"+k.Name) && !strings.HasPrefix(out.String(), k.Name) {
			t.Errorf("%s is not printed", k.Name)
		}
	}
	for broken, kind := range map[string]string{
		"the body": "body: a bit", "the method": "method: GET for POST and back", "the path": "path: the other one", "the query": "query: a parameter added", "white space": "body: white space",
		"nonce": "nonce: a fresh one", "timestamp": "timestamp: a second", "park_sn": "query: a business parameter", "x": "query: a parameter added",
		"upper case": "sign: upper case", "the end of a sign": "sign: cut", "what is behind a sign": "sign: longer", "blanks around a sign": "sign: a space", "another algorithm": "guess: MD5",
		"an empty secret": "guess: a secret", "the other direction": "direction: our calls' secret", "app_id": "direction: our calls' app_id", "old ones": "late", "ones of the future": "late",
		"common parameters twice": "common: one twice", "sign_type": "sign_type: another", "how a path is written": "path: a variant", "a header names the method": "replay: headers of a proxy",
		"replays": "replay: as it was", "a replay written otherwise": "replay: parameters in another order", "two at the same moment": atOnce,
	} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			var report *Report
			for seed := range uint64(10) { // a kind has several forms, and so few requests may miss the one that is let in
				report = attackOn(t, broken, seed)
				if slices.ContainsFunc(report.Finds, func(f string) bool { return strings.HasPrefix(f, kind) }) {
					return
				}
			}
			t.Errorf("%q does not find that a verifier ignores %s; %d finds: %.200q", kind, broken, len(report.Finds), report.Finds)
		})
	}
}

// TestBrokenConnections: a request that is repeated because its answer was lost is neither a replay that was let in, nor the end of the run.
func TestBrokenConnections(t *testing.T) {
	v := &verifier{known: map[string]signedText{}, nonces: map[string]chan struct{}{}}
	var asked, lost atomic.Int64
	var before sync.Map
	report, err := Run(t.Context(), attacked(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.ServeHTTP(w, r)
		if _, twice := before.LoadOrStore(r.RequestURI, true); !twice && asked.Add(1)%5 == 0 {
			lost.Add(1)
			panic(http.ErrAbortHandler) // it was verified, and no answer comes
		}
	})))
	if err != nil || len(report.Finds) > 0 || lost.Load() < 60 {
		t.Errorf("%v, %d answers lost, %+v", err, lost.Load(), report)
	}
}

// TestNoKindIsEmpty: a run that is too short for all kinds says so.
func TestNoKindIsEmpty(t *testing.T) {
	o := attacked(t, &verifier{known: map[string]signedText{}, nonces: map[string]chan struct{}{}})
	o.Requests = 20
	report, err := Run(t.Context(), o)
	if err != nil || !slices.ContainsFunc(report.Finds, func(f string) bool { return strings.HasPrefix(f, "never sent: ") }) {
		t.Errorf("%v %+v", err, report)
	}
}

// TestHeavyAndSlow: an answer that is no envelope of a 4xx is found, and so is a server without limits; one that has limits is not.
func TestHeavyAndSlow(t *testing.T) {
	answering := func(status int, text string) Options {
		return attacked(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}))
	}
	for text, finds := range map[string]int{`{"code":40001,"request_id":"x"}`: 0, `{"message":"Bad Request"}`: len(Weights())} {
		took, got, err := Heavy(t.Context(), answering(400, text))
		if err != nil || len(got) != finds || len(took) != len(Weights()) {
			t.Errorf("%s: %q %v", text, got, err)
		}
	}
	if _, got, err := Heavy(t.Context(), answering(500, `{"code":50001,"request_id":"x"}`)); err != nil || len(got) != len(Weights()) {
		t.Errorf("500: %q %v", got, err)
	}
	if _, _, err := Slow(t.Context(), answering(200, ""), 1, 1500*time.Millisecond); err == nil {
		t.Error("a server without limits passes")
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	server.Config.ReadHeaderTimeout, server.Config.ReadTimeout = 100*time.Millisecond, 200*time.Millisecond
	server.Start()
	defer server.Close()
	if _, _, err := Slow(t.Context(), Options{URL: server.URL}, 3, time.Minute); err != nil {
		t.Error(err)
	}
}

// TestBounded: a function above its memory is found by its peak, this process by what it has grown, an engine never.
func TestBounded(t *testing.T) {
	const mib = 1 << 20
	before := []Process{{1, "self", 50 * mib, 60 * mib}, {2, "lease-park", 10 * mib, 10 * mib}, {3, "java", 100 * mib, 100 * mib}}
	for _, c := range []struct {
		after []Process
		finds int
	}{
		{[]Process{{1, "self", 114 * mib, 900 * mib}, {2, "lease-park", 200 * mib, 256 * mib}, {3, "java", 900 * mib, 900 * mib}, {4, "lease-park", 20 * mib, 20 * mib}}, 0},
		{[]Process{{1, "self", 114*mib + 1, 900 * mib}, {2, "lease-park", 10 * mib, 256*mib + 1}, {4, "lease-park", 300 * mib, 300 * mib}}, 3},
	} {
		var out strings.Builder
		if finds := Bounded(&out, before, c.after, map[string]int64{"lease-park": 256 * mib}, 1); len(finds) != c.finds || strings.Count(out.String(), "\n") != 1+len(c.after) {
			t.Errorf("%q\n%s", finds, out.String())
		}
	}
}
