package whitelist

import "time"

// The numbers of the push path. Three more belong to them and stand where they are enforced: a call to Tongli is given up after 10 s
// (tongli.CallTimeout), an invocation of the pusher ends after 45 s, and the queue hides a received message for 270 s (template.yaml).

// Outbox.
const (
	// OutboxDelay is how long a message that was sent has to bring its push about before the sweeper looks.
	OutboxDelay = time.Minute
	// SweepDelay is the same for a message that the sweeper sent: longer than the queue's visibility timeout, so
	// that a push which still runs, or whose pusher was killed, is not overtaken.
	SweepDelay = 5 * time.Minute
)

// The retry schedule goes by the driver's time (contract 3.4): the delays leave room for ±20 % of jitter and for a
// sweep every few seconds to keep the contract's words "within"; on AWS a sweep by the minute comes on top.
const (
	// Jitter is the share by which a wait may be longer or shorter, so that what failed together is not tried again together.
	Jitter = 0.2
	// InvocationRetry is the first retry, inside the invocation: a hiccup costs a second and not a minute.
	InvocationRetry = 1500 * time.Millisecond
	// FirstWithin is the contract's word for it; a Retry-After up to here is waited for inside the invocation too.
	FirstWithin = 3 * time.Second
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

// delays before the attempts that follow the first, second … failed one; the last goes on.
var delays = []time.Duration{InvocationRetry, NearRetry, 90 * time.Second, 3 * time.Minute, 6 * time.Minute, 12 * time.Minute, 24 * time.Minute, maxDelay}

// An invocation of the pusher.
const (
	// AckTime is what an acknowledgement is given, also when the invocation's own time is over.
	AckTime = 5 * time.Second
	// CallReserve is left after a call's timeout for its acknowledgement: with less than both, no call is begun.
	CallReserve = 2 * time.Second
)

// The circuit breaker opens when Tongli as a whole is down, not when one plate is refused.
const (
	breakerWindow  = 5 // minutes
	breakerCalls   = 10
	breakerPercent = 70
	breakerFirst   = 30 * time.Second
	breakerLongest = 5 * time.Minute
	breakerCache   = time.Second
	// probeLife is longer than a call, so that two probes never overlap unless the first prober died.
	probeLife = 15 * time.Second
)

// A sweep.
const (
	// PerShard is how many entries are read of each of the index's 16 shards.
	PerShard = 250
	// PlatesPerSweep is what a sweep's 50 s and a healthy pusher do in a minute.
	PlatesPerSweep = 4000
	// DrainPerShard is PerShard when a circuit has closed: all that is undelivered is looked at, so that the soonest slots go first. As much as
	// one page of the index holds.
	DrainPerShard = 2000
	// FarAhead is where a drain ends: beyond the longest wait that the schedule knows.
	FarAhead = maxRetryAfter + time.Hour
	// RepushPage is how many items one sweep of the nightly push reads. By the minute, it takes hours and stays far below what Tongli takes by day.
	RepushPage = 3000
	// SendTries is how often a sweep offers a message to the queue.
	SendTries = 3
	// Soon is when an order that is not at the gate alarms: so long before its slot begins.
	Soon = 30 * time.Minute
	// SweepReserve is left of a sweep's time for its report.
	SweepReserve = 5 * time.Second
)
