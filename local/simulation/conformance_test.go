package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"lease-gateway/local/engines/enginetest"
	"lease-gateway/shared/leasestore"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// twins asks the simulated DynamoDB and the engine the same, and fails where they differ.
type twins struct {
	t         *rapid.T
	simulated *Dynamo
	engine    leasestore.Client
	names     leasestore.Tables
	prefix    string // of the partition keys, so that one sequence does not see another's items
}

// on gives a request to both; the tables' names are all that differs between them.
func on[In, Out any](d *twins, what string, ask func(leasestore.Client, *In) (*Out, error), in In, table func(*In) **string, name func(leasestore.Tables) *string) (*Out, *Out) {
	simulated, real := in, in
	*table(&simulated), *table(&real) = name(tables), name(d.names)
	a, errA := ask(d.simulated, &simulated)
	b, errB := ask(d.engine, &real)
	if (errA == nil) != (errB == nil) {
		d.t.Fatalf("%s: %v, the engine says %v", what, errA, errB)
	}
	if errA != nil {
		var x, y *types.ConditionalCheckFailedException
		if !errors.As(errA, &x) || !errors.As(errB, &y) || !reflect.DeepEqual(x.Item, y.Item) {
			d.t.Fatalf("%s: %v with %v, the engine says %v with %v", what, errA, x, errB, y)
		}
		return nil, nil
	}
	return a, b
}

func (d *twins) same(what string, a, b any) {
	if !reflect.DeepEqual(a, b) {
		d.t.Fatalf("%s:\n%s\nthe engine:\n%s", what, show(a), show(b))
	}
}

