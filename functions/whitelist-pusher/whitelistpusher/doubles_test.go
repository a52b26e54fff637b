package whitelistpusher

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// noon of a day long before the slots of far.
var noon = lease.MustDate("2026-11-24").At(720)

// ledger is the store of a scripted test.
type ledger struct {
	mu     sync.Mutex
	orders map[string]lease.Order
	writes []string                        // order_ids, in order
	broken map[lease.Plate]error           // reads that fail
	during func(l *ledger, o *lease.Order) // runs before each write, once: a change from elsewhere
}

func (l *ledger) PlateOrders(_ context.Context, park string, plate lease.Plate) ([]lease.Order, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.broken[plate]; err != nil {
		return nil, err
	}
	var list []lease.Order
	for _, o := range l.orders {
		if o.ParkSN == park && o.Plate == plate {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b lease.Order) int { return strings.Compare(a.OrderID, b.OrderID) })
	return list, nil
}

func (l *ledger) SaveOrder(_ context.Context, next, held *lease.Order) (*lease.Order, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if during := l.during; during != nil {
		l.during = nil
		during(l, held)
	}
	there := l.orders[held.OrderID]
	if there.Rev != held.Rev || there.Seq != held.Seq || !there.DueAt.Equal(held.DueAt) {
		return &there, false, nil
	}
	l.orders[held.OrderID] = *next
	l.writes = append(l.writes, held.OrderID)
	return next, true, nil
}

func (l *ledger) ChangeOrder(ctx context.Context, o *lease.Order, change func(lease.Order) (lease.Order, bool)) (*lease.Order, error) {
	for {
		next, wanted := change(*o)
		if !wanted {
			return o, nil
		}
		there, ok, err := l.SaveOrder(ctx, &next, o)
		if err != nil || ok {
			return &next, err
		}
		o = there
	}
}

func (l *ledger) of(id string) lease.Order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.orders[id]
}

// partner is a Tongli that answers by a rule, and remembers what it was told: the dates of each call.
type partner struct {
	mu     sync.Mutex
	answer func(n int, plate lease.Plate, days string) tongli.Outcome // n counts the plate's calls from 1
	calls  map[lease.Plate][]string
}

func (p *partner) SyncWhitelist(_ context.Context, _ string, plate lease.Plate, slots []lease.Slot) tongli.Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	days := daysOf(slots)
	p.calls[plate] = append(p.calls[plate], days)
	if p.answer == nil {
		return accepted
	}
	return p.answer(len(p.calls[plate]), plate, days)
}

// daysOf names slots by their day of December: "1 2 3".
func daysOf(slots []lease.Slot) string {
	var days []string
	for _, s := range lease.SortSlots(slots) {
		days = append(days, fmt.Sprint(int(s.Date-lease.MustDate("2026-11-30"))))
	}
	return strings.Join(days, " ")
}

var (
	accepted = tongli.Outcome{Class: tongli.Accepted, Detail: "HTTP 200, code 0"}
	refused  = tongli.Outcome{Class: tongli.Refused, Detail: "HTTP 200, code 42202"}
	busy     = tongli.Outcome{Class: tongli.Transient, Detail: "HTTP 503"}
	lost     = tongli.Outcome{Class: tongli.Transient, Detail: "no answer in time", Unknown: true}
	stranger = tongli.Outcome{Class: tongli.Credentials, Detail: "HTTP 401"}
)

// fuse is a circuit that does as it is told and remembers what it was told.
type fuse struct {
	mu     sync.Mutex
	open   bool
	allow  error  // of Allow
	write  error  // of the others
	probe  string // handed out by Allow
	events []string
}

func (f *fuse) Allow(context.Context) (bool, string, error) { return !f.open, f.probe, f.allow }
func (f *fuse) told(what, probe string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, what+probe)
	return f.write
}
func (f *fuse) Succeeded(_ context.Context, probe string) error { return f.told("succeeded", probe) }
func (f *fuse) Failed(_ context.Context, probe, _ string) error { return f.told("failed", probe) }
func (f *fuse) Open(_ context.Context, probe, _ string) error   { return f.told("opened", probe) }
func (f *fuse) count(what string) (n int) {
	return len(slices.DeleteFunc(slices.Clone(f.events), func(e string) bool { return e != what }))
}

// paper takes lines from many writers, as standard output does.
type paper struct {
	mu sync.Mutex
	bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Buffer.Write(b)
}

