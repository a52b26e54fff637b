package simulation

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// How often Tongli may be called. A call for a plate wants a reason that is newer than what the plate's call before it had loaded:
//
//	a change of one of its orders by the app                      one call
//	the call before failed: a retry                               not before whitelist.NextAttempt with the least jitter
//	the call before was refused, in the same invocation           one call for each order: the culprit is looked for
//	Tongli did not accept the credentials                         no attempt was used; the circuit holds the next one back (checkcircuit.go)
//	an outcome is unknown: a call broke, a message came twice, a  one call after whitelist.SettleTime
//	  pusher died, a mark's message came to nothing
//	a pusher died, or an acknowledgement met another write        one call
//	a push of all plates                                          one call for each run
//	the circuit closed                                            one call: what is undelivered goes at once
type ledger struct {
	reasons []reason
	last    *call
	changed time.Time // by the app, last
	failed  int       // transient failures in a row that were noted since a change
	pushers map[*invocation]bool
}

// reason justifies calls that begin at from or later; a push that has loaded the plate after until has dealt with it.
type reason struct {
	what        string
	from, until time.Time
}

func unsettledFrom(what string, at time.Time) reason {
	settled := at.Add(whitelist.SettleTime)
	return reason{what + " (unsettled)", settled.Add(-clockError - time.Second), settled.Add(clockError + time.Second)}
}

func (w *World) ledger(key plateKey) *ledger {
	l := w.ledgers[key]
	if l == nil {
		l = &ledger{pushers: map[*invocation]bool{}}
		w.ledgers[key] = l
	}
	return l
}

// reason allows a call now; unsettled one more after the settling time.
func (w *World) reason(key plateKey, what string, unsettled bool) {
	l := w.ledger(key)
	l.reasons = append(l.reasons, reason{what, time.Now(), time.Now()})
	if unsettled {
		l.reasons = append(l.reasons, unsettledFrom(what, time.Now()))
	}
}

// everybody gives all plates a reason.
func (w *World) everybody(what string) {
	for key := range w.ledgers {
		w.reason(key, what, false)
	}
}

// looksAt notes that a pusher loads a plate.
func (w *World) looksAt(inv *invocation, in *dynamodb.QueryInput) {
	pk, _ := in.ExpressionAttributeValues[":pk"].(*types.AttributeValueMemberS)
	plate, ok := in.ExpressionAttributeValues[":plate"].(*types.AttributeValueMemberS)
	if pk == nil || !ok {
		return
	}
	key := plateKey{strings.TrimPrefix(pk.Value, "P#tongli#"), strings.TrimSuffix(plate.Value, "#")}
	l := w.ledger(key)
	inv.loaded[key] = time.Now()
	l.pushers[inv] = true
	if inv.again[key] { // the settling time counts from here, and not from the receipt
		w.reason(key, "looked at after a message that came again", true)
	}
	if len(l.pushers) > 1 {
		w.note(overlap, key.String())
		w.reason(key, "two pushers at once", true)
	}
}

// left: an invocation is over.
func (w *World) left(inv *invocation) {
	for key := range inv.loaded {
		delete(w.ledger(key).pushers, inv)
	}
}

// died: what a pusher was about is unknown.
func (w *World) died(inv *invocation) { w.unnoted(inv) }

// sent notes what is on its way to the pusher.
func (w *World) sent(m whitelist.Message) {
	if m.Repush != "" {
		w.reason(plateKey{m.ParkSN, string(m.Plate)}, "a push of all plates", false)
	}
}

// delivered notes what a message says of the pushes before it.
func (w *World) delivered(raw sqstypes.Message) {
	m := read(*raw.Body)
	key := plateKey{m.ParkSN, string(m.Plate)}
	switch {
	case raw.Attributes["ApproximateReceiveCount"] != "1":
		w.reason(key, "received again", true)
	case m.Rescue:
		w.reason(key, "rescue", true)
	case m.Repush != "":
		w.reason(key, "a push of all plates", false)
	}
}

// wrote sees the writes of orders and of the breaker.
func (w *World) wrote(inv *invocation, in *dynamodb.PutItemInput, before item, err error) {
	if isBreaker(in.Item) {
		w.breakerWritten(in, err)
		return
	}
	if !isOrders(in.TableName) || in.Item["r"] == nil {
		return
	}
	key := keyOf(in.Item)
	switch {
	case inv.function == w.app && err == nil:
		l := w.ledger(key)
		l.failed, l.changed = 0, time.Now()
		w.reason(key, "changed by the app", whole(in.Item["r"]) > 1) // a change replaces a mark whose message may be at work
	case inv.function == w.pusher && err != nil:
		w.reason(key, "acknowledgement not written", true)
		w.ledger(key).failed = 0
	case inv.function == w.pusher && before["due"] == nil && in.Item["due"] != nil:
		w.ledger(key).failed = 0 // the plate's pace is that of the order with the fewest attempts
	}
}

