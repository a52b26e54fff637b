package whitelistpusher_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/functions/whitelist-pusher/whitelistpusher"
	"lease-gateway/functions/whitelist-sweeper/whitelistsweeper"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// world is one seeded run: the real handlers of app-order, whitelist-pusher and whitelist-sweeper over a store in memory, a queue that
// loses, delays, duplicates and reorders, and a Tongli that fails in every way. The clock is the world's own.
type world struct {
	rng     *rand.Rand
	now     time.Time
	faults  bool
	claims  map[string]lease.Content
	orders  map[string]lease.Order // by order_id
	breaker leasestore.Breaker
	queue   []queued
	gates   map[string]string // plate -> slots
	late    []func()          // calls that Tongli applies later
	lateAt  []time.Time
	refuses map[string]bool // a slot's date that Tongli refuses, by plate
	calls   int
	trace   []string
	mutant  string
	fired   map[string]int
}

type queued struct {
	m        whitelist.Message
	at       time.Time
	received int
}

func (w *world) say(format string, args ...any) {
	w.trace = append(w.trace, w.now.Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// chance fires a fault with a probability of one in n, while there are faults.
func (w *world) chance(n int, what string) bool {
	if !w.faults || w.rng.IntN(n) != 0 {
		return false
	}
	w.fired[what]++
	w.say("fault: %s", what)
	return true
}

type crash struct{ where string }

func (w *world) write(what string) error {
	if w.chance(25, "throttled before "+what) {
		return lease.ErrUnavailable
	}
	if w.chance(40, "crash before "+what) {
		panic(crash{"before " + what})
	}
	return nil
}

func (w *world) wrote(what string) {
	if w.chance(40, "crash after "+what) {
		panic(crash{"after " + what})
	}
}

func (w *world) Claimed(_ context.Context, id string) (*lease.Content, error) {
	if c, ok := w.claims[id]; ok {
		return &c, nil
	}
	return nil, lease.ErrOrderUnknown
}

func (w *world) Claim(_ context.Context, c *lease.Content, _ string) (*lease.Content, error) {
	if old, ok := w.claims[c.OrderID]; ok {
		return &old, nil
	}
	if err := w.write("claim"); err != nil {
		return nil, err
	}
	w.claims[c.OrderID] = *c
	w.wrote("claim")
	return nil, nil
}

func (w *world) CreateOrder(_ context.Context, o *lease.Order, _ string) (*lease.Order, bool, error) {
	if there, ok := w.orders[o.OrderID]; ok {
		return &there, false, nil
	}
	if err := w.write("order"); err != nil {
		return nil, false, err
	}
	if w.mutant == "no due mark" {
		o.DueAt = time.Time{}
	}
	if w.mutant == "marks forget their message" {
		o.Sent = false
	}
	w.orders[o.OrderID] = *o
	w.wrote("order")
	return o, true, nil
}

func (w *world) OrderOf(_ context.Context, c *lease.Content) (*lease.Order, error) {
	if o, ok := w.orders[c.OrderID]; ok {
		return &o, nil
	}
	return nil, lease.ErrOrderUnknown
}

func (w *world) SaveOrder(_ context.Context, next, held *lease.Order) (*lease.Order, bool, error) {
	there := w.orders[held.OrderID]
	if err := w.write("save"); err != nil {
		return nil, false, err
	}
	blind := w.mutant == "acknowledged without rev" && next.Seq != held.Seq
	if !blind && (there.Rev != held.Rev || there.Seq != held.Seq || !there.DueAt.Equal(held.DueAt)) {
		return &there, false, nil
	}
	if blind {
		merged := *next
		merged.Cancelled, merged.Rev = there.Cancelled, there.Rev
		next = &merged
	}
	if w.mutant == "marks forget their message" {
		forgetful := *next
		forgetful.Sent = false
		next = &forgetful
	}
	if w.mutant == "no settling push" && next.State == lease.Delivered {
		settled := *next
		settled.DueAt, settled.NotBefore, settled.Unsettled = time.Time{}, time.Time{}, time.Time{}
		next = &settled
	}
	w.orders[held.OrderID] = *next
	w.wrote("save")
	return next, true, nil
}

func (w *world) ChangeOrder(ctx context.Context, o *lease.Order, change func(lease.Order) (lease.Order, bool)) (*lease.Order, error) {
	for range 8 {
		next, wanted := change(*o)
		if !wanted {
			return o, nil
		}
		now, ok, err := w.SaveOrder(ctx, &next, o)
		if err != nil {
			return nil, err
		}
		if ok {
			return &next, nil
		}
		o = now
	}
	return nil, lease.ErrUnavailable
}

func (w *world) PlateOrders(_ context.Context, park string, plate lease.Plate) ([]lease.Order, error) {
	var list []lease.Order
	for _, o := range w.orders {
		if o.ParkSN == park && o.Plate == plate {
			list = append(list, o)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].OrderID < list[j].OrderID })
	return list, nil
}

func (w *world) Park(context.Context, string) (*lease.StoredPark, error) {
	return &lease.StoredPark{Park: lease.Park{SN: "P", Start: 0, End: 1440, Deadline: lease.MustDate("2030-01-01")}}, nil
}

func (w *world) Breaker(context.Context) (leasestore.Breaker, error) { return w.breaker, nil }

func (w *world) SaveBreaker(_ context.Context, next, held leasestore.Breaker) (leasestore.Breaker, bool, error) {
	if held.Version != w.breaker.Version {
		return w.breaker, false, nil
	}
	next.Version++
	w.breaker = next
	return next, true, nil
}

func (w *world) DueOrders(_ context.Context, until time.Time, _ int) ([]leasestore.Due, error) {
	var list []leasestore.Due
	for _, o := range w.orders {
		if !o.DueAt.IsZero() && !o.DueAt.After(until) && !w.chance(8, "the index lags") {
			list = append(list, leasestore.Due{ParkSN: o.ParkSN, Plate: o.Plate, OrderID: o.OrderID, DueAt: o.DueAt, NextSlot: o.NextSlot(w.now)})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].OrderID < list[j].OrderID })
	return list, nil
}

