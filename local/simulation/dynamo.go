package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Dynamo is DynamoDB as far as the store uses it: strongly consistent reads of the tables, and reads that lag behind of their
// indexes and replicas. It has no faults of its own; see faultyDynamo. The conformance suite holds it against the engine.
type Dynamo struct {
	Now func() time.Time
	// Lag is asked once for each write: after it, index and replica show it. nil: at once.
	Lag    func() time.Duration
	tables map[string]*table
}

type table struct {
	schema  *dynamodb.CreateTableInput
	hash    string
	ranged  string // "" without a sort key
	items   map[string]item
	replica map[string]item
	behind  []change
}

// change is a write that the replica has not seen yet.
type change struct {
	at   time.Time
	key  string
	item item // nil: deleted
}

// CreateTable makes a table.
func (d *Dynamo) CreateTable(in *dynamodb.CreateTableInput) {
	t := &table{schema: in, items: map[string]item{}, replica: map[string]item{}}
	t.hash, t.ranged = keysOf(in.KeySchema)
	if d.tables == nil {
		d.tables = map[string]*table{}
	}
	d.tables[*in.TableName] = t
}

func keysOf(schema []types.KeySchemaElement) (hash, ranged string) {
	for _, k := range schema {
		if k.KeyType == types.KeyTypeHash {
			hash = *k.AttributeName
		} else {
			ranged = *k.AttributeName
		}
	}
	return hash, ranged
}

func (d *Dynamo) table(name *string) (*table, error) {
	t := d.tables[*name]
	if t == nil {
		return nil, &types.ResourceNotFoundException{}
	}
	for len(t.behind) > 0 && !t.behind[0].at.After(d.Now()) {
		c := t.behind[0]
		if t.behind = t.behind[1:]; c.item == nil {
			delete(t.replica, c.key)
		} else {
			t.replica[c.key] = c.item
		}
	}
	return t, nil
}

func (t *table) key(i item) (string, error) {
	pk, ok := i[t.hash].(*types.AttributeValueMemberS)
	if !ok {
		return "", errors.New("ValidationException: no partition key")
	}
	if t.ranged == "" {
		return pk.Value, nil
	}
	sk, ok := i[t.ranged].(*types.AttributeValueMemberS)
	if !ok {
		return "", errors.New("ValidationException: no sort key")
	}
	return pk.Value + "\x00" + sk.Value, nil
}

func (d *Dynamo) write(t *table, key string, i item) {
	t.items[key] = i
	at := d.Now()
	if d.Lag != nil {
		at = at.Add(d.Lag())
	}
	if n := len(t.behind); n > 0 && at.Before(t.behind[n-1].at) {
		at = t.behind[n-1].at // an index sees the writes in their order
	}
	t.behind = append(t.behind, change{at, key, i})
}

// GetItem reads one item.
func (d *Dynamo) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	t, err := d.table(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := t.key(in.Key)
	if err != nil {
		return nil, err
	}
	return &dynamodb.GetItemOutput{Item: maps.Clone(t.view(in.ConsistentRead)[key])}, nil
}

func (t *table) view(consistent *bool) map[string]item {
	if consistent != nil && *consistent {
		return t.items
	}
	return t.replica
}

// failed is the answer to a condition that does not hold.
func failed(old item, want types.ReturnValuesOnConditionCheckFailure) error {
	message := "The conditional request failed"
	e := &types.ConditionalCheckFailedException{Message: &message}
	if want == types.ReturnValuesOnConditionCheckFailureAllOld {
		e.Item = maps.Clone(old)
	}
	return e
}

// PutItem writes a whole item, on a condition.
func (d *Dynamo) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	t, err := d.table(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := t.key(in.Item)
	if err != nil {
		return nil, err
	}
	old := t.items[key]
	if in.ConditionExpression != nil && !parseCondition(*in.ConditionExpression)(scope{old, in.ExpressionAttributeNames, in.ExpressionAttributeValues}) {
		return nil, failed(old, in.ReturnValuesOnConditionCheckFailure)
	}
	d.write(t, key, maps.Clone(in.Item))
	out := &dynamodb.PutItemOutput{}
	if in.ReturnValues == types.ReturnValueAllOld {
		out.Attributes = maps.Clone(old)
	}
	return out, nil
}

// UpdateItem changes attributes, on a condition; it makes the item where there is none.
func (d *Dynamo) UpdateItem(_ context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	t, err := d.table(in.TableName)
	if err != nil {
		return nil, err
	}
	key, err := t.key(in.Key)
	if err != nil {
		return nil, err
	}
	old := t.items[key]
	s := scope{old, in.ExpressionAttributeNames, in.ExpressionAttributeValues}
	if in.ConditionExpression != nil && !parseCondition(*in.ConditionExpression)(s) {
		return nil, failed(old, in.ReturnValuesOnConditionCheckFailure)
	}
	next := maps.Clone(old)
	if next == nil {
		next = maps.Clone(in.Key)
	}
	for _, a := range parseUpdate(*in.UpdateExpression) { // all values are of the item as it was
		if a.value == nil {
			delete(next, s.name(a.name))
		} else {
			next[s.name(a.name)] = a.value(s)
		}
	}
	d.write(t, key, next)
	out := &dynamodb.UpdateItemOutput{}
	switch in.ReturnValues {
	case types.ReturnValueAllOld:
		out.Attributes = maps.Clone(old)
	case types.ReturnValueAllNew:
		out.Attributes = maps.Clone(next)
	}
	return out, nil
}

