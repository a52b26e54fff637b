package parkpoller_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"lease-gateway/functions/park-poller/parkpoller"
	"lease-gateway/shared/lease"
)

// known is what the stock must hold of a park.
type known struct {
	price                  int
	withdrawn              bool
	misses                 int
	pushed, arrived, asked int64 // Tongli's clock, ours, ours
}

// model says what the stock must be, by the words of the contract (3.1, 3.3) and of the design (Poller), and watches every write.
type model struct {
	parks  map[string]known
	booked map[int64]int // withdrawals by hour

	plans map[string]map[string]bool // plan id to the parks that it names
	last  string                     // plan id

	missed map[string]map[*run]bool // complete sweeps that counted a miss since the park was last seen
	ended  []time.Time              // when parks were withdrawn
}

func newModel() *model {
	return &model{parks: map[string]known{}, booked: map[int64]int{}, plans: map[string]map[string]bool{}, missed: map[string]map[*run]bool{}}
}

// push: of two pushes the older timestamp never overwrites the newer one.
func (m *model) push(sn string, price int, pushed, arrived int64) {
	p := m.parks[sn]
	if pushed < p.pushed {
		return
	}
	m.parks[sn] = known{price: price, pushed: pushed, arrived: max(arrived, p.arrived), asked: p.asked}
	delete(m.missed, sn)
}

func (m *model) plan(allow string) string {
	if allow == "last" {
		return m.last
	}
	return allow
}

// written holds one write of a sweep against what it may write, whatever else is going on.
func (m *model) written(r *run, existed bool, before, after lease.StoredPark) {
	sn, o := after.SN, r.walk.outcome(r.step)
	for _, other := range r.runs {
		if other.began.After(r.began) && time.Since(other.began) > 5*time.Second {
			r.fail("%s: a sweep wrote after a later one had begun", sn)
		}
	}
	if after.PushedAt != before.PushedAt || after.SeenPush != before.SeenPush || after.AskedAt < before.AskedAt || existed && after.Version != before.Version+1 {
		r.fail("%s: a sweep changed what is known of a push, or of a later poll: %+v to %+v", sn, before, after)
	}
	seen, listed := o.seen[sn], o.rows[sn]
	if after.Misses == before.Misses+1 {
		if o.reason != "" || len(o.seen) == 0 {
			r.fail("%s: a sweep that is not complete (%s) counted a miss", sn, o.reason)
		}
		if !r.missing[sn] || after.Park != before.Park {
			r.fail("%s: counted as missing, and is not", sn)
		}
		if m.missed[sn] == nil {
			m.missed[sn] = map[*run]bool{}
		}
		m.missed[sn][r] = true
		m.ending(r, before, after)
		return
	}
	if !seen || after.Misses != 0 || after.Withdrawn {
		r.fail("%s: neither seen nor missing, and written: %+v to %+v", sn, before, after)
	}
	if after.Park != before.Park && (!o.believed(sn) || after.Price != int64(listed.price)) {
		r.fail("%s: %d fen, which no page said", sn, after.Price)
	}
	if asked := listed.asked; o.believed(sn) && existed && (asked <= before.SeenPush || asked < before.AskedAt || after.AskedAt != asked) {
		r.fail("%s: a page asked for at %d overwrote what came at %d (push) or %d (poll)", sn, asked, before.SeenPush, before.AskedAt)
	}
	delete(m.missed, sn)
}

// ending holds a withdrawal against its rules: three complete sweeps, and ten parks a day unless the plan was allowed.
func (m *model) ending(r *run, before, after lease.StoredPark) {
	allowed := maps.Equal(m.plans[r.allow], r.missing)
	if after.Withdrawn != (allowed || after.Misses >= 3) {
		r.fail("%s: withdrawn %v after %d misses", after.SN, after.Withdrawn, after.Misses)
	}
	if !after.Withdrawn {
		return
	}
	if n := len(m.missed[after.SN]); !allowed && n < 3 {
		r.fail("%s: withdrawn after %d complete sweeps without it", after.SN, n)
	}
	m.ended = append(m.ended, time.Now())
	day := 0
	for _, at := range m.ended {
		// less what clocks differ by and an invocation lasts
		if time.Since(at) < 24*time.Hour-30*time.Minute {
			day++
		}
	}
	if day > 10 && !allowed {
		r.fail("%s: %d withdrawn in a day", after.SN, day)
	}
}

// missingOf says what a sweep that reads the stock now misses.
func (m *model) missingOf(r *run) map[string]bool {
	o, missing := r.walk.outcome(r.step), map[string]bool{}
	for sn, p := range m.parks {
		if !p.withdrawn && !o.seen[sn] && p.arrived < r.clock {
			missing[sn] = true
		}
	}
	return missing
}

