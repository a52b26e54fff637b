package whitelistpusher

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// round is one push of a plate, with the further calls that a refusal asks for.
type round struct {
	*Pusher
	ctx   context.Context
	plate *plate
	view
	probe string
}

// unsettle notes that an outcome is unknown: for two minutes Tongli may still apply it.
func (r *round) unsettle(now time.Time) {
	if until := now.Add(whitelist.SettleTime).Truncate(time.Millisecond); until.After(r.unsettled) {
		r.unsettled = until
	}
}

func (r *round) run() (again bool, err error) {
	out := r.call(r.listed)
	switch out.Class {
	case tongli.Accepted:
		return false, r.accepted(r.listed, true)
	case tongli.Transient:
		return r.transient(out, r.targets())
	case tongli.Refused:
		return r.refused(out)
	}
	return false, r.keep(r.ctx, r.plate, r.view) // credentials: the circuit is open, no attempt was used up, everything stays due
}

// call pushes the slots of orders and tells the breaker what it saw. A breaker that cannot be written costs a count, not the push: what
// Tongli answered must still be noted on the orders.
func (r *round) call(orders []*lease.Order) tongli.Outcome {
	var slots []lease.Slot
	for _, o := range orders {
		slots = append(slots, o.Slots...)
	}
	out := r.Tongli.SyncWhitelist(r.ctx, r.plate.ParkSN, r.plate.Plate, slots)
	r.Logger.InfoContext(r.ctx, "push", "park_sn", r.plate.ParkSN, "plate", r.plate.Plate.Masked(), "order_id", r.plate.OrderID, "orders", len(orders), "due", len(r.due), "attempt", r.attempt(),
		"slots", len(slots), "class", string(out.Class), "detail", strings.ReplaceAll(out.Detail, string(r.plate.Plate), r.plate.Plate.Masked()),
		"unknown", out.Unknown, "retry_after_s", int(out.RetryAfter.Seconds()), "ms", out.Took.Milliseconds(), "probe", r.probe != "")
	// The call may have used up the invocation's time; what it taught must still be stored.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), whitelist.AckTime)
	defer cancel()
	var err error
	switch out.Class {
	case tongli.Credentials:
		err = r.Breaker.Open(ctx, r.probe, "Tongli does not accept our credentials ("+out.Detail+")")
	case tongli.Transient:
		err = r.Breaker.Failed(ctx, r.probe, out.Detail)
	default:
		err = r.Breaker.Succeeded(ctx, r.probe)
	}
	if err != nil {
		r.Logger.WarnContext(r.ctx, "breaker not written", "error", err.Error())
	}
	return out
}

// attempt counts the attempts of what is due, this one included.
func (r *round) attempt() int {
	most := 0
	for _, o := range r.due {
		most = max(most, o.Attempts)
	}
	return most + 1
}

// targets are the orders that a failure is noted on: those that were due; for a nightly push without any, the first of the list.
func (r *round) targets() []*lease.Order {
	if len(r.due) > 0 {
		return r.due
	}
	return r.listed[:1]
}

// accepted acknowledges a push of listed orders; with rest also the cancelled ones and whatever else was due.
func (r *round) accepted(listed []*lease.Order, rest bool) error {
	now := r.Now()
	orders := slices.Clone(listed)
	if rest {
		for _, o := range r.due {
			if !slices.Contains(orders, o) && !slices.Contains(r.fresh, o) {
				orders = append(orders, o)
			}
		}
	}
	for _, o := range orders {
		pending := o.State == lease.Pending
		wasDue := !o.DueAt.IsZero()
		err := r.acknowledge(r.ctx, o, func(next *lease.Order) {
			if pending || wasDue {
				next.Attempts++
			}
			if pending {
				next.State, next.DeliveredAt = lease.Delivered, now
			}
			next.LastError, next.Sent = "", false
			r.settle(next, now)
		})
		if err != nil {
			return err
		}
		if pending && !o.Cancelled { // a cancellation's latency does not begin with the order
			r.Metrics.Emit(telemetry.Metric{Name: "Delivered", Unit: "Count", Value: 1},
				telemetry.Metric{Name: "PushLatencyMs", Unit: "Milliseconds", Value: float64(now.Sub(o.CreatedAt).Milliseconds())})
		}
	}
	return nil
}

// settle ends the due mark, or sets it to when the plate is settled: the newest state is pushed once more then.
func (r *round) settle(next *lease.Order, now time.Time) {
	next.DueAt, next.NotBefore, next.Unsettled = time.Time{}, time.Time{}, time.Time{}
	if r.unsettled.After(now) {
		next.DueAt, next.NotBefore, next.Unsettled = r.unsettled, r.unsettled, r.unsettled
	}
}

// transient notes a failed attempt and when the next one is. The first one of an order is tried again at once.
func (r *round) transient(out tongli.Outcome, orders []*lease.Order) (again bool, err error) {
	now := r.Now()
	if out.Unknown {
		r.unsettle(now)
	}
	jitter := r.Jitter()
	r.plate.wait = out.RetryAfter
	for _, o := range orders {
		first := o.Attempts == 0 && out.RetryAfter <= whitelist.FirstWithin
		again = again || first
		at := whitelist.NextAttempt(o.Attempts+1, out.RetryAfter, o.Slots, now, jitter).Truncate(time.Millisecond)
		err := r.acknowledge(r.ctx, o, func(next *lease.Order) {
			next.Attempts++
			next.LastError, next.Sent = out.Detail, first // the retry in this invocation has no message of its own, but is under way
			next.DueAt, next.NotBefore = at, at
			if first {
				next.NotBefore = now.Truncate(time.Millisecond) // this invocation's own retry must find it ready
			}
			if r.unsettled.After(now) {
				next.Unsettled = r.unsettled
			}
		})
		if err != nil {
			return false, err
		}
		r.Metrics.Emit(telemetry.Metric{Name: "Retried", Unit: "Count", Value: 1})
	}
	return again, nil
}