// Query reads a key range of a table or index, in order.
func (d *Dynamo) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	t, err := d.table(in.TableName)
	if err != nil {
		return nil, err
	}
	hash, ranged, source, keep := t.hash, t.ranged, t.view(in.ConsistentRead), []string(nil)
	if in.IndexName != nil {
		if in.ConsistentRead != nil && *in.ConsistentRead {
			return nil, errors.New("ValidationException: Consistent reads are not supported on global secondary indexes")
		}
		index := t.index(*in.IndexName)
		if index == nil {
			return nil, fmt.Errorf("ValidationException: no index %s", *in.IndexName)
		}
		hash, ranged = keysOf(index.KeySchema)
		if index.Projection.ProjectionType != types.ProjectionTypeAll {
			keep = append([]string{t.hash, hash, ranged}, index.Projection.NonKeyAttributes...)
			if t.ranged != "" {
				keep = append(keep, t.ranged)
			}
		}
	}
	holds := parseCondition(*in.KeyConditionExpression)
	var found []item
	for _, i := range source {
		if i[hash] != nil && (ranged == "" || i[ranged] != nil) && holds(scope{i, in.ExpressionAttributeNames, in.ExpressionAttributeValues}) {
			found = append(found, i)
		}
	}
	order := func(a, b item) int {
		c, _ := compare(a[ranged], b[ranged])
		if c == 0 { // an index may hold several of one key
			ka, _ := t.key(a)
			kb, _ := t.key(b)
			c, _ = compare(&types.AttributeValueMemberS{Value: ka}, &types.AttributeValueMemberS{Value: kb})
		}
		return c
	}
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		forward := order
		order = func(a, b item) int { return forward(b, a) }
	}
	slices.SortFunc(found, order)
	if in.ExclusiveStartKey != nil {
		found = slices.DeleteFunc(found, func(i item) bool { return order(i, in.ExclusiveStartKey) <= 0 })
	}
	out := &dynamodb.QueryOutput{}
	if in.Limit != nil && len(found) >= int(*in.Limit) { // the engine tells of a last key even where nothing follows
		found = found[:*in.Limit]
		out.LastEvaluatedKey = only(found[len(found)-1], t.hash, t.ranged, hash, ranged)
	}
	for _, i := range found {
		if keep != nil {
			i = only(i, keep...)
		}
		out.Items = append(out.Items, projected(i, in.ProjectionExpression, in.ExpressionAttributeNames))
	}
	out.Count = int32(len(out.Items))
	return out, nil
}

func (t *table) index(name string) *types.GlobalSecondaryIndex {
	for i, g := range t.schema.GlobalSecondaryIndexes {
		if *g.IndexName == name {
			return &t.schema.GlobalSecondaryIndexes[i]
		}
	}
	return nil
}

func only(i item, names ...string) item {
	out := item{}
	for _, name := range names {
		if v := i[name]; v != nil && name != "" {
			out[name] = v
		}
	}
	return out
}

func projected(i item, expression *string, names map[string]string) item {
	if expression == nil {
		return maps.Clone(i)
	}
	var keep []string
	for _, name := range tokens(*expression) {
		if name != "," {
			keep = append(keep, scope{names: names}.name(name))
		}
	}
	return only(i, keep...)
}

// Scan reads a table from the beginning or from a key on; a segment is a share of the partition keys.
func (d *Dynamo) Scan(_ context.Context, in *dynamodb.ScanInput, _ ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	t, err := d.table(in.TableName)
	if err != nil {
		return nil, err
	}
	source := t.view(in.ConsistentRead)
	from := ""
	if in.ExclusiveStartKey != nil {
		if from, err = t.key(in.ExclusiveStartKey); err != nil {
			return nil, err
		}
	}
	out := &dynamodb.ScanOutput{}
	for _, key := range slices.Sorted(maps.Keys(source)) {
		i := source[key]
		pk := i[t.hash].(*types.AttributeValueMemberS).Value
		if key <= from && in.ExclusiveStartKey != nil || in.TotalSegments != nil && int32(mix(uint64(len(pk))+uint64(pk[len(pk)-1]))%uint64(*in.TotalSegments)) != *in.Segment {
			continue
		}
		out.Items = append(out.Items, projected(i, in.ProjectionExpression, in.ExpressionAttributeNames))
		if in.Limit != nil && len(out.Items) == int(*in.Limit) {
			out.LastEvaluatedKey = only(i, t.hash, t.ranged)
			break
		}
	}
	out.Count = int32(len(out.Items))
	return out, nil
}
