package whitelist

import (
	"time"

	"lease-gateway/shared/lease"
)

// The retry schedule goes by the driver's time (contract 3.4): the delays leave room for ±20 % of jitter and for a
// sweep every few seconds to keep the contract's words "within"; on AWS a sweep by the minute comes on top.
const (
	// InvocationRetry is the first retry, inside the invocation: a hiccup costs a second and not a minute.
	InvocationRetry = 1500 * time.Millisecond
	// NearRetry is the longest wait from two hours before a slot until its end.
	NearRetry = 42 * time.Second
	// NearSlot is when a driver may be on the way.
	NearSlot = 2 * time.Hour
	// SettleTime is how long Tongli may still apply a call that we gave up.
	SettleTime = 2 * time.Minute

	maxDelay          = 48 * time.Minute // an hour with jitter
	maxRetryAfter     = 2 * time.Hour
	maxRetryAfterNear = 5 * time.Minute
)

var delays = []time.Duration{InvocationRetry, NearRetry, 90 * time.Second, 3 * time.Minute, 6 * time.Minute, 12 * time.Minute, 24 * time.Minute, maxDelay}

// NextAttempt is when a push is tried again after attempts that failed (at least 1). retryAfter is what Tongli asked for, 0 if
// it did not. jitter from -1 to 1 moves the time by up to 20 %.
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
	at := now.Add(delay + time.Duration(0.2*jitter*float64(delay)))
	// A wait that began before the two hours must not reach far into them.
	if last := zone.Add(NearRetry + time.Duration(0.2*jitter*float64(NearRetry))); !near && !zone.IsZero() && at.After(last) {
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
