package whitelistsweeper

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/whitelist"
)

// beginRepush starts a run. A park that is asked for goes before the nightly run, which then goes on where it was, and after a park that
// was asked for earlier.
func (s *Sweeper) beginRepush(ctx context.Context, what string, now time.Time) error {
	held, err := s.Store.RepushPosition(ctx)
	if err != nil {
		return err
	}
	run := name(now)
	next := held
	switch {
	case what == "all" && held.Run == "":
		next.Run = run
	case what == "all" && held.ParkSN == "", what == "all" && held.Night != "":
		return nil // last night's still goes on
	case what == "all":
		next.Night = run
	case held.Run == "", held.ParkSN == what:
		next.Run, next.ParkSN, next.Position = run, what, ""
	case held.ParkSN == "":
		next.Run, next.ParkSN, next.Position = run, what, ""
		next.Night, next.NightAt = held.Run, held.Position
	case strings.Contains("\n"+held.Waiting, "\n"+what+"\n"):
		return nil
	default:
		next.Waiting += what + "\n"
	}
	saved, err := s.Store.SaveRepush(ctx, next, held)
	if err != nil || saved {
		return err
	}
	there, err := s.Store.RepushPosition(ctx)
	if next.Version = there.Version; err == nil && there != next { // equal: the SDK repeated a write whose answer was lost
		err = fmt.Errorf("re-push of %s: another sweep moved on meanwhile, ask again", what)
	}
	return err
}

// name of a run: two of them never share one, or SQS would swallow the second one's messages.
func name(now time.Time) string { return now.In(lease.Zone).Format("2006-01-02T15:04:05.000Z07:00") }

// after is what follows a run that has ended: the next park that was asked for, else the nightly run where it was.
func after(ended leasestore.Repush, now time.Time) leasestore.Repush {
	next := leasestore.Repush{Night: ended.Night, NightAt: ended.NightAt}
	if park, rest, ok := strings.Cut(ended.Waiting, "\n"); ok {
		next.Run, next.ParkSN, next.Waiting = name(now), park, rest
		return next
	}
	if ended.ParkSN == "" {
		return leasestore.Repush{}
	}
	return leasestore.Repush{Run: ended.Night, Position: ended.NightAt}
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
	next.Position, err = s.Store.LivePlates(ctx, held.ParkSN, held.Position, whitelist.RepushPage, now, func(park string, plate lease.Plate, orderID string) {
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
		next = after(held, now)
	}
	_, err = s.Store.SaveRepush(ctx, next, held)
	return err
}

// probe pushes one live plate again where the circuit is half open and nothing is due: it would stay so until the next order, and hold
// back the push of all plates.
func (s *Sweeper) probe(ctx context.Context, r *Report, now time.Time) error {
	held, err := s.Store.RepushPosition(ctx)
	if err != nil {
		return err
	}
	for _, from := range []string{held.Position, ""} {
		var messages []whitelist.Message
		_, err := s.Store.LivePlates(ctx, held.ParkSN, from, whitelist.RepushPage, now, func(park string, plate lease.Plate, _ string) {
			if len(messages) == 0 { // a run of its own: the plate's message in the push of all is no repeat of this one
				messages = []whitelist.Message{{Version: 1, ParkSN: park, Plate: plate, Repush: "probe " + now.In(lease.Zone).Format(time.RFC3339)}}
			}
		})
		if err != nil {
			return err
		}
		if len(messages) > 0 {
			failed, err := s.sendAll(ctx, messages)
			r.Repushed = len(messages) - len(failed)
			return err
		}
		if held.Position == "" {
			return nil
		}
	}
	return nil
}
