// Package parkpoller completes, corrects and verifies (补全/修正/校对) the parks that we hold against what Tongli
// lists (interface 3, api/leasePark), and never does harm on bad data.
//
// A sweep fetches the list (fetch.go), validates its rows (rows.go), compares them with what is stored and writes what
// differs (sweep.go), and withdraws with caution what has been missing for long (withdraw.go). report.go is what it tells.
package parkpoller

import (
	"context"
	"encoding/json"
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

// Handle makes one sweep. What stops it from the outside (the store is out of reach) is its error, after what was done is logged.
func (p *Poller) Handle(ctx context.Context, raw json.RawMessage) (Report, error) {
	var in Input
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &in); err != nil {
			return Report{}, fmt.Errorf(`input: want {} or {"allow_withdrawals":"<plan id>"}: %w`, err)
		}
	}
	began := p.Now()
	record, err := p.Store.BeginSweep(ctx, began.UnixMilli())
	if err != nil {
		return Report{}, err
	}
	// Began is read once more: a sweep that was frozen until now has seen nothing yet.
	s := &sweep{Poller: p, began: p.Now(), start: record.Latest, allow: in.AllowWithdrawals, record: record}
	s.report.Fields, s.report.Rejects = map[string]int{}, map[string]int{}
	err = s.run(ctx)
	s.summarise(began)
	if err != nil {
		p.Logger.ErrorContext(ctx, "sweep failed", "error", err.Error(), "report", s.report, "rejected_rows", s.rejects)
		return Report{}, err
	}
	p.Logger.InfoContext(ctx, "sweep", "report", s.report, "rejected_rows", s.rejects)
	p.Metrics.Emit(s.metrics()...)
	return s.report, nil
}
