package leasestore

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/shared/lease"
)

// slotBytes: date in three bytes, start and end in eleven bits each.
const slotBytes = 6

func packSlots(slots []lease.Slot) []byte {
	b := make([]byte, 0, len(slots)*slotBytes)
	for _, s := range slots {
		times := uint32(s.Start)<<11 | uint32(s.End)
		b = append(b, byte(s.Date>>16), byte(s.Date>>8), byte(s.Date), byte(times>>16), byte(times>>8), byte(times))
	}
	return b
}

func appendSlots(slots []lease.Slot, b []byte) []lease.Slot {
	for ; len(b) >= slotBytes; b = b[slotBytes:] {
		times := uint32(b[3])<<16 | uint32(b[4])<<8 | uint32(b[5])
		slots = append(slots, lease.Slot{
			Date:  lease.Date(uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])),
			Start: lease.Clock(times >> 11), End: lease.Clock(times & 2047),
		})
	}
	return slots
}

var stateNames = map[string]lease.WhitelistState{"": lease.Pending, "d": lease.Delivered, "r": lease.Refused}

func orderItem(o *lease.Order, token string) item {
	i := item{"pk": str(ordersKey(o.ParkSN)), "sk": str(orderSort(o.Plate, o.OrderID)), "v": num(itemVersion),
		"d": bin(packSlots(o.Slots)), "r": num(o.Rev), "q": num(o.Seq), "ttl": num(o.EndsAt().Add(lease.OrderKept).Unix())}
	setBool(i, "c", o.Cancelled)
	for name, state := range stateNames {
		if state == o.State {
			setS(i, "s", name)
		}
	}
	setTime(i, "ca", o.CreatedAt)
	setTime(i, "nb", o.NotBefore)
	setTime(i, "dw", o.DueSince)
	setTime(i, "un", o.Unsettled)
	setTime(i, "da", o.DeliveredAt)
	setN(i, "a", int64(o.Attempts))
	setS(i, "e", o.LastError)
	setBool(i, "st", o.Sent)
	setS(i, "t", token)
	if !o.DueAt.IsZero() {
		// in the sparse index only while something is due
		i["ds"], i["due"], i["ns"] = str(dueShard(o.OrderID)), num(o.DueAt.UnixMilli()), num(o.NextSlot(o.DueAt).UnixMilli())
	}
	return i
}

func orderOf(i item) lease.Order {
	plate, id, _ := strings.Cut(getS(i, "sk"), "#")
	return lease.Order{
		Content: lease.Content{OrderID: id, ParkSN: strings.TrimPrefix(getS(i, "pk"), ordersKey("")), Plate: lease.Plate(plate),
			Slots: appendSlots(nil, getB(i, "d"))},
		Cancelled: getBool(i, "c"), State: stateNames[getS(i, "s")], Rev: getN(i, "r"), Seq: getN(i, "q"), CreatedAt: getTime(i, "ca"),
		DueAt: getTime(i, "due"), DueSince: getTime(i, "dw"), NotBefore: getTime(i, "nb"), Sent: getBool(i, "st"), Unsettled: getTime(i, "un"),
		Attempts: int(getN(i, "a")), DeliveredAt: getTime(i, "da"), LastError: getS(i, "e"),
	}
}

// Claim takes an order_id for a content. Where it was taken before, it returns the content that has it.
// token tells this call from another one with the same content, so that a claim which the SDK
// repeated after a lost answer is known for its own.
func (s *Store) Claim(ctx context.Context, c *lease.Content, token string) (*lease.Content, error) {
	i := item{"pk": str(claimKey(c.OrderID)), "sk": str("I"), "v": num(itemVersion), "p": str(c.ParkSN), "n": str(string(c.Plate)),
		"d": bin(packSlots(c.Slots)), "t": str(token), "ttl": num(c.EndsAt().Add(lease.OrderIDKept).Unix())}
	old, ok, err := s.put(ctx, s.tables.Orders, i, "attribute_not_exists(pk)", nil, nil)
	if err != nil || ok || getS(old, "t") == token {
		return nil, err
	}
	return claimOf(c.OrderID, old), checkVersion(old)
}

func claimOf(id string, i item) *lease.Content {
	return &lease.Content{OrderID: id, ParkSN: getS(i, "p"), Plate: lease.Plate(getS(i, "n")), Slots: appendSlots(nil, getB(i, "d"))}
}

// Claimed returns the content that has the order_id, or lease.ErrOrderUnknown.
func (s *Store) Claimed(ctx context.Context, orderID string) (*lease.Content, error) {
	i, err := s.get(ctx, s.tables.Orders, key(claimKey(orderID), "I"))
	if err != nil {
		return nil, err
	}
	if i == nil {
		return nil, lease.ErrOrderUnknown
	}
	return claimOf(orderID, i), nil
}

