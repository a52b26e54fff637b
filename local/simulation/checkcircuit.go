package simulation

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/tongli"
)

// circuit is what is known of the breaker: its item as it is stored, and what Tongli said.
type circuit struct {
	stored    leasestore.Breaker
	writtenAt time.Time
	openedAt  time.Time
	claims    int // probes that were claimed since it opened
	probes    int // calls that were made while it was half open
	rejected  time.Time
	rejecter  *invocation
}

// cacheLife is how long an instance may go by what it read, with some time for the call to leave.
const cacheLife = time.Second + 50*time.Millisecond

// breakerWritten follows the breaker's item.
func (w *World) breakerWritten(in *dynamodb.PutItemInput, err error) {
	var next leasestore.Breaker
	if e := json.Unmarshal([]byte(in.Item["j"].(*types.AttributeValueMemberS).Value), &next); e != nil {
		panic(e)
	}
	if err != nil {
		if !w.stored.OpenUntil.IsZero() && next.Probe != "" && next.Probe != w.stored.Probe {
			w.note(twoHalfOpen, "")
		}
		return
	}
	switch {
	case next.OpenUntil.IsZero() && !w.stored.OpenUntil.IsZero():
		w.say("the circuit closes")
		w.everybody("the circuit closed")
	case !next.OpenUntil.Equal(w.stored.OpenUntil):
		w.say("the circuit opens until %s: %s", next.OpenUntil.Format("15:04:05"), next.Reason)
		w.claims, w.probes, w.openedAt = 0, 0, time.Now()
	case next.Probe != "" && next.Probe != w.stored.Probe:
		w.say("a probe is claimed")
		w.claims++
		w.everybody("a probe")
	}
	w.stored, w.writtenAt = next, time.Now()
}

// circuitAllows: nothing goes through an open circuit, and one call at a time through one that is half open.
func (w *World) circuitAllows(c *call, further bool) {
	now := c.start
	if further {
		return // of a push that was let in
	}
	if !w.rejected.IsZero() && !w.rejecter.troubled && !w.rejecter.dead && now.Sub(w.rejected) > 8*time.Second && now.Sub(w.rejected) < 30*time.Second-clockError {
		w.wrong("call %d: %s after Tongli did not accept our credentials, and the circuit is not open", c.n, now.Sub(w.rejected))
	}
	if w.stored.OpenUntil.IsZero() || now.Sub(w.openedAt) < cacheLife {
		return
	}
	if now.Before(w.stored.OpenUntil.Add(-clockError)) {
		w.wrong("call %d goes through a circuit that is open until %s", c.n, w.stored.OpenUntil.Format("15:04:05.000"))
		return
	}
	if w.probes++; w.probes > w.claims {
		w.wrong("call %d goes through a half-open circuit, and is no probe", c.n)
	}
}

// circuitHears notes that Tongli did not accept the credentials, by a caller that lived to hear it.
func (w *World) circuitHears(c *call) {
	open := c.end.Before(w.stored.OpenUntil) // already, by another
	if c.class == tongli.Credentials && !c.resigned && !c.died && !open {
		w.rejected, w.rejecter = c.end, c.inv
	}
	if c.class == tongli.Accepted || c.class == tongli.Refused {
		if w.stored.OpenUntil.IsZero() || c.start.After(w.stored.OpenUntil.Add(-clockError)) {
			w.rejected = time.Time{} // a probe, or a call that was on its way before
		}
	}
}
