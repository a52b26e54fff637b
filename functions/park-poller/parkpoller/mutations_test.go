package parkpoller_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/tongli"
)

// TestStockCatches: each rule of the poller, taken away, is missed by the simulation within some sequences.
func TestStockCatches(t *testing.T) {
	const enough = 4000
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for seed := 1; seed <= enough; seed++ {
				if err := simulate(t, steps.Example(seed), m); err != nil {
					first, _, _ := strings.Cut(err.Error(), "\n")
					t.Logf("%s: caught after %d sequences, by seed %d: %.160s", m.name, seed, seed, first)
					return
				}
			}
			t.Errorf("%s: not caught in %d sequences, seeds 1 to %d", m.name, enough, enough)
		})
	}
}

var mutations = []mutation{
	// the guard
	{name: "guard: what was withdrawn today is forgotten", store: func(s store) store { return forgetsSpent{s} }},
	{name: "guard: nothing is booked", store: func(s store) store { return booksNothing{s} }},
	{name: "guard: ten times the stock seems to be held", store: func(s store) store { return seesMany{s} }},
	// the miss counter
	{name: "misses: each counts twice", store: func(s store) store { return rewrites{s, countTwice} }},
	{name: "misses: not forgotten when a park is seen", store: func(s store) store { return rewrites{s, neverForget} }},
	{name: "misses: counted, and not stored", store: func(s store) store { return rewrites{s, neverCount} }},
	{name: "misses: withdrawn at the first", store: func(s store) store { return rewrites{s, hasty} }},
	{name: "misses: counted by a sweep with a failed page", list: func(l list) list { return failuresAreEmpty{l} }},
	{name: "misses: a bad row does not count as seen", list: func(l list) list { return edits{l, dropBad} }},
	// push against poll
	{name: "push and poll: when a push came is not looked at", store: func(s store) store { return rereads{s, withoutPush, map[string]lease.StoredPark{}} }},
	{name: "push and poll: when another poll asked is not looked at", store: func(s store) store { return rereads{s, withoutAsked, map[string]lease.StoredPark{}} }},
	{name: "push and poll: writes without condition", store: func(s store) store { return unconditional{s} }},
	{name: "comparison: a change of content is not noticed", store: func(s store) store { return rewrites{s, keepContent} }},
	// overlap
	{name: "overlap: never superseded", store: func(s store) store { return &blind{store: s} }},
	{name: "overlap: a later sweep does not take the record", store: func(s store) store { return sameStart{s} }},
	// the end of a sweep
	{name: "end: a repeated page is an empty one", list: func(l list) list { return &repeatsAreEmpty{list: l, seen: map[string]bool{}} }},
	{name: "end: an empty page is a failed one", list: func(l list) list { return emptyFails{l} }},
	{name: "end: a contradiction is not noticed", list: func(l list) list { return &firstOnly{list: l, seen: map[string]string{}} }},
	{name: "end: every sweep is on record as complete", store: func(s store) store { return alwaysComplete{s} }},
	{name: "end: the second page is never asked for", list: func(l list) list { return onePage{l} }},
}

type forgetsSpent struct{ store }

func (s forgetsSpent) BeginSweep(ctx context.Context, start int64) (leasestore.SweepRecord, error) {
	r, err := s.store.BeginSweep(ctx, start)
	r.Withdrawn = nil
	return r, err
}

type booksNothing struct{ store }

func (s booksNothing) SpendWithdrawals(ctx context.Context, start, hour, n int64) (bool, error) {
	return s.store.SpendWithdrawals(ctx, start, hour, 0)
}

type seesMany struct{ store }

func (s seesMany) Parks(ctx context.Context, n int, visit func(lease.StoredPark) error) error {
	for i := range 20 * simParks {
		far := lease.StoredPark{Park: lease.Park{SN: "far " + simSN(i)}, SeenPush: 1 << 60}
		if err := visit(far); err != nil {
			return err
		}
	}
	return s.store.Parks(ctx, n, visit)
}

// rewrites bends what is written.
type rewrites struct {
	store
	bend func(next *lease.StoredPark, held *lease.StoredPark)
}

func (s rewrites) PutPark(ctx context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error) {
	bent := *next
	if held != nil {
		s.bend(&bent, held)
	}
	return s.store.PutPark(ctx, &bent, held)
}

func countTwice(next, held *lease.StoredPark) {
	if next.Misses > held.Misses {
		next.Misses++
		next.Withdrawn = next.Misses >= 3
	}
}

func neverForget(next, held *lease.StoredPark) { next.Misses = max(next.Misses, held.Misses) }

func neverCount(next, held *lease.StoredPark) {
	if next.Misses > held.Misses {
		next.Misses, next.Withdrawn = held.Misses, held.Withdrawn
	}
}

func hasty(next, held *lease.StoredPark) { next.Withdrawn = next.Misses > 0 }

func keepContent(next, held *lease.StoredPark) {
	next.Park, next.Hash = held.Park, held.Hash
}

// rereads bends what is read, and puts right again what is written.
type rereads struct {
	store
	bend func(*lease.StoredPark)
	true map[string]lease.StoredPark
}

func withoutPush(p *lease.StoredPark)  { p.SeenPush = 0 }
func withoutAsked(p *lease.StoredPark) { p.AskedAt = 0 }

func (s rereads) Parks(ctx context.Context, n int, visit func(lease.StoredPark) error) error {
	return s.store.Parks(ctx, n, func(p lease.StoredPark) error {
		s.true[p.SN] = p
		s.bend(&p)
		return visit(p)
	})
}

