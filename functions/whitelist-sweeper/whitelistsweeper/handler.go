// Package whitelistsweeper sends again what is due: messages that were lost, retries whose time has come, everything
// undelivered when a circuit closes, and by night every live plate.
package whitelistsweeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/whitelist"
)

type orders interface {
	Breaker(ctx context.Context) (leasestore.Breaker, error)
	SaveBreaker(ctx context.Context, next, held leasestore.Breaker) (leasestore.Breaker, bool, error)
	DueOrders(ctx context.Context, until time.Time, limit int) ([]leasestore.Due, error)
	MoveDue(ctx context.Context, d leasestore.Due, to time.Time, sent bool) (*lease.Order, bool, error)
	RepushPosition(ctx context.Context) (leasestore.Repush, error)
	SaveRepush(ctx context.Context, next, held leasestore.Repush) (bool, error)
	LivePlates(ctx context.Context, parkSN, from string, limit int, now time.Time, visit func(parkSN string, plate lease.Plate, orderID string)) (string, error)
}

type queue interface {
	Send(ctx context.Context, messages ...whitelist.Message) ([]int, error)
}

// Sweeper handles the schedule.
type Sweeper struct {
	Store   orders
	Queue   queue
	Now     func() time.Time
	Logger  *slog.Logger
	Metrics *telemetry.Metrics
}

// Input of an invocation: {} sweeps; {"repush":"all"} or {"repush":"<park_sn>"} begins a push of every live plate first.
type Input struct {
	Repush string `json:"repush"`
}

// Report is the answer.
type Report struct {
	Due       int    `json:"due"`      // entries that the index showed to be due
	Sent      int    `json:"sent"`     // plates whose message was sent
	Moved     int    `json:"moved"`    // due marks moved on
	Unsent    int    `json:"unsent"`   // messages that the queue did not take: due again at once
	Repushed  int    `json:"repushed"` // plates of the nightly push
	Breaker   string `json:"breaker"`  // closed, open or half-open
	OldestDue int64  `json:"oldest_due_seconds"`
	DueSoon   int    `json:"due_soon"` // due entries whose slot begins within 30 minutes
}

// Handle makes one sweep.
func (s *Sweeper) Handle(ctx context.Context, raw json.RawMessage) (Report, error) {
	var in Input
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &in); err != nil {
			return Report{}, fmt.Errorf(`input: want {} or {"repush":"all"|"<park_sn>"}: %w`, err)
		}
	}
	now := s.Now()
	breaker, err := s.Store.Breaker(ctx)
	if err != nil {
		return Report{}, err
	}
	if in.Repush != "" {
		if err := s.beginRepush(ctx, in.Repush, now); err != nil {
			return Report{}, err
		}
	}
	r := Report{Breaker: "closed"}
	// Marks that were moved on are read too, but only to tell how long their pushes have been waited for.
	most, ripe, until, limit := whitelist.PlatesPerSweep, now, now.Add(whitelist.SweepDelay), whitelist.PerShard
	switch {
	case now.Before(breaker.OpenUntil):
		r.Breaker, most = "open", 0
	case !breaker.OpenUntil.IsZero():
		r.Breaker, most = "half-open", 1 // one plate, for the probe
	case breaker.Drain:
		ripe, limit = now.Add(whitelist.FarAhead), whitelist.DrainPerShard
		until = ripe
	}
	due, err := s.Store.DueOrders(ctx, until, limit)
	if err != nil {
		return r, err
	}
	shards := full(due, limit)
	s.measure(&r, due, now)
	due = slices.DeleteFunc(due, func(d leasestore.Due) bool { return d.DueAt.After(ripe) })
	r.Due = len(due)
	if r.Breaker == "half-open" && len(due) == 0 {
		// The probe must not wait for a due mark of its own: everything undelivered waits for it.
		if due, err = s.Store.DueOrders(ctx, now.Add(whitelist.FarAhead), whitelist.PerShard); err != nil {
			return r, err
		}
	}
	all, err := s.send(ctx, &r, due, most, now)
	if err == nil && r.Breaker == "half-open" && len(due) == 0 {
		err = s.probe(ctx, &r, now)
	}
	if err == nil && breaker.Drain && r.Breaker == "closed" && all && !shards {
		next := breaker
		next.Drain = false
		_, _, err = s.Store.SaveBreaker(ctx, next, breaker)
	}
	if err == nil && r.Breaker == "closed" {
		err = s.repush(ctx, &r, now)
	}
	// What was seen is told also where something failed: that is when it is wanted.
	s.Logger.InfoContext(ctx, "sweep", "report", r)
	open := 0.0
	if r.Breaker != "closed" {
		open = 1
	}
	s.Metrics.Emit(telemetry.Metric{Name: "OldestDueAgeSeconds", Unit: "Seconds", Value: float64(r.OldestDue)},
		telemetry.Metric{Name: "DueSoonUndelivered", Unit: "Count", Value: float64(r.DueSoon)},
		telemetry.Metric{Name: "BreakerOpen", Unit: "Count", Value: open})
	return r, err
}

