package parkpoller_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lease-gateway/functions/park-poller/parkpoller"
	"lease-gateway/shared/config"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
)

// slow is a Tongli that takes its time for each page.
type slow struct {
	list
	page time.Duration
}

func (s slow) ListParks(ctx context.Context, page, limit int) tongli.Outcome {
	ctx, cancel := context.WithTimeout(ctx, tongli.CallTimeout)
	defer cancel()
	select {
	case <-time.After(s.page):
		return s.list.ListParks(ctx, page, limit)
	case <-ctx.Done():
		return tongli.Outcome{Class: tongli.Transient, Detail: "no answer in time"}
	}
}

// slowStore takes its time for each write.
type slowStore struct {
	store
	write time.Duration
}

func (s slowStore) PutPark(ctx context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error) {
	// The bubble's clock. No timer's channel: thousands of them at once, under the race detector, have ended the Go runtime itself.
	left := s.write
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	time.Sleep(left)
	if left < s.write || ctx.Err() != nil {
		<-ctx.Done()
		return nil, false, ctx.Err()
	}
	return s.store.PutPark(ctx, next, held)
}

// timeout is the function's, as template.yaml has it.
const timeout = 720 * time.Second

func invoke(t *testing.T, s store, l list, within time.Duration) (parkpoller.Report, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	began := time.Now()
	p := &parkpoller.Poller{Store: s, Tongli: l, Now: time.Now, Wait: config.Wait, Logger: slog.New(slog.DiscardHandler)}
	report, err := p.Handle(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report, time.Since(began)
}

// TestSlowTongli: 100,000 parks behind a Tongli that takes three seconds a page are walked in one run, well within ten minutes, and a
// Tongli that caps its pages, answers the last one again or ignores `page` is understood as the contract (3.3) says.
func TestSlowTongli(t *testing.T) {
	many := &lister{rows: rows(100_000)}
	last := func(n, size int) func(int) (string, bool) {
		pages := (n + size - 1) / size
		return func(page int) (string, bool) {
			return "[" + strings.Join(many.rows[(pages-1)*size:], ",") + "]", page > pages
		}
	}
	for _, c := range []struct {
		name        string
		rows, cap   int
		page        func(int) (string, bool)
		reason      string
		seen, pages int
		within      time.Duration
	}{
		{"as it should be", 100_000, 0, nil, "", 100_000, 100, 2 * time.Minute},
		{"capped at 500", 9000, 500, nil, "", 9000, 18, time.Minute},
		{"the last page again, a short one", 3500, 0, last(3500, 1000), "", 3500, 5, time.Minute},
		{"the last page again, capped at 500", 3000, 500, last(3000, 500), "", 3000, 7, time.Minute},
		{"the last page again, a full one", 3000, 0, last(3000, 1000), parkpoller.PageRepeated, 3000, 4, time.Minute},
		{"page is ignored", 1000, 0, func(int) (string, bool) { return "[" + strings.Join(many.rows[:1000], ",") + "]", true }, parkpoller.PageRepeated, 1000, 2, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			all := many.rows
			defer func() { many.rows = all }()
			many.rows = all[:c.rows]
			many.cap, many.page = c.cap, c.page
			m := &memory{parks: map[string]lease.StoredPark{}}
			r, took := invoke(t, m, slow{many, 3 * time.Second}, timeout)
			if reason(r) != c.reason || r.Complete != (c.reason == "") || r.Seen != c.seen || r.Pages != c.pages || r.Withdrawn != 0 {
				t.Errorf("%s: reason %q, %d seen on %d pages; want %q, %d on %d", c.name, reason(r), r.Seen, r.Pages, c.reason, c.seen, c.pages)
			}
			if took > c.within || took < time.Duration(c.pages)*3*time.Second/5 {
				t.Errorf("%s: %s", c.name, took)
			}
			t.Logf("%s: %d parks on %d pages in %s", c.name, r.Seen, r.Pages, took)
		})
	}
}

// TestStopsInTime: whatever is slow, the sweep reports before the invocation ends, and what was done stands.
func TestStopsInTime(t *testing.T) {
	endless := &lister{page: func(page int) (string, bool) { return "[" + row(fmt.Sprint("X", page), 1) + "]", true }}
	hung := slow{&lister{}, time.Hour}
	for _, c := range []struct {
		name   string
		write  time.Duration
		list   list
		reason string
		says   string
		done   func(parkpoller.Report) bool
	}{
		{"pages", 0, slow{&lister{rows: rows(40_000)}, 9 * time.Second}, parkpoller.OutOfTime, "pages walked", func(r parkpoller.Report) bool { return r.Added > 0 && r.Added == 1000*r.Pages }},
		{"a list without end", 0, slow{endless, time.Second}, parkpoller.OutOfTime, "pages walked", func(r parkpoller.Report) bool { return r.Added > 50 }},
		{"a Tongli that hangs", 0, hung, parkpoller.PageFailed, "page 1: no answer in time", func(r parkpoller.Report) bool { return r.Pages == 0 }},
		{"writes", time.Second, &lister{rows: rows(5000)}, parkpoller.OutOfTime, "of 5000 parks written", func(r parkpoller.Report) bool { return r.Added > 500 && r.Added < 5000 }},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{parks: map[string]lease.StoredPark{}}
			r, took := invoke(t, slowStore{m, c.write}, c.list, time.Minute)
			if reason(r) != c.reason || !strings.Contains(r.Detail, c.says) || r.Complete || !c.done(r) || r.Added != len(m.parks) {
				t.Errorf("%s: %+v, %d held", c.name, r, len(m.parks))
			}
			if took > 55*time.Second {
				t.Errorf("%s: reported after %s of a minute", c.name, took)
			}
			if !m.record.LastComplete.IsZero() {
				t.Errorf("%s: on record as complete", c.name)
			}
		})
	}
}

// TestStoreFails: a store that is out of reach is the invocation's error, and nothing is on record as complete.
func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{parks: map[string]lease.StoredPark{}}
		p := &parkpoller.Poller{Store: failing{m}, Tongli: &lister{rows: rows(40)}, Now: time.Now, Wait: config.Wait, Logger: slog.New(slog.DiscardHandler)}
		if _, err := p.Handle(t.Context(), json.RawMessage("{}")); !errors.Is(err, lease.ErrUnavailable) || !m.record.LastComplete.IsZero() {
			t.Errorf("%v, %+v", err, m.record)
		}
	})
}

type failing struct{ store }

func (f failing) PutPark(ctx context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error) {
	if next.SN == "P00021" {
		return nil, false, lease.ErrUnavailable
	}
	return f.store.PutPark(ctx, next, held)
}
