package parkpoller_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

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
	before func() // runs once, before the next look at the record
}

func (m *memory) BeginSweep(_ context.Context, start int64) (leasestore.SweepRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.record.Withdrawn == nil {
		m.record.Withdrawn = map[int64]int64{}
	}
	m.record.Latest = max(start, m.record.Latest+1)
	return m.copyRecord(), nil
}

func (m *memory) copyRecord() leasestore.SweepRecord {
	r := m.record
	r.Withdrawn = maps.Clone(m.record.Withdrawn)
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
	if m.record.Guarded = r.Guarded; !r.LastComplete.IsZero() {
		m.record.LastComplete = r.LastComplete
	}
	for hour := range r.Withdrawn {
		if hour <= start/3_600_000-26 {
			delete(m.record.Withdrawn, hour)
		}
	}
	return true, nil
}

func (m *memory) SpendWithdrawals(_ context.Context, start, hour, n int64) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.record.Latest != start {
		return false, nil
	}
	m.record.Withdrawn[hour] += n
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
		if !exists {
			return nil, false, nil
		}
		return &there, there == *next, nil
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