// refused finds the culprit: one bad order must never lock out the plate's others.
func (r *round) refused(out tongli.Outcome) (again bool, err error) {
	if len(r.fresh) == 0 {
		// Nothing new was in the list: delivered orders stay delivered; a cancellation that Tongli refuses is an alarm.
		return false, r.refuse(out, r.due)
	}
	good := slices.DeleteFunc(slices.Clone(r.listed), func(o *lease.Order) bool { return slices.Contains(r.fresh, o) })
	rest := slices.DeleteFunc(slices.Clone(r.due), func(o *lease.Order) bool { return slices.Contains(r.fresh, o) })
	told := false // Tongli has accepted a list since, so it knows of the cancelled ones
	if len(r.fresh) == 1 {
		if err := r.refuse(out, r.fresh); err != nil {
			return false, err
		}
	} else {
		fresh := slices.Clone(r.fresh)
		now := r.Now()
		slices.SortStableFunc(fresh, func(a, b *lease.Order) int {
			return cmp.Compare(a.NextSlot(now).Unix(), b.NextSlot(now).Unix())
		})
		for i, o := range fresh {
			if !r.timeLeft(r.ctx) {
				return false, r.dueNow(fresh[i:])
			}
			var err error
			one := r.call(append(slices.Clone(good), o))
			switch one.Class {
			case tongli.Accepted:
				good, told = append(good, o), true
				err = r.accepted([]*lease.Order{o}, false)
			case tongli.Refused:
				err = r.refuse(one, []*lease.Order{o})
			case tongli.Transient:
				_, err = r.transient(one, slices.Concat(fresh[i:], rest)) // none of the plate before Tongli wants it again
				return false, err
			default:
				return false, nil
			}
			if err != nil {
				return false, err
			}
		}
	}
	switch {
	case len(rest) == 0:
		return false, nil
	case told:
		return false, r.accepted(nil, true)
	}
	// Cancelled or settling orders remain, and Tongli has not accepted a list yet: tell it the good ones alone.
	last := r.call(good)
	switch last.Class {
	case tongli.Accepted:
		return false, r.accepted(nil, true)
	case tongli.Transient:
		return r.transient(last, rest)
	case tongli.Refused:
		return false, r.refuse(last, rest)
	}
	return false, nil
}

// refuse notes a refusal: it is not tried again until it is asked for. One without an order to note it on (the nightly push) alarms all the same.
func (r *round) refuse(out tongli.Outcome, orders []*lease.Order) error {
	now := r.Now()
	if len(orders) == 0 {
		r.alarm(r.plate.OrderID, false)
	}
	for _, o := range orders {
		err := r.acknowledge(r.ctx, o, func(next *lease.Order) {
			next.Attempts++
			next.LastError, next.Sent = out.Detail, false
			if next.State == lease.Pending {
				next.State = lease.Refused
			}
			r.settle(next, now)
		})
		if err != nil {
			return err
		}
		r.alarm(o.OrderID, o.Cancelled)
	}
	return nil
}

func (r *round) alarm(orderID string, cancelled bool) {
	r.Metrics.Emit(telemetry.Metric{Name: "PushRefused", Unit: "Count", Value: 1})
	r.Logger.ErrorContext(r.ctx, "refused by Tongli", "park_sn", r.plate.ParkSN, "plate", r.plate.Plate.Masked(), "order_id", orderID, "cancelled", cancelled)
}

// dueNow leaves orders to the next sweep, since this invocation's time is over.
func (r *round) dueNow(orders []*lease.Order) error {
	now := r.Now().Truncate(time.Millisecond)
	for _, o := range orders {
		if err := r.acknowledge(r.ctx, o, func(next *lease.Order) { next.DueAt, next.NotBefore, next.Sent = now, now, false }); err != nil {
			return err
		}
	}
	return nil
}

// acknowledge writes what a push meant for an order, raising its seq, on the condition that rev and seq are what was loaded. Where they
// are not, something changed or another push overlapped, so nobody knows what Tongli has: the order is due again, with a raised seq,
// so that the other push cannot acknowledge either.
func (p *Pusher) acknowledge(ctx context.Context, o *lease.Order, change func(*lease.Order)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), whitelist.AckTime)
	defer cancel()
	held := o
	for range 8 {
		next := *held
		next.DueSince = time.Time{} // what change leaves due is a new mark
		change(&next)
		next.Seq++
		now, ok, err := p.Store.SaveOrder(ctx, &next, held)
		if err != nil {
			return err
		}
		if ok {
			*o = next
			return nil
		}
		if now.Rev != o.Rev || now.Seq != o.Seq {
			held = now
			break
		}
		held = now // only the due mark was moved on meanwhile: rev and seq are what was loaded
	}
	due := p.Now().Truncate(time.Millisecond)
	_, err := p.Store.ChangeOrder(ctx, held, func(next lease.Order) (lease.Order, bool) {
		meant := next
		if change(&meant); meant.Unsettled.After(next.Unsettled) {
			next.Unsettled = meant.Unsettled // the call whose outcome is unknown is so all the same
		}
		next.Seq++
		next.DueAt, next.DueSince, next.NotBefore, next.Sent = due, time.Time{}, time.Time{}, false
		return next, true
	})
	return err
}
