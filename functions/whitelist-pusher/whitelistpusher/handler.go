// Package whitelistpusher tells Tongli which plate may enter when (interface 4, api/SynLeaseOrder), from the queue.
package whitelistpusher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

type orders interface {
	PlateOrders(ctx context.Context, parkSN string, plate lease.Plate) ([]lease.Order, error)
	SaveOrder(ctx context.Context, next, held *lease.Order) (*lease.Order, bool, error)
	ChangeOrder(ctx context.Context, o *lease.Order, change func(lease.Order) (lease.Order, bool)) (*lease.Order, error)
}

type gate interface {
	SyncWhitelist(ctx context.Context, parkSN string, plate lease.Plate, slots []lease.Slot) tongli.Outcome
}

type circuit interface {
	Allow(ctx context.Context) (allowed bool, probe string, err error)
	Succeeded(ctx context.Context, probe string) error
	Failed(ctx context.Context, probe, reason string) error
	Open(ctx context.Context, probe, reason string) error
}

// Pusher handles batches of the queue.
type Pusher struct {
	Store   orders
	Tongli  gate
	Breaker circuit
	Now     func() time.Time
	Wait    func(context.Context, time.Duration) error // waits, or returns the context's error
	Jitter  func() float64                             // -1 to 1
	Logger  *slog.Logger
	Metrics *telemetry.Metrics
}

// plate is all that a batch says about one plate in one park: one push answers all its messages.
type plate struct {
	whitelist.Message
	ids     []string        // of its messages, in order
	about   map[string]bool // order_ids that they name
	unknown bool            // an earlier push of it may have been made: received before, or a rescue
	repush  bool
	wait    time.Duration // before the retry in this invocation, as Tongli asked; 0: it did not
}

