// Package whitelistsweeper sends again what is due: messages that were lost, retries whose time has come, everything
// undelivered when a circuit closes, and by night every live plate.
package whitelistsweeper

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/whitelist"
)

const (
	perShard = 250 // entries read of each of the 16 shards in one sweep: 4,000 plates, what a healthy pusher does in a minute
	// farAhead covers the longest wait that the schedule knows: a Retry-After of two hours.
	farAhead = 3 * time.Hour
	// repushPage is how many items one sweep of the nightly push reads: by the minute, 3,000 plates, so it takes hours
	// and stays far below what Tongli takes by day.
	repushPage = 3000
	sendTries  = 3
	soon       = 30 * time.Minute // the alarm that matters most: undelivered, and a slot begins within this time
	reserve    = 5 * time.Second  // left for the report
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
	Due       int    `json:"due"`      // entries that the index showed
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
	most, until := int(^uint(0)>>1), now
	switch {
	case now.Before(breaker.OpenUntil):
		r.Breaker, most = "open", 0
	case !breaker.OpenUntil.IsZero():
		r.Breaker, most = "half-open", 1 // one plate, for the probe
	case breaker.Drain:
		until = now.Add(farAhead)
	}
	due, err := s.Store.DueOrders(ctx, until, perShard)
	if err != nil {
		return r, err
	}
	s.measure(&r, due, now)
	if r.Breaker == "half-open" && len(due) == 0 {
		// The probe must not wait for a due mark of its own: everything undelivered waits for it.
		if due, err = s.Store.DueOrders(ctx, now.Add(farAhead), perShard); err != nil {
			return r, err
		}
	}
	if err := s.send(ctx, &r, due, most, now); err != nil {
		return r, err
	}
	if breaker.Drain && r.Breaker == "closed" && len(due) < perShard && r.Unsent == 0 {
		next := breaker
		next.Drain = false
		if _, _, err := s.Store.SaveBreaker(ctx, next, breaker); err != nil {
			return r, err
		}
	}
	if r.Breaker == "closed" {
		if err := s.repush(ctx, &r, now); err != nil {
			return r, err
		}
	}
	s.Logger.InfoContext(ctx, "sweep", "report", r)
	open := 0.0
	if r.Breaker != "closed" {
		open = 1
	}
	s.Metrics.Emit(telemetry.Metric{Name: "OldestDueAgeSeconds", Unit: "Seconds", Value: float64(r.OldestDue)},
		telemetry.Metric{Name: "DueSoonUndelivered", Unit: "Count", Value: float64(r.DueSoon)},
		telemetry.Metric{Name: "BreakerOpen", Unit: "Count", Value: open})
	return r, nil
}

func (s *Sweeper) measure(r *Report, due []leasestore.Due, now time.Time) {
	r.Due = len(due)
	for _, d := range due {
		if age := int64(now.Sub(d.DueAt).Seconds()); age > r.OldestDue {
			r.OldestDue = age
		}
		if d.NextSlot.Before(now.Add(soon)) {
			r.DueSoon++
		}
	}
}

// send moves each due mark on, on the condition that it still stands, and only then sends one message for each plate, soonest slot first. A mark says that a
// message was sent for it on the one order that the message names.
func (s *Sweeper) send(ctx context.Context, r *Report, due []leasestore.Due, most int, now time.Time) error {
	slices.SortStableFunc(due, func(a, b leasestore.Due) int { return a.NextSlot.Compare(b.NextSlot) })
	type plate struct {
		park  string
		plate lease.Plate
	}
	chosen := map[plate]bool{}
	var messages []whitelist.Message
	var marks []leasestore.Due
	flush := func() error {
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
	for _, d := range due {
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(s.Now()) < reserve {
			break
		}
		p := plate{d.ParkSN, d.Plate}
		if !chosen[p] && len(chosen) >= most {
			continue
		}
		order, moved, err := s.Store.MoveDue(ctx, d, now.Add(whitelist.SweepDelay).Truncate(time.Millisecond), !chosen[p])
		if err != nil {
			return err
		}
		if !moved {
			continue // the index lags: what it showed is done or changed
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
				return err
			}
		}
	}
	if len(messages) == 0 {
		return nil
	}
	return flush()
}

// sendAll tries again what a batch did not take, and returns what was never taken.
func (s *Sweeper) sendAll(ctx context.Context, messages []whitelist.Message) (failed []int, err error) {
	for i := range messages {
		failed = append(failed, i)
	}
	for range sendTries {
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

func (s *Sweeper) beginRepush(ctx context.Context, what string, now time.Time) error {
	held, err := s.Store.RepushPosition(ctx)
	if err != nil {
		return err
	}
	if held.Run != "" && what == "all" && held.ParkSN == "" {
		return nil // last night's still goes on
	}
	next := leasestore.Repush{Run: now.In(lease.Zone).Format(time.RFC3339)}
	if what != "all" {
		next.ParkSN = what
	}
	_, err = s.Store.SaveRepush(ctx, next, held)
	return err
}

// repush sends the plates of the next page of a run that goes on, then keeps the position. A page that is sent
// twice is swallowed by its deduplication ids.
func (s *Sweeper) repush(ctx context.Context, r *Report, now time.Time) error {
	held, err := s.Store.RepushPosition(ctx)
	if err != nil || held.Run == "" {
		return err
	}
	var messages []whitelist.Message
	next := held
	next.Position, err = s.Store.LivePlates(ctx, held.ParkSN, held.Position, repushPage, now, func(park string, plate lease.Plate, orderID string) {
		if n := len(messages); n > 0 && messages[n-1].ParkSN == park && messages[n-1].Plate == plate {
			return // a plate's orders lie together
		}
		messages = append(messages, whitelist.Message{Version: 1, ParkSN: park, Plate: plate, Repush: held.Run})
	})
	if err != nil {
		return err
	}
	if len(messages) > 0 {
		failed, err := s.sendAll(ctx, messages)
		if len(failed) > 0 {
			return fmt.Errorf("re-push: %d of %d messages not taken, the page is sent again: %w", len(failed), len(messages), err)
		}
	}
	r.Repushed = len(messages)
	if next.Position == "" {
		next = leasestore.Repush{}
	}
	_, err = s.Store.SaveRepush(ctx, next, held)
	return err
}
