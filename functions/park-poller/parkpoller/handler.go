// Package parkpoller completes, corrects and verifies (补全/修正/校对) the parks that we hold against what Tongli
// lists (interface 3, api/leasePark), and never does harm on bad data.
package parkpoller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/tongli"
)

type parks interface {
	BeginSweep(ctx context.Context, start int64) (leasestore.SweepRecord, error)
	Sweep(ctx context.Context) (leasestore.SweepRecord, error)
	EndSweep(ctx context.Context, start int64, r leasestore.SweepRecord) (bool, error)
	SpendWithdrawals(ctx context.Context, start, hour, n int64) (bool, error)
	Parks(ctx context.Context, segments int, visit func(lease.StoredPark) error) error
	PutPark(ctx context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error)
}

type lister interface {
	ListParks(ctx context.Context, page, limit int) tongli.Outcome
}

const (
	pageLimit   = 1000
	pageTries   = 3                // once and two retries, then the sweep is incomplete
	fetchAhead  = 4                // pages asked for at once: 100 pages of 3 s in 75 s, and Tongli hardly notices
	segments    = 4                // of the parallel scan
	writers     = 16               // concurrent writes
	reserve     = 10 * time.Second // kept to write and report before the invocation ends
	missesToEnd = 3                // successive complete sweeps without a park before it is withdrawn
	guardShare  = 10               // percent of the parks held that may be withdrawn in 24 hours …
	guardFloor  = 10               // … or so many, whichever is more
	rejectsSaid = 20
)

// Why a sweep is not complete.
const (
	PageFailed   = "page failed"
	EmptyList    = "empty while we hold parks"
	PageRepeated = "full page repeated"
	Contradicted = "park_sn twice with different content"
	OutOfTime    = "out of time"
	Superseded   = "superseded by a later sweep"
)

// Poller handles the schedule.
type Poller struct {
	Store   parks
	Tongli  lister
	Now     func() time.Time
	Wait    func(context.Context, time.Duration) error
	Logger  *slog.Logger
	Metrics *telemetry.Metrics
}

// Input of an invocation; {} is valid. AllowWithdrawals names the plan that a report refused as too large.
type Input struct {
	AllowWithdrawals string `json:"allow_withdrawals"`
}

// Report is the answer.
type Report struct {
	Seen      int            `json:"seen"` // rows that validate
	Added     int            `json:"added"`
	Corrected int            `json:"corrected"`
	Unchanged int            `json:"unchanged"`
	Rejected  int            `json:"rejected"`
	Missing   int            `json:"missing"`
	Withdrawn int            `json:"withdrawn"`
	Complete  bool           `json:"complete"`
	Reason    *string        `json:"reason"`
	Detail    string         `json:"detail,omitempty"` // of the reason: Tongli's answer, in words
	Pages     int            `json:"pages"`
	Skipped   int            `json:"skipped"` // changed rows that something newer overtook
	Fields    map[string]int `json:"corrected_fields"`
	Rejects   map[string]int `json:"rejected_reasons"`
	// Drift is the share of the seen parks that had to be corrected: pushes of Tongli's that never came.
	Drift   float64 `json:"correction_share"`
	Guard   bool    `json:"guard_fired"`
	PlanID  string  `json:"plan_id,omitempty"`
	Hint    string  `json:"hint,omitempty"`
	Age     int64   `json:"last_complete_age_seconds"` // -1: never
	Elapsed int64   `json:"ms"`
	FetchMs int64   `json:"fetch_ms"`
	ReadMs  int64   `json:"read_ms"`
	WriteMs int64   `json:"write_ms"`
}

// Handle makes one sweep.
func (p *Poller) Handle(ctx context.Context, raw json.RawMessage) (Report, error) {
	var in Input
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &in); err != nil {
			return Report{}, fmt.Errorf(`input: want {} or {"allow_withdrawals":"<plan id>"}: %w`, err)
		}
	}
	s := &sweep{Poller: p, began: p.Now(), allow: in.AllowWithdrawals}
	s.report.Fields, s.report.Rejects = map[string]int{}, map[string]int{}
	record, err := p.Store.BeginSweep(ctx, s.began.UnixMilli())
	if err != nil {
		return Report{}, err
	}
	s.start, s.record = record.Latest, record
	if err := s.run(ctx); err != nil {
		return Report{}, err
	}
	r := &s.report
	now := p.Now()
	r.Elapsed = now.Sub(s.began).Milliseconds()
	r.Age = -1
	if !s.record.LastComplete.IsZero() {
		r.Age = int64(now.Sub(s.record.LastComplete).Seconds())
	}
	if r.Seen > 0 {
		r.Drift = float64(r.Corrected) / float64(r.Seen)
	}
	p.Logger.InfoContext(ctx, "sweep", "report", r, "rejected_rows", s.rejects)
	p.Metrics.Emit(s.metrics()...)
	return *r, nil
}

func (s *sweep) metrics() []telemetry.Metric {
	r, guard := s.report, 0.0
	if r.Guard {
		guard = 1
	}
	count := func(name string, n int) telemetry.Metric {
		return telemetry.Metric{Name: name, Unit: "Count", Value: float64(n)}
	}
	all := []telemetry.Metric{count("ParksSeen", r.Seen), count("ParksAdded", r.Added), count("ParksCorrected", r.Corrected), count("ParksRejected", r.Rejected),
		count("ParksMissing", r.Missing), count("ParksWithdrawn", r.Withdrawn), {Name: "GuardFired", Unit: "Count", Value: guard},
		{Name: "CorrectionShare", Unit: "Percent", Value: 100 * r.Drift}}
	if r.Age >= 0 {
		all = append(all, telemetry.Metric{Name: "LastCompleteSweepAgeSeconds", Unit: "Seconds", Value: float64(r.Age)})
	}
	return all
}

var errSuperseded = errors.New(Superseded)
