package cost

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/functions/app-park/apppark"
	"lease-gateway/functions/lease-order/leaseorder"
	"lease-gateway/functions/lease-park/leasepark"
	"lease-gateway/functions/park-poller/parkpoller"
	"lease-gateway/functions/whitelist-pusher/whitelistpusher"
	"lease-gateway/functions/whitelist-sweeper/whitelistsweeper"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/shared/config"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

type fixed struct{}

func (fixed) Live(context.Context, bool) ([]string, error) { return []string{"secret"}, nil }

// queue keeps what it is given, and counts the calls.
type queue struct {
	messages []whitelist.Message
	calls    int
}

func (q *queue) Send(_ context.Context, m ...whitelist.Message) ([]int, error) {
	q.calls++
	q.messages = append(q.messages, m...)
	return nil, nil
}

// partner is a Tongli that accepts everything and lists parks.
type partner struct {
	parks []string
	calls int
}

func (p *partner) SyncWhitelist(context.Context, string, lease.Plate, []lease.Slot) tongli.Outcome {
	p.calls++
	return tongli.Outcome{Class: tongli.Accepted, Detail: "HTTP 200, code 0"}
}

func (p *partner) ListParks(_ context.Context, page, limit int) tongli.Outcome {
	from := min((page-1)*limit, len(p.parks))
	return tongli.Outcome{Class: tongli.Accepted, Data: json.RawMessage("[" + strings.Join(p.parks[from:min(from+limit, len(p.parks))], ",") + "]")}
}

// bytes counts what is logged.
type bytes struct{ n int }

func (b *bytes) Write(p []byte) (int, error) { b.n += len(p); return len(p), nil }

// floored adds what the engine leaves out: AWS bills a query that finds nothing as one of 4 KB.
type floored struct {
	leasestore.Client
	units float64
}

func (f *floored) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	out, err := f.Client.Query(ctx, in, o...)
	if err == nil && *out.ConsumedCapacity.CapacityUnits == 0 {
		f.units += 0.5
		if in.ConsistentRead != nil && *in.ConsistentRead {
			f.units += 0.5
		}
	}
	return out, err
}

// counter runs the functions over the real engine and counts.
type counter struct {
	t       *testing.T
	store   *leasestore.Store
	floor   *floored
	queue   queue
	tongli  partner
	log     bytes
	now     time.Time
	orders  *door.Door
	parks   *door.Door
	list    *door.Door
	rows    *door.Door
	pusher  *whitelistpusher.Pusher
	sweeper *whitelistsweeper.Sweeper
	poller  *parkpoller.Poller
}

func newCounter(t *testing.T) *counter {
	db, tables := enginetest.Tables(t)
	floor := &floored{Client: db}
	c := &counter{t: t, floor: floor, store: leasestore.Open(floor, tables), now: time.Now()}
	clock := func() time.Time { return c.now }
	logger, metrics := telemetry.NewLogger(&c.log, "counted"), &telemetry.Metrics{Out: &c.log, Stage: "test", Now: clock}
	signed := &door.Signed{AppID: "tongli", Secrets: fixed{}, Nonces: c.store}
	c.orders = &door.Door{Handle: (&apporder.Orders{Store: c.store, Queue: &c.queue, Logger: logger}).Handle, Now: clock, Units: c.store.Units, Logger: logger}
	c.list = &door.Door{Handle: apppark.Handle(c.store), Now: clock, Units: c.store.Units, Logger: logger}
	c.parks = &door.Door{Signed: signed, Handle: leasepark.Handle(c.store), Now: clock, Units: c.store.Units, Logger: logger}
	c.rows = &door.Door{Signed: signed, Handle: leaseorder.Handle(c.store, fixed{}), Now: clock, Units: c.store.Units, Logger: logger}
	c.pusher = &whitelistpusher.Pusher{Store: c.store, Tongli: &c.tongli, Breaker: &whitelist.Breaker{Store: c.store, Now: clock}, Now: clock, Wait: config.Wait,
		Jitter: func() float64 { return 0 }, Logger: logger, Metrics: metrics}
	c.sweeper = &whitelistsweeper.Sweeper{Store: c.store, Queue: &c.queue, Now: clock, Logger: logger, Metrics: metrics}
	c.poller = &parkpoller.Poller{Store: c.store, Tongli: &c.tongli, Now: clock, Wait: config.Wait, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	return c
}

// of counts what a step is billed.
func (c *counter) of(step func()) Units {
	c.t.Helper()
	before, empty := c.store.Units(), c.floor.units
	step()
	after := c.store.Units()
	return Units{after.Read - before.Read + c.floor.units - empty, after.Write - before.Write}
}

// call sends a request through a door and wants a status.
func (c *counter) call(d *door.Door, method, path, route, query, body string, status int) {
	c.t.Helper()
	if d.Signed != nil {
		params, err := signature.ParseQuery(query)
		if err != nil {
			c.t.Fatal(err)
		}
		query = signature.Query("tongli", "secret", method, path, params, []byte(body), c.now, "")
	}
	parameters := map[string]string{}
	if _, id, ok := strings.Cut(path, "/app/orders/"); ok {
		parameters["order_id"] = id
	}
	event, err := json.Marshal(map[string]any{"routeKey": method + " " + route, "rawPath": path, "rawQueryString": query, "body": body, "pathParameters": parameters,
		"headers": map[string]string{"content-type": "application/json"}, "requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": method, "path": path}}})
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := d.Invoke(c.t.Context(), event)
	if err != nil || !strings.Contains(string(out), fmt.Sprintf(`"statusCode":%d`, status)) {
		c.t.Fatalf("%s %s: %v %.300s", method, path, err, out)
	}
}

