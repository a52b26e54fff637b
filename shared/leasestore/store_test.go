package leasestore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/local/engines/enginetest"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// open makes a store over tables of the test's own, on the real engine.
func open(t testing.TB, wrap func(leasestore.Client) leasestore.Client) (*leasestore.Store, *dynamodb.Client, leasestore.Tables) {
	t.Helper()
	db, tables := enginetest.Tables(t)
	var c leasestore.Client = db
	if wrap != nil {
		c = wrap(db)
	}
	return leasestore.Open(c, tables), db, tables
}

var now = lease.MustDate("2026-11-24").At(600)

func content(id string, plate lease.Plate, nights ...int) *lease.Content {
	c := &lease.Content{OrderID: id, ParkSN: "P1", Plate: plate}
	for _, n := range nights {
		c.Slots = append(c.Slots, lease.Slot{Date: lease.MustDate("2026-12-01") + lease.Date(n), Start: 1140, End: 390})
	}
	return c
}

func place(t *testing.T, s *leasestore.Store, c *lease.Content) *lease.Order {
	t.Helper()
	if old, err := s.Claim(t.Context(), c, "t-"+c.OrderID); err != nil || old != nil {
		t.Fatalf("claim: %v %v", old, err)
	}
	o := &lease.Order{Content: *c, State: lease.Pending, Rev: 1, CreatedAt: now, DueAt: now.Add(time.Minute), Sent: true}
	if _, created, err := s.CreateOrder(t.Context(), o, "t-"+c.OrderID); err != nil || !created {
		t.Fatalf("create: %v %v", created, err)
	}
	return o
}

