package leaseorder_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lease-gateway/functions/lease-order/leaseorder"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

// pages is what leaseorder asks of the store: the mutations below stand between the two.
type pages interface {
	Park(ctx context.Context, sn string) (*lease.StoredPark, error)
	Rows(ctx context.Context, parkSN string, plate lease.Plate, from leasestore.Position, limit int, now time.Time, visit func(plate string, slots []lease.Slot)) (leasestore.Position, bool, bool, error)
	Mark(ctx context.Context, w leasestore.Walk, page int, now time.Time) (leasestore.Position, int, string, error)
	PutMark(ctx context.Context, w leasestore.Walk, page int, at leasestore.Position, walk string, now time.Time) error
}

// script is one walk of the pages and what happens meanwhile. An order is known in the rows by its start time, which no other has.
type script struct {
	Limit    int
	ByCursor bool
	Filter   int // number of the plate that is asked for, or -1
	Orders   []walked
	Comings  map[int][]walked // after that page: orders that are placed
	Goings   map[int][]int    // after that page: orders (by start) that are cancelled; those that stay are left alone
}

type walked struct {
	Plate, Nights int
	ID            string
	Start         int
	Dead          string // "cancelled" or "over": never listed
	Passing       bool   // comes or goes while the walk lasts
}

func (o walked) plate() lease.Plate { return lease.Plate(fmt.Sprintf("苏E%05d", o.Plate)) }

// place is where an order's row belongs: plate, order_id, date.
func (o walked) place(night int) string { return fmt.Sprintf("%s#%s#%02d", o.plate(), o.ID, night) }

func anyScript() *rapid.Generator[script] {
	return rapid.Custom(func(t *rapid.T) script {
		s := script{Limit: rapid.IntRange(1, 12).Draw(t, "limit"), ByCursor: rapid.Bool().Draw(t, "by cursor"), Filter: rapid.IntRange(-4, 4).Draw(t, "filter"),
			Comings: map[int][]walked{}, Goings: map[int][]int{}}
		start := 0
		order := func(passing bool) walked {
			start++
			return walked{Plate: rapid.IntRange(0, 4).Draw(t, "plate"), Nights: rapid.IntRange(1, 6).Draw(t, "nights"), Start: start, Passing: passing,
				ID: fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"a", "s", "z"}).Draw(t, "id"), start), Dead: rapid.SampledFrom([]string{"", "", "", "cancelled", "over"}).Draw(t, "dead")}
		}
		for range rapid.IntRange(0, 14).Draw(t, "orders") {
			s.Orders = append(s.Orders, order(false))
		}
		for page := 1; page <= 6; page++ {
			for range rapid.IntRange(0, 2).Draw(t, "comings") {
				o := order(true)
				s.Comings[page] = append(s.Comings[page], o)
				if rapid.Bool().Draw(t, "goes again") {
					s.Goings[page+1] = append(s.Goings[page+1], o.Start)
				}
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "leave") { // there when the walk begins, gone before it ends
			o := order(true)
			s.Orders = append(s.Orders, o)
			s.Goings[rapid.IntRange(1, 6).Draw(t, "after page")] = append(s.Goings[rapid.IntRange(1, 6).Draw(t, "page")], o.Start)
		}
		return s
	})
}

// yard is where a script is played: the real handler over the real store.
type yard struct {
	ctx    context.Context
	parkSN string
	store  *leasestore.Store
	door   *door.Door
	held   map[int]*lease.Order
}

func newYard(ctx context.Context, store *leasestore.Store, parkSN string, between pages) *yard {
	return &yard{ctx: ctx, parkSN: parkSN, store: store, held: map[int]*lease.Order{},
		door: &door.Door{Signed: &door.Signed{AppID: "tongli", Secrets: fixed{}, Nonces: fixed{}}, Handle: leaseorder.Handle(between, fixed{}),
			Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)}}
}

func (y *yard) put(o walked) error {
	first := "2026-12-01"
	if o.Dead == "over" {
		first = "2026-11-01"
	}
	stored := &lease.Order{Content: lease.Content{OrderID: o.ID, ParkSN: y.parkSN, Plate: o.plate()}, Cancelled: o.Dead == "cancelled", State: lease.Delivered, Rev: 1}
	for n := range o.Nights {
		stored.Slots = append(stored.Slots, lease.Slot{Date: lease.MustDate(first) + lease.Date(n), Start: lease.Clock(o.Start), End: 1439})
	}
	y.held[o.Start] = stored
	_, _, err := y.store.CreateOrder(y.ctx, stored, "")
	return err
}

