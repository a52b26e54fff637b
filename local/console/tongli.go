package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/lease"
)

// breakerView is the circuit breaker before Tongli.
type breakerView struct {
	State  string `json:"state"` // closed, open, half-open
	Until  string `json:"until,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func (c *Console) breaker(ctx context.Context) (breakerView, error) {
	b, err := c.store.Breaker(ctx)
	switch {
	case err != nil:
		return breakerView{}, err
	case b.OpenUntil.IsZero():
		return breakerView{State: "closed"}, nil
	case time.Now().Before(b.OpenUntil):
		return breakerView{"open", moment(b.OpenUntil), b.Reason}, nil
	}
	return breakerView{"half-open", moment(b.OpenUntil), b.Reason}, nil
}

// row is one plate in one park, on both sides.
type row struct {
	ParkSN string     `json:"park_sn"`
	Plate  string     `json:"car_plate_no"`
	Ours   []slotView `json:"ours"`   // of live orders that were not refused
	Theirs []slotView `json:"theirs"` // what the gates know
	Same   bool       `json:"same"`
	Why    string     `json:"why,omitempty"` // of a difference: pending, or unexplained
}

func (c *Console) getTongli(w http.ResponseWriter, r *http.Request) {
	b, err := c.breaker(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	if c.stack.Tongli == nil {
		write(w, http.StatusOK, map[string]any{"simulator": false, "url": c.stack.TongliURL, "breaker": b})
		return
	}
	held, all, err := c.orders(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	rows := compare(held, c.stack.Tongli.Whitelist(), time.Now())
	write(w, http.StatusOK, map[string]any{"simulator": true, "url": c.stack.TongliURL, "breaker": b, "faults": c.stack.Tongli.Faults(), "rows": rows, "all": all})
}

// compare holds live orders against a whitelist, over slots that are not over: an order that simply ends is not pushed away.
func compare(held []lease.Order, gates []tonglisim.Entry, now time.Time) []row {
	type pair struct{ park, plate string }
	ours, theirs, pending := map[pair][]lease.Slot{}, map[pair][]lease.Slot{}, map[pair]bool{}
	for _, o := range held {
		p := pair{o.ParkSN, string(o.Plate)}
		if o.State == lease.Pending && !o.Over(now) {
			pending[p] = true
		}
		if !o.Live(now) || o.State == lease.Refused {
			continue
		}
		for _, s := range o.Slots {
			if !s.Over(now) {
				ours[p] = append(ours[p], s)
			}
		}
	}
	for _, e := range gates {
		for _, d := range e.Dates {
			date, dateErr := lease.ParseDate(d.Date)
			start, startErr := lease.ParseClock(d.Start, false)
			end, endErr := lease.ParseClock(d.End, true)
			s := lease.Slot{Date: date, Start: start, End: end}
			if dateErr == nil && startErr == nil && endErr == nil && !s.Over(now) {
				p := pair{e.ParkSN, e.Plate}
				theirs[p] = append(theirs[p], s)
			}
		}
	}
	pairs := map[pair]bool{}
	for p := range ours {
		pairs[p] = true
	}
	for p := range theirs {
		pairs[p] = true
	}
	rows := []row{}
	for p := range pairs {
		a, b := lease.SortSlots(ours[p]), lease.SortSlots(theirs[p])
		r := row{ParkSN: p.park, Plate: p.plate, Ours: views(a), Theirs: views(b),
			Same: slices.EqualFunc(a, b, func(a, b lease.Slot) bool { return a.Compare(b) == 0 })}
		if !r.Same {
			if r.Why = "unexplained"; pending[p] {
				r.Why = "pending"
			}
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.ParkSN+"\x00"+a.Plate, b.ParkSN+"\x00"+b.Plate) })
	return rows
}

func views(slots []lease.Slot) []slotView {
	list := []slotView{}
	for _, s := range slots {
		list = append(list, slotOf(s))
	}
	return list
}

const noSimulator = "Tongli is not simulated here (TONGLI_BASE_URL is set): it cannot be told to fail"

// inWords is a fault with its number.
func inWords(f tonglisim.Fault) string {
	switch f.Kind {
	case "status":
		return fmt.Sprintf("HTTP %d", f.Status)
	case "code":
		return fmt.Sprintf("code %d", f.Code)
	case "delay", "late":
		return fmt.Sprintf("%s %d ms", f.Kind, f.DelayMs)
	}
	return f.Kind
}

// postFault sets one fault in place of those that were set.
func (c *Console) postFault(w http.ResponseWriter, r *http.Request) {
	var f tonglisim.Fault
	if c.stack.Tongli == nil {
		fail(w, http.StatusConflict, noSimulator)
		return
	}
	if !decode(w, r, &f) {
		return
	}
	held := c.stack.Tongli.Faults()
	c.stack.Tongli.Heal()
	if err := c.stack.Tongli.Fail(f); err != nil {
		for _, was := range held {
			_ = c.stack.Tongli.Fail(was) // it was accepted before
		}
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	c.publish(Event{At: time.Now(), Kind: "fault", From: Tongli, To: Tongli, Title: inWords(f), Fault: f.Kind, Status: f.Status})
	write(w, http.StatusCreated, f)
}

func (c *Console) deleteFaults(w http.ResponseWriter, _ *http.Request) {
	if c.stack.Tongli == nil {
		fail(w, http.StatusConflict, noSimulator)
		return
	}
	c.stack.Tongli.Heal()
	c.publish(Event{At: time.Now(), Kind: "fault", From: Tongli, To: Tongli, Title: "well", OK: true})
	write(w, http.StatusOK, c.stack.Tongli.Faults())
}
