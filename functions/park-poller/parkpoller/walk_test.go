package parkpoller_test

import (
	"strings"
	"testing"

	"lease-gateway/functions/park-poller/parkpoller"
)

// TestEnds: where a list ends, and when it is not complete.
func TestEnds(t *testing.T) {
	full := func(from int) string { return "[" + strings.Join(rows(from + 1000)[from:], ",") + "]" }
	for _, c := range []struct {
		name   string
		rows   int
		cap    int
		page   func(int) (string, bool)
		reason string
		seen   int
	}{
		{"2,500 rows", 2500, 0, nil, "", 2500},
		{"exactly 2,000", 2000, 0, nil, "", 2000},
		{"capped at 500", 2600, 500, nil, "", 2600},
		{"the last page again", 2500, 0, func(p int) (string, bool) { return "[" + strings.Join(rows(2500)[2000:], ",") + "]", p > 3 }, "", 2500},
		{"page is ignored", 1000, 0, func(int) (string, bool) { return full(0), true }, parkpoller.PageRepeated, 1000},
		{"a short page 1 again", 300, 0, func(int) (string, bool) { return "[" + strings.Join(rows(300), ",") + "]", true }, parkpoller.PageRepeated, 300},
		{"a full page again", 5000, 0, func(p int) (string, bool) { return full(1000), p == 3 }, parkpoller.PageRepeated, 2000},
		{"a page fails", 2500, 0, func(p int) (string, bool) { return "fail", p == 2 }, parkpoller.PageFailed, 1000},
		{"data is an object", 2500, 0, func(p int) (string, bool) { return "{}", p == 2 }, parkpoller.PageFailed, 1000},
		{"data is null", 2500, 0, func(p int) (string, bool) { return "null", p == 2 }, parkpoller.PageFailed, 1000},
		{"a park twice with other content", 1000, 0, func(p int) (string, bool) { return "[" + row("P00001", 7) + "]", p == 2 }, parkpoller.Contradicted, 1001},
		{"a park twice with equal content", 1000, 0, func(p int) (string, bool) { return "[" + row("P00001", 100) + "]", p == 2 }, "", 1001},
	} {
		r := newRig(c.rows)
		r.cap, r.page = c.cap, c.page
		report := r.sweep(t, "")
		if reason(report) != c.reason || report.Complete != (c.reason == "") || report.Seen != c.seen {
			t.Errorf("%s: complete %v, reason %q, seen %d; want %q, %d", c.name, report.Complete, reason(report), report.Seen, c.reason, c.seen)
		}
		if report.Withdrawn != 0 {
			t.Errorf("%s: withdrew", c.name)
		}
	}
}

func TestPageIsTriedThreeTimes(t *testing.T) {
	r := newRig(10)
	fails := 2
	r.page = func(p int) (string, bool) {
		if p == 1 && fails > 0 {
			fails--
			return "fail", true
		}
		return "", false
	}
	if report := r.sweep(t, ""); !report.Complete || r.calls[1] != 3 {
		t.Errorf("%+v after %d calls", report, r.calls[1])
	}
}