func (w *world) MoveDue(_ context.Context, d leasestore.Due, to time.Time, sent bool) (*lease.Order, bool, error) {
	o := w.orders[d.OrderID]
	if err := w.write("move of the due mark"); err != nil {
		return nil, false, err
	}
	if !o.DueAt.Equal(d.DueAt) {
		return nil, false, nil
	}
	before := o
	o.DueAt, o.NotBefore, o.Sent = to, time.Time{}, sent
	w.orders[d.OrderID] = o
	w.wrote("move of the due mark")
	return &before, true, nil
}

func (w *world) RepushPosition(context.Context) (leasestore.Repush, error) {
	return leasestore.Repush{}, nil
}
func (w *world) SaveRepush(context.Context, leasestore.Repush, leasestore.Repush) (bool, error) {
	return true, nil
}
func (w *world) LivePlates(context.Context, string, string, int, time.Time, func(string, lease.Plate, string)) (string, error) {
	return "", nil
}

// Send is the queue: entries fail, and messages are lost, doubled and delayed.
func (w *world) Send(_ context.Context, messages ...whitelist.Message) ([]int, error) {
	var failed []int
	for i, m := range messages {
		switch {
		case w.chance(12, "an entry that the queue did not take"):
			failed = append(failed, i)
			continue
		case w.chance(15, "a message lost"):
			continue
		case w.chance(15, "a message doubled"):
			w.queue = append(w.queue, queued{m: m, at: w.now.Add(time.Duration(w.rng.IntN(400)) * time.Second)})
		}
		delay := time.Duration(0)
		if w.chance(15, "a message delayed") {
			delay = time.Duration(w.rng.IntN(90)) * time.Second
		}
		w.queue = append(w.queue, queued{m: m, at: w.now.Add(delay)})
	}
	if len(failed) > 0 {
		return failed, fmt.Errorf("not taken")
	}
	return nil, nil
}

// SyncWhitelist is Tongli.
func (w *world) SyncWhitelist(_ context.Context, _ string, plate lease.Plate, slots []lease.Slot) tongli.Outcome {
	w.calls++
	var dates []string
	refused := false
	for _, s := range lease.SortSlots(slots) {
		dates = append(dates, s.Date.String())
		refused = refused || w.refuses[string(plate)+s.Date.String()]
	}
	state := strings.Join(dates, " ")
	apply := func() {
		w.gates[string(plate)] = state
		w.say("Tongli applies %s: %q", plate, state)
	}
	switch {
	case refused:
		w.say("Tongli refuses %s: %q", plate, state)
		return tongli.Outcome{Class: tongli.Refused, Detail: "HTTP 200, code 42202"}
	case w.chance(12, "Tongli answers 503"):
		return tongli.Outcome{Class: tongli.Transient, Detail: "HTTP 503"}
	case w.chance(20, "Tongli answers 429 with Retry-After"):
		return tongli.Outcome{Class: tongli.Transient, Detail: "HTTP 429", RetryAfter: 90 * time.Second}
	case w.chance(30, "Tongli answers 401"):
		return tongli.Outcome{Class: tongli.Credentials, Detail: "HTTP 401"}
	case w.chance(12, "Tongli applies a call that was given up, later"):
		w.now = w.now.Add(tongli.CallTimeout)
		w.late, w.lateAt = append(w.late, apply), append(w.lateAt, w.now.Add(time.Duration(w.rng.IntN(110))*time.Second))
		return tongli.Outcome{Class: tongli.Transient, Detail: "no answer in time", Unknown: true}
	case w.chance(15, "the connection breaks after Tongli applied"):
		apply()
		return tongli.Outcome{Class: tongli.Transient, Detail: "the connection broke", Unknown: true}
	}
	apply()
	w.now = w.now.Add(200 * time.Millisecond)
	w.interleave()
	if w.chance(30, "crash after the call") {
		panic(crash{"after the call"})
	}
	return tongli.Outcome{Class: tongli.Accepted, Detail: "HTTP 200, code 0"}
}