// TestLiteralKeys pins the keys: changing one is a migration of data.
func TestLiteralKeys(t *testing.T) {
	s, db, tables := open(t, nil)
	place(t, s, content("o-1", "苏E88888", 0))
	if _, err := s.MergePark(t.Context(), "2017-01-01 12:00:00", func(h *lease.StoredPark) (lease.StoredPark, bool) {
		return h.ApplyPush(lease.Park{SN: "2017-01-01 12:00:00"}, 1, now)
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.ClaimNonce(t.Context(), "tongli", "nonce-0123456789", "x", time.Minute, now); err != nil {
		t.Fatal(err)
	}
	if _, err := s.BeginSweep(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.SaveBreaker(t.Context(), leasestore.Breaker{}, leasestore.Breaker{}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutMark(t.Context(), leasestore.Walk{AppID: "tongli", ParkSN: "P1", Limit: 10}, 2, leasestore.Position{At: "x"}, "w", now); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string][]string{
		tables.Parks:    {"P#2017-01-01 12:00:00|"},
		tables.Orders:   {"I#o-1|I", "P#tongli#P1|苏E88888#o-1"},
		tables.Expiring: {"B#tongli|B", "M#6fd432f15c336f9bb376e358|00000002", "N#tongli|nonce-0123456789", "S#parks|S"},
	} {
		out, err := db.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range out.Items {
			sk := ""
			if v, ok := i["sk"].(*types.AttributeValueMemberS); ok {
				sk = v.Value
			}
			got = append(got, i["pk"].(*types.AttributeValueMemberS).Value+"|"+sk)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", table, got, want)
		}
	}
}

// forgetful performs every conditional write, drops its answer, and repeats it, as the SDK does after a lost answer.
type forgetful struct{ leasestore.Client }

func (f forgetful) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	_, _ = f.Client.PutItem(ctx, in, o...)
	return f.Client.PutItem(ctx, in, o...)
}

func TestRepeatedWriteKnowsItself(t *testing.T) {
	s, _, _ := open(t, func(c leasestore.Client) leasestore.Client { return forgetful{c} })
	o := place(t, s, content("o", "苏E88888", 0))
	next := *o
	next.Seq, next.State, next.DueAt = 1, lease.Delivered, time.Time{}
	if _, ok, err := s.SaveOrder(t.Context(), &next, o); err != nil || !ok {
		t.Errorf("save: %v %v", ok, err)
	}
	if err := s.ClaimNonce(t.Context(), "a", "nonce-0123456789", "token", time.Minute, now); err != nil {
		t.Errorf("nonce: %v", err)
	}
	if applied, err := s.MergePark(t.Context(), "P1", func(h *lease.StoredPark) (lease.StoredPark, bool) {
		return h.ApplyPush(lease.Park{SN: "P1", Price: 1}, 5, now)
	}); err != nil || !applied {
		t.Errorf("park: %v %v", applied, err)
	}
}

func TestOrders(t *testing.T) {
	s, _, _ := open(t, nil)
	ctx := t.Context()
	seven := place(t, s, content("a", "苏E12345", 1, 0))
	place(t, s, content("b", "苏E12345D", 0))
	if old, err := s.Claim(ctx, content("a", "苏E99999", 5), "other"); err != nil || old == nil || old.Plate != "苏E12345" || !old.Equal(&seven.Content) {
		t.Errorf("a claim that is taken: %+v %v", old, err)
	}
	if _, err := s.Order(ctx, "none"); !errors.Is(err, lease.ErrOrderUnknown) {
		t.Errorf("unknown: %v", err)
	}
	got, err := s.Order(ctx, "a")
	if err != nil || !got.DueAt.Equal(seven.DueAt) || got.Rev != 1 || !got.Sent || got.State != lease.Pending || !slices.Equal(got.Slots, seven.Slots) {
		t.Errorf("read back %+v %v", got, err)
	}
	if plates, err := s.PlateOrders(ctx, "P1", "苏E12345"); err != nil || len(plates) != 1 || plates[0].OrderID != "a" {
		t.Errorf("seven characters match eight: %+v %v", plates, err)
	}
	// a write on what another has changed since is refused, and told what is there
	next := *got
	next.Rev, next.Cancelled = 2, true
	if _, ok, err := s.SaveOrder(ctx, &next, got); err != nil || !ok {
		t.Fatalf("save: %v %v", ok, err)
	}
	late := *got
	late.Seq = 1
	if there, ok, err := s.SaveOrder(ctx, &late, got); err != nil || ok || !there.Cancelled {
		t.Errorf("a late write: %v %v %v", there, ok, err)
	}
	due, err := s.DueOrders(ctx, now.Add(time.Hour), 100)
	if err != nil || len(due) != 2 {
		t.Fatalf("due: %+v %v", due, err)
	}
	if early, err := s.DueOrders(ctx, now, 100); err != nil || len(early) != 0 {
		t.Errorf("nothing is due yet: %+v %v", early, err)
	}
	moved, ok, err := s.MoveDue(ctx, due[0], now.Add(2*time.Hour), true)
	if err != nil || !ok || !moved.Sent {
		t.Errorf("move: %+v %v %v", moved, ok, err)
	}
	if _, ok, err := s.MoveDue(ctx, due[0], now.Add(3*time.Hour), true); err != nil || ok {
		t.Errorf("a mark that has moved was moved again: %v %v", ok, err)
	}
	// since when it was due stays while the mark is moved on: else nobody would see that nothing comes of it
	first := due[0].DueAt
	due[0].DueAt = now.Add(2 * time.Hour)
	moved, ok, err = s.MoveDue(ctx, due[0], now.Add(3*time.Hour), false)
	if err != nil || !ok || !moved.DueSince.Equal(first) {
		t.Errorf("due since %s, want %s: %v %v", moved.DueSince, first, ok, err)
	}
	if shown, err := s.DueOrders(ctx, now.Add(4*time.Hour), 100); err != nil || !slices.ContainsFunc(shown, func(d leasestore.Due) bool { return d.OrderID == due[0].OrderID && d.DueSince.Equal(first) }) {
		t.Errorf("the index does not show since when: %+v %v", shown, err)
	}
	if again, err := s.Order(ctx, due[0].OrderID); err != nil || !again.DueSince.Equal(first) || again.Sent {
		t.Errorf("after a second move: %+v %v", again, err)
	}
	if due[0].Shard == due[1].Shard {
		t.Errorf("shards of a and b: %d %d", due[0].Shard, due[1].Shard)
	}
}

// TestRepushPosition: the position, the parks that wait and the interrupted nightly run come back as they were written, and of two writers one wins.
func TestRepushPosition(t *testing.T) {
	s, _, _ := open(t, nil)
	none, err := s.RepushPosition(t.Context())
	if err != nil || none != (leasestore.Repush{}) {
		t.Fatalf("%+v %v", none, err)
	}
	next := leasestore.Repush{Run: "r", ParkSN: "P1", Position: "x", Waiting: "P2\nP3\n", Night: "n", NightAt: "y"}
	for i, want := range []bool{true, false} {
		if ok, err := s.SaveRepush(t.Context(), next, none); err != nil || ok != want {
			t.Errorf("write %d: %v %v", i, ok, err)
		}
	}
	next.Version = 1
	if got, err := s.RepushPosition(t.Context()); err != nil || got != next {
		t.Errorf("%+v %v", got, err)
	}
}

func TestNonces(t *testing.T) {
	s, _, _ := open(t, nil)
	claim := func(token string, at time.Time) error {
		return s.ClaimNonce(t.Context(), "tongli", "nonce-0123456789", token, 10*time.Minute, at)
	}
	if err := claim("a", now); err != nil {
		t.Fatal(err)
	}
	if err := claim("a", now); err != nil {
		t.Errorf("the same request again: %v", err)
	}
	if err := claim("b", now.Add(10*time.Minute)); !errors.Is(err, lease.ErrNonceUsed) {
		t.Errorf("replay: %v", err)
	}
	if err := claim("c", now.Add(10*time.Minute+time.Second)); err != nil {
		t.Errorf("after ten minutes: %v", err)
	}
}

// TestConcurrentPushes: the newest timestamp wins among 64 that race.
func TestConcurrentPushes(t *testing.T) {
	s, _, _ := open(t, nil)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for { // a caller repeats after 50301
				_, err := s.MergePark(t.Context(), "P1", func(h *lease.StoredPark) (lease.StoredPark, bool) {
					return h.ApplyPush(lease.Park{SN: "P1", Price: int64(i)}, int64(i), now)
				})
				if err == nil {
					return
				}
				if !errors.Is(err, lease.ErrUnavailable) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if p, err := s.Park(t.Context(), "P1"); err != nil || p.Price != 63 {
		t.Errorf("%+v %v", p, err)
	}
}

// counted counts calls that reach the engine.
type counted struct {
	leasestore.Client
	puts *atomic.Int64
}

func (c counted) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	c.puts.Add(1)
	return c.Client.PutItem(ctx, in, o...)
}

// TestUnits counts what is billed, from ConsumedCapacity.
func TestUnits(t *testing.T) {
	var puts atomic.Int64
	s, _, _ := open(t, func(c leasestore.Client) leasestore.Client { return counted{c, &puts} })
	nights := make([]int, 30)
	for i := range nights {
		nights[i] = i
	}
	before := s.Units()
	o := place(t, s, content("thirty", "苏E88888", nights...))
	delivered := *o
	delivered.State, delivered.Seq, delivered.Attempts, delivered.DeliveredAt, delivered.DueAt, delivered.Sent = lease.Delivered, 1, 1, now, time.Time{}, false
	if _, ok, err := s.SaveOrder(t.Context(), &delivered, o); err != nil || !ok {
		t.Fatalf("%v %v", ok, err)
	}
	if used := s.Units().Write - before.Write; used > 6 || used < 3 || puts.Load() != 3 {
		t.Errorf("an order of 30 dates cost %g write units in %d puts, want at most 6 in 3", used, puts.Load())
	} else {
		t.Logf("an order of 30 dates, POST to delivered: %g write units", used)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			o := place(t, s, &lease.Content{OrderID: fmt.Sprintf("page-%04d", i), ParkSN: "P2", Plate: lease.Plate(fmt.Sprintf("苏E%05d", i)), Slots: content("", "", 0, 1, 2, 3, 4).Slots})
			next := *o
			next.State, next.Seq, next.Attempts, next.DeliveredAt, next.DueAt, next.Sent = lease.Delivered, 1, 1, now, time.Time{}, false
			if _, ok, err := s.SaveOrder(t.Context(), &next, o); err != nil || !ok {
				t.Errorf("%v %v", ok, err)
			}
		})
	}
	wg.Wait()
	before, rows := s.Units(), 0
	_, more, _, err := s.Rows(t.Context(), "P2", "", leasestore.Position{}, 1000, now, func(_ string, slots []lease.Slot) { rows += len(slots) })
	if used := s.Units().Read - before.Read; err != nil || rows != 1000 || more || used > 10 || used == 0 {
		t.Errorf("a page of %d rows (more %v) cost %g read units, want at most 10: %v", rows, more, used, err)
	} else {
		t.Logf("a page of 1,000 rows: %g read units", used)
	}
	push := func() {
		if _, err := s.MergePark(t.Context(), "P1", func(h *lease.StoredPark) (lease.StoredPark, bool) {
			return h.ApplyPush(lease.Park{SN: "P1", Name: "园区停车场"}, 1, now)
		}); err != nil {
			t.Fatal(err)
		}
	}
	push()
	before = s.Units()
	push()
	if used := s.Units().Write - before.Write; used != 1 {
		t.Errorf("an unchanged push cost %g write units, want 1", used)
	}
}