func (c *counter) place(id, plate string, nights int) {
	c.t.Helper()
	var dates []string
	for n := range nights {
		dates = append(dates, fmt.Sprintf(`{"date":%q,"start_time":"19:00","end_time":"06:30"}`, lease.DateOf(c.now)+1+lease.Date(n)))
	}
	c.call(c.orders, "POST", "/app/orders", "/app/orders", "", fmt.Sprintf(`{"order_id":%q,"park_sn":"P000000","car_plate_no":%q,"dates":[%s]}`, id, plate, strings.Join(dates, ",")), 201)
}

// push delivers what is in the queue, one message at a time.
func (c *counter) push() {
	c.t.Helper()
	calls := c.tongli.calls
	for _, m := range c.queue.messages {
		body, err := json.Marshal(m)
		if err != nil {
			c.t.Fatal(err)
		}
		record := events.SQSMessage{MessageId: "m", Body: string(body), Attributes: map[string]string{"MessageGroupId": m.Group(), "ApproximateReceiveCount": "1"}}
		if out, err := c.pusher.Handle(c.t.Context(), events.SQSEvent{Records: []events.SQSMessage{record}}); err != nil || len(out.BatchItemFailures) > 0 {
			c.t.Fatal(out, err)
		}
	}
	if c.tongli.calls-calls != len(c.queue.messages) {
		c.t.Fatalf("%d calls for %d messages", c.tongli.calls-calls, len(c.queue.messages))
	}
	c.queue.messages = nil
}

// aPark is one as a city has them.
func aPark(i, price int) string {
	return fmt.Sprintf(`{"park_sn":"P%06d","park_name":"苏州工业园区%d号国际科技园地下停车场","deadline":"2027-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":1,"is_holiday":0,`+
		`"price":%d,"start_price":300,"holiday_price":2000,"longitude":"%.6f","latitude":"%.6f"}`, i, i, price, 120.3+0.6*float64(i%317)/317, 31.1+0.5*float64(i/317)/317)
}

func (c *counter) pushPark(price int) {
	c.t.Helper()
	c.now = c.now.Add(time.Second) // a push of the same second is not newer
	c.call(c.parks, "POST", "/lease/park", "/lease/park", "", aPark(0, price), 200)
}

func (c *counter) poll() {
	c.t.Helper()
	c.now = c.now.Add(5 * time.Minute)
	if r, err := c.poller.Handle(c.t.Context(), json.RawMessage("{}")); err != nil || !r.Complete || r.Seen != len(c.tongli.parks) {
		c.t.Fatalf("%+v %v", r, err)
	}
}

