package simulation

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"lease-gateway/shared/leasestore"
)

// A newer version of the binaries is the same code with another layout: items of version 2 have their slots in D, messages of version 2
// say so. It reads both; the old version knows only its own, and must leave the newer one alone.

// deploy replaces the functions' instances one function at a time. An instance that works ends its work first.
func (w *World) deploy() {
	w.note(deployed, "")
	for _, f := range []*function{w.app, w.pusher, w.sweeper} {
		w.at(time.Now().Add(w.between("deploy", 0, 3*time.Minute)), "deploy "+f.name, func() {
			f.modern = true
			w.say("%s: the newer version is deployed", f.name)
		})
	}
}

type modernDynamo struct{ leasestore.Client }

func isOrders(table *string) bool { return *table == tables.Orders }

func one() types.AttributeValue { return &types.AttributeValueMemberN{Value: "1"} }
func two() types.AttributeValue { return &types.AttributeValueMemberN{Value: "2"} }

// asModern is an item as the newer version writes it.
func asModern(i item) item {
	next := maps.Clone(i)
	next["v"], next["D"] = two(), i["d"]
	delete(next, "d")
	return next
}

// fromModern is what the code, which knows version 1, is given of it.
func fromModern(i item) item {
	if i["D"] == nil {
		return i
	}
	next := maps.Clone(i)
	next["v"], next["d"] = one(), i["D"]
	delete(next, "D")
	return next
}

func modernErr(err error) error {
	if failed, ok := err.(*types.ConditionalCheckFailedException); ok && failed.Item != nil {
		again := *failed
		again.Item = fromModern(failed.Item)
		return &again
	}
	return err
}

func (m modernDynamo) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	out, err := m.Client.GetItem(ctx, in, o...)
	if err == nil {
		out.Item = fromModern(out.Item)
	}
	return out, err
}

func (m modernDynamo) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	next := *in
	if isOrders(in.TableName) {
		next.Item = asModern(in.Item)
	}
	out, err := m.Client.PutItem(ctx, &next, o...)
	return out, modernErr(err)
}

func (m modernDynamo) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	out, err := m.Client.UpdateItem(ctx, in, o...)
	if err == nil {
		out.Attributes = fromModern(out.Attributes)
	}
	return out, modernErr(err)
}

func (m modernDynamo) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	next := *in
	if in.ProjectionExpression != nil && isOrders(in.TableName) {
		next.ProjectionExpression = ptr(*in.ProjectionExpression + ", D")
	}
	out, err := m.Client.Query(ctx, &next, o...)
	if err == nil {
		for n, i := range out.Items {
			out.Items[n] = fromModern(i)
		}
	}
	return out, err
}

func (m modernDynamo) Scan(ctx context.Context, in *dynamodb.ScanInput, o ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	out, err := m.Client.Scan(ctx, in, o...)
	if err == nil {
		for n, i := range out.Items {
			out.Items[n] = fromModern(i)
		}
	}
	return out, err
}

type modernSender struct{ sender }

func (m modernSender) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, o ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	next := *in
	next.Entries = nil
	for _, e := range in.Entries {
		e.MessageBody = ptr(strings.Replace(*e.MessageBody, `{"v":1,`, `{"v":2,`, 1))
		next.Entries = append(next.Entries, e)
	}
	return m.sender.SendMessageBatch(ctx, &next, o...)
}

func modernBatch(batch events.SQSEvent) events.SQSEvent {
	var next events.SQSEvent
	for _, r := range batch.Records {
		r.Body = strings.Replace(r.Body, `{"v":2,`, `{"v":1,`, 1)
		next.Records = append(next.Records, r)
	}
	return next
}