// Handle pushes the plates of a batch concurrently and answers per message: what is reported failed is delivered again,
// and at last set aside in the DLQ. Only faults of the pipeline are reported; Tongli's failures are on the orders.
func (p *Pusher) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	if len(batch.Records) == 0 {
		return events.SQSEventResponse{}, errors.New("not an SQS event: no Records")
	}
	failed := map[string]bool{}
	var plates []*plate
	groups := map[string]*plate{}
	broken := map[string]bool{} // groups in which a message was unreadable: what follows it waits with it
	for _, record := range batch.Records {
		m, err := whitelist.ReadMessage(record.Body)
		group := record.Attributes["MessageGroupId"]
		if err != nil || group != "" && broken[group] {
			if err != nil {
				p.Logger.ErrorContext(ctx, "message set aside", "message_id", record.MessageId, "error", err.Error())
			}
			failed[record.MessageId], broken[group] = true, true
			continue
		}
		g := groups[m.Group()]
		if g == nil {
			g = &plate{Message: m, about: map[string]bool{}}
			groups[m.Group()] = g
			plates = append(plates, g)
		}
		received, _ := strconv.Atoi(record.Attributes["ApproximateReceiveCount"])
		g.ids = append(g.ids, record.MessageId)
		g.about[m.OrderID] = true
		g.unknown = g.unknown || received > 1 || m.Rescue
		g.repush = g.repush || m.Repush != ""
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, g := range plates {
		wg.Go(func() {
			if err := p.safely(ctx, g); err != nil {
				p.Logger.ErrorContext(ctx, "plate not pushed", "park_sn", g.ParkSN, "plate", g.Plate.Masked(), "error", err.Error())
				mu.Lock()
				defer mu.Unlock()
				for _, id := range g.ids {
					failed[id] = true
				}
			}
		})
	}
	wg.Wait()
	var out events.SQSEventResponse
	for _, record := range batch.Records {
		if failed[record.MessageId] {
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return out, nil
}

// safely keeps a panic over one plate from failing the other nine.
func (p *Pusher) safely(ctx context.Context, g *plate) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	again, err := p.push(ctx, g)
	if err != nil || !again {
		return err
	}
	// The first retry of a transient failure: a hiccup costs a second and not a minute. What it pushes is loaded anew.
	wait := whitelist.InvocationRetry + time.Duration(whitelist.Jitter*p.Jitter()*float64(whitelist.InvocationRetry))
	if g.wait > 0 {
		wait = g.wait
	}
	if err := p.Wait(ctx, wait); err != nil {
		return nil // out of time: the order is due again
	}
	_, err = p.push(ctx, g)
	return err
}

// push brings one plate up to date. again asks for a retry in this invocation.
func (p *Pusher) push(ctx context.Context, g *plate) (again bool, err error) {
	held, err := p.Store.PlateOrders(ctx, g.ParkSN, g.Plate)
	if err != nil {
		return false, err
	}
	v, now := view{}, p.Now()
	for i := range held {
		v.add(&held[i], now)
	}
	for _, o := range v.over {
		if err := p.acknowledge(ctx, o, func(next *lease.Order) { next.DueAt, next.NotBefore, next.Sent = time.Time{}, time.Time{}, false }); err != nil {
			return false, err
		}
	}
	if !v.ready && !(g.repush && len(v.listed) > 0) {
		if g.unknown {
			return false, p.settleLater(ctx, v, now)
		}
		return false, nil // done by an earlier message, or not to be made yet
	}
	if !p.timeLeft(ctx) {
		return false, p.keep(ctx, g, v) // still due: the sweeper brings it back
	}
	allowed, probe, err := p.Breaker.Allow(ctx)
	if err != nil {
		return false, err
	}
	if !allowed {
		return false, p.keep(ctx, g, v)
	}
	r := &round{Pusher: p, ctx: ctx, plate: g, view: v, probe: probe}
	if g.unknown || slices.ContainsFunc(v.due, func(o *lease.Order) bool { return o.Sent && !g.about[o.OrderID] }) {
		// A message that another order's mark waits for may have been received, pushed and lost with its pusher.
		r.unsettle(now)
	}
	return r.run()
}

// settleLater makes a plate unsettled although nothing is to be pushed now: a pusher that received the same message may have died in mid-call while
// another one brought the plate up to date, and Tongli may apply that call over the newer state.
func (p *Pusher) settleLater(ctx context.Context, v view, now time.Time) error {
	o := v.known
	if len(v.due) > 0 {
		o = v.due[0]
	}
	if o == nil {
		return nil
	}
	until := now.Add(whitelist.SettleTime).Truncate(time.Millisecond)
	return p.acknowledge(ctx, o, func(next *lease.Order) {
		if next.Unsettled = until; next.DueAt.IsZero() {
			next.DueAt, next.NotBefore, next.Sent = until, until, false
		}
	})
}

// keep makes a plate due that only a push of all plates asked for, where it cannot be made now, above all for an open circuit: it has
// no due mark that would bring it back.
func (p *Pusher) keep(ctx context.Context, g *plate, v view) error {
	if !g.repush || len(v.due) > 0 || len(v.listed) == 0 {
		return nil
	}
	now := p.Now().Truncate(time.Millisecond)
	return p.acknowledge(ctx, v.listed[0], func(next *lease.Order) { next.DueAt, next.NotBefore, next.Sent = now, now, false })
}

// timeLeft reports whether a call and its acknowledgement fit into the invocation.
func (p *Pusher) timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(p.Now()) > tongli.CallTimeout+whitelist.CallReserve
}

// view sorts a plate's orders by what a push means for them.
type view struct {
	over      []*lease.Order // over and still due: nothing to push
	listed    []*lease.Order // live and not refused: their slots are the whitelist
	fresh     []*lease.Order // those of listed that Tongli has not accepted yet
	cancelled []*lease.Order // cancelled and due: to be taken away
	due       []*lease.Order // all that are due and not over
	known     *lease.Order   // one that is not over, whatever its state; nil: there is none
	ready     bool           // one of the due may be pushed now
	unsettled time.Time      // until when Tongli may still apply a call that was given up
}

func (v *view) add(o *lease.Order, now time.Time) {
	due := !o.DueAt.IsZero()
	if o.Over(now) {
		if due {
			v.over = append(v.over, o)
		}
		return
	}
	v.known = o
	if o.Unsettled.After(v.unsettled) {
		v.unsettled = o.Unsettled
	}
	if due {
		v.due = append(v.due, o)
		v.ready = v.ready || !o.NotBefore.After(now)
	}
	switch {
	case o.Cancelled && due:
		v.cancelled = append(v.cancelled, o)
	case !o.Cancelled && o.State != lease.Refused:
		v.listed = append(v.listed, o)
		if o.State == lease.Pending {
			v.fresh = append(v.fresh, o)
		}
	}
}
