package whitelist

import (
	"time"

	"lease-gateway/shared/lease"
)

// NextAttempt is when a push is tried again after attempts that failed (at least 1). retryAfter is what Tongli asked for, 0 if
// it did not. jitter from -1 to 1 moves the time by up to Jitter.
func NextAttempt(attempts int, retryAfter time.Duration, slots []lease.Slot, now time.Time, jitter float64) time.Time {
	near, zone := nearest(slots, now)
	if retryAfter > 0 {
		limit := maxRetryAfter
		if near {
			limit = maxRetryAfterNear
		}
		at := now.Add(min(retryAfter, limit))
		if !near && !zone.IsZero() && at.After(zone.Add(maxRetryAfterNear)) {
			at = zone.Add(maxRetryAfterNear)
		}
		return at
	}
	delay := delays[min(max(attempts, 1), len(delays))-1]
	if near {
		delay = min(delay, NearRetry)
	}
	at := now.Add(delay + time.Duration(Jitter*jitter*float64(delay)))
	// A wait that began before the two hours must not reach far into them.
	if last := zone.Add(NearRetry + time.Duration(Jitter*jitter*float64(NearRetry))); !near && !zone.IsZero() && at.After(last) {
		at = last
	}
	return at
}

// nearest reports whether a slot that is not over begins within two hours or has begun; else when the first such span begins.
func nearest(slots []lease.Slot, now time.Time) (near bool, zone time.Time) {
	for _, s := range slots {
		if s.Over(now) {
			continue
		}
		begins := s.StartsAt().Add(-NearSlot)
		if !begins.After(now) {
			return true, time.Time{}
		}
		if zone.IsZero() || begins.Before(zone) {
			zone = begins
		}
	}
	return false, zone
}
