package parkpoller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

// sweep is one run of the poller.
type sweep struct {
	*Poller
	began  time.Time
	start  int64 // names the sweep: unix ms, no two have the same
	allow  string
	record leasestore.SweepRecord
	report Report

	until    time.Time // when to stop fetching
	rows     map[string]row
	seen     map[string]bool // every park_sn that could be read
	disputed map[string]bool // park_sn that came with two contents: neither is believed
	rejects  []rejected
}

func (s *sweep) incomplete(reason, detail string) {
	if s.report.Reason == nil {
		s.report.Reason, s.report.Detail = &reason, detail
	}
}

func (s *sweep) outOfTime() bool { return !s.until.IsZero() && s.Now().After(s.until) }

func (s *sweep) run(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		s.until = deadline.Add(-reserve - deadline.Sub(s.began)/4) // a quarter to compare and write
	}
	s.rows, s.seen, s.disputed = map[string]row{}, map[string]bool{}, map[string]bool{}
	fetchCtx, cancel := ctx, context.CancelFunc(func() {})
	if !s.until.IsZero() {
		fetchCtx, cancel = context.WithDeadline(ctx, s.until)
	}
	s.fetch(fetchCtx)
	cancel()
	s.report.FetchMs = s.Now().Sub(s.began).Milliseconds()
	for sn := range s.disputed {
		delete(s.rows, sn)
	}

	read := s.Now()
	plan, err := s.compare(ctx)
	if err != nil {
		return err
	}
	s.report.ReadMs = s.Now().Sub(read).Milliseconds()
	if len(s.seen) == 0 && plan.held > 0 {
		s.incomplete(EmptyList, "")
	}
	s.report.Complete = s.report.Reason == nil
	s.report.Missing = len(plan.missing)

	write := s.Now()
	err = s.write(ctx, plan)
	if err == nil && s.report.Complete {
		err = s.withdraw(ctx, plan)
	}
	if err == nil {
		err = s.end(ctx)
	}
	s.report.WriteMs = s.Now().Sub(write).Milliseconds()
	if errors.Is(err, errSuperseded) {
		s.report.Complete = false
		reason := Superseded
		s.report.Reason = &reason
		return nil
	}
	return err
}

// change is one park to write: held is what the scan found, nil for a new one.
type change struct {
	row  row
	held *lease.StoredPark
}

type plan struct {
	held    int // parks held and not withdrawn
	changes []change
	missing []lease.StoredPark // held, not withdrawn, not listed
}

