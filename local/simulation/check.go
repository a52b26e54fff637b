package simulation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"lease-gateway/functions/lease-order/leaseorder"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

// record is what a run is judged by: what was acknowledged, and why calls were made.
type record struct {
	plates, clientsMade int
	orders              map[string]*orderRecord
	ledgers             map[plateKey]*ledger
	circuit
	nightFrom              time.Time
	nightAsked, nightBegan bool
}

// orderRecord is what the clients know of an order_id.
type orderRecord struct {
	acknowledged *action // the content that was answered by 200 or 201
	cancelTried  bool
	cancelled    bool // answered by 200
}

func (w *World) begin() {
	w.orders, w.ledgers = map[string]*orderRecord{}, map[plateKey]*ledger{}
}

func (w *World) orderRecord(id string) *orderRecord {
	if w.orders[id] == nil {
		w.orders[id] = &orderRecord{}
	}
	return w.orders[id]
}

func sameContent(a, b *action) bool {
	x, y := slices.Sorted(slices.Values(a.slots)), slices.Sorted(slices.Values(b.slots))
	return a.park == b.park && a.plate == b.plate && slices.Equal(x, y)
}

// placed: an order_id never names two orders.
func (w *World) placed(a action, got answer) {
	o := w.orderRecord(a.id)
	if o.acknowledged != nil && !sameContent(o.acknowledged, &a) {
		w.wrong("order_id %s names two orders: [%s] and [%s] were both acknowledged", a.id, o.acknowledged, a)
	}
	if !sameContent(&a, contentOf(got.order)) {
		w.wrong("order %s was acknowledged with another content: %+v", a.id, got.order)
	}
	o.acknowledged = &a
	w.truth(got.order)
}

func contentOf(v orderView) *action {
	a := &action{id: v.ID, park: v.Park, plate: v.Plate}
	for _, d := range v.Dates {
		a.slots = append(a.slots, d.Date+" "+d.Start+" "+d.End)
	}
	return a
}

// verdict holds the end of a run against the invariants.
func (w *World) verdict(ctx context.Context) {
	if w.Wrong != "" {
		return // that comes first
	}
	var client leasestore.Client = w.dynamo
	if w.app.modern {
		client = modernDynamo{client}
	}
	store := leasestore.Open(client, tables)
	now := time.Now()
	for pk, i := range w.dynamo.tables[tables.Orders].items {
		if i["due"] != nil {
			w.wrong("due for ever: %s", pk)
		}
	}
	if len(w.queue.messages) > 0 {
		w.wrong("the queue holds messages for ever")
	}
	rows := 0
	for _, park := range parks {
		listed := w.listed(ctx, store, park)
		want := map[string][]string{}
		for _, plate := range plates {
			orders, err := store.PlateOrders(ctx, park, lease.Plate(plate))
			if err != nil {
				w.wrong("orders of %s: %v", plate, err)
			}
			rows += len(orders)
			w.judge(orders, now)
			w.gate(plateKey{park, plate}, orders, now)
			for _, o := range orders {
				if o.Live(now) {
					for _, s := range o.Slots {
						want[plate] = append(want[plate], slotText(s))
					}
				}
			}
		}
		for _, plate := range plates {
			if a, b := slices.Sorted(slices.Values(want[plate])), slices.Sorted(slices.Values(listed[plate])); !slices.Equal(a, b) {
				w.wrong("lease/order of %s lists %v for %s, the live orders have %v", park, b, plate, a)
			}
		}
	}
	claims := 0
	for pk := range w.dynamo.tables[tables.Orders].items {
		if strings.HasPrefix(pk, "I#") {
			claims++
		}
	}
	if rows > claims {
		w.wrong("%d orders of %d order_ids", rows, claims)
	}
	w.acknowledged(ctx, store, now)
}

func slotText(s lease.Slot) string {
	return s.Date.String() + " " + s.Start.String() + " " + s.End.String()
}

