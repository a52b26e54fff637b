package parkpoller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"lease-gateway/shared/lease"
)

const (
	missesToEnd = 3  // successive complete sweeps without a park before it is withdrawn
	guardShare  = 10 // percent of the parks held and not withdrawn that may be withdrawn in guardHours …
	guardFloor  = 10 // … or so many, whichever is more
	guardHours  = 24
)

// withdraw counts the misses of a complete sweep and withdraws what was missing from three, within the guard's budget.
func (s *sweep) withdraw(ctx context.Context, p plan) error {
	override := false
	if len(p.missing) > 0 {
		s.report.PlanID = planID(p.missing)
		override = s.allow == s.report.PlanID
	}
	ending := 0
	for i := range p.missing {
		if override || p.missing[i].Misses+1 >= missesToEnd {
			ending++
		}
	}
	hour := s.began.Unix() / 3600
	if !override && s.guarded(ctx, p, ending, hour) {
		return nil
	}
	s.record.Guarded = 0
	if ending > 0 {
		// Booked before it is done: whoever is stopped in between has spent too much, never too little.
		latest, err := s.Store.SpendWithdrawals(ctx, s.start, hour, int64(ending))
		if err != nil {
			return err
		}
		if !latest {
			return errSuperseded
		}
	}
	var mu sync.Mutex
	return s.each(ctx, len(p.missing), func(ctx context.Context, i int) error {
		held := p.missing[i]
		if held.MissedBy >= s.start {
			return nil // a later sweep has counted
		}
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

// guarded reports whether so many parks are missing, or would be withdrawn, that someone has to look first.
func (s *sweep) guarded(ctx context.Context, p plan, ending int, hour int64) bool {
	budget := max(p.held*guardShare/100, guardFloor)
	spent := 0
	for h, n := range s.record.Withdrawn {
		if h >= hour-guardHours { // the whole of the hour in which the day began
			spent += int(n)
		}
	}
	if len(p.missing) <= budget && (ending == 0 || spent+ending <= budget) {
		return false
	}
	s.report.Guard = true
	s.report.Hint = fmt.Sprintf(`guard: %d parks are missing and %d were withdrawn in %d hours, the budget is %d; none is withdrawn. If Tongli confirms that they are gone, invoke park-poller with {"allow_withdrawals":%q}`,
		len(p.missing), spent, guardHours, budget, s.report.PlanID)
	if s.record.Guarded == 0 {
		s.record.Guarded = s.start
	}
	s.Logger.ErrorContext(ctx, "guard fired", "missing", len(p.missing), "spent", spent, "budget", budget, "plan_id", s.report.PlanID)
	return true
}

// planID binds the override to exactly these parks.
func planID(missing []lease.StoredPark) string {
	h := sha256.New()
	for i := range missing {
		fmt.Fprintf(h, "%q", missing[i].SN)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