func (y *yard) cancel(start int) error {
	o, ok := y.held[start]
	if !ok || o.Cancelled {
		return nil
	}
	next := *o
	next.Cancelled, next.Rev = true, o.Rev+1
	_, _, err := y.store.SaveOrder(y.ctx, &next, o)
	y.held[start] = &next
	return err
}

func (y *yard) page(s *script, number int, cursor string) (page, error) {
	params := []signature.Param{{Name: "park_sn", Value: y.parkSN}, {Name: "limit", Value: strconv.Itoa(s.Limit)}, {Name: "page", Value: strconv.Itoa(number)}}
	if s.ByCursor && cursor != "" {
		params[2] = signature.Param{Name: "cursor", Value: cursor}
	}
	if s.Filter >= 0 {
		params = append(params, signature.Param{Name: "car_plate_no", Value: string(walked{Plate: s.Filter}.plate())})
	}
	raw := signature.Query("tongli", "secret", "GET", "/lease/order", params, nil, now, "")
	event, err := json.Marshal(map[string]any{"routeKey": "GET /lease/order", "rawPath": "/lease/order", "rawQueryString": raw,
		"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": "GET"}}})
	if err != nil {
		return page{}, err
	}
	out, err := y.door.Invoke(y.ctx, event)
	if err != nil {
		return page{}, err
	}
	var response struct{ Body string }
	if err := json.Unmarshal(out, &response); err != nil {
		return page{}, err
	}
	var p page
	if err := json.Unmarshal([]byte(response.Body), &p); err != nil || p.Code != 0 {
		return p, fmt.Errorf("page %d: %v %s", number, err, response.Body)
	}
	return p, nil
}

// play walks the script's pages and says what the contract (3.2) does not allow.
func (y *yard) play(s *script) error {
	orders := map[int]walked{}
	for _, o := range s.Orders {
		orders[o.Start] = o
		if err := y.put(o); err != nil {
			return err
		}
	}
	came := map[string]int{}
	last, cursor := "", ""
	for number := 1; ; number++ {
		if number > 200 {
			return fmt.Errorf("the walk does not end")
		}
		p, err := y.page(s, number, cursor)
		if err != nil {
			return err
		}
		switch {
		case len(p.Rows) > s.Limit, p.More && len(p.Rows) != s.Limit:
			return fmt.Errorf("page %d has %d rows, the limit is %d, more is %v", number, len(p.Rows), s.Limit, p.More)
		case p.More != (p.Next != nil):
			return fmt.Errorf("page %d: more is %v, next_cursor %v", number, p.More, p.Next)
		case number > 1 && len(p.Rows) == 0 && len(s.Goings) == 0:
			return fmt.Errorf("page %d is empty, and the one before said that there are more", number)
		}
		for _, row := range p.Rows {
			clock, err := lease.ParseClock(row.Start, false)
			if err != nil {
				return err
			}
			o, ok := orders[int(clock)]
			if !ok || string(o.plate()) != row.Plate || o.Dead != "" || s.Filter >= 0 && o.Plate != s.Filter {
				return fmt.Errorf("page %d has a row of nobody: %+v", number, row)
			}
			place := o.place(int(lease.MustDate(row.Date) - lease.MustDate("2026-12-01")))
			if place <= last {
				return fmt.Errorf("page %d: %s comes after %s", number, place, last)
			}
			last = place
			came[place]++
		}
		if !p.More {
			break
		}
		cursor = *p.Next
		for _, o := range s.Comings[number] {
			orders[o.Start] = o
			if err := y.put(o); err != nil {
				return err
			}
		}
		for _, start := range s.Goings[number] {
			if err := y.cancel(start); err != nil {
				return err
			}
		}
	}
	for _, o := range s.Orders {
		for n := range o.Nights {
			if o.Passing || o.Dead != "" || s.Filter >= 0 && o.Plate != s.Filter {
				continue
			}
			if place := o.place(n); came[place] != 1 {
				return fmt.Errorf("%s was there throughout and came %d times", place, came[place])
			}
		}
	}
	return nil
}

