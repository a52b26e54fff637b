package parkpoller_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lease-gateway/functions/park-poller/parkpoller"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/tongli"
)

// memory is a store with the conditions of the real one.
type memory struct {
	mu     sync.Mutex
	parks  map[string]lease.StoredPark
	record leasestore.SweepRecord
	writes int
	before func() // runs once, before the next write
}

func (m *memory) BeginSweep(_ context.Context, start int64) (leasestore.SweepRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record.Latest = max(start, m.record.Latest+1)
	return m.copyRecord(), nil
}

func (m *memory) copyRecord() leasestore.SweepRecord {
	r := m.record
	r.Withdrawn = map[string]int64{}
	for h, n := range m.record.Withdrawn {
		r.Withdrawn[h] = n
	}
	return r
}

func (m *memory) Sweep(context.Context) (leasestore.SweepRecord, error) {
	if before := m.before; before != nil {
		m.before = nil
		before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.copyRecord(), nil
}

func (m *memory) EndSweep(_ context.Context, start int64, r leasestore.SweepRecord) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.record.Latest != start {
		return false, nil
	}
	m.record.LastComplete, m.record.Guarded = r.LastComplete, r.Guarded
	return true, nil
}

func (m *memory) SpendWithdrawals(_ context.Context, start, hour, n int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.record.Latest != start {
		return false, nil
	}
	if m.record.Withdrawn == nil {
		m.record.Withdrawn = map[string]int64{}
	}
	m.record.Withdrawn[strconv.FormatInt(hour, 10)] += n
	return true, nil
}

func (m *memory) Parks(_ context.Context, _ int, visit func(lease.StoredPark) error) error {
	m.mu.Lock()
	all := []lease.StoredPark{}
	for _, p := range m.parks {
		all = append(all, p)
	}
	m.mu.Unlock()
	for _, p := range all {
		if err := visit(p); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) PutPark(_ context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	there, exists := m.parks[next.SN]
	if exists != (held != nil) || exists && there.Version != held.Version {
		return &there, false, nil
	}
	m.parks[next.SN] = *next
	m.writes++
	return nil, true, nil
}

// lister is a Tongli: pages of a list, capped, with whatever a test puts in the way.
type lister struct {
	mu    sync.Mutex
	rows  []string
	cap   int
	page  func(page int) (string, bool) // data and whether it answers for this page
	calls map[int]int
}

func (l *lister) ListParks(_ context.Context, page, limit int) tongli.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		l.calls = map[int]int{}
	}
	l.calls[page]++
	if l.page != nil {
		if data, ok := l.page(page); ok {
			if data == "fail" {
				return tongli.Outcome{Class: tongli.Transient, Detail: "HTTP 503"}
			}
			return tongli.Outcome{Class: tongli.Accepted, Data: json.RawMessage(data)}
		}
	}
	if l.cap > 0 {
		limit = min(limit, l.cap)
	}
	from := min((page-1)*limit, len(l.rows))
	return tongli.Outcome{Class: tongli.Accepted, Data: json.RawMessage("[" + strings.Join(l.rows[from:min(from+limit, len(l.rows))], ",") + "]")}
}

func row(sn string, price int) string {
	return fmt.Sprintf(`{"park_sn":%q,"park_name":"园区","deadline":"2027-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":"1","is_holiday":0,"price":%d,"start_price":"300","holiday_price":2000}`, sn, price)
}

func rows(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = row(fmt.Sprintf("P%05d", i), 100)
	}
	return list
}

type rig struct {
	*memory
	*lister
	now time.Time
}

func newRig(n int) *rig {
	return &rig{&memory{parks: map[string]lease.StoredPark{}}, &lister{rows: rows(n)}, lease.MustDate("2026-11-24").At(600)}
}