// TestLaterVersion: an item that a newer deploy wrote is an error, never guessed at.
func TestLaterVersion(t *testing.T) {
	s, db, tables := open(t, nil)
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &tables.Parks, Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "P#P1"}, "v": &types.AttributeValueMemberN{Value: "2"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Park(t.Context(), "P1"); !errors.Is(err, lease.ErrVersionUnknown) {
		t.Errorf("%v", err)
	}
}

// TestSweepRecord: no two sweeps have the same start, and a later one takes the record from an earlier one.
func TestSweepRecord(t *testing.T) {
	s, _, _ := open(t, nil)
	first, err := s.BeginSweep(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.BeginSweep(t.Context(), 1000)
	if err != nil || second.Latest <= first.Latest {
		t.Fatalf("starts %d and %d: %v", first.Latest, second.Latest, err)
	}
	if ok, err := s.SpendWithdrawals(t.Context(), first.Latest, 7, 1); err != nil || ok {
		t.Errorf("an overtaken sweep spent from the budget: %v %v", ok, err)
	}
	if ok, err := s.SpendWithdrawals(t.Context(), second.Latest, 7, 3); err != nil || !ok {
		t.Errorf("spend: %v %v", ok, err)
	}
	if ok, err := s.EndSweep(t.Context(), first.Latest, first); err != nil || ok {
		t.Errorf("an overtaken sweep ended: %v %v", ok, err)
	}
	if r, err := s.Sweep(t.Context()); err != nil || r.Withdrawn[7] != 3 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestOutOfReach(t *testing.T) {
	s := leasestore.Open(enginetest.Client(t), leasestore.Tables{Parks: "none", Orders: "none", Expiring: "none"})
	for name, call := range map[string]func() error{
		"park":  func() error { _, err := s.Park(t.Context(), "P"); return err },
		"scan":  func() error { return s.Parks(t.Context(), 2, func(lease.StoredPark) error { return nil }) },
		"page":  func() error { _, _, err := s.ParkPage(t.Context(), 1, ""); return err },
		"claim": func() error { _, err := s.Claim(t.Context(), content("o", "苏E88888", 0), "t"); return err },
		"plate": func() error { _, err := s.PlateOrders(t.Context(), "P", "苏E88888"); return err },
		"due":   func() error { _, err := s.DueOrders(t.Context(), now, 1); return err },
		"nonce": func() error { return s.ClaimNonce(t.Context(), "a", "n", "t", time.Minute, now) },
		"mark":  func() error { return s.PutMark(t.Context(), leasestore.Walk{}, 2, leasestore.Position{}, "w", now) },
		"move":  func() error { _, _, err := s.MoveDue(t.Context(), leasestore.Due{}, now, true); return err },
	} {
		if err := call(); !errors.Is(err, lease.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