// bench is a pusher on doubles, at a moment that the test moves.
type bench struct {
	*Pusher
	store   *ledger
	gate    *partner
	fuse    *fuse
	now     time.Time
	waits   []time.Duration
	metrics *paper
}

func newBench(orders ...lease.Order) *bench {
	b := &bench{store: &ledger{orders: map[string]lease.Order{}, broken: map[lease.Plate]error{}}, gate: &partner{calls: map[lease.Plate][]string{}}, fuse: &fuse{}, now: noon, metrics: &paper{}}
	for _, o := range orders {
		b.store.orders[o.OrderID] = o
	}
	var mu sync.Mutex // plates are pushed at the same time
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return b.now
	}
	b.Pusher = &Pusher{Store: b.store, Tongli: b.gate, Breaker: b.fuse, Now: clock, Jitter: func() float64 { return 0 },
		Wait: func(_ context.Context, d time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			b.waits, b.now = append(b.waits, d), b.now.Add(d)
			return nil
		},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: &telemetry.Metrics{Out: b.metrics, Stage: "test", Now: clock}}
	return b
}

// night is an order of one night in December, placed at noon and due as app-order leaves it.
func night(id string, plate lease.Plate, day int) lease.Order {
	return lease.Order{Content: lease.Content{OrderID: id, ParkSN: "P1", Plate: plate, Slots: []lease.Slot{{Date: lease.MustDate("2026-11-30") + lease.Date(day), Start: 1140, End: 390}}},
		State: lease.Pending, Rev: 1, CreatedAt: noon, DueAt: noon.Add(time.Minute), Sent: true}
}

func (b *bench) delivered(o lease.Order) lease.Order {
	o.State, o.DeliveredAt, o.Attempts, o.Seq, o.DueAt, o.Sent = lease.Delivered, noon, 1, 1, time.Time{}, false
	return o
}

// record is a message as the event source delivers it.
func record(id string, m whitelist.Message, received int) events.SQSMessage {
	body, _ := json.Marshal(m)
	return events.SQSMessage{MessageId: id, Body: string(body), Attributes: map[string]string{"MessageGroupId": m.Group(), "ApproximateReceiveCount": fmt.Sprint(received)}}
}

// push delivers one batch with a message about each of these orders, for the first time, and wants all acknowledged.
func (b *bench) push(t *testing.T, ids ...string) {
	t.Helper()
	var records []events.SQSMessage
	for _, id := range ids {
		o := b.store.of(id)
		records = append(records, record(id, whitelist.MessageFor(&o), 1))
	}
	b.handle(t, "", records...)
}

// handle delivers a batch and wants these messages to be reported as failed.
func (b *bench) handle(t *testing.T, failed string, records ...events.SQSMessage) {
	t.Helper()
	out, err := b.Handle(t.Context(), events.SQSEvent{Records: records})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range out.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	if got := strings.Join(ids, " "); got != failed {
		t.Errorf("failed messages %q, want %q", got, failed)
	}
}

func (b *bench) calls(t *testing.T, plate lease.Plate, want ...string) {
	t.Helper()
	if got := b.gate.calls[plate]; !slices.Equal(got, want) {
		t.Errorf("calls for %s: %q, want %q", plate, got, want)
	}
}

// state of an order in short: state, attempts, and when it is due after now.
func (b *bench) state(id string) string {
	o := b.store.of(id)
	due := "not due"
	if !o.DueAt.IsZero() {
		due = "due in " + o.DueAt.Sub(b.now).String()
	}
	return fmt.Sprintf("%s after %d, %s", o.State, o.Attempts, due)
}

func (b *bench) is(t *testing.T, id, want string) {
	t.Helper()
	if got := b.state(id); got != want {
		t.Errorf("%s is %s, want %s", id, got, want)
	}
}

// emitted sums the metrics that were written, by name and unit.
func (b *bench) emitted(t *testing.T) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	for line := range bytes.Lines(b.metrics.Bytes()) {
		var values map[string]any
		var e struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name, Unit string }
				}
			} `json:"_aws"`
			Stage string
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &values); err != nil {
			t.Fatal(err)
		}
		for _, group := range e.AWS.CloudWatchMetrics {
			if group.Namespace != "LeaseGateway" || e.Stage != "test" || len(group.Dimensions) != 1 || !slices.Equal(group.Dimensions[0], []string{"Stage"}) {
				t.Errorf("namespace or dimensions: %s", line)
			}
			for _, m := range group.Metrics {
				sums[m.Name+" "+m.Unit] += values[m.Name].(float64)
			}
		}
	}
	return sums
}