func keyOf(i item) plateKey {
	plate, _, _ := strings.Cut(i["sk"].(*types.AttributeValueMemberS).Value, "#")
	return plateKey{strings.TrimPrefix(i["pk"].(*types.AttributeValueMemberS).Value, "P#tongli#"), plate}
}

// calling holds a call that begins against the rules above.
func (w *World) calling(c *call) {
	l, inv := w.ledger(c.plate), c.inv
	a := l.last
	load := inv.loaded[c.plate]
	own := inv.lastCall[c.plate]
	inv.lastCall[c.plate] = c
	further := own != nil && own.resigned || inv.isolating[c.plate]
	w.circuitAllows(c, further)
	if w.marksUnderWay(c) {
		w.reason(c.plate, "another mark's message was under way", true)
	}
	why := ""
	switch {
	case further:
		why = "a further call of the same push"
	case a == nil || a.end.IsZero() && a.died:
		why = "the first"
	case inv.about[""]:
		why = "a push of all plates, however often its message came"
	case a.class == tongli.Credentials:
		why = "credentials"
	case a.class == tongli.Transient && !c.start.Before(w.earliest(a, l.failed).Add(-clockError-100*time.Millisecond)):
		why = "retry"
	case a.class == tongli.Refused && a.end.Sub(a.inv.begun) > 20*time.Second:
		why = "the invocation's time was over"
	}
	for _, r := range l.reasons {
		if why == "" && !r.from.After(c.start) {
			why = r.what
		}
	}
	if why == "" {
		w.wrong("call %d for %s, %s after call %d (%s, %d failures in a row), has no reason", c.n, c.plate, c.start.Sub(a.start), a.n, a.detail, l.failed)
	}
	kept := l.reasons[:0]
	for _, r := range l.reasons {
		if !r.until.Before(load) { // what it has loaded, it has dealt with
			kept = append(kept, r)
		}
	}
	l.reasons = kept
	l.last = c
}

// called follows a call's end.
func (w *World) called(c *call) {
	l := w.ledger(c.plate)
	switch {
	case c.class == tongli.Refused:
		c.inv.isolating[c.plate] = true // what fails from here on is noted on a part of the orders only
	case c.class == tongli.Transient && !c.inv.isolating[c.plate] && l.changed.Before(c.inv.loaded[c.plate]):
		l.failed++
	case c.class == tongli.Accepted && !c.inv.isolating[c.plate]:
		l.failed = 0
	}
	if c.unknown {
		l.reasons = append(l.reasons, unsettledFrom("an unknown outcome", c.end))
	}
	w.circuitHears(c)
}

// earliest is when a plate whose last call failed may be called again: the schedule with the least jitter, over all slots that it holds.
func (w *World) earliest(a *call, failures int) time.Time {
	return whitelist.NextAttempt(max(failures, 1), a.retryAfter, w.slotsOf(a.plate), a.end, -1)
}

// slotsOf are all slots ever placed for a plate.
func (w *World) slotsOf(key plateKey) []lease.Slot {
	var slots []lease.Slot
	for _, a := range w.script.actions {
		if (a.what != "place" && a.what != "twice" && a.what != "rival") || a.park != key.park || a.plate != key.plate {
			continue
		}
		for _, s := range a.slots {
			f := strings.Fields(s)
			date, _ := lease.ParseDate(f[0])
			from, _ := lease.ParseClock(f[1], false)
			to, _ := lease.ParseClock(f[2], true)
			slots = append(slots, lease.Slot{Date: date, Start: from, End: to})
		}
	}
	return slots
}

// marksUnderWay reports whether a message was sent for a due mark of the plate that the pusher's own messages do not name.
func (w *World) marksUnderWay(c *call) bool {
	for _, i := range w.dynamo.tables[tables.Orders].items {
		if i["r"] != nil && i["due"] != nil && i["st"] != nil && keyOf(i) == c.plate && !c.inv.about[orderID(i)] {
			return true
		}
	}
	return false
}

// unnoted: what a pusher's calls came to may not stand on the orders.
func (w *World) unnoted(inv *invocation) {
	for key := range inv.loaded {
		w.ledger(key).failed = 0
		w.reason(key, "not noted by "+inv.name, true)
	}
}

// moved sees the sweeper move a due mark on. Before its time it may do so only for a circuit that closes or wants a probe.
func (w *World) moved(inv *invocation, before item) {
	if inv.function != w.sweeper {
		return
	}
	soon := time.Now().Add(clockError)
	if !time.UnixMilli(whole(before["nb"])).After(soon) {
		return
	}
	if !w.stored.Drain && w.stored.OpenUntil.IsZero() && time.Since(w.writtenAt) > inv.limit {
		w.wrong("the sweeper makes %s push before its time", keyOf(before))
	}
	w.reason(keyOf(before), "due at once, since the circuit closes", false)
}

func orderID(i item) string {
	_, id, _ := strings.Cut(i["sk"].(*types.AttributeValueMemberS).Value, "#")
	return id
}
