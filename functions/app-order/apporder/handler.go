// Package apporder places, reads, cancels and pushes again the orders of the Chejiajia app.
package apporder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
	"lease-gateway/shared/whitelist"
)

type orders interface {
	Claimed(ctx context.Context, orderID string) (*lease.Content, error)
	Claim(ctx context.Context, c *lease.Content, token string) (*lease.Content, error)
	CreateOrder(ctx context.Context, o *lease.Order, token string) (*lease.Order, bool, error)
	OrderOf(ctx context.Context, c *lease.Content) (*lease.Order, error)
	ChangeOrder(ctx context.Context, o *lease.Order, change func(lease.Order) (lease.Order, bool)) (*lease.Order, error)
	PlateOrders(ctx context.Context, parkSN string, plate lease.Plate) ([]lease.Order, error)
	Park(ctx context.Context, sn string) (*lease.StoredPark, error)
	Breaker(ctx context.Context) (leasestore.Breaker, error)
}

type queue interface {
	Send(ctx context.Context, messages ...whitelist.Message) ([]int, error)
}

// sendTimeout bounds the send: the order stands already, and the sweeper mends a message that was not sent.
const sendTimeout = 2 * time.Second

// Orders handles the app's order routes.
type Orders struct {
	Store  orders
	Queue  queue
	Logger *slog.Logger
}

// Handle picks the story by route.
func (a *Orders) Handle(ctx context.Context, req *door.Request) (envelope.Answer, error) {
	if req.Route == (door.Route{Method: "POST", Path: "/app/orders"}) {
		return a.place(ctx, req)
	}
	if !lease.ValidOrderID(req.OrderID) {
		return envelope.Answer{}, lease.ErrOrderUnknown // no such id can exist
	}
	req.Log("order_id", req.OrderID)
	claim, err := a.Store.Claimed(ctx, req.OrderID)
	if err != nil {
		return envelope.Answer{}, err
	}
	if req.Now.Sub(claim.EndsAt()) > lease.OrderKept {
		return envelope.Answer{}, lease.ErrOrderUnknown
	}
	req.Log("park_sn", claim.ParkSN)
	req.LogPlate(claim.Plate)
	switch {
	case req.Route.Method == "DELETE":
		return a.cancel(ctx, req, claim)
	case strings.HasSuffix(req.Route.Path, "/push"):
		return a.push(ctx, req, claim)
	}
	order, err := a.Store.OrderOf(ctx, claim)
	if err != nil {
		return envelope.Answer{}, err
	}
	return envelope.Answer{Data: a.shown(ctx, order, req.Now)}, nil
}

// shown is the view of an order with what it waits for: while the circuit is open nothing is written to the orders, that stands in the breaker.
func (a *Orders) shown(ctx context.Context, order *lease.Order, now time.Time) view {
	v := a.view(order, now)
	if order.Whitelist(now) != lease.Pending {
		return v
	}
	if b, err := a.Store.Breaker(ctx); err == nil && !b.OpenUntil.IsZero() {
		text, until := whitelist.OpenError(b), moment(b.OpenUntil)
		if !now.Before(b.OpenUntil) {
			text, until = "circuit half open, the probe goes out with the next sweep: "+b.Reason, nil
		}
		v.Whitelist.LastError, v.Whitelist.NextAttemptAt = &text, until
	}
	return v
}

func (a *Orders) place(ctx context.Context, req *door.Request) (envelope.Answer, error) {
	c := lease.Content{OrderID: req.Fields.Text("order_id", true, 1<<20, false), ParkSN: req.Fields.ParkSN(true), Plate: req.Fields.Plate("car_plate_no", true)}
	if c.OrderID != "" && !lease.ValidOrderID(c.OrderID) {
		req.Fields.Bad("order_id", "must be 1 to 64 of A-Z a-z 0-9 _ - . and begin with a letter or digit")
	} else {
		req.Log("order_id", c.OrderID)
	}
	c.Slots = req.Fields.Slots()
	req.Log("park_sn", c.ParkSN)
	req.LogPlate(c.Plate)
	if err := req.Fields.Err(); err != nil {
		return envelope.Answer{}, err
	}
	token := req.ID + signature.NewNonce()
	claimed, err := a.claim(ctx, &c, token, req.Now)
	if err != nil {
		return envelope.Answer{}, err
	}
	if claimed != nil {
		return a.again(ctx, req, claimed, &c, token)
	}
	return a.create(ctx, req, &c, token)
}

