package parkpoller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

const (
	segments  = 4                // of the parallel scan
	writers   = 16               // concurrent writes
	chunkTime = 5 * time.Second  // for the look at the record and the writes that follow it
	reserve   = 10 * time.Second // kept to report before the invocation ends
	longest   = 15 * time.Minute // that an invocation lasts; a sweep that is older was frozen
)

var (
	errSuperseded = errors.New(Superseded)
	errOutOfTime  = errors.New(OutOfTime)
)

// sweep is one run of the poller.
type sweep struct {
	*Poller
	began  time.Time
	start  int64 // names the sweep: unix ms, no two have the same
	allow  string
	record leasestore.SweepRecord
	report Report

	rows     map[string]row  // rows that validate, by park_sn; compare takes out those that are held
	unread   map[string]bool // park_sn of rows that do not validate
	disputed map[string]bool // park_sn that came with two contents: neither is believed
	rejects  []rejected
}

func (s *sweep) run(ctx context.Context) error {
	s.rows, s.unread, s.disputed = map[string]row{}, map[string]bool{}, map[string]bool{}
	fetching, writing := ctx, ctx
	if deadline, ok := ctx.Deadline(); ok {
		var stop, stopWriting context.CancelFunc
		fetching, stop = context.WithDeadline(ctx, deadline.Add(-reserve-time.Until(deadline)/4)) // a quarter to compare and write
		defer stop()
		writing, stopWriting = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer stopWriting()
	}
	s.fetch(fetching)
	s.report.FetchMs = s.Now().Sub(s.began).Milliseconds()

	plan, err := s.compare(ctx)
	if err != nil {
		return err
	}
	write := s.Now()
	err = s.apply(ctx, writing, plan)
	s.report.WriteMs = s.Now().Sub(write).Milliseconds()
	if errors.Is(err, errSuperseded) {
		s.report.Reason = nil
		s.incomplete(Superseded, "")
		return nil
	}
	return err
}

// change is one park to write: held is what the scan found, nil for a new one.
type change struct {
	row  row
	held *lease.StoredPark
}

type plan struct {
	held    int // parks held and not withdrawn
	changes []change
	missing []lease.StoredPark // held, not withdrawn, not listed
}

// compare holds the rows against one scan of what is stored. Only what differs is kept.
func (s *sweep) compare(ctx context.Context) (plan, error) {
	var p plan
	listed := len(s.rows) + len(s.unread)
	read, comparing := s.Now(), time.Duration(0)
	err := s.Store.Parks(ctx, segments, func(held lease.StoredPark) error {
		began := s.Now()
		s.compareOne(&p, &held)
		comparing += s.Now().Sub(began)
		return nil
	})
	s.report.ReadMs = (s.Now().Sub(read) - comparing).Milliseconds()
	if err != nil {
		return p, err
	}
	began := s.Now()
	for sn, r := range s.rows { // those that are left are new
		if !s.disputed[sn] {
			p.changes = append(p.changes, change{r, nil})
		}
	}
	slices.SortFunc(p.changes, func(a, b change) int { return cmp.Compare(a.row.park.SN, b.row.park.SN) })
	slices.SortFunc(p.missing, func(a, b lease.StoredPark) int { return cmp.Compare(a.SN, b.SN) })
	s.report.CompareMs = (comparing + s.Now().Sub(began)).Milliseconds()
	s.report.Missing = len(p.missing)
	if listed == 0 && p.held > 0 {
		s.incomplete(EmptyList, fmt.Sprintf("%d parks held", p.held))
	}
	return p, nil
}

func (s *sweep) compareOne(p *plan, held *lease.StoredPark) {
	if !held.Withdrawn {
		p.held++
	}
	r, listed := s.rows[held.SN]
	delete(s.rows, held.SN)
	switch {
	case listed && !s.disputed[held.SN]:
		if held.Hash == r.park.Hash() && !held.Withdrawn && held.Misses == 0 {
			s.report.Unchanged++
			return
		}
	case listed || s.unread[held.SN]:
		if held.Misses == 0 {
			return
		}
		r = row{park: held.Park, asked: s.began} // seen, with nothing to believe about it
	default:
		if !held.Withdrawn && held.SeenPush < s.began.UnixMilli() {
			p.missing = append(p.missing, *held)
		}
		return
	}
	copied := *held
	p.changes = append(p.changes, change{r, &copied})
}