// sweep says what a sweep that nothing disturbed must have done, and must have reported.
func (m *model) sweep(r *run) parkpoller.Report {
	o := r.walk.outcome(r.step)
	want := parkpoller.Report{Seen: o.good, Rejected: o.bad}
	held := 0
	for _, p := range m.parks {
		if !p.withdrawn {
			held++
		}
	}
	for sn := range o.seen {
		p, existed := m.parks[sn]
		row, changes := o.rows[sn], p.misses > 0 || p.withdrawn
		if o.believed(sn) {
			changes = changes || !existed || p.price != row.price
		} else {
			row, changes = seenRow{price: p.price, asked: r.clock}, p.misses > 0
		}
		switch {
		case !changes && o.believed(sn):
			want.Unchanged++
			continue
		case !changes:
			continue
		case existed && (row.asked <= p.arrived || row.asked < p.asked):
			want.Skipped++
			continue
		case !existed:
			want.Added++
		case p.price != row.price:
			want.Corrected++
		default:
			want.Unchanged++
		}
		if p.withdrawn {
			want.Returned++
		}
		m.parks[sn] = known{price: row.price, pushed: p.pushed, arrived: p.arrived, asked: row.asked}
	}
	want.Missing = len(r.missing)
	if len(o.seen) == 0 && held > 0 && o.reason == "" {
		o.reason = parkpoller.EmptyList
	}
	if want.Complete = o.reason == ""; !want.Complete {
		want.Reason = &o.reason
		return want
	}
	m.withdraw(r, held, r.missing, &want)
	return want
}

func (m *model) withdraw(r *run, held int, missing map[string]bool, want *parkpoller.Report) {
	override := len(missing) > 0 && maps.Equal(m.plans[r.allow], missing)
	hour, spent, ending := r.clock/3_600_000, 0, 0
	for h, n := range m.booked {
		if h >= hour-24 {
			spent += n
		}
	}
	for sn := range missing {
		if override || m.parks[sn].misses == 2 {
			ending++
		}
	}
	budget := max(held/10, 10)
	if want.Guard = !override && (len(missing) > budget || ending > 0 && spent+ending > budget); want.Guard {
		return
	}
	want.Withdrawn = ending
	m.booked[hour] += ending
	for sn := range missing {
		p := m.parks[sn]
		p.misses++
		p.withdrawn = override || p.misses >= 3
		m.parks[sn] = p
	}
}

// judge holds a sweep that has ended against the model; after one that was disturbed, the model takes over what is stored.
func (r *run) judge() {
	m := r.model
	m.planned(r)
	if !r.whole {
		m.adopt(r.memory)
		return
	}
	if r.err != nil {
		r.fail("undisturbed, and failed: %v", r.err)
		return
	}
	if reason(r.report) == parkpoller.OutOfTime && r.step.Deadline == shortDeadline {
		r.walk.cut = r.report.Pages
	}
	want := m.sweep(r)
	got := parkpoller.Report{Seen: r.report.Seen, Added: r.report.Added, Corrected: r.report.Corrected, Unchanged: r.report.Unchanged, Rejected: r.report.Rejected,
		Missing: r.report.Missing, Withdrawn: r.report.Withdrawn, Returned: r.report.Returned, Skipped: r.report.Skipped, Complete: r.report.Complete, Guard: r.report.Guard}
	if reason(r.report) != reason(want) {
		r.fail("reason %q, the model says %q", reason(r.report), reason(want))
	}
	want.Reason = nil
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		r.fail("report %s, the model says %s", g, w)
	}
	if want.Complete && want.Missing > 0 && r.report.PlanID == "" {
		r.fail("%d missing, and no plan id", want.Missing)
	}
	r.compare("sweep")
}

// planned notes which parks a plan id names: the same id, the same parks, and the other way round.
func (m *model) planned(r *run) {
	id := r.report.PlanID
	if id == "" {
		return
	}
	for other, parks := range m.plans {
		if maps.Equal(parks, r.missing) != (other == id) {
			r.fail("plan %s names %v, and %s names %v", other, parks, id, r.missing)
		}
	}
	m.plans[id], m.last = r.missing, id
}

// compare holds the stock against the model.
func (w *world) compare(after string) {
	for _, sn := range slices.Sorted(maps.Keys(w.model.parks)) {
		if got, want := w.memory.known(sn), w.model.parks[sn]; got != want {
			w.fail("after a %s %s is %+v, the model says %+v", after, sn, got, want)
		}
	}
	if got, want := len(w.memory.parks), len(w.model.parks); got != want {
		w.fail("after a %s %d parks are held, the model says %d", after, got, want)
	}
}

func (m *memory) get(sn string) (lease.StoredPark, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.parks[sn]
	return p, ok
}

func (m *memory) known(sn string) known {
	p, _ := m.get(sn)
	return known{int(p.Price), p.Withdrawn, p.Misses, p.PushedAt, p.SeenPush, p.AskedAt}
}

func (m *model) adopt(stock *memory) {
	for sn := range stock.parks {
		m.parks[sn] = stock.known(sn)
	}
	m.booked = map[int64]int{}
	for h, n := range stock.copyRecord().Withdrawn {
		m.booked[h] = int(n)
	}
}
