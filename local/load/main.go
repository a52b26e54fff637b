// Command lease-load sends a constant arrival of mixed requests to a local stack of its own, with the poller, the sweeper and the pusher at work, and prints latencies
// and the memory of each process. It exits with 1 where a single request fails or an order does not reach Tongli. Run: make load
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// settings come from the environment.
type settings struct {
	rate     int
	duration time.Duration
	binary   string
}

// warmUp comes before what is measured.
const warmUp = 10 * time.Second

func read() (settings, error) {
	s := settings{100, 2 * time.Minute, ".build/lease-local"}
	if v := os.Getenv("LOAD_RATE"); v != "" {
		if _, err := fmt.Sscanf(v, "%d", &s.rate); err != nil || s.rate < 1 {
			return s, errors.New("LOAD_RATE: want requests a second")
		}
	}
	if v := os.Getenv("LOAD_DURATION"); v != "" {
		d, err := time.ParseDuration(v)
		if s.duration = d; err != nil || d < time.Second {
			return s, errors.New("LOAD_DURATION: want a time such as 30s or 2m")
		}
	}
	return s, nil
}

func run(ctx context.Context) error {
	s, err := read()
	if err != nil {
		return err
	}
	l, err := start(ctx, s.binary)
	if err != nil {
		return err
	}
	defer l.stop()
	w := newWork(l.api)
	if err := w.prepare(ctx, l); err != nil {
		return err
	}
	before, err := memory(l.pid)
	if err != nil {
		return err
	}
	r := newReport(s)
	attack := func(name string, d time.Duration, add func(*vegeta.Result)) {
		attacker := vegeta.NewAttacker(vegeta.Timeout(30*time.Second), vegeta.KeepAlive(true)) // one attacks once
		defer context.AfterFunc(ctx, func() { attacker.Stop() })()
		fmt.Fprintf(os.Stderr, "%s: %d requests a second for %s\n", name, s.rate, d)
		for result := range attacker.Attack(w.target, vegeta.Rate{Freq: s.rate, Per: time.Second}, d, name) {
			w.saw(result)
			add(result)
		}
	}
	attack("warming the engines up", warmUp, r.check) // a Java machine that has just started is slow; errors count all the same
	attack("load", s.duration, r.add)
	if err := ctx.Err(); err != nil {
		return err
	}
	late, err := w.delivered(ctx, l.tongli)
	if err != nil {
		return err
	}
	after, err := memory(l.pid)
	if err != nil {
		return err
	}
	calls, err := l.calls(ctx)
	if err != nil {
		return err
	}
	fmt.Print(r.render(before, after, w.placed(), late, calls))
	if wanted := uint64(s.rate) * uint64(s.duration/time.Second); r.all.Requests != wanted {
		return fmt.Errorf("%d requests were made, not %d", r.all.Requests, wanted)
	}
	if r.failed > 0 || late > 0 || calls["/api/leasePark"] == 0 {
		return fmt.Errorf("%d requests failed, %d orders did not reach Tongli, %d calls of the poller: %s", r.failed, late, calls["/api/leasePark"], r.first)
	}
	return nil
}

// getJSON reads a URL of the local stack.
func getJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return json.NewDecoder(resp.Body).Decode(into)
}