// claim takes the order_id for an order that the park leases; where it is taken, it returns the content that has it. That is looked at before what judge found:
// a repeated order is answered as it was, whatever has become of the terms. An order that is good, as nearly all are, is spared the read.
func (a *Orders) claim(ctx context.Context, c *lease.Content, token string, now time.Time) (*lease.Content, error) {
	bad := a.judge(ctx, c, now)
	if bad == nil {
		return a.Store.Claim(ctx, c, token)
	}
	claimed, err := a.Store.Claimed(ctx, c.OrderID)
	if errors.Is(err, lease.ErrOrderUnknown) {
		err = bad
	}
	return claimed, err
}

// judge holds the order against the park's terms, once and for all.
func (a *Orders) judge(ctx context.Context, c *lease.Content, now time.Time) error {
	var held []lease.Order
	var heldErr error
	var broken any
	var reading sync.WaitGroup
	reading.Go(func() { // beside the park, not after it: the app waits for both
		defer func() { broken = recover() }()
		held, heldErr = a.Store.PlateOrders(ctx, c.ParkSN, c.Plate)
	})
	park, err := a.Store.Park(ctx, c.ParkSN)
	reading.Wait()
	if broken != nil {
		panic(broken) // here, where the door makes an answer of it; over there it would end the process
	}
	if err = cmp.Or(err, heldErr); err != nil {
		return err
	}
	live := 0
	for i := range held {
		if held[i].Live(now) {
			live += len(held[i].Slots)
		}
	}
	var bad lease.NotLeased
	if park.Withdrawn {
		bad.Fields = append(bad.Fields, lease.FieldError{Field: "park_sn", Reason: "the park was withdrawn and is not leased"})
	}
	for i, slot := range c.Slots {
		field := fmt.Sprintf("dates[%d]", i)
		if err := park.Leases(slot, now); err != nil {
			bad.Fields = append(bad.Fields, lease.FieldError{Field: field, Reason: strings.TrimPrefix(err.Error(), lease.ErrNotLeased.Error()+": ")})
		} else if live+i+1 > lease.MaxLiveSlots {
			bad.Fields = append(bad.Fields, lease.FieldError{Field: field, Reason: fmt.Sprintf("more than %d live slots of this plate in this park", lease.MaxLiveSlots)})
		}
	}
	if len(bad.Fields) > 0 {
		return &bad
	}
	return nil
}

// again answers a POST whose order_id is taken: by the same order (200), another one (40901), or one that is over or
// cancelled (40902). A claim whose order was never written belongs to a call that died between its two writes: it is finished here.
func (a *Orders) again(ctx context.Context, req *door.Request, claimed, c *lease.Content, token string) (envelope.Answer, error) {
	if !claimed.Equal(c) {
		return envelope.Answer{}, lease.ErrOrderDiffers
	}
	if !claimed.EndsAt().After(req.Now) {
		return envelope.Answer{}, lease.ErrOrderOver
	}
	order, err := a.Store.OrderOf(ctx, claimed)
	if errors.Is(err, lease.ErrOrderUnknown) {
		return a.create(ctx, req, claimed, token)
	}
	if err != nil {
		return envelope.Answer{}, err
	}
	return a.repeated(ctx, req, order)
}

func (a *Orders) repeated(ctx context.Context, req *door.Request, order *lease.Order) (envelope.Answer, error) {
	if order.Cancelled {
		return envelope.Answer{}, lease.ErrOrderOver
	}
	if order.State == lease.Pending && order.Sent && order.NotBefore.IsZero() {
		a.send(ctx, order) // the call before may have died before it sent; SQS swallows a true repeat
	}
	return envelope.Answer{Msg: "already placed", Data: a.view(order, req.Now)}, nil
}