func (s rereads) PutPark(ctx context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error) {
	mended := *next
	if held != nil {
		mended.SeenPush = s.true[next.SN].SeenPush
		mended.AskedAt = cmp.Or(next.AskedAt, s.true[next.SN].AskedAt)
	}
	return s.store.PutPark(ctx, &mended, held)
}

type unconditional struct{ store }

func (s unconditional) PutPark(ctx context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error) {
	there, ok, err := s.store.PutPark(ctx, next, held)
	for err == nil && !ok {
		forced := *next
		forced.Version = 1
		if there != nil {
			forced.Version = there.Version + 1
		}
		there, ok, err = s.store.PutPark(ctx, &forced, there)
	}
	return nil, ok, err
}

// blind always finds its own sweep the latest.
type blind struct {
	store
	start int64
}

func (s *blind) BeginSweep(ctx context.Context, start int64) (leasestore.SweepRecord, error) {
	r, err := s.store.BeginSweep(ctx, start)
	s.start = r.Latest
	return r, err
}

func (s *blind) Sweep(ctx context.Context) (leasestore.SweepRecord, error) {
	r, err := s.store.Sweep(ctx)
	r.Latest = s.start
	return r, err
}

// sameStart gives every sweep the start that the record has.
type sameStart struct{ store }

func (s sameStart) BeginSweep(ctx context.Context, start int64) (leasestore.SweepRecord, error) {
	before, err := s.store.Sweep(ctx)
	if err != nil {
		return before, err
	}
	r, err := s.store.BeginSweep(ctx, start)
	if before.Latest != 0 {
		stock := s.store.(*run).memory
		stock.mu.Lock()
		stock.record.Latest, r.Latest = before.Latest, before.Latest
		stock.mu.Unlock()
	}
	return r, err
}

type alwaysComplete struct{ store }

func (s alwaysComplete) EndSweep(ctx context.Context, start int64, r leasestore.SweepRecord) (bool, error) {
	now, err := s.store.Sweep(ctx)
	if err != nil {
		return false, err
	}
	r.LastComplete = lease.MustDate("2030-01-01").At(int(now.Latest % 1440))
	return s.store.EndSweep(ctx, start, r)
}

type failuresAreEmpty struct{ list }

func (l failuresAreEmpty) ListParks(ctx context.Context, page, limit int) tongli.Outcome {
	if out := l.list.ListParks(ctx, page, limit); out.Class == tongli.Accepted {
		return out
	}
	return tongli.Outcome{Class: tongli.Accepted, Data: json.RawMessage("[]")}
}

type emptyFails struct{ list }

func (l emptyFails) ListParks(ctx context.Context, page, limit int) tongli.Outcome {
	out := l.list.ListParks(ctx, page, limit)
	if string(out.Data) == "[]" {
		out.Class = tongli.Transient
	}
	return out
}

type onePage struct{ list }

func (l onePage) ListParks(ctx context.Context, page, limit int) tongli.Outcome {
	if page > 1 {
		return tongli.Outcome{Class: tongli.Accepted, Data: json.RawMessage("[]")}
	}
	return l.list.ListParks(ctx, page, limit)
}

// edits bends the rows of a page.
type edits struct {
	list
	bend func(rows []json.RawMessage) []json.RawMessage
}

func (l edits) ListParks(ctx context.Context, page, limit int) tongli.Outcome {
	out := l.list.ListParks(ctx, page, limit)
	out.Data = bent(out.Data, l.bend)
	return out
}

func bent(data json.RawMessage, bend func([]json.RawMessage) []json.RawMessage) json.RawMessage {
	var rows []json.RawMessage
	if json.Unmarshal(data, &rows) != nil {
		return data
	}
	raw, _ := json.Marshal(append([]json.RawMessage{}, bend(rows)...))
	return raw
}

// dropBad hides the park_sn of rows that have a name twice.
func dropBad(rows []json.RawMessage) []json.RawMessage {
	for i, r := range rows {
		if bytes.Count(r, []byte(`"price":`)) > 1 {
			rows[i] = json.RawMessage(`{"price":1}`)
		}
	}
	return rows
}

// repeatsAreEmpty answers a page that came before, wherever, as the end.
type repeatsAreEmpty struct {
	list
	mu   sync.Mutex
	seen map[string]bool
}

func (l *repeatsAreEmpty) ListParks(ctx context.Context, page, limit int) tongli.Outcome {
	out := l.list.ListParks(ctx, page, limit)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[string(out.Data)] {
		out.Data = json.RawMessage("[]")
	}
	l.seen[string(out.Data)] = true
	return out
}

// firstOnly drops rows whose park_sn came before with other content.
type firstOnly struct {
	list
	mu   sync.Mutex
	seen map[string]string
}

func (l *firstOnly) ListParks(ctx context.Context, page, limit int) tongli.Outcome {
	out := l.list.ListParks(ctx, page, limit)
	l.mu.Lock()
	defer l.mu.Unlock()
	out.Data = bent(out.Data, func(rows []json.RawMessage) (kept []json.RawMessage) {
		for _, r := range rows {
			var park struct {
				SN string `json:"park_sn"`
			}
			if json.Unmarshal(r, &park) == nil && l.seen[park.SN] != "" && l.seen[park.SN] != string(r) {
				continue
			}
			l.seen[park.SN] = string(r)
			kept = append(kept, r)
		}
		return kept
	})
	return out
}