// listed asks the real lease-order handler for a park, page by page.
func (w *World) listed(ctx context.Context, store *leasestore.Store, park string) map[string][]string {
	d := &door.Door{Handle: leaseorder.Handle(store, fixedSecret{}), Now: time.Now, Logger: w.logger(&instance{function: &function{}, label: "lease-order"})}
	got := map[string][]string{}
	for cursor := ""; ; {
		body, _ := json.Marshal(map[string]any{"park_sn": park, "limit": 3, "cursor": cursor})
		raw, err := d.Invoke(ctx, httpEvent(door.Route{Method: "POST", Path: "/lease/order"}, "", string(body)))
		var out struct {
			StatusCode int
			Body       string
		}
		var page struct {
			Data []struct {
				Plate string `json:"car_plate_no"`
				Date  string
				Start string `json:"start_time"`
				End   string `json:"end_time"`
			}
			Next *string `json:"next_cursor"`
		}
		if err == nil {
			err = json.Unmarshal(raw, &out)
		}
		if err == nil {
			err = json.Unmarshal([]byte(out.Body), &page)
		}
		if err != nil || out.StatusCode != 200 {
			w.wrong("lease/order of %s: %v %s", park, err, out.Body)
			return got
		}
		for _, r := range page.Data {
			got[r.Plate] = append(got[r.Plate], r.Date+" "+r.Start+" "+r.End)
		}
		if page.Next == nil {
			return got
		}
		cursor = *page.Next
	}
}

type fixedSecret struct{}

func (fixedSecret) Live(context.Context, bool) ([]string, error) { return []string{"secret"}, nil }

// judge holds a plate's orders against what Tongli refuses.
func (w *World) judge(orders []lease.Order, now time.Time) {
	for _, o := range orders {
		refusable := slices.ContainsFunc(o.Slots, func(s lease.Slot) bool { return w.tongli.refuses[string(o.Plate)+" "+s.Date.String()] })
		switch {
		case o.Cancelled || o.Over(now):
		case o.State == lease.Refused && !refusable:
			w.wrong("order %s counts as refused, and Tongli would take it", o.OrderID)
		case o.State == lease.Delivered && refusable:
			w.wrong("order %s counts as delivered, and Tongli refuses it", o.OrderID)
		case o.State == lease.Pending:
			w.wrong("order %s is live, pending and not due", o.OrderID)
		}
	}
}

// gate: Tongli's whitelist equals the live orders that it did not refuse, over the slots that are not over.
func (w *World) gate(key plateKey, orders []lease.Order, now time.Time) {
	want, over := map[string]bool{}, map[string]bool{}
	for _, o := range orders {
		for _, s := range o.Slots {
			switch {
			case s.Over(now):
				over[slotText(s)] = true
			case o.Live(now) && o.State != lease.Refused:
				want[slotText(s)] = true
			}
		}
	}
	got := map[string]bool{}
	for s := range strings.SplitSeq(w.tongli.gates[key], ",") {
		if s != "" && !over[s] {
			got[s] = true
		}
	}
	if !maps.Equal(got, want) {
		w.wrong("the gate of %s has %v, the live orders %v", key, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// acknowledged: what was answered by 201 or 200 is there, as it was placed, and cancelled only if somebody asked for it.
func (w *World) acknowledged(ctx context.Context, store *leasestore.Store, now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(w.orders)) {
		known := w.orders[id]
		if known.acknowledged == nil {
			continue
		}
		o, err := store.Order(ctx, id)
		if err != nil {
			w.wrong("order %s was acknowledged and is lost: %v", id, err)
			continue
		}
		there := &action{park: o.ParkSN, plate: string(o.Plate)}
		for _, s := range o.Slots {
			there.slots = append(there.slots, slotText(s))
		}
		switch {
		case !sameContent(known.acknowledged, there):
			w.wrong("order %s was acknowledged as [%s], and is [%s]", id, known.acknowledged, there)
		case o.Cancelled && !known.cancelTried:
			w.wrong("order %s is cancelled, and nobody asked for it", id)
		case !o.Cancelled && known.cancelled:
			w.wrong("the cancellation of %s was acknowledged and is lost", id)
		}
		d := &door.Door{Handle: w.lastLook(store), Now: func() time.Time { return now }, Logger: w.logger(&instance{function: &function{}, label: "app-order"})}
		raw, err := d.Invoke(ctx, httpEvent(door.Route{Method: "GET", Path: "/app/orders/{order_id}"}, id, ""))
		if err != nil {
			w.wrong("order %s cannot be looked at: %v", id, err)
			continue
		}
		view := decode(raw)
		w.truth(view.order)
		if view.order.Push.Next != nil || view.order.Push.State == "pending" {
			w.wrong("order %s is shown as waiting for ever: %+v", id, view.order.Push)
		}
	}
}
