// Package triggers starts functions as AWS does without a caller: batches from a queue, and schedules.
package triggers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/local/lambdahost"
)

// Queue is an SQS event source mapping.
type Queue struct {
	Client          *sqs.Client
	URL, ARN        string
	Region          string
	Function        string
	BatchSize       int  // at most 10
	Concurrency     int  // batches at the same time
	PartialFailures bool // ReportBatchItemFailures
	Invoke          Invoker
	Log             func(format string, args ...any)
}

const (
	pollWait  = 10 * time.Second // a long poll
	pollPause = time.Second      // after an error of the queue
)

// Run polls until ctx ends, and then until the batches at hand are done. What a function fails stays in
// the queue, invisible for the visibility timeout, and comes again or goes to the dead-letter queue.
func (q *Queue) Run(ctx context.Context) {
	var all sync.WaitGroup
	for range q.Concurrency {
		all.Go(func() { q.poll(ctx) })
	}
	all.Wait()
}

func (q *Queue) poll(ctx context.Context) {
	for ctx.Err() == nil {
		out, err := q.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &q.URL, MaxNumberOfMessages: int32(q.BatchSize), WaitTimeSeconds: int32(pollWait / time.Second),
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
			MessageAttributeNames:       []string{"All"},
		})
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			q.Log("the queue cannot be read: %v", err)
			select {
			case <-ctx.Done():
			case <-time.After(pollPause):
			}
			continue
		}
		if len(out.Messages) > 0 {
			q.batch(context.WithoutCancel(ctx), out.Messages)
		}
	}
}

// batch invokes the function and deletes what it processed.
func (q *Queue) batch(ctx context.Context, messages []types.Message) {
	payload, err := json.Marshal(q.event(messages))
	if err != nil {
		q.Log("a batch cannot be encoded: %v", err)
		return
	}
	result, err := q.Invoke.Invoke(ctx, q.Function, payload)
	if errors.Is(err, lambdahost.ErrStopped) {
		return
	}
	if err != nil {
		q.Log("a batch of %d could not be delivered: %v", len(messages), err)
		return
	}
	if result.Error != "" {
		q.Log("a batch of %d failed: %s", len(messages), result.Payload)
		return
	}
	processed := messages
	if q.PartialFailures {
		if processed, err = succeeded(messages, result.Payload); err != nil {
			q.Log("a batch of %d counts as failed: %v", len(messages), err)
			return
		}
	}
	if len(processed) == 0 {
		return
	}
	entries := make([]types.DeleteMessageBatchRequestEntry, 0, len(processed))
	for _, m := range processed {
		entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(len(entries))), ReceiptHandle: m.ReceiptHandle})
	}
	out, err := q.Client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.URL, Entries: entries})
	if err != nil {
		q.Log("%d messages were processed and could not be deleted, they come again: %v", len(processed), err)
		return
	}
	for _, failed := range out.Failed {
		q.Log("a message was processed and could not be deleted, it comes again: %s", aws.ToString(failed.Message))
	}
}

// succeeded takes away the messages that the answer calls failed. As Lambda does, it takes an answer that
// is not understood, or names a message that was not in the batch, for the failure of all.
func succeeded(messages []types.Message, payload []byte) ([]types.Message, error) {
	var answer *events.SQSEventResponse
	if len(payload) == 0 {
		return messages, nil
	}
	if err := json.Unmarshal(payload, &answer); err != nil {
		return nil, fmt.Errorf("the answer is no batch response: %w", err)
	}
	if answer == nil || len(answer.BatchItemFailures) == 0 {
		return messages, nil
	}
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	var good []types.Message
	for _, m := range messages {
		if id := aws.ToString(m.MessageId); failed[id] {
			delete(failed, id)
		} else {
			good = append(good, m)
		}
	}
	for id := range failed {
		return nil, fmt.Errorf("the answer names %q, which was not in the batch", id)
	}
	return good, nil
}

func (q *Queue) event(messages []types.Message) events.SQSEvent {
	var e events.SQSEvent
	for _, m := range messages {
		record := events.SQSMessage{
			MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
			Md5OfBody: aws.ToString(m.MD5OfBody), Md5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes),
			Attributes: m.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{},
			EventSource: "aws:sqs", EventSourceARN: q.ARN, AWSRegion: q.Region,
		}
		for name, a := range m.MessageAttributes {
			record.MessageAttributes[name] = events.SQSMessageAttribute{
				StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: aws.ToString(a.DataType),
				StringListValues: []string{}, BinaryListValues: [][]byte{},
			}
		}
		e.Records = append(e.Records, record)
	}
	return e
}
