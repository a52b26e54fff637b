package parkpoller

import (
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/telemetry"
)

// Why a sweep is not complete. docs/runbook.md says what to do about each.
const (
	PageFailed   = "page failed"
	EmptyList    = "empty while we hold parks"
	PageRepeated = "full page repeated"
	Contradicted = "park_sn twice with different content"
	Endless      = "list without end"
	OutOfTime    = "out of time"
	Superseded   = "superseded by a later sweep"
)

// Why a row is rejected, where it is not for a field: then the reason is the field's name and what is wrong with it, as a push would be told.
const (
	NotObject = "not an object"
	NotStrict = "not strict JSON" // a name twice, bytes that are not UTF-8, a lone surrogate, nested too deep
)

// Report is the answer.
type Report struct {
	Seen      int     `json:"seen"` // rows that validate
	Added     int     `json:"added"`
	Corrected int     `json:"corrected"`
	Unchanged int     `json:"unchanged"` // of content: also those that came back
	Rejected  int     `json:"rejected"`
	Missing   int     `json:"missing"` // held, not withdrawn, and not listed
	Withdrawn int     `json:"withdrawn"`
	Returned  int     `json:"returned"` // were withdrawn and are no longer
	Complete  bool    `json:"complete"`
	Reason    *string `json:"reason"`           // why it is not complete
	Detail    string  `json:"detail,omitempty"` // of the reason: where, and Tongli's answer in words
	Pages     int     `json:"pages"`
	Skipped   int     `json:"skipped"` // changed rows that something newer overtook

	Fields  map[string]int `json:"corrected_fields"` // how many parks were corrected in which field
	Rejects map[string]int `json:"rejected_reasons"`
	// Drift is the share of the seen parks that had to be corrected: pushes of Tongli's that never came.
	Drift float64 `json:"correction_share"`

	Guard        bool       `json:"guard_fired"`
	GuardedSince *time.Time `json:"guarded_since,omitempty"` // the guard has stopped every complete sweep since then
	PlanID       string     `json:"plan_id,omitempty"`       // names the parks that are missing
	Hint         string     `json:"hint,omitempty"`

	Age       int64 `json:"last_complete_age_seconds"` // -1: never
	Elapsed   int64 `json:"ms"`
	FetchMs   int64 `json:"fetch_ms"`
	ReadMs    int64 `json:"read_ms"`
	CompareMs int64 `json:"compare_ms"`
	WriteMs   int64 `json:"write_ms"`
}

// incomplete notes why the sweep is not complete; the first reason stands.
func (s *sweep) incomplete(reason, detail string) {
	if s.report.Reason == nil {
		s.report.Reason, s.report.Detail = &reason, detail
	}
}

// summarise fills in what follows from the rest. began is when the invocation did.
func (s *sweep) summarise(began time.Time) {
	r, now := &s.report, s.Now()
	r.Elapsed = now.Sub(began).Milliseconds()
	r.Age = -1
	if !s.record.LastComplete.IsZero() {
		r.Age = max(0, int64(now.Sub(s.record.LastComplete).Seconds()))
	}
	if r.Seen > 0 {
		r.Drift = float64(r.Corrected) / float64(r.Seen)
	}
	if s.record.Guarded != 0 {
		since := time.UnixMilli(s.record.Guarded).In(lease.Zone)
		r.GuardedSince = &since
	}
}

func (s *sweep) metrics() []telemetry.Metric {
	r, guard := s.report, 0.0
	if r.Guard {
		guard = 1
	}
	count := func(name string, n int) telemetry.Metric {
		return telemetry.Metric{Name: name, Unit: "Count", Value: float64(n)}
	}
	all := []telemetry.Metric{count("ParksSeen", r.Seen), count("ParksAdded", r.Added), count("ParksCorrected", r.Corrected),
		count("ParksUnchanged", r.Unchanged), count("ParksRejected", r.Rejected), count("ParksMissing", r.Missing), count("ParksWithdrawn", r.Withdrawn),
		{Name: "GuardFired", Unit: "Count", Value: guard}, {Name: "CorrectionShare", Unit: "Percent", Value: 100 * r.Drift}}
	if r.Age >= 0 {
		all = append(all, telemetry.Metric{Name: "LastCompleteSweepAgeSeconds", Unit: "Seconds", Value: float64(r.Age)})
	}
	return all
}