func show(v any) (s string) {
	list, ok := v.([]item)
	if !ok {
		list = []item{v.(item)}
	}
	for _, i := range list {
		for _, name := range slices.Sorted(maps.Keys(i)) {
			s += fmt.Sprintf("%s=%v ", name, reflect.ValueOf(i[name]).Elem().FieldByName("Value"))
		}
		s += "\n"
	}
	return s
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func whole64(n int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

// The keys are few, so that writes meet; seven- and eight-character plates share a beginning.
var (
	partitions = []string{"P#tongli#P1", "P#tongli#P2", "I#o1"}
	sorts      = []string{"苏E0000#o1", "苏E00001#o1", "苏E00001#o2", "苏E00001#o3", "苏E00002#o1", "京A00001#o1"}
	shards     = []string{"d0", "d1"}
)

func (d *twins) drawKey() item {
	return item{"pk": text(d.prefix + rapid.SampledFrom(partitions).Draw(d.t, "pk")), "sk": text(rapid.SampledFrom(sorts).Draw(d.t, "sk"))}
}

// put writes with each of the store's kinds of condition: those that orders, claims, parks and what expires are written on.
func (d *twins) put() {
	n := rapid.IntRange(0, 3)
	i := d.drawKey()
	for _, name := range []string{"r", "q", "due", "x"} {
		if rapid.Bool().Draw(d.t, "has "+name) {
			i[name] = whole64(n.Draw(d.t, name))
		}
	}
	if i["due"] != nil && rapid.Bool().Draw(d.t, "in the index") {
		i["ds"], i["ns"] = text(d.prefix+rapid.SampledFrom(shards).Draw(d.t, "shard")), whole64(n.Draw(d.t, "ns"))
	}
	if rapid.Bool().Draw(d.t, "with a text for a number") {
		i["x"] = text("1")
	}
	i["d"] = &types.AttributeValueMemberB{Value: []byte{byte(n.Draw(d.t, "d"))}}
	in := dynamodb.PutItemInput{Item: i}
	conditions := []string{"", "attribute_not_exists(pk)", "r = :r", "r = :r AND q = :q AND attribute_not_exists(due)", "r = :r AND q = :q AND due = :due", "attribute_not_exists(pk) OR x < :x",
		"attribute_not_exists(x) OR x < :x"}
	if c := rapid.SampledFrom(conditions).Draw(d.t, "condition"); c != "" {
		in.ConditionExpression = &c
		for _, v := range []string{":r", ":q", ":due", ":x"} {
			if slices.Contains(tokens(c), v) {
				if in.ExpressionAttributeValues == nil {
					in.ExpressionAttributeValues = item{}
				}
				in.ExpressionAttributeValues[v] = whole64(n.Draw(d.t, v))
			}
		}
		in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	on(d, "put", func(c leasestore.Client, in *dynamodb.PutItemInput) (*dynamodb.PutItemOutput, error) {
		return c.PutItem(context.Background(), in)
	}, in, func(in *dynamodb.PutItemInput) **string { return &in.TableName }, ordersTable)
}

func ordersTable(n leasestore.Tables) *string { return &n.Orders }

func (d *twins) update() {
	n := rapid.IntRange(0, 3)
	in := dynamodb.UpdateItemInput{Key: d.drawKey(), ReturnValues: rapid.SampledFrom([]types.ReturnValue{types.ReturnValueAllOld, types.ReturnValueAllNew}).Draw(d.t, "return"),
		ExpressionAttributeValues: item{":to": whole64(n.Draw(d.t, "to")), ":due": whole64(n.Draw(d.t, "due"))}}
	expression := rapid.SampledFrom([]string{"SET due = :to, dw = if_not_exists(dw, :due) REMOVE r, q", "SET due = :to, dw = if_not_exists(dw, :due)", "SET x = :to, q = :due"}).Draw(d.t, "update")
	condition := rapid.SampledFrom([]string{"due = :due", "attribute_not_exists(due) OR due < :due"}).Draw(d.t, "condition")
	in.UpdateExpression, in.ConditionExpression = &expression, &condition
	a, b := on(d, "update", func(c leasestore.Client, in *dynamodb.UpdateItemInput) (*dynamodb.UpdateItemOutput, error) {
		return c.UpdateItem(context.Background(), in)
	}, in, func(in *dynamodb.UpdateItemInput) **string { return &in.TableName }, ordersTable)
	if a != nil && len(a.Attributes)+len(b.Attributes) > 0 {
		d.same("update", a.Attributes, b.Attributes)
	}
}

func (d *twins) get() {
	a, b := on(d, "get", func(c leasestore.Client, in *dynamodb.GetItemInput) (*dynamodb.GetItemOutput, error) {
		return c.GetItem(context.Background(), in)
	}, dynamodb.GetItemInput{Key: d.drawKey(), ConsistentRead: ptr(rapid.Bool().Draw(d.t, "consistent"))}, func(in *dynamodb.GetItemInput) **string { return &in.TableName }, ordersTable)
	if len(a.Item)+len(b.Item) > 0 {
		d.same("get", a.Item, b.Item)
	}
}

// query walks a key range or the index, page by page.
func (d *twins) query() {
	in := dynamodb.QueryInput{Limit: ptr(int32(rapid.IntRange(1, 4).Draw(d.t, "limit"))), ExpressionAttributeValues: item{}}
	shape := rapid.SampledFrom([]string{"pk = :pk AND begins_with(sk, :plate)", "pk = :pk", "pk = :pk AND sk BETWEEN :low AND :high", "ds = :ds AND due <= :until"}).Draw(d.t, "range")
	in.KeyConditionExpression = &shape
	values := item{":pk": text(d.prefix + rapid.SampledFrom(partitions).Draw(d.t, "pk")), ":plate": text(rapid.SampledFrom([]string{"苏E00001#", "苏E0000#", "京"}).Draw(d.t, "plate")),
		":low": text(rapid.SampledFrom(sorts).Draw(d.t, "low")), ":high": text("\U0010FFFF"), ":ds": text(d.prefix + rapid.SampledFrom(shards).Draw(d.t, "shard")), ":until": whole64(rapid.IntRange(0, 3).Draw(d.t, "until"))}
	for v, value := range values {
		if slices.Contains(tokens(shape), v) {
			in.ExpressionAttributeValues[v] = value
		}
	}
	index := in.ExpressionAttributeValues[":ds"] != nil
	if index {
		in.IndexName = ptr("due")
	} else {
		in.ConsistentRead = ptr(true)
		if rapid.Bool().Draw(d.t, "backwards") {
			in.ScanIndexForward = ptr(false)
		}
		if rapid.Bool().Draw(d.t, "projected") {
			in.ProjectionExpression = ptr("sk, d, x")
		}
	}
	// Whether a last key is given where nothing follows it is each one's own.
	walk := func(c leasestore.Client, table string) (found []item) {
		page := in
		for page.TableName = &table; ; {
			out, err := c.Query(context.Background(), &page)
			if err != nil || len(out.Items) > int(*in.Limit) {
				d.t.Fatalf("%s: %v, %d items", shape, err, len(out.Items))
			}
			found = append(found, out.Items...)
			if page.ExclusiveStartKey = out.LastEvaluatedKey; page.ExclusiveStartKey == nil {
				return found
			}
		}
	}
	all, engines := walk(d.simulated, tables.Orders), walk(d.engine, d.names.Orders)
	if index { // the order within one due time is each one's own
		for _, list := range [][]item{all, engines} {
			if !slices.IsSortedFunc(list, func(a, b item) int { c, _ := compare(a["due"], b["due"]); return c }) {
				d.t.Fatalf("the index is not in order: %s", show(list))
			}
			slices.SortFunc(list, byKey)
		}
	}
	d.same(shape, all, engines)
}

func byKey(a, b item) int {
	for _, name := range []string{"pk", "sk"} {
		if c, _ := compare(a[name], b[name]); c != 0 {
			return c
		}
	}
	return 0
}

// scan: the pages together hold each item once, in both; the order is each one's own.
func scan(t *testing.T, simulated *Dynamo, engine leasestore.Client, names leasestore.Tables) {
	whole := func(c leasestore.Client, table string) (found []item) {
		in := &dynamodb.ScanInput{TableName: &table, Limit: ptr(int32(97)), ConsistentRead: ptr(true)}
		for {
			out, err := c.Scan(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, out.Items...)
			if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
				slices.SortFunc(found, byKey)
				return found
			}
		}
	}
	a, b := whole(simulated, tables.Orders), whole(engine, names.Orders)
	if len(a) < 200 || !reflect.DeepEqual(a, b) {
		t.Errorf("the scan finds %d items, the engine's %d, or other ones", len(a), len(b))
	}
}

// TestDynamoConforms: whatever the store may ask, with the conditions, updates, ranges and projections that it uses, the simulated DynamoDB answers
// as the engine does. A sequence that is told apart is made short by rapid, which prints its seed.
func TestDynamoConforms(t *testing.T) {
	engine, names := enginetest.Tables(t)
	simulated := &Dynamo{Now: time.Now}
	for _, table := range deployment().tables {
		simulated.CreateTable(table)
	}
	sequences := 0
	rapid.Check(t, func(t *rapid.T) {
		sequences++
		d := &twins{t: t, simulated: simulated, engine: engine, names: names, prefix: fmt.Sprintf("%d#", sequences)}
		step := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
		t.Repeat(map[string]func(*rapid.T){"put": step(d.put), "put more": step(d.put), "update": step(d.update), "get": step(d.get), "query": step(d.query), "": step(func() {})})
	})
	scan(t, simulated, engine, names)
	var missing *types.ResourceNotFoundException
	for _, c := range []leasestore.Client{simulated, engine} {
		if _, err := c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: ptr("nowhere"), Key: item{"pk": text("a"), "sk": text("b")}}); !errors.As(err, &missing) {
			t.Errorf("a table that is not there: %v", err)
		}
		if _, err := c.Query(t.Context(), &dynamodb.QueryInput{TableName: ordersTable(map[bool]leasestore.Tables{true: tables, false: names}[c == leasestore.Client(simulated)]), IndexName: ptr("due"),
			ConsistentRead: ptr(true), KeyConditionExpression: ptr("ds = :ds"), ExpressionAttributeValues: item{":ds": text("d0")}}); err == nil {
			t.Error("a consistent read of an index is answered")
		}
	}
}