// measure tells how old the oldest of what is due is, and how many drivers may stand before a closed gate. A mark that waits for its message's push counts
// since it was first due: each sweep tells of it anew, as an alarm wants it.
func (s *Sweeper) measure(r *Report, due []leasestore.Due, now time.Time) {
	for _, d := range due {
		if r.older(now.Sub(since(d))); dueSoon(d, now) {
			r.DueSoon++
		}
	}
}

func (r *Report) older(age time.Duration) { r.OldestDue = max(r.OldestDue, int64(age.Seconds())) }

// since when an entry has been due.
func since(d leasestore.Due) time.Time {
	if d.DueSince.IsZero() {
		return d.DueAt
	}
	return d.DueSince
}

func dueSoon(d leasestore.Due, now time.Time) bool {
	return !since(d).After(now) && d.NextSlot.Before(now.Add(whitelist.Soon))
}

// full reports whether a shard of the index gave as much as it was asked for.
func full(due []leasestore.Due, limit int) bool {
	seen := map[int]int{}
	for _, d := range due {
		seen[d.Shard]++
	}
	for _, n := range seen {
		if n >= limit {
			return true
		}
	}
	return false
}

// send moves each due mark on, on the condition that it still stands, and only then sends one message for each plate, soonest slot first. A mark says that a
// message was sent for it on the one order that the message names. all says that nothing was left for the next sweep.
func (s *Sweeper) send(ctx context.Context, r *Report, due []leasestore.Due, most int, now time.Time) (all bool, err error) {
	slices.SortStableFunc(due, func(a, b leasestore.Due) int { return a.NextSlot.Compare(b.NextSlot) })
	type plate struct {
		park  string
		plate lease.Plate
	}
	chosen := map[plate]bool{}
	var messages []whitelist.Message
	var marks []leasestore.Due
	flush := func() error {
		if len(messages) == 0 {
			return nil
		}
		failed, err := s.sendAll(ctx, messages)
		r.Sent += len(messages) - len(failed)
		r.Unsent += len(failed)
		for _, i := range failed {
			s.Logger.WarnContext(ctx, "message not sent, due again at once", "order_id", marks[i].OrderID, "error", fmt.Sprint(err))
			if _, _, err := s.Store.MoveDue(ctx, marks[i], now, false); err != nil {
				return err
			}
		}
		messages, marks = messages[:0], marks[:0]
		return nil
	}
	all = true
	for _, d := range due {
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(s.Now()) < whitelist.SweepReserve {
			all = false
			break
		}
		p := plate{d.ParkSN, d.Plate}
		if !chosen[p] && len(chosen) >= most {
			all = false
			continue
		}
		order, moved, err := s.Store.MoveDue(ctx, d, now.Add(whitelist.SweepDelay).Truncate(time.Millisecond), !chosen[p])
		if errors.Is(err, lease.ErrVersionUnknown) {
			s.Logger.ErrorContext(ctx, "order left to a newer version", "order_id", d.OrderID, "error", err.Error())
			continue
		}
		if err != nil {
			return false, errors.Join(err, flush()) // the messages at hand have their marks moved already
		}
		// The index lags and does not know the state: what it showed may be done or changed, or be at the gate already.
		if dueSoon(d, now) && (!moved || order.State != lease.Pending || order.Cancelled || order.Over(now)) {
			r.DueSoon--
		}
		if !moved {
			continue
		}
		r.Moved++
		if chosen[p] {
			continue
		}
		chosen[p] = true
		m := whitelist.MessageFor(order)
		m.Rescue = order.Sent
		m.DueAt = now.Add(whitelist.SweepDelay).UnixMilli()
		d.DueAt = now.Add(whitelist.SweepDelay).Truncate(time.Millisecond)
		messages, marks = append(messages, m), append(marks, d)
		if len(messages) == 10 {
			if err := flush(); err != nil {
				return false, err
			}
		}
	}
	err = flush()
	return all && r.Unsent == 0, err
}

// sendAll tries again what a batch did not take, and returns what was never taken.
func (s *Sweeper) sendAll(ctx context.Context, messages []whitelist.Message) (failed []int, err error) {
	for i := range messages {
		failed = append(failed, i)
	}
	for range whitelist.SendTries {
		batch := make([]whitelist.Message, len(failed))
		for i, at := range failed {
			batch[i] = messages[at]
		}
		again, sendErr := s.Queue.Send(ctx, batch...)
		for i, at := range again {
			again[i] = failed[at]
		}
		if failed, err = again, sendErr; len(failed) == 0 {
			return nil, nil
		}
	}
	return failed, err
}
