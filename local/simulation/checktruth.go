package simulation

import (
	"slices"
	"strings"
	"time"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/shared/door"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/pushqueue"
	"lease-gateway/shared/tongli"
)

// clockError is how far the clocks of two instances are apart at most.
const clockError = 4 * time.Second

// truth holds what the app is shown of an order against the record of real calls.
func (w *World) truth(v orderView) {
	calls := w.tongli.byPlate[plateKey{v.Park, v.Plate}]
	slots := contentOf(v).slots
	heard := func(holds func(*call) bool) bool {
		return slices.ContainsFunc(calls, func(c *call) bool { return !c.died && !c.end.IsZero() && holds(c) })
	}
	holdsAll := func(c *call) bool {
		return !slices.ContainsFunc(slots, func(s string) bool { return !c.has(s) })
	}
	p := v.Push
	switch p.State {
	case "delivered":
		if p.Delivered == nil || !heard(func(c *call) bool {
			later := p.Delivered.Sub(c.end) // the breaker is told first, and that write may be slow
			return c.class == tongli.Accepted && later >= -clockError && later <= deployment().limit["whitelist-pusher"]+clockError && (v.Status == "cancelled" || holdsAll(c))
		}) {
			w.wrong("order %s is shown as delivered at %v, and no such call was accepted", v.ID, p.Delivered)
		}
	case "refused":
		if !heard(func(c *call) bool { return c.class == tongli.Refused && (v.Status == "cancelled" || holdsAll(c)) }) {
			w.wrong("order %s is shown as refused, and no call with it was", v.ID)
		}
	case "expired":
		if v.Status != "ended" && v.Status != "cancelled" {
			w.wrong("order %s is shown as expired and %s", v.ID, v.Status)
		}
	}
	attempts := 0
	for _, c := range calls {
		if !c.died && !c.end.IsZero() && (c.class != tongli.Credentials) {
			attempts++
		}
	}
	if p.Attempts > attempts {
		w.wrong("order %s is shown with %d attempts, and its plate had %d calls", v.ID, p.Attempts, attempts)
	}
	if (p.State == "delivered" || p.State == "refused") && p.Attempts == 0 {
		w.wrong("order %s is shown as %s without an attempt", v.ID, p.State)
	}
	if e := p.LastError; e != nil && !strings.HasPrefix(*e, "circuit ") && !heard(func(c *call) bool { return c.says != "" && strings.HasPrefix(*e, c.says) }) {
		w.wrong("order %s is shown with the error %q, which no call had", v.ID, *e)
	}
}

// lastLook is app-order as it stands at the end, without faults.
func (w *World) lastLook(store *leasestore.Store) door.Handle {
	return (&apporder.Orders{Store: store, Queue: &pushqueue.Queue{}, Logger: w.logger(&instance{function: &function{}, label: "app-order"})}).Handle
}
