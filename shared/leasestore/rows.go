package leasestore

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/lease"
)

// Position is a place in the rows of lease/order: behind Skip rows of the order whose sort key is At.
// The zero position is the beginning. Since an order's slots never change and its key is its place in the
// contract's order, a position stays exact while other orders come and go.
type Position struct {
	At      string
	Skip    int
	Density float64 // live rows for each item read so far; 0: unknown. It only sizes the next read
}

// firstDensity sizes the very first read of a walk; a wrong guess costs one more query.
const firstDensity = 5

// Rows visits up to limit rows of a park's live orders from a position on, sorted by plate, order_id, date and
// start; of one plate only when plate is not "". It returns where the next page begins and whether it has a
// row (exact). held is false when the park has no order item at all in that range.
//
// It is one strongly consistent key-range read, sized by the density of rows seen before; a second one
// where that guess fell short.
func (s *Store) Rows(ctx context.Context, parkSN string, plate lease.Plate, from Position, limit int, now time.Time, visit func(plate string, slots []lease.Slot)) (next Position, more, held bool, err error) {
	low, high := from.At, "\U0010FFFF"
	if plate != "" {
		low, high = max(low, platePrefix(plate)), string(plate)+"$" // `$` follows `#`
	}
	if low == "" {
		low = " "
	}
	in := &dynamodb.QueryInput{TableName: &s.tables.Orders, ConsistentRead: ptr(true), ReturnConsumedCapacity: total,
		KeyConditionExpression: ptr("pk = :pk AND sk BETWEEN :low AND :high"), ProjectionExpression: ptr("sk, d, c, v"),
		ExpressionAttributeValues: item{":pk": str(ordersKey(parkSN)), ":low": str(low), ":high": str(high)}}
	density := from.Density
	if density <= 0 {
		density = firstDensity
	}
	next, remaining := from, limit
	read, rows := 0, 0
	var slots []lease.Slot
	for {
		// one item more than the page should need, for has_more, and one for the order in which it begins
		in.Limit = ptr(int32(min(10_000, 2+math.Ceil(float64(remaining)/max(density, 0.02)))))
		out, err := s.db.Query(ctx, in)
		if err != nil {
			return from, false, false, unavailable(err)
		}
		s.reads(out.ConsumedCapacity)
		for _, i := range out.Items {
			if err := checkVersion(i); err != nil {
				return from, false, false, err
			}
			held = true
			read++
			sk := getS(i, "sk")
			slots = appendSlots(slots[:0], getB(i, "d"))
			if getBool(i, "c") || over(slots, now) {
				continue
			}
			rows += len(slots)
			if !slices.IsSortedFunc(slots, lease.Slot.Compare) {
				slices.SortFunc(slots, lease.Slot.Compare)
			}
			skip := 0
			if sk == from.At {
				skip = min(from.Skip, len(slots))
			}
			if skip == len(slots) {
				continue
			}
			if remaining == 0 {
				next.Density = float64(rows) / float64(read)
				return next, true, true, nil
			}
			n := min(remaining, len(slots)-skip)
			owner, _, _ := strings.Cut(sk, "#")
			visit(owner, slots[skip:skip+n])
			remaining -= n
			next.At, next.Skip = sk, skip+n
			if skip+n < len(slots) {
				next.Density = float64(rows) / float64(read)
				return next, true, true, nil
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return next, false, held, nil
		}
		if read > 0 {
			density = float64(rows) / float64(read)
		}
	}
}

func over(slots []lease.Slot, now time.Time) bool {
	for _, s := range slots {
		if !s.Over(now) {
			return false
		}
	}
	return true
}

// Walk names one walk by page numbers.
type Walk struct {
	AppID, ParkSN string
	Plate         lease.Plate
	Limit         int
}

// markLife is how long a walk may rest between two pages.
const markLife = time.Hour

// PutMark stores where a page begins. walk is the id that page 1 gave to this walk.
func (s *Store) PutMark(ctx context.Context, w Walk, page int, at Position, walk string, now time.Time) error {
	i := item{"pk": str(markKey(w.AppID, w.ParkSN, w.Plate, w.Limit)), "sk": str(markSort(page)), "v": num(itemVersion), "w": str(walk),
		"at": str(at.At), "ttl": num(now.Add(markLife).Unix())}
	setN(i, "k", int64(at.Skip))
	i["y"] = str(strconv.FormatFloat(at.Density, 'f', 2, 64))
	_, _, err := s.put(ctx, s.tables.Expiring, i, "", nil, nil)
	return err
}

// Mark finds the nearest mark of the present walk at or before a page, from page 2 on. found is the page
// that it belongs to; 0 when there is none, and the walk must be begun from page 1. The present walk is the one that
// page 1 began last: it wrote the mark of page 2.
//
// Both reads are made at once: a page that is found by its number should not wait longer than one that is found by its cursor.
func (s *Store) Mark(ctx context.Context, w Walk, page int, now time.Time) (at Position, found int, walk string, err error) {
	pk := markKey(w.AppID, w.ParkSN, w.Plate, w.Limit)
	in := &dynamodb.QueryInput{TableName: &s.tables.Expiring, ConsistentRead: ptr(true), ReturnConsumedCapacity: total, ScanIndexForward: ptr(false), Limit: ptr(int32(1)),
		KeyConditionExpression:    ptr("pk = :pk AND sk BETWEEN :low AND :high"),
		ExpressionAttributeValues: item{":pk": str(pk), ":low": str(markSort(2)), ":high": str(markSort(page))}}
	var out *dynamodb.QueryOutput
	var queried error
	var reading sync.WaitGroup
	if page > 2 {
		reading.Go(func() { out, queried = s.db.Query(ctx, in) })
	}
	first, err := s.get(ctx, s.tables.Expiring, key(pk, markSort(2)))
	reading.Wait()
	if out != nil {
		s.reads(out.ConsumedCapacity)
	}
	if err != nil || first == nil || getN(first, "ttl") <= now.Unix() {
		return Position{}, 0, "", err
	}
	walk = getS(first, "w")
	if page == 2 {
		return markPosition(first), 2, walk, nil
	}
	for {
		if queried != nil {
			return Position{}, 0, "", unavailable(queried)
		}
		for _, i := range out.Items {
			if n, _ := strconv.Atoi(getS(i, "sk")); getS(i, "w") == walk && getN(i, "ttl") > now.Unix() {
				return markPosition(i), n, walk, nil
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return markPosition(first), 2, walk, nil
		}
		in.Limit = ptr(int32(100))
		if out, queried = s.db.Query(ctx, in); queried == nil {
			s.reads(out.ConsumedCapacity)
		}
	}
}

func markPosition(i item) Position {
	density, _ := strconv.ParseFloat(getS(i, "y"), 64)
	return Position{At: getS(i, "at"), Skip: int(getN(i, "k")), Density: density}
}
