package whitelist

import (
	"testing"
	"time"
)

// TestNumbers: what one number promises another one must keep.
func TestNumbers(t *testing.T) {
	most := func(d time.Duration) time.Duration { return d + time.Duration(Jitter*float64(d)) }
	const sweep = 5 * time.Second // the local one; on AWS a minute comes on top
	for _, c := range []struct {
		name    string
		a, less time.Duration
	}{
		{"the first retry within 3 s", most(InvocationRetry), FirstWithin},
		{"the second within a minute", most(delays[1]) + sweep, time.Minute},
		{"the third within two minutes", most(delays[2]) + sweep, 2 * time.Minute},
		{"at most an hour", most(delays[len(delays)-1]) + sweep, time.Hour},
		{"near a slot at most a minute", most(NearRetry) + sweep, time.Minute},
		{"a drain reaches the longest wait", maxRetryAfter, FarAhead},
		{"the sweeper leaves a first message its time", InvocationRetry + 2*10*time.Second, OutboxDelay},
		{"a rescue comes after the outcome has settled", SettleTime, SweepDelay},
		{"a probe ends before the next one is let through", 10*time.Second + CallReserve, probeLife},
		{"the circuit's wait covers its probe", probeLife, breakerFirst},
		{"the alarm has a sweep's time and more", SweepDelay, Soon},
	} {
		if c.a > c.less {
			t.Errorf("%s: %s, at most %s", c.name, c.a, c.less)
		}
	}
	for i := 1; i < len(delays); i++ {
		if delays[i] <= delays[i-1] {
			t.Errorf("delay %d does not grow", i)
		}
	}
}