// interleave lets the app act while a push runs.
func (w *world) interleave() {
	if w.chance(10, "the app cancels while a push runs") {
		w.cancel()
	}
}

func (w *world) orderIDs() []string {
	var ids []string
	for id := range w.orders {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) app(route door.Route, id, body string) (status int) {
	defer func() {
		if r := recover(); r != nil {
			if c, ok := r.(crash); ok {
				w.say("app-order crashed %s", c.where)
				status = 502
				return
			}
			panic(r)
		}
	}()
	a := &apporder.Orders{Store: w, Queue: w, Logger: quiet}
	d := &door.Door{Handle: a.Handle, Now: func() time.Time { return w.now }, Logger: quiet}
	path := strings.ReplaceAll(route.Path, "{order_id}", id)
	event, _ := json.Marshal(map[string]any{"routeKey": route.Method + " " + route.Path, "rawPath": path, "body": body, "pathParameters": map[string]string{"order_id": id},
		"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": route.Method}}})
	out, err := d.Invoke(context.Background(), event)
	if err != nil {
		panic(err)
	}
	var answer struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		panic(err)
	}
	w.say("%s %s answers %d", route.Method, path, answer.StatusCode)
	return answer.StatusCode
}

func (w *world) place(id string, plate, day int) (acknowledged bool) {
	body := fmt.Sprintf(`{"order_id":%q,"park_sn":"P","car_plate_no":"苏E0000%d","dates":[{"date":"2026-12-%02d","start_time":"19:00","end_time":"06:30"}]}`, id, plate, day)
	for range 20 { // the app repeats after a 5xx
		switch w.app(door.Route{Method: "POST", Path: "/app/orders"}, "", body) {
		case 200, 201, 409:
			return true
		}
		w.now = w.now.Add(time.Second)
	}
	return false
}

func (w *world) cancel() {
	if ids := w.orderIDs(); len(ids) > 0 {
		id := ids[w.rng.IntN(len(ids))]
		for range 20 {
			if status := w.app(door.Route{Method: "DELETE", Path: "/app/orders/{order_id}"}, id, ""); status < 500 {
				return
			}
		}
	}
}

// deliver hands one message to a pusher, as the event source does: what crashes or fails comes again after the visibility timeout.
func (w *world) deliver() {
	var ready []int
	for i, q := range w.queue {
		if !q.at.After(w.now) {
			ready = append(ready, i)
		}
	}
	if len(ready) == 0 {
		return
	}
	i := ready[w.rng.IntN(len(ready))]
	q := w.queue[i]
	w.queue = slices.Delete(w.queue, i, i+1)
	q.received++
	body, _ := json.Marshal(q.m)
	again := func() {
		q.at = w.now.Add(270 * time.Second)
		if w.chance(3, "the queue loses what was received") {
			return
		}
		w.queue = append(w.queue, q)
	}
	defer func() {
		if r := recover(); r != nil {
			if c, ok := r.(crash); ok {
				w.say("pusher crashed %s", c.where)
				again()
				return
			}
			panic(r)
		}
	}()
	out, err := w.pusher().Handle(context.Background(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: string(body),
		Attributes: map[string]string{"MessageGroupId": q.m.Group(), "ApproximateReceiveCount": strconv.Itoa(q.received)}}}})
	if err != nil {
		panic(err)
	}
	if len(out.BatchItemFailures) > 0 {
		again()
	}
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func (w *world) pusher() *whitelistpusher.Sequential {
	return &whitelistpusher.Sequential{Pusher: whitelistpusher.Pusher{Store: w, Tongli: w, Breaker: &whitelist.Breaker{Store: w, Now: func() time.Time { return w.now }},
		Now: func() time.Time { return w.now }, Jitter: func() float64 { return 2*w.rng.Float64() - 1 }, Logger: quiet,
		Wait: func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil }}}
}

func (w *world) sweep() {
	defer func() {
		if r := recover(); r != nil {
			if c, ok := r.(crash); ok {
				w.say("sweeper crashed %s", c.where)
				return
			}
			panic(r)
		}
	}()
	s := &whitelistsweeper.Sweeper{Store: w, Queue: w, Now: func() time.Time { return w.now }, Logger: quiet}
	_, _ = s.Handle(context.Background(), nil) // an error is throttling: the next minute comes
}