// played runs a script over tables in memory. Answers are cut into small chunks, as a query's megabyte cuts them.
func played(s *script, mutate func(pages) pages) error {
	r := newRig(3 + len(s.Orders)%5)
	var between pages = r.store
	if mutate != nil {
		between = mutate(between)
	}
	return newYard(context.Background(), r.store, "P1", between).play(s)
}

// TestWalkProperty (invariant 6): by page and by cursor, with and without a plate, while orders of the same plates come, go and interleave,
// every row that existed throughout comes exactly once, only the last page is short, and the order is right.
func TestWalkProperty(t *testing.T) {
	const sequences = "5000"
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if err := flag.Set("rapid.checks", sequences); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flag.Set("rapid.checks", before) }()
	rapid.Check(t, func(t *rapid.T) {
		s := anyScript().Draw(t, "script")
		if err := played(&s, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// altered passes everything on but the rows.
type altered struct {
	pages
	rows func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error)
}

func (a altered) Rows(ctx context.Context, _ string, plate lease.Plate, from leasestore.Position, limit int, _ time.Time, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
	return a.rows(a.pages, ctx, plate, from, limit, visit)
}

// Ways to walk that look right on a table at rest.
var walkMutations = map[string]func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error){
	"offset paging": func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
		skip, shown := from.Skip, 0
		_, more, held, err := p.Rows(ctx, "P1", plate, leasestore.Position{}, from.Skip+limit, now, func(plate string, slots []lease.Slot) {
			n := min(skip, len(slots))
			if skip -= n; n < len(slots) {
				visit(plate, slots[n:])
				shown += len(slots) - n
			}
		})
		return leasestore.Position{At: "by count", Skip: from.Skip + shown}, more, held, err
	},
	"a mark of the plate alone, which begins it again": func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
		next, more, held, err := p.Rows(ctx, "P1", plate, from, limit, now, visit)
		owner, _, _ := strings.Cut(next.At, "#")
		return leasestore.Position{At: owner + "#"}, more, held, err
	},
	"a mark of the plate alone, which skips the rest of it": func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
		next, more, held, err := p.Rows(ctx, "P1", plate, from, limit, now, visit)
		owner, _, _ := strings.Cut(next.At, "#")
		return leasestore.Position{At: owner + "#~"}, more, held, err
	},
	"a mark of the order alone, without the place in it": func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
		next, more, held, err := p.Rows(ctx, "P1", plate, from, limit, now, visit)
		next.Skip = 0
		return next, more, held, err
	},
	"filtered after the limit": func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
		return p.Rows(ctx, "P1", "", from, limit, now, func(owner string, slots []lease.Slot) {
			if plate == "" || owner == string(plate) {
				visit(owner, slots)
			}
		})
	},
	"a full page means that there are more": func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
		n := 0
		next, _, held, err := p.Rows(ctx, "P1", plate, from, limit, now, func(plate string, slots []lease.Slot) { n += len(slots); visit(plate, slots) })
		return next, n == limit, held, err
	},
	"whole orders only": func(p pages, ctx context.Context, plate lease.Plate, from leasestore.Position, limit int, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
		n, full := 0, from
		next, more, held, err := p.Rows(ctx, "P1", plate, from, limit+6, now, func(owner string, slots []lease.Slot) {
			if n < limit {
				visit(owner, slots)
				n += len(slots)
			}
		})
		if full = next; n > limit {
			more = true
		}
		return full, more, held, err
	},
}

// TestWalkMutationsAreCaught: the property can fail. Scripts come by number, so the search is the same each time.
func TestWalkMutationsAreCaught(t *testing.T) {
	scripts := anyScript()
	for name, rows := range walkMutations {
		caught := -1
		var how error
		for n := 0; n < 2000 && caught < 0; n++ {
			s := scripts.Example(n)
			if how = played(&s, func(p pages) pages { return altered{p, rows} }); how != nil {
				caught = n
			}
		}
		if caught < 0 {
			t.Errorf("%s: not caught within 2,000 sequences", name)
			continue
		}
		t.Logf("%s: caught by sequence %d: %v", name, caught, how)
	}
}
