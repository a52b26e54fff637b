package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// report sums up the results, by kind of request.
type report struct {
	settings
	kinds  map[string]*vegeta.Metrics
	all    vegeta.Metrics
	failed int
	first  string // of the failures
}

func newReport(s settings) *report { return &report{settings: s, kinds: map[string]*vegeta.Metrics{}} }

// kind of a request: method and path, without what differs.
func kind(r *vegeta.Result) string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return r.URL
	}
	path := u.Path
	if strings.HasPrefix(path, "/app/orders/") {
		path = "/app/orders/{order_id}"
	}
	if u.Query().Has("near") {
		path += "?near="
	}
	return r.Method + " " + path
}

// add counts a result, and how long it took.
func (r *report) add(result *vegeta.Result) {
	k := kind(result)
	if r.kinds[k] == nil {
		r.kinds[k] = &vegeta.Metrics{}
	}
	r.kinds[k].Add(result)
	r.all.Add(result)
	r.check(result)
}

// check counts what is no good answer.
func (r *report) check(result *vegeta.Result) {
	var answer struct {
		Code *int `json:"code"`
	}
	packed := len(result.Body) > 2 && result.Body[0] == 0x1f // gzip
	if result.Error == "" && result.Code < 300 && (packed || json.Unmarshal(result.Body, &answer) == nil && answer.Code != nil && *answer.Code == 0) {
		return
	}
	if r.failed++; r.first == "" {
		r.first = fmt.Sprintf("%s: %d %s %.300s", kind(result), result.Code, result.Error, result.Body)
	}
}

func (r *report) render(before, after map[string]resident, orders, late int, calls map[string]int) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	r.all.Close()
	say("# Load\n")
	say("Written by `make load OUT=docs/load.md` on %s: %d requests a second for %s, at a constant arrival whatever the answers do, against a local stack of its own on a %s/%s machine with %d processors, "+
		"which also ran the engines and the load. Poller every 15 s, sweeper every 5 s, pusher behind the queue. Each call to `lease/…` is signed anew. "+
		"Ten seconds of the same load came before what is measured: the engines are Java programs that had just started.\n", time.Now().UTC().Format(time.DateOnly), r.rate, r.duration, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	say("**%d requests, %d errors; %d orders placed, %d of them not at Tongli within a minute of the end.** Tongli was called %d times for its parks and %d times for a whitelist.\n",
		r.all.Requests, r.failed, orders, late, calls["/api/leasePark"], calls["/api/SynLeaseOrder"])
	say("Milliseconds from the client's side:\n")
	say("| request | number | median | 90 %% | 95 %% | 99 %% | longest |\n|---|---:|---:|---:|---:|---:|---:|")
	line := func(name string, m *vegeta.Metrics) {
		ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }
		say("| %s | %d | %s | %s | %s | %s | %s |", name, m.Requests, ms(m.Latencies.P50), ms(m.Latencies.P90), ms(m.Latencies.P95), ms(m.Latencies.P99), ms(m.Latencies.Max))
	}
	for _, k := range slices.Sorted(maps.Keys(r.kinds)) {
		r.kinds[k].Close()
		line("`"+k+"`", r.kinds[k])
	}
	line("**all**", &r.all)
	say("\nResident memory in MB, before and after; a function has as many processes as it had calls at the same time:\n")
	say("| process | number before | together | number after | together | largest |\n|---|---:|---:|---:|---:|---:|")
	mb := func(kb int) string { return fmt.Sprintf("%.0f", float64(kb)/1024) }
	for _, name := range slices.Sorted(maps.Keys(after)) {
		x, y := before[name], after[name]
		say("| %s | %d | %s | %d | %s | %s |", name, x.count, mb(x.sum), y.count, mb(y.sum), mb(y.most))
	}
	return b.String()
}
