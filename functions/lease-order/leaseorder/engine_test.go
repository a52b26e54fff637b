package leaseorder_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/local/engines/enginetest"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// TestWalkOnTheEngine plays the scripts of TestWalkProperty, each in a park of its own, on the real engine: WALKS of them (200).
func TestWalkOnTheEngine(t *testing.T) {
	walks := 200
	if n, err := strconv.Atoi(os.Getenv("WALKS")); err == nil {
		walks = n
	}
	db, tables := enginetest.Tables(t)
	store := leasestore.Open(db, tables)
	scripts := anyScript()
	var wg sync.WaitGroup
	numbers := make(chan int)
	for range 8 {
		wg.Go(func() {
			for n := range numbers {
				s, sn := scripts.Example(n), fmt.Sprintf("P%d", n)
				if _, err := store.MergePark(t.Context(), sn, func(h *lease.StoredPark) (lease.StoredPark, bool) {
					return h.ApplyPush(lease.Park{SN: sn, Name: "p"}, 1, now)
				}); err != nil {
					t.Error(err)
					continue
				}
				if err := newYard(t.Context(), store, sn, store).play(&s); err != nil {
					t.Errorf("sequence %d: %v\n%+v", n, err, s)
				}
			}
		})
	}
	for n := range walks {
		numbers <- n
	}
	close(numbers)
	wg.Wait()
}

// million fills a park with 200,000 orders of five dates, as the store writes them.
func million(b *testing.B, db *dynamodb.Client, table string) {
	b.Helper()
	const orders, each = 200_000, 25
	written := &recorder{}
	shape := leasestore.Open(written, leasestore.Tables{Orders: table})
	var wg sync.WaitGroup
	batches := make(chan []types.WriteRequest)
	for range 4 {
		wg.Go(func() {
			for batch := range batches {
				for pending := map[string][]types.WriteRequest{table: batch}; len(pending) > 0; {
					out, err := db.BatchWriteItem(context.Background(), &dynamodb.BatchWriteItemInput{RequestItems: pending})
					if err != nil {
						b.Error(err)
						break
					}
					pending = out.UnprocessedItems
				}
			}
		})
	}
	for i := range orders {
		o := &lease.Order{Content: lease.Content{OrderID: fmt.Sprintf("A-20261201-%06d", i), ParkSN: "P1", Plate: lease.Plate(fmt.Sprintf("苏%c%05d", 'A'+rune(i/100_000), i%100_000))}, State: lease.Delivered, Rev: 1}
		for n := range 5 {
			o.Slots = append(o.Slots, lease.Slot{Date: lease.MustDate("2026-12-01") + lease.Date(n), Start: 1140, End: 390})
		}
		if _, _, err := shape.CreateOrder(b.Context(), o, ""); err != nil {
			b.Fatal(err)
		}
		if len(written.items) == each {
			batch := make([]types.WriteRequest, each)
			for j, i := range written.items {
				batch[j] = types.WriteRequest{PutRequest: &types.PutRequest{Item: i}}
			}
			batches <- batch
			written.items = nil
		}
	}
	close(batches)
	wg.Wait()
}

// BenchmarkPageOfAMillion (goal: flat) walks a park of 1,000,000 rows by page and times page 1, 10, 100 and 1,000 in turns, each with the
// read units that it took.
func BenchmarkPageOfAMillion(b *testing.B) {
	db, tables := enginetest.Tables(b)
	million(b, db, tables.Orders)
	store := leasestore.Open(db, tables)
	positions := map[int]leasestore.Position{1: {}}
	var at leasestore.Position
	for number := 1; ; number++ {
		next, more, _, err := store.Rows(b.Context(), "P1", "", at, 1000, now, func(string, []lease.Slot) {})
		if err != nil || more != (number < 1000) {
			b.Fatalf("page %d: more is %v, %v", number, more, err)
		}
		if at = next; !more {
			break
		}
		positions[number+1] = next
	}
	type cost struct {
		time  time.Duration
		units float64
	}
	spent := map[int]*cost{1: {}, 10: {}, 100: {}, 1000: {}}
	turns := 0
	for b.Loop() {
		turns++
		for number, c := range spent {
			before, start := store.Units().Read, time.Now()
			if _, _, _, err := store.Rows(b.Context(), "P1", "", positions[number], 1000, now, func(string, []lease.Slot) {}); err != nil {
				b.Fatal(err)
			}
			c.time += time.Since(start)
			c.units += store.Units().Read - before
		}
	}
	for number, c := range spent {
		b.ReportMetric(float64(c.time.Microseconds())/1000/float64(turns), fmt.Sprintf("ms/page%d", number))
		b.ReportMetric(c.units/float64(turns), fmt.Sprintf("units/page%d", number))
	}
}