// apply writes what differs, counts the misses if the sweep is complete, and leaves the record for the next one.
// writing ends before ctx, so that there is time for the record and the report.
func (s *sweep) apply(ctx, writing context.Context, p plan) error {
	err := s.write(writing, p)
	if err == nil && s.report.Reason == nil {
		err = s.withdraw(writing, p)
	}
	if errors.Is(err, errOutOfTime) {
		s.incomplete(OutOfTime, strings.TrimPrefix(err.Error(), OutOfTime+": "))
		err = nil
	}
	if err != nil {
		return err
	}
	record, complete := s.record, s.report.Reason == nil
	if complete {
		record.LastComplete = s.Now()
	}
	latest, err := s.Store.EndSweep(ctx, s.start, record)
	if err != nil {
		return err
	}
	if !latest {
		return errSuperseded
	}
	s.record, s.report.Complete = record, complete
	return nil
}

// write stores the changes, each on the condition that what it was compared with is still there, so that whatever came meanwhile
// wins. It stops where a later sweep has begun: that one has read newer pages.
func (s *sweep) write(ctx context.Context, p plan) error {
	var mu sync.Mutex
	return s.each(ctx, len(p.changes), func(ctx context.Context, i int) error {
		c := p.changes[i]
		next, newer := c.held.ApplyPoll(c.row.park, c.row.asked, s.Now())
		written := false
		if newer {
			var err error
			if _, written, err = s.Store.PutPark(ctx, &next, c.held); err != nil {
				return err
			}
		}
		mu.Lock()
		defer mu.Unlock()
		s.count(c, written)
		return nil
	})
}

func (s *sweep) count(c change, written bool) {
	if !written {
		s.report.Skipped++
		return
	}
	if c.held == nil {
		s.report.Added++
		return
	}
	if c.held.Withdrawn {
		s.report.Returned++
	}
	fields := c.held.Changed(&c.row.park)
	if len(fields) == 0 {
		s.report.Unchanged++ // only its misses were forgotten, or it came back
		return
	}
	s.report.Corrected++
	for _, name := range fields {
		s.report.Fields[name]++
	}
}

// each runs work concurrently in small chunks, and looks before each of them whether this sweep is still the latest: one that was frozen and
// wakes up late must not write what something newer has superseded. A chunk's time begins before the look, so nothing is sent long after it.
func (s *sweep) each(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	for from := 0; from < n; from += writers {
		err := s.chunk(ctx, from, min(writers, n-from), work)
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %d of %d parks written", errOutOfTime, from, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sweep) chunk(ctx context.Context, from, n int, work func(ctx context.Context, i int) error) error {
	limited, cancel := context.WithTimeout(ctx, chunkTime)
	defer cancel()
	// By the wall clock too: the other one may have stood still while the sandbox was frozen.
	now := s.Now().Round(0)
	end := now.Add(chunkTime)
	if err := s.look(limited); err != nil {
		return err
	}
	if now.After(s.began.Round(0).Add(longest)) {
		return fmt.Errorf("%w: begun at %s, %d parks written", errOutOfTime, s.began.In(lease.Zone).Format(time.RFC3339), from)
	}
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range errs {
		wg.Go(func() {
			if errs[i] = limited.Err(); errs[i] == nil && s.Now().Round(0).After(end) {
				errs[i] = context.DeadlineExceeded
			}
			if errs[i] == nil {
				errs[i] = work(limited, from+i)
			}
		})
	}
	wg.Wait()
	err := errors.Join(errs...)
	if err != nil && ctx.Err() == nil {
		if again := s.look(ctx); errors.Is(again, errSuperseded) {
			return again
		}
	}
	return err
}

// look finds out whether a later sweep has begun.
func (s *sweep) look(ctx context.Context) error {
	record, err := s.Store.Sweep(ctx)
	if err == nil && record.Latest != s.start {
		err = errSuperseded
	}
	return err
}