// compare holds the rows against one scan of what is stored. Only what differs is kept.
func (s *sweep) compare(ctx context.Context) (plan, error) {
	var p plan
	found := make(map[string]bool, len(s.rows))
	err := s.Store.Parks(ctx, segments, func(held lease.StoredPark) error {
		if !held.Withdrawn {
			p.held++
		}
		r, listed := s.rows[held.SN]
		switch {
		case listed:
			found[held.SN] = true
			if held.Hash == r.hash && !held.Withdrawn && held.Misses == 0 {
				s.report.Unchanged++
			} else {
				p.changes = append(p.changes, change{r, &held})
			}
		case s.seen[held.SN]:
			if held.Misses > 0 {
				p.changes = append(p.changes, change{row{park: held.Park, hash: held.Hash, asked: s.began}, &held})
			}
		case !held.Withdrawn && held.SeenPush < s.began.UnixMilli():
			p.missing = append(p.missing, held)
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	for sn, r := range s.rows {
		if !found[sn] {
			p.changes = append(p.changes, change{r, nil})
		}
	}
	return p, nil
}

// write stores the changes, each on the condition that what it was compared with is still there, so that whatever came meanwhile
// wins. It stops where a later sweep has begun: that one has read newer pages.
func (s *sweep) write(ctx context.Context, p plan) error {
	var mu sync.Mutex
	return s.each(ctx, len(p.changes), func(ctx context.Context, i int) error {
		c := p.changes[i]
		now := s.Now()
		next, newer := c.held.ApplyPoll(c.row.park, c.row.asked, now)
		written := false
		var fields []string
		if newer {
			if c.held != nil {
				fields = c.held.Changed(&c.row.park)
			}
			var err error
			if _, written, err = s.Store.PutPark(ctx, &next, c.held); err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case !written:
			s.report.Skipped++
		case c.held == nil:
			s.report.Added++
		case len(fields) > 0:
			s.report.Corrected++
			for _, name := range fields {
				s.report.Fields[name]++
			}
		default:
			s.report.Unchanged++ // only its misses were forgotten, or it came back
		}
		return nil
	})
}

// each runs work concurrently in small chunks, and looks before each of them whether this sweep is still the latest: one that was frozen and
// wakes up late must not write what something newer has superseded. Each chunk's calls are bounded, so nothing is sent long after the look.
func (s *sweep) each(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	for from := 0; from < n; from += writers {
		record, err := s.Store.Sweep(ctx)
		if err != nil {
			return err
		}
		if record.Latest != s.start {
			return errSuperseded
		}
		chunk, cancel := context.WithTimeout(ctx, 5*time.Second)
		var wg sync.WaitGroup
		errs := make([]error, min(writers, n-from))
		for i := range errs {
			wg.Go(func() { errs[i] = work(chunk, from+i) })
		}
		wg.Wait()
		cancel()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// withdraw counts the misses of a complete sweep and withdraws what was missing from three, within the guard's budget.
func (s *sweep) withdraw(ctx context.Context, p plan) error {
	budget := max(p.held*guardShare/100, guardFloor)
	hour := s.began.Unix() / 3600
	spent := 0
	for name, n := range s.record.Withdrawn {
		if h, err := strconv.ParseInt(name, 10, 64); err == nil && h > hour-24 {
			spent += int(n)
		}
	}
	slices.SortFunc(p.missing, func(a, b lease.StoredPark) int { return compareStrings(a.SN, b.SN) })
	override := false
	if len(p.missing) > 0 {
		s.report.PlanID = planID(p.missing)
		override = s.allow != "" && s.allow == s.report.PlanID
	}
	var ending []lease.StoredPark
	for _, park := range p.missing {
		if override || park.MissedBy != s.start && park.Misses+1 >= missesToEnd {
			ending = append(ending, park)
		}
	}
	if !override && (len(p.missing) > budget || spent+len(ending) > budget) {
		s.report.Guard = true
		s.report.Hint = fmt.Sprintf(`guard: %d parks are missing and %d were withdrawn in 24 hours, the budget is %d; none is withdrawn. If Tongli confirms that they are gone, invoke park-poller with {"allow_withdrawals":%q}`,
			len(p.missing), spent, budget, s.report.PlanID)
		s.record.Guarded = s.start
		s.Logger.ErrorContext(ctx, "guard fired", "missing", len(p.missing), "spent", spent, "budget", budget, "plan_id", s.report.PlanID)
		return nil
	}
	s.record.Guarded = 0
	if len(ending) > 0 {
		ok, err := s.Store.SpendWithdrawals(ctx, s.start, hour, int64(len(ending)))
		if err != nil {
			return err
		}
		if !ok {
			return errSuperseded
		}
	}
	var mu sync.Mutex
	return s.each(ctx, len(p.missing), func(ctx context.Context, i int) error {
		held := p.missing[i]
		next := held
		next.Misses++
		next.MissedBy = s.start
		next.Version++
		next.Withdrawn = override || next.Misses >= missesToEnd
		_, written, err := s.Store.PutPark(ctx, &next, &held)
		if err == nil && written && next.Withdrawn {
			mu.Lock()
			s.report.Withdrawn++
			mu.Unlock()
		}
		return err
	})
}

func compareStrings(a, b string) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}

// planID binds the override to exactly these parks.
func planID(missing []lease.StoredPark) string {
	h := sha256.New()
	for _, p := range missing {
		fmt.Fprintf(h, "%q", p.SN)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func (s *sweep) end(ctx context.Context) error {
	if s.report.Complete {
		s.record.LastComplete = s.Now()
	}
	ok, err := s.Store.EndSweep(ctx, s.start, s.record)
	if err == nil && !ok {
		return errSuperseded
	}
	return err
}