func (w *world) tick() {
	for i := 0; i < len(w.late); {
		if w.lateAt[i].After(w.now) {
			i++
			continue
		}
		apply := w.late[i]
		w.late, w.lateAt = slices.Delete(w.late, i, i+1), slices.Delete(w.lateAt, i, i+1)
		apply()
	}
}

// play runs one seed and returns what is wrong at its end, "" when nothing is.
func play(seed uint64, mutant string) (string, *world) {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1)), now: lease.MustDate("2026-11-24").At(600), faults: true, mutant: mutant, fired: map[string]int{},
		claims: map[string]lease.Content{}, orders: map[string]lease.Order{}, gates: map[string]string{}, refuses: map[string]bool{}}
	if w.rng.IntN(3) == 0 {
		w.refuses[fmt.Sprintf("苏E0000%d2026-12-%02d", w.rng.IntN(3), 1+w.rng.IntN(6))] = true
	}
	var acknowledged []string
	for step := range 60 {
		switch w.rng.IntN(6) {
		case 0:
			if id := fmt.Sprintf("o%d", step); w.place(id, w.rng.IntN(3), 1+w.rng.IntN(6)) {
				acknowledged = append(acknowledged, id)
			}
		case 1:
			if w.rng.IntN(3) == 0 {
				w.cancel()
			}
		case 2, 3:
			w.deliver()
		case 4:
			w.sweep()
		}
		w.now = w.now.Add(time.Duration(w.rng.IntN(20000)) * time.Millisecond)
		w.tick()
	}
	w.faults = false
	w.say("the faults stop")
	for range 400 {
		w.now = w.now.Add(30 * time.Second)
		w.tick()
		w.sweep()
		for range 12 {
			w.deliver()
		}
	}
	return w.verdict(acknowledged), w
}

func (w *world) verdict(acknowledged []string) string {
	want := map[string][]lease.Slot{}
	for _, id := range acknowledged {
		if _, there := w.orders[id]; !there {
			return "order " + id + " is lost"
		}
	}
	for id, o := range w.orders {
		if !o.DueAt.IsZero() {
			return fmt.Sprintf("order %s is due for ever (%s, attempts %d)", id, o.State, o.Attempts)
		}
		if o.State == lease.Pending {
			return "order " + id + " is pending and not due"
		}
		if !o.Cancelled && o.State != lease.Refused {
			want[string(o.Plate)] = append(want[string(o.Plate)], o.Slots...)
		}
	}
	for plate := range 3 {
		name := fmt.Sprintf("苏E0000%d", plate)
		var dates []string
		for _, s := range lease.SortSlots(want[name]) {
			dates = append(dates, s.Date.String())
		}
		if got := w.gates[name]; got != strings.Join(dates, " ") {
			return fmt.Sprintf("%s: the gate has %q, the live orders %q", name, got, dates)
		}
	}
	return ""
}

// TestSimulation: whatever fails on the way, when things are quiet Tongli's whitelist equals the live orders that it did not refuse, no
// acknowledged order is lost, and nothing is due for ever (invariants 1 and 2). SEED=… plays one seed and prints its trace; SEEDS=… plays more.
func TestSimulation(t *testing.T) {
	first, seeds := uint64(1), uint64(400)
	if s, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		first, seeds = s, 1
	} else if n, err := strconv.ParseUint(os.Getenv("SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	fired := map[string]int{}
	for seed := first; seed < first+seeds; seed++ {
		wrong, w := play(seed, "")
		for what, n := range w.fired {
			fired[what] += n
		}
		if wrong != "" {
			t.Fatalf("seed %d: %s\n%s", seed, wrong, strings.Join(w.trace, "\n"))
		}
		if seeds == 1 {
			t.Log("\n" + strings.Join(w.trace, "\n"))
		}
	}
	if seeds >= 400 && len(fired) < 20 {
		t.Errorf("only %d kinds of faults fired: %v", len(fired), fired)
	}
	t.Logf("%d seeds; faults fired: %v", seeds, fired)
}

// TestMutations: each breaks the path in one believable way, and the simulation sees it.
func TestMutations(t *testing.T) {
	for _, mutant := range []string{"no due mark", "acknowledged without rev", "no settling push", "marks forget their message"} {
		caught := uint64(0)
		for seed := uint64(1); seed <= 2000 && caught == 0; seed++ {
			if wrong, _ := play(seed, mutant); wrong != "" {
				caught = seed
				t.Logf("%s: caught by seed %d: %s", mutant, seed, wrong)
			}
		}
		if caught == 0 {
			t.Errorf("%s: not caught in 2,000 seeds", mutant)
		}
	}
}
