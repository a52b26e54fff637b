package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

func today() lease.Date { return lease.DateOf(time.Now()) }

func dayFromNow(n int) string { return (today() + lease.Date(n)).String() }

type item = map[string]types.AttributeValue

// recorder keeps the items that the store writes.
type recorder struct {
	leasestore.Client
	items []item
}

func (r *recorder) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	r.items = append(r.items, in.Item)
	return &dynamodb.PutItemOutput{}, nil
}

// datesOfAnOrder is the shape in which pages are measured: five nights an order.
const datesOfAnOrder = 5

// fill puts rows into a park, in each side's own layout, orders of five nights each: past the functions, which would take an hour for a million.
func (s *side) fill(ctx context.Context, sn string, rows int) error {
	first := today() + 1
	written := &recorder{}
	store := leasestore.Open(written, leasestore.Tables{Orders: "o"})
	return s.write(ctx, s.table("OrdersTable"), func(put func(item)) error {
		for i := range rows / datesOfAnOrder {
			id, plate := fmt.Sprintf("A-20261201-%06d", i), fmt.Sprintf("苏%c%05d", 'A'+rune(i/100_000), i%100_000)
			o := &lease.Order{Content: lease.Content{OrderID: id, ParkSN: sn, Plate: lease.Plate(plate)}, State: lease.Delivered, Rev: 1}
			for n := range datesOfAnOrder {
				o.Slots = append(o.Slots, lease.Slot{Date: first + lease.Date(n), Start: 1140, End: 390})
			}
			if s.name == ours {
				if _, _, err := store.CreateOrder(ctx, o, ""); err != nil {
					return err
				}
				put(written.items[0])
				written.items = written.items[:0]
				continue
			}
			ends := o.EndsAt()
			for _, slot := range o.Slots {
				put(item{"pk": text("ORDERS#" + sn), "sk": text(fmt.Sprintf("%s#%s#%s#%s", plate, id, slot.Date, slot.Start)), "order_id": text(id), "car_plate_no": text(plate),
					"date": text(slot.Date.String()), "start_time": text(slot.Start.String()), "end_time": text(slot.End.String()),
					"order_ends_at": number(ends.Unix()), "ttl": number(ends.Add(lease.OrderKept).Unix())})
			}
		}
		return nil
	})
}

func text(s string) types.AttributeValue  { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue { return &types.AttributeValueMemberN{Value: fmt.Sprint(n)} }

// write puts items by batches of 25, some at a time.
func (s *side) write(ctx context.Context, table string, produce func(put func(item)) error) error {
	const each, workers = 25, 4
	batches := make(chan []types.WriteRequest)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range workers {
		wg.Go(func() {
			for batch := range batches {
				for pending := map[string][]types.WriteRequest{table: batch}; len(pending) > 0; {
					out, err := s.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: pending})
					if err != nil {
						mu.Lock()
						failed = errors.Join(failed, err)
						mu.Unlock()
						break
					}
					pending = out.UnprocessedItems
				}
			}
		})
	}
	var batch []types.WriteRequest
	err := produce(func(i item) {
		if batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: i}}); len(batch) == each {
			batches <- batch
			batch = nil
		}
	})
	if len(batch) > 0 {
		batches <- batch
	}
	close(batches)
	wg.Wait()
	return errors.Join(err, failed)
}