// CreateOrder writes an order that is new. Where its row is there already, it returns that and false.
func (s *Store) CreateOrder(ctx context.Context, o *lease.Order, token string) (*lease.Order, bool, error) {
	old, ok, err := s.put(ctx, s.tables.Orders, orderItem(o, token), "attribute_not_exists(pk)", nil, nil)
	if err != nil || ok || getS(old, "t") == token {
		return o, err == nil, err
	}
	if err := checkVersion(old); err != nil {
		return nil, false, err
	}
	there := orderOf(old)
	return &there, false, nil
}

// OrderOf reads the order that a claim stands for; lease.ErrOrderUnknown when it was never written or is gone.
func (s *Store) OrderOf(ctx context.Context, c *lease.Content) (*lease.Order, error) {
	i, err := s.get(ctx, s.tables.Orders, key(ordersKey(c.ParkSN), orderSort(c.Plate, c.OrderID)))
	if err != nil {
		return nil, err
	}
	if i == nil {
		return nil, lease.ErrOrderUnknown
	}
	o := orderOf(i)
	return &o, nil
}

// Order reads an order by its id, strongly consistent: the claim first, which knows park and plate.
func (s *Store) Order(ctx context.Context, orderID string) (*lease.Order, error) {
	c, err := s.Claimed(ctx, orderID)
	if err != nil {
		return nil, err
	}
	return s.OrderOf(ctx, c)
}

// SaveOrder writes next over held on the condition that rev, seq and due mark are still held's. Where they are
// not, it returns what is stored and false. A write that the SDK repeated finds itself and counts as done.
func (s *Store) SaveOrder(ctx context.Context, next, held *lease.Order) (*lease.Order, bool, error) {
	condition, values := "r = :r AND q = :q AND attribute_not_exists(due)", item{":r": num(held.Rev), ":q": num(held.Seq)}
	if !held.DueAt.IsZero() {
		condition = "r = :r AND q = :q AND due = :due"
		values[":due"] = num(held.DueAt.UnixMilli())
	}
	// The token is this write's own: two pushes that overlapped may otherwise write the same to the letter, and the later one would take the
	// other's write for its own repeat.
	written := orderItem(next, rand.Text()[:10])
	old, ok, err := s.put(ctx, s.tables.Orders, written, condition, nil, values)
	if err != nil || ok {
		return next, ok, err
	}
	if old == nil {
		return nil, false, lease.ErrOrderUnknown // its time to live ended
	}
	if err := checkVersion(old); err != nil {
		return nil, false, err
	}
	now := orderOf(old)
	return &now, equalItems(written, old), nil
}

func equalItems(a, b item) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if getS(a, name) != getS(b, name) || getN(a, name) != getN(b, name) || string(getB(a, name)) != string(getB(b, name)) {
			return false
		}
	}
	return true
}

// ChangeOrder applies change until no other write came between, and returns the order as it then is. change
// returns false to leave it.
func (s *Store) ChangeOrder(ctx context.Context, o *lease.Order, change func(lease.Order) (lease.Order, bool)) (*lease.Order, error) {
	for range tries {
		next, wanted := change(*o)
		if !wanted {
			return o, nil
		}
		now, ok, err := s.SaveOrder(ctx, &next, o)
		if err != nil {
			return nil, err
		}
		if ok {
			return &next, nil
		}
		o = now
	}
	return nil, fmt.Errorf("%w: order written %d times meanwhile", lease.ErrUnavailable, tries)
}

// PlateOrders reads all orders of a plate in a park, strongly consistent, those that are over or cancelled too.
func (s *Store) PlateOrders(ctx context.Context, parkSN string, plate lease.Plate) ([]lease.Order, error) {
	var orders []lease.Order
	in := &dynamodb.QueryInput{TableName: &s.tables.Orders, ConsistentRead: ptr(true), ReturnConsumedCapacity: total,
		KeyConditionExpression:    ptr("pk = :pk AND begins_with(sk, :plate)"),
		ExpressionAttributeValues: item{":pk": str(ordersKey(parkSN)), ":plate": str(platePrefix(plate))}}
	for {
		out, err := s.db.Query(ctx, in)
		if err != nil {
			return nil, unavailable(err)
		}
		s.reads(out.ConsumedCapacity)
		for _, i := range out.Items {
			if err := checkVersion(i); err != nil {
				return nil, err
			}
			orders = append(orders, orderOf(i))
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return orders, nil
		}
	}
}

