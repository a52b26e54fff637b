// Package pushqueue sends the messages of the push path. It stands apart from whitelist, so that only the functions that send carry the
// client for it: what is linked is paid for at each start.
package pushqueue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/shared/config"
	"lease-gateway/shared/whitelist"
)

type sender interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Queue sends messages to the pusher.
type Queue struct {
	Client sender
	URL    string
}

// Open makes a queue; it calls nothing.
func Open(url string) *Queue { return &Queue{Client: sqs.NewFromConfig(config.AWS()), URL: url} }

// Warm opens the connection to the queue without sending anything, and takes a message as far as the network.
func (q *Queue) Warm(ctx context.Context) {
	if client, ok := q.Client.(*sqs.Client); ok {
		_, _ = client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.URL})
	}
	over, end := context.WithCancel(ctx)
	end()
	_, _ = q.Send(over, whitelist.Message{})
}

// Send sends messages and returns the indices of those that were not taken: SQS can answer 200 with failed entries.
// err says why the last of them was not.
func (q *Queue) Send(ctx context.Context, messages ...whitelist.Message) (failed []int, err error) {
	for from := 0; from < len(messages); from += 10 {
		batch := messages[from:min(from+10, len(messages))]
		entries := make([]types.SendMessageBatchRequestEntry, len(batch))
		for i, m := range batch {
			raw, _ := json.Marshal(m) // strings and integers: cannot fail
			entries[i] = types.SendMessageBatchRequestEntry{Id: ptr(strconv.Itoa(i)), MessageBody: ptr(string(raw)),
				MessageGroupId: ptr(m.Group()), MessageDeduplicationId: ptr(m.Deduplication())}
		}
		out, sendErr := q.Client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.URL, Entries: entries})
		if sendErr != nil {
			err = sendErr
			for i := range batch {
				failed = append(failed, from+i)
			}
			continue
		}
		for _, f := range out.Failed {
			if i, convErr := strconv.Atoi(*f.Id); convErr == nil && i < len(batch) {
				failed = append(failed, from+i)
			}
			err = fmt.Errorf("queue: entry not taken: %s", *f.Code)
		}
	}
	return failed, err
}

func ptr[T any](v T) *T { return &v }