// create writes the order with its due mark, then sends the message. Whatever fails after the write is mended by the sweeper.
func (a *Orders) create(ctx context.Context, req *door.Request, c *lease.Content, token string) (envelope.Answer, error) {
	order := &lease.Order{Content: *c, State: lease.Pending, Rev: 1, CreatedAt: req.Now, DueAt: dueMark(req.Now), Sent: true}
	there, created, err := a.Store.CreateOrder(ctx, order, token)
	if err != nil {
		return envelope.Answer{}, err
	}
	if !created {
		return a.repeated(ctx, req, there)
	}
	a.send(ctx, order)
	return envelope.Answer{Status: http.StatusCreated, Data: a.view(order, req.Now)}, nil
}

// dueMark is in whole milliseconds, as it is stored: the deduplication id is made of it.
func dueMark(now time.Time) time.Time {
	return now.Add(whitelist.OutboxDelay).Truncate(time.Millisecond)
}

func (a *Orders) send(ctx context.Context, order *lease.Order) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	if failed, err := a.Queue.Send(ctx, whitelist.MessageFor(order)); len(failed) > 0 {
		a.Logger.WarnContext(ctx, "message not sent, the sweeper will", "order_id", order.OrderID, "error", fmt.Sprint(err))
	}
}

func (a *Orders) cancel(ctx context.Context, req *door.Request, claim *lease.Content) (envelope.Answer, error) {
	order, err := a.Store.OrderOf(ctx, claim)
	if errors.Is(err, lease.ErrOrderUnknown) && claim.EndsAt().After(req.Now) {
		// The POST has not written its order yet: take its place, so that a late write finds it cancelled.
		order = &lease.Order{Content: *claim, Cancelled: true, State: lease.Pending, Rev: 1, CreatedAt: req.Now, DueAt: dueMark(req.Now), Sent: true}
		order, _, err = a.Store.CreateOrder(ctx, order, req.ID+signature.NewNonce())
	}
	if err != nil {
		return envelope.Answer{}, err
	}
	if order.Cancelled {
		a.send(ctx, order)
		return envelope.Answer{Data: a.shown(ctx, order, req.Now)}, nil
	}
	return a.change(ctx, req, order, http.StatusOK, func(o lease.Order) lease.Order {
		o.Cancelled, o.State = true, lease.Pending
		o.Attempts, o.LastError, o.DeliveredAt = 0, "", time.Time{}
		return o
	})
}

func (a *Orders) push(ctx context.Context, req *door.Request, claim *lease.Content) (envelope.Answer, error) {
	order, err := a.Store.OrderOf(ctx, claim)
	if err != nil {
		return envelope.Answer{}, err
	}
	return a.change(ctx, req, order, http.StatusAccepted, func(o lease.Order) lease.Order {
		if o.State == lease.Refused {
			o.State = lease.Pending
		}
		return o
	})
}

// change applies a change, makes the order due now, and sends. An order that is over cannot be changed.
func (a *Orders) change(ctx context.Context, req *door.Request, order *lease.Order, status int, change func(lease.Order) lease.Order) (envelope.Answer, error) {
	over, repeated := false, false
	order, err := a.Store.ChangeOrder(ctx, order, func(o lease.Order) (lease.Order, bool) {
		next := change(o)
		if over = o.Over(req.Now); over {
			return o, false
		}
		if repeated = o.Cancelled && status == http.StatusOK; repeated {
			return o, false // cancelled by another call meanwhile
		}
		next.Rev++
		if settle := req.Now.Add(whitelist.SettleTime).Truncate(time.Millisecond); o.Sent && !o.DueAt.IsZero() && settle.After(next.Unsettled) {
			next.Unsettled = settle // the message for the mark that is replaced may be at work, or have died at it
		}
		next.DueAt, next.DueSince, next.NotBefore, next.Sent = dueMark(req.Now), time.Time{}, time.Time{}, true
		return next, true
	})
	if err != nil {
		return envelope.Answer{}, err
	}
	if over {
		return envelope.Answer{}, lease.ErrOrderOver
	}
	a.send(ctx, order)
	return envelope.Answer{Status: status, Data: a.shown(ctx, order, req.Now)}, nil
}