func (r *rig) sweep(t interface{ Fatal(...any) }, input string) parkpoller.Report {
	r.now = r.now.Add(5 * time.Minute)
	p := &parkpoller.Poller{Store: r.memory, Tongli: r.lister, Now: func() time.Time { return r.now }, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Wait: func(context.Context, time.Duration) error { return nil }}
	report, err := p.Handle(context.Background(), json.RawMessage(input))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func reason(r parkpoller.Report) string {
	if r.Reason == nil {
		return ""
	}
	return *r.Reason
}

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

// TestEmptyList: nothing listed while we hold parks withdraws nothing.
func TestEmptyList(t *testing.T) {
	r := newRig(5)
	r.sweep(t, "")
	r.rows = nil
	for range 5 {
		if report := r.sweep(t, ""); reason(report) != parkpoller.EmptyList || report.Withdrawn != 0 {
			t.Errorf("%+v", report)
		}
	}
}

// TestWrites: unchanged parks cost nothing, a changed one is corrected with its field named, bad rows are counted and seen.
func TestWrites(t *testing.T) {
	r := newRig(50)
	if report := r.sweep(t, "{}"); report.Added != 50 || r.writes != 50 {
		t.Fatalf("%+v", report)
	}
	r.writes = 0
	if report := r.sweep(t, "{}"); report.Unchanged != 50 || r.writes != 0 {
		t.Errorf("unchanged: %+v, %d writes", report, r.writes)
	}
	r.rows[3] = row("P00003", 999)
	r.rows[4] = strings.Replace(r.rows[4], `"price":100`, `"price":"x"`, 1)
	r.rows[5] = `"what"`
	report := r.sweep(t, "{}")
	if report.Corrected != 1 || report.Fields["price"] != 1 || report.Rejected != 2 || report.Seen != 48 || report.Missing != 1 || r.parks["P00003"].Price != 999 || r.parks["P00004"].Price != 100 {
		t.Errorf("%+v", report)
	}
	if r.parks["P00004"].Misses != 0 || r.parks["P00005"].Misses != 1 {
		t.Error("a row that does not validate counts as seen where its park_sn can be read, and only there")
	}
}

// TestWithdrawal: the third successive complete sweep without a park withdraws it; an incomplete one neither counts nor forgets; it comes back by poll.
func TestWithdrawal(t *testing.T) {
	r := newRig(100)
	r.sweep(t, "")
	gone := r.rows[7]
	r.rows = append(r.rows[:7:7], r.rows[8:]...)
	for i, fails := range []bool{false, true, false, true, false} {
		r.page = func(p int) (string, bool) { return "fail", fails && p == 1 }
		report := r.sweep(t, "")
		if want := i == 4; (report.Withdrawn == 1) != want || r.parks["P00007"].Withdrawn != want {
			t.Fatalf("sweep %d: %+v", i, report)
		}
	}
	r.page = nil
	r.rows = append(r.rows, gone)
	if report := r.sweep(t, ""); r.parks["P00007"].Withdrawn || report.Corrected != 0 {
		t.Errorf("back: %+v", report)
	}
}

// TestGuard: never more than 10 % or 10 in 24 hours, those that came back count too; the override is bound to its plan.
func TestGuard(t *testing.T) {
	r := newRig(200)
	r.sweep(t, "")
	all := r.rows
	r.rows = all[21:]
	var plan string
	for range 4 {
		report := r.sweep(t, "")
		if !report.Guard || report.Withdrawn != 0 || report.PlanID == "" || report.Hint == "" {
			t.Fatalf("21 of 200 missing: %+v", report)
		}
		plan = report.PlanID
	}
	if r.parks["P00000"].Misses != 0 {
		t.Error("a sweep that the guard stopped counted a miss")
	}
	if report := r.sweep(t, `{"allow_withdrawals":"other"}`); report.Withdrawn != 0 {
		t.Errorf("the wrong plan: %+v", report)
	}
	r.rows = all[20:]
	for i := range 3 {
		if report := r.sweep(t, `{"allow_withdrawals":"`+plan+`"}`); (report.Withdrawn == 20) != (i == 2) {
			t.Fatalf("20 of 200, sweep %d: %+v", i, report)
		}
	}
	r.rows = all // they come back, and the budget is spent all the same
	r.sweep(t, "")
	r.rows = all[:199]
	for range 4 {
		if report := r.sweep(t, ""); report.Withdrawn != 0 {
			t.Fatalf("beyond the budget: %+v", report)
		}
	}
	r.rows = all[21:]
	plan = r.sweep(t, "").PlanID
	if report := r.sweep(t, `{"allow_withdrawals":"`+plan+`"}`); report.Withdrawn != 21 || report.Guard {
		t.Errorf("the override withdraws exactly those, at once: %+v", report)
	}
	r.now = r.now.Add(25 * time.Hour)
	r.rows = r.rows[1:]
	withdrawn := 0
	for range 3 {
		withdrawn += r.sweep(t, "").Withdrawn
	}
	if withdrawn != 1 {
		t.Errorf("a day later the budget is there again: %d withdrawn", withdrawn)
	}
}

// TestFrozenSweep: a sweep that was overtaken while it slept writes nothing, although the newer one wrote nothing either.
func TestFrozenSweep(t *testing.T) {
	r := newRig(3)
	r.sweep(t, "")
	r.rows[1] = row("P00001", 777)
	r.before = func() {
		r.rows[1] = row("P00001", 100) // Tongli thought better of it, and a newer sweep has seen that
		r.sweep(t, "")
	}
	report := r.sweep(t, "")
	if r.parks["P00001"].Price != 100 || report.Corrected != 0 || reason(report) != parkpoller.Superseded {
		t.Errorf("%+v, price %d", report, r.parks["P00001"].Price)
	}
}

// TestPushMeanwhileWins: a push that arrives while the sweep runs is never overwritten by the page that was asked for before it.
func TestPushMeanwhileWins(t *testing.T) {
	r := newRig(3)
	r.sweep(t, "")
	r.rows[1] = row("P00001", 777)
	r.before = func() {
		held := r.parks["P00001"]
		pushed := held.Park
		pushed.Price = 555
		next, _ := held.ApplyPush(pushed, r.now.UnixMilli(), r.now.Add(time.Second))
		r.parks["P00001"] = next
	}
	if report := r.sweep(t, ""); r.parks["P00001"].Price != 555 || report.Skipped != 1 {
		t.Errorf("%+v, price %d", report, r.parks["P00001"].Price)
	}
}

// TestStockProperty: over arbitrary sequences of lists and failures a park is withdrawn only after three successive complete sweeps without it,
// and never more than the guard allows.
func TestStockProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(0)
		misses := map[string]int{}
		withdrawn := map[string]bool{}
		held := map[string]bool{}
		for range rapid.IntRange(1, 14).Draw(t, "sweeps") {
			listed := map[string]bool{}
			r.rows = nil
			for i := range 6 {
				if sn := fmt.Sprintf("P%d", i); rapid.IntRange(0, 3).Draw(t, "listed "+sn) > 0 {
					listed[sn] = true
					r.rows = append(r.rows, row(sn, 100))
				}
			}
			fails := rapid.IntRange(0, 3).Draw(t, "fails") == 0
			r.page = func(p int) (string, bool) { return "fail", fails }
			report := r.sweep(t, "")
			if fails || len(listed) == 0 && len(held) > len(withdrawn) {
				if report.Complete {
					t.Fatalf("complete: %+v", report)
				}
				continue
			}
			for sn := range listed {
				held[sn] = true
				delete(misses, sn)
				delete(withdrawn, sn)
			}
			if report.Guard {
				continue
			}
			for sn := range held {
				if !listed[sn] && !withdrawn[sn] {
					if misses[sn]++; misses[sn] == 3 {
						withdrawn[sn] = true
					}
				}
			}
			for sn := range held {
				if got := r.parks[sn].Withdrawn; got != withdrawn[sn] {
					t.Fatalf("%s withdrawn %v, the model says %v (misses %d)", sn, got, withdrawn[sn], misses[sn])
				}
			}
		}
	})
}