// perPark is over how many parks the poll's share of each is counted.
const perPark = 1000

// counted does each operation once.
func counted(t *testing.T) (map[Operation]Units, map[Operation]float64) {
	c, got := newCounter(t), map[Operation]Units{}
	got[ParkNew] = c.of(func() { c.pushPark(150) })
	got[ParkUnchanged] = c.of(func() { c.pushPark(150) })
	got[ParkChanged] = c.of(func() { c.pushPark(200) })
	var logs [2]int
	from := c.log.n
	got[Place] = c.of(func() { c.place("A-20261201-000001", "苏E88888", 5) })
	logs[0] = c.log.n - from
	got[Deliver] = c.of(c.push)
	logs[1] = c.log.n - from - logs[0]
	path := "/app/orders/A-20261201-000001"
	got[Read] = c.of(func() { c.call(c.orders, "GET", path, "/app/orders/{order_id}", "", "", 200) })
	got[PlateRows] = c.of(func() {
		c.call(c.rows, "GET", "/lease/order", "/lease/order", "park_sn=P000000&car_plate_no=苏E88888", "", 200)
	})
	got[OnePark] = c.of(func() { c.call(c.list, "GET", "/app/park", "/app/park", "park_sn=P000000", "", 200) })
	got[Quote] = c.of(func() {
		c.call(c.list, "GET", "/app/quote", "/app/quote", fmt.Sprintf("park_sn=P000000&date=%s&start_time=19:00&end_time=06:30", lease.DateOf(c.now)+1), "", 200)
	})
	got[Sweep] = c.of(func() {
		if r, err := c.sweeper.Handle(t.Context(), json.RawMessage("{}")); err != nil || r.Due != 0 {
			t.Fatal(r, err)
		}
	})
	c.of(func() {
		if r, err := c.sweeper.Handle(t.Context(), json.RawMessage(`{"repush":"P000000"}`)); err != nil || len(c.queue.messages) != 1 {
			t.Fatal(r, err, len(c.queue.messages))
		}
	})
	got[Repushed] = c.of(c.push)
	got[Cancel] = c.of(func() { c.call(c.orders, "DELETE", path, "/app/orders/{order_id}", "", "", 200) })
	got[PushAway] = c.of(c.push)
	for i := range perPark {
		c.tongli.parks = append(c.tongli.parks, aPark(i, 200))
	}
	c.poll()
	all := c.of(c.poll)
	c.tongli.parks[7] = aPark(7, 250)
	changed := c.of(c.poll)
	got[PollChanged] = Units{changed.Read - all.Read, changed.Write - all.Write}
	got[Near] = c.of(func() { c.call(c.list, "GET", "/app/parks", "/app/parks", "near=120.6,31.1&limit=20", "", 200) })
	single := newCounter(t)
	single.tongli.parks = []string{aPark(0, 200)}
	single.poll()
	one := single.of(single.poll)
	got[PollPark], got[PollFixed] = Units{all.Read - one.Read, all.Write - one.Write}, one
	for i := range 202 { // 200 orders of five dates fill the page
		c.place(fmt.Sprintf("A-20261202-%06d", i), fmt.Sprintf("苏E%05d", i), 5)
	}
	got[Page] = c.of(func() { c.call(c.rows, "GET", "/lease/order", "/lease/order", "park_sn=P000000&limit=1000", "", 200) })
	return got, map[Operation]float64{Place: float64(logs[0]), Deliver: float64(logs[1])}
}

// TestUnits: the units of the model are those that the engine bills.
func TestUnits(t *testing.T) {
	got, logs := counted(t)
	for _, op := range operations {
		u, there := got[op]
		if !there || u != Ours[op] {
			t.Errorf("%s: the engine bills %v, the model has %v", op, u, Ours[op])
		}
	}
	if len(got) != len(operations) || len(Ours) != len(operations) {
		t.Errorf("%d operations counted, %d in the model, %d in the document", len(got), len(Ours), len(operations))
	}
	for op, n := range logs {
		if n > logged[op] || n < 0.7*logged[op] {
			t.Errorf("%s logs %g bytes, the model has %g", op, n, logged[op])
		}
	}
}
