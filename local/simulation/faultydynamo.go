package simulation

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// faultyDynamo is an instance's way to DynamoDB. Each call takes its time, in which others act, and is one step: what it
// does is done at its end. A call outside an invocation (setting up, looking at the end) has neither time nor faults.
type faultyDynamo struct {
	w *World
	*Dynamo
}

var errThrottled = &types.ProvisionedThroughputExceededException{}

func describe(i item) string {
	text := func(name string) string {
		if v, ok := i[name].(*types.AttributeValueMemberS); ok {
			return v.Value
		}
		return ""
	}
	return strings.TrimPrefix(text("pk"), "P#tongli#") + " " + text("sk")
}

// breakerKey is read under the breaker's lock, where nobody may be made to wait by the scheduler.
const breakerKey = "B#tongli"

func isBreaker(key item) bool {
	v, ok := key["pk"].(*types.AttributeValueMemberS)
	return ok && v.Value == breakerKey
}

func (f faultyDynamo) read(ctx context.Context, what string) error {
	inv := invocationOf(ctx)
	if inv == nil {
		return nil
	}
	if err := f.w.pause(ctx, f.w.between("time of a read", time.Millisecond, 12*time.Millisecond), what); err != nil {
		return err
	}
	return f.readFault(inv, what)
}

func (f faultyDynamo) readFault(inv *invocation, what string) error {
	if f.w.strike(readThrottled, inv.name+", "+what) {
		inv.troubled = true
		return errThrottled
	}
	return nil
}

// GetItem implements leasestore.Client.
func (f faultyDynamo) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	defer f.w.handOver()
	inv := invocationOf(ctx)
	if inv != nil && isBreaker(in.Key) {
		if inv.dead {
			runtime.Goexit()
		}
		if err := f.readFault(inv, "the breaker"); err != nil {
			return nil, err
		}
	} else {
		what := "read " + describe(in.Key)
		f.w.turn(ctx, what) // it may be one of several that were begun at once
		if err := f.read(ctx, what); err != nil {
			return nil, err
		}
	}
	return f.Dynamo.GetItem(ctx, in)
}

// Query implements leasestore.Client. The sixteen shards of the index are read in one step.
func (f faultyDynamo) Query(ctx context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	defer f.w.handOver()
	what := "query"
	for _, v := range []string{":pk", ":plate", ":ds"} {
		if s, ok := in.ExpressionAttributeValues[v].(*types.AttributeValueMemberS); ok {
			what += " " + s.Value
		}
	}
	if in.IndexName == nil || strings.HasSuffix(what, " d0") {
		f.w.turn(ctx, what)
		if err := f.read(ctx, what); err != nil {
			return nil, err
		}
	}
	if inv := invocationOf(ctx); inv != nil && inv.function == f.w.pusher && in.IndexName == nil {
		f.w.looksAt(inv, in)
	}
	return f.Dynamo.Query(ctx, in)
}

// Scan implements leasestore.Client.
func (f faultyDynamo) Scan(ctx context.Context, in *dynamodb.ScanInput, _ ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	defer f.w.handOver()
	if err := f.read(ctx, "scan"); err != nil {
		return nil, err
	}
	return f.Dynamo.Scan(ctx, in)
}

// PutItem implements leasestore.Client.
func (f faultyDynamo) PutItem(ctx context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return write(ctx, f, "write "+describe(in.Item), func() (*dynamodb.PutItemOutput, error) {
		key, _ := f.tables[*in.TableName].key(in.Item)
		before := f.tables[*in.TableName].items[key]
		out, err := f.Dynamo.PutItem(ctx, in)
		if inv := invocationOf(ctx); inv != nil {
			f.w.wrote(inv, in, before, err)
		}
		return out, err
	})
}

// UpdateItem implements leasestore.Client.
func (f faultyDynamo) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return write(ctx, f, "update "+describe(in.Key), func() (*dynamodb.UpdateItemOutput, error) {
		key, _ := f.tables[*in.TableName].key(in.Key)
		before := f.tables[*in.TableName].items[key]
		out, err := f.Dynamo.UpdateItem(ctx, in)
		if inv := invocationOf(ctx); inv != nil && err == nil && before != nil {
			f.w.moved(inv, before)
		}
		return out, err
	})
}

// write is one write with what can happen to it on both ways.
func write[T any](ctx context.Context, f faultyDynamo, what string, do func() (T, error)) (none T, err error) {
	w, inv := f.w, invocationOf(ctx)
	if inv == nil {
		return do()
	}
	defer w.handOver()
	took := w.between("time of a write", 2*time.Millisecond, 20*time.Millisecond)
	if w.strike(slowWrite, inv.name+", "+what) {
		took, inv.troubled = w.between("time of a slow write", time.Second, 6*time.Second), true
	}
	if err := w.pause(ctx, took, what); err != nil {
		w.unnoted(inv)
		return none, err
	}
	if w.strike(crashBeforeWrite, inv.name+", "+what) {
		w.crash(inv)
	}
	if w.strike(writeThrottled, inv.name+", "+what) {
		inv.troubled = true
		w.unnoted(inv)
		return none, errThrottled
	}
	out, err := do()
	if w.tracing() {
		w.say("%s: %s%s", inv.name, what, outcome(err))
	}
	if err == nil && w.strike(answerLost, inv.name+", "+what) {
		out, err = do() // as the SDK does, after a pause that does not matter here
	}
	if w.strike(crashAfterWrite, inv.name+", "+what) {
		w.crash(inv)
	}
	if err == nil && w.strike(writtenError, inv.name+", "+what) {
		inv.troubled = true
		w.unnoted(inv)
		return none, errors.New("simulated: the answer never came, and neither did that of any repeat")
	}
	return out, err
}

func outcome(err error) string {
	var failed *types.ConditionalCheckFailedException
	switch {
	case err == nil:
		return ""
	case errors.As(err, &failed):
		return ": the condition fails"
	}
	return fmt.Sprintf(": %v", err)
}