// Due is an entry of the index: eventually consistent, so only a hint that wants a look at the order.
type Due struct {
	ParkSN   string
	Plate    lease.Plate
	OrderID  string
	DueAt    time.Time
	DueSince time.Time // as Order.DueSince
	NextSlot time.Time
	Shard    int // of the index: one that gave as many entries as were asked for may hold more
}

// DueOrders reads up to limit entries of each shard whose due mark is not after until.
func (s *Store) DueOrders(ctx context.Context, until time.Time, limit int) ([]Due, error) {
	var due []Due
	for shard := range dueShards {
		out, err := s.db.Query(ctx, &dynamodb.QueryInput{TableName: &s.tables.Orders, IndexName: ptr(dueIndex), ReturnConsumedCapacity: total,
			KeyConditionExpression: ptr("ds = :ds AND due <= :until"), Limit: ptr(int32(limit)),
			ExpressionAttributeValues: item{":ds": str(fmt.Sprintf("d%d", shard)), ":until": num(until.UnixMilli())}})
		if err != nil {
			return nil, unavailable(err)
		}
		s.reads(out.ConsumedCapacity)
		for _, i := range out.Items {
			o := orderOf(i)
			due = append(due, Due{o.ParkSN, o.Plate, o.OrderID, o.DueAt, o.DueSince, getTime(i, "ns"), shard})
		}
	}
	return due, nil
}

// LivePlates scans a page of orders from a position ("" at the start) and visits the plates that have a live one
// at now; of one park only when parkSN is not "". It returns the next position, "" at the end.
func (s *Store) LivePlates(ctx context.Context, parkSN, from string, limit int, now time.Time, visit func(parkSN string, plate lease.Plate, orderID string)) (string, error) {
	var start item
	if pk, sk, ok := strings.Cut(from, "\n"); ok {
		start = key(pk, sk)
	}
	var items []item
	var last item
	if parkSN != "" {
		out, err := s.db.Query(ctx, &dynamodb.QueryInput{TableName: &s.tables.Orders, KeyConditionExpression: ptr("pk = :pk"), Limit: ptr(int32(limit)),
			ExclusiveStartKey: start, ExpressionAttributeValues: item{":pk": str(ordersKey(parkSN))}, ReturnConsumedCapacity: total})
		if err != nil {
			return from, unavailable(err)
		}
		s.reads(out.ConsumedCapacity)
		items, last = out.Items, out.LastEvaluatedKey
	} else {
		out, err := s.db.Scan(ctx, &dynamodb.ScanInput{TableName: &s.tables.Orders, Limit: ptr(int32(limit)), ExclusiveStartKey: start, ReturnConsumedCapacity: total})
		if err != nil {
			return from, unavailable(err)
		}
		s.reads(out.ConsumedCapacity)
		items, last = out.Items, out.LastEvaluatedKey
	}
	for _, i := range items {
		if !strings.HasPrefix(getS(i, "pk"), ordersKey("")) {
			continue // a claim
		}
		if o := orderOf(i); o.Live(now) && o.State != lease.Refused {
			visit(o.ParkSN, o.Plate, o.OrderID)
		}
	}
	if last == nil {
		return "", nil
	}
	return getS(last, "pk") + "\n" + getS(last, "sk"), nil
}

// MoveDue moves a due mark on, on the condition that it still stands, and returns the order as it was before; a scheduled
// attempt becomes free to be made. sent says whether a message is sent for the new mark. Since when it has been due is kept: moving a mark
// is no progress. It reports false where the mark has changed.
func (s *Store) MoveDue(ctx context.Context, d Due, to time.Time, sent bool) (*lease.Order, bool, error) {
	expression, values := "SET due = :to, dw = if_not_exists(dw, :due) REMOVE nb, st", item{":to": num(to.UnixMilli()), ":due": num(d.DueAt.UnixMilli())}
	if sent {
		expression = "SET due = :to, dw = if_not_exists(dw, :due), st = :st REMOVE nb"
		values[":st"] = num(1)
	}
	table, k := s.tables.Orders, key(ordersKey(d.ParkSN), orderSort(d.Plate, d.OrderID))
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &table, Key: k, UpdateExpression: &expression, ExpressionAttributeValues: values,
		ConditionExpression: ptr("due = :due"), ReturnValues: types.ReturnValueAllOld, ReturnConsumedCapacity: total})
	if _, failed := lost(err); failed {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, unavailable(err)
	}
	s.writes(out.ConsumedCapacity)
	if err := checkVersion(out.Attributes); err != nil {
		return nil, false, err
	}
	before := orderOf(out.Attributes)
	return &before, true, nil
}
