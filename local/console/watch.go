package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lease-gateway/local/triggers"
	"lease-gateway/shared/lease"
)

// What the watcher is asked to look at. It reads the tables beside the calls that it tells of, and never holds one up.
type glance struct {
	park, plate string // the orders of a plate; plate empty: the park
	order       string // the one that the look is about
	breaker     bool
	poll        *triggers.Invocation
}

const (
	glancesMax = 1024 // more are dropped: a later glance at the same sees the same
	parksKept  = 5000 // above, a poll's changes are counted and not compared
	changesMax = 200
	queueEvery = time.Second
)

func (c *Console) look(park, plate, order string) {
	if park != "" && plate != "" {
		c.glance(glance{park: park, plate: plate, order: order})
	}
}

func (c *Console) lookAtPark(sn string)         { c.glance(glance{park: sn}) }
func (c *Console) lookAtBreaker()               { c.glance(glance{breaker: true}) }
func (c *Console) polled(i triggers.Invocation) { c.glance(glance{poll: &i}) }

// glance asks for a look, where somebody listens: without an open page the console reads nothing but the parks after a poll.
func (c *Console) glance(g glance) {
	if g.poll == nil && !c.stream.watched() {
		return
	}
	select {
	case c.glances <- g:
	default:
	}
}

// watch runs until the console is closed.
func (c *Console) watch() {
	tick := time.NewTicker(queueEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.done.Done():
			return
		case <-tick.C:
			c.readQueue(c.done)
		case g := <-c.glances:
			ctx, cancel := context.WithTimeout(c.done, 10*time.Second)
			var err error
			switch {
			case g.breaker:
				err = c.readBreaker(ctx)
			case g.poll != nil:
				err = c.compareParks(ctx, g.poll)
			case g.plate == "":
				err = c.rememberPark(ctx, g.park)
			default:
				err = c.readStates(ctx, g.park, lease.Plate(g.plate), g.order)
			}
			cancel()
			if err != nil && c.done.Err() == nil {
				c.publish(Event{At: time.Now(), Kind: "note", Title: "console", Note: "the tables could not be read: " + err.Error()})
			}
		}
	}
}

// told is the last that was told, or seen, of an order.
type told struct {
	state string
	at    time.Time
}

// readStates tells of each order of a plate whose whitelist state has changed. The plate's other orders, when they are seen for the
// first time and are not new, are taken as they are.
func (c *Console) readStates(ctx context.Context, park string, plate lease.Plate, order string) error {
	held, err := c.store.PlateOrders(ctx, park, plate)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, o := range held {
		state := fmt.Sprint(o.Status(now), o.Whitelist(now), o.Attempts, o.LastError)
		before, seen := c.states[o.OrderID]
		if before.state == state {
			continue
		}
		if len(c.states) >= 10*eventsKept {
			clear(c.states) // a few states are told twice
		}
		at := now
		if o.State == lease.Delivered && !o.DeliveredAt.IsZero() {
			at = o.DeliveredAt
		}
		if !at.After(before.at) {
			at = before.at.Add(time.Millisecond) // the pusher took its moment before we looked: what is told later is later
		}
		c.states[o.OrderID] = told{state, at}
		answered := o.State == lease.Pending && o.Attempts == 0 && o.LastError == "" // told with the app's answer
		if answered || !seen && o.OrderID != order && now.Sub(o.CreatedAt) > time.Minute {
			continue
		}
		c.publish(Event{At: at, Kind: "state", From: Gateway, To: Gateway, Title: string(o.Status(now)), State: string(o.Whitelist(now)),
			OK: o.State != lease.Refused, ParkSN: park, Plate: string(plate), OrderID: o.OrderID, Note: o.LastError})
	}
	return nil
}

func (c *Console) readBreaker(ctx context.Context) error {
	b, err := c.breaker(ctx)
	if err != nil || b.State == c.lastBreaker {
		return err
	}
	if c.lastBreaker != "" || b.State != "closed" {
		c.publish(Event{At: time.Now(), Kind: "breaker", From: Gateway, To: Gateway, Title: "breaker", State: b.State, OK: b.State == "closed", Note: b.Reason})
	}
	c.lastBreaker = b.State
	return nil
}

// PollChanges is what the last poll changed.
type PollChanges struct {
	At      time.Time       `json:"at"`
	Report  json.RawMessage `json:"report"`
	Total   int             `json:"total"`
	Changes []ParkChange    `json:"changes"` // at most 200 of them
}

// ParkChange is one park that a poll added, corrected, withdrew or brought back.
type ParkChange struct {
	ParkSN string   `json:"park_sn"`
	Name   string   `json:"park_name"`
	Kind   string   `json:"kind"`
	Fields []string `json:"fields,omitempty"`
}

var errManyParks = errors.New("too many parks to compare")

// compareParks holds the parks after a poll against those before it.
func (c *Console) compareParks(ctx context.Context, poll *triggers.Invocation) error {
	next := map[string]lease.StoredPark{}
	err := c.store.Parks(ctx, 1, func(p lease.StoredPark) error {
		if len(next) == parksKept {
			return errManyParks
		}
		next[p.SN] = p
		return nil
	})
	if err != nil && !errors.Is(err, errManyParks) {
		return err
	}
	last := &PollChanges{At: poll.Ended, Report: poll.Result.Payload, Changes: []ParkChange{}}
	if !json.Valid(last.Report) {
		last.Report = nil
	}
	if err == nil && c.parks != nil {
		for sn, p := range next {
			before, held := c.parks[sn]
			change := ParkChange{ParkSN: sn, Name: p.Name}
			switch fields := before.Changed(&p.Park); {
			case !held && p.Source == lease.SourcePoll:
				change.Kind = "added"
			case held && p.Withdrawn && !before.Withdrawn:
				change.Kind = "withdrawn"
			case held && !p.Withdrawn && before.Withdrawn:
				change.Kind = "back"
			case held && len(fields) > 0 && p.Source == lease.SourcePoll:
				change.Kind, change.Fields = "corrected", fields
			default:
				continue
			}
			if last.Total++; len(last.Changes) < changesMax {
				last.Changes = append(last.Changes, change)
			}
		}
	}
	c.parks = next
	c.mu.Lock()
	c.lastPoll = last
	c.mu.Unlock()
	if last.Total > 0 {
		c.publish(Event{At: poll.Ended, Kind: "parks", From: Gateway, To: Gateway, Title: fmt.Sprintf("%d parks changed", last.Total), OK: true})
	}
	return nil
}

// rememberPark keeps a push from being taken for the next poll's doing.
func (c *Console) rememberPark(ctx context.Context, sn string) error {
	p, err := c.store.Park(ctx, sn)
	if errors.Is(err, lease.ErrParkUnknown) {
		return nil
	}
	if err == nil && c.parks != nil {
		c.parks[sn] = *p
	}
	if err == nil {
		c.publish(Event{At: time.Now(), Kind: "parks", From: Gateway, To: Gateway, Title: p.Name, OK: true, ParkSN: sn})
	}
	return err
}
