package leasestore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/shared/lease"
)

// Tables names the tables that a function may touch; one that it may not is empty.
type Tables struct{ Parks, Orders, Expiring string }

// Client is what of DynamoDB's client the store uses, so that tests can inject faults beneath it.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Store is safe for concurrent use. Its methods return lease errors; whatever else DynamoDB says
// (throttled, out of reach, out of time) wraps lease.ErrUnavailable and keeps the detail for the log.
type Store struct {
	db     Client
	tables Tables
	read   atomic.Int64 // hundredths of read units
	write  atomic.Int64 // hundredths of write units
}

// Open makes a store; it calls nothing.
func Open(db Client, tables Tables) *Store { return &Store{db: db, tables: tables} }

// Warm makes one cheap read, so that connection, DNS and TLS are paid for at start. Its error does not matter.
func (s *Store) Warm(ctx context.Context) {
	table, item := s.tables.Expiring, key("W", "W")
	if table == "" {
		table, item = s.tables.Parks, key("W", "")
	}
	_, _ = s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: item})
	// The other operations go up to the network and no further: what encodes, signs and finds the endpoint runs for the first time here, and not for
	// the first caller.
	over, end := context.WithCancel(ctx)
	end()
	_, _, _ = s.put(over, table, item, "attribute_not_exists(pk)", nil, nil)
	_, _ = s.db.Query(over, &dynamodb.QueryInput{TableName: &table, KeyConditionExpression: ptr("pk = :pk"), ExpressionAttributeValues: key("W", ""), ReturnConsumedCapacity: total})
}

// Units are billed units since the store was opened.
type Units struct{ Read, Write float64 }

// Units tells what the store's calls have cost so far, by ConsumedCapacity.
func (s *Store) Units() Units {
	return Units{float64(s.read.Load()) / 100, float64(s.write.Load()) / 100}
}

func (s *Store) reads(c *types.ConsumedCapacity) {
	if c != nil && c.CapacityUnits != nil {
		s.read.Add(int64(*c.CapacityUnits*100 + 0.5))
	}
}

func (s *Store) writes(c *types.ConsumedCapacity) {
	if c != nil && c.CapacityUnits != nil {
		s.write.Add(int64(*c.CapacityUnits*100 + 0.5))
	}
}

type item = map[string]types.AttributeValue

func key(pk, sk string) item {
	k := item{"pk": str(pk)}
	if sk != "" {
		k["sk"] = str(sk)
	}
	return k
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func bin(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func getS(i item, name string) string {
	if v, ok := i[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func getN(i item, name string) int64 {
	if v, ok := i[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64)
		return n
	}
	return 0
}

func getB(i item, name string) []byte {
	if v, ok := i[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func getBool(i item, name string) bool { return getN(i, name) == 1 }

func getTime(i item, name string) time.Time {
	if n := getN(i, name); n != 0 {
		return time.UnixMilli(n).In(lease.Zone)
	}
	return time.Time{}
}

// setN, setS and setTime leave an attribute out where it would say nothing: bytes are money.
func setN(i item, name string, n int64) {
	if n != 0 {
		i[name] = num(n)
	}
}

func setS(i item, name, s string) {
	if s != "" {
		i[name] = str(s)
	}
}

func setTime(i item, name string, t time.Time) {
	if !t.IsZero() {
		i[name] = num(t.UnixMilli())
	}
}

func setBool(i item, name string, b bool) {
	if b {
		i[name] = num(1)
	}
}

func checkVersion(i item) error {
	if v := getN(i, "v"); v > itemVersion {
		return fmt.Errorf("%w: %d", lease.ErrVersionUnknown, v)
	}
	return nil
}

// lost reports whether err is a failed condition, and gives the item that made it fail.
func lost(err error) (item, bool) {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return failed.Item, true
	}
	return nil, false
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", lease.ErrUnavailable, err) }

const (
	total  = types.ReturnConsumedCapacityTotal
	allOld = types.ReturnValuesOnConditionCheckFailureAllOld
)

func ptr[T any](v T) *T { return &v }

// get reads one item strongly consistent; nil when there is none.
func (s *Store) get(ctx context.Context, table string, k item) (item, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: k, ConsistentRead: ptr(true), ReturnConsumedCapacity: total})
	if err != nil {
		return nil, unavailable(err)
	}
	s.reads(out.ConsumedCapacity)
	if len(out.Item) == 0 {
		return nil, nil
	}
	return out.Item, checkVersion(out.Item)
}

// put writes an item on a condition. It reports the item that was in the way, and false.
func (s *Store) put(ctx context.Context, table string, i item, condition string, names map[string]string, values item) (item, bool, error) {
	in := &dynamodb.PutItemInput{TableName: &table, Item: i, ReturnConsumedCapacity: total}
	if condition != "" {
		in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure = &condition, allOld
		in.ExpressionAttributeNames = names
		if len(values) > 0 {
			in.ExpressionAttributeValues = values
		}
	}
	out, err := s.db.PutItem(ctx, in)
	if old, failed := lost(err); failed {
		return old, false, nil
	}
	if err != nil {
		return nil, false, unavailable(err)
	}
	s.writes(out.ConsumedCapacity)
	return nil, true, nil
}

// update applies an expression on a condition and returns the new item, or the one in the way and false.
func (s *Store) update(ctx context.Context, table string, k item, expression, condition string, values item) (item, bool, error) {
	in := &dynamodb.UpdateItemInput{TableName: &table, Key: k, UpdateExpression: &expression, ReturnConsumedCapacity: total, ReturnValues: types.ReturnValueAllNew}
	if condition != "" {
		in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure = &condition, allOld
	}
	if len(values) > 0 {
		in.ExpressionAttributeValues = values
	}
	out, err := s.db.UpdateItem(ctx, in)
	if old, failed := lost(err); failed {
		return old, false, nil
	}
	if err != nil {
		return nil, false, unavailable(err)
	}
	s.writes(out.ConsumedCapacity)
	return out.Attributes, true, nil
}
