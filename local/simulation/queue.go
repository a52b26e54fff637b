package simulation

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	dedupWindow = 5 * time.Minute
	batchLimit  = 10
)

// Queue is an SQS FIFO queue: within a group in order and one receipt at a time, a deduplication id swallowed for five minutes, a message
// that was received too often set aside in Dead. It has no faults of its own; see sender. The conformance suite holds it against the engine.
type Queue struct {
	Now        func() time.Time
	Visibility time.Duration
	MaxReceive int // 0: never set aside
	Dead       *Queue

	messages []*message
	seen     map[string]time.Time // deduplication ids
	count    int
}

type message struct {
	id, body, group string
	visibleAt       time.Time
	received        int
	receipt         string
	twice           bool // the faulty network doubled it
}

// SendMessageBatch takes up to ten messages, each with an answer of its own.
func (q *Queue) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if len(in.Entries) > batchLimit {
		return nil, &types.TooManyEntriesInBatchRequest{}
	}
	if len(in.Entries) == 0 {
		return nil, &types.EmptyBatchRequest{}
	}
	if q.seen == nil {
		q.seen = map[string]time.Time{}
	}
	now, out := q.Now(), &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if e.MessageGroupId == nil || e.MessageDeduplicationId == nil {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: ptr("MissingParameter"), SenderFault: true})
			continue
		}
		id := strconv.Itoa(q.count)
		if at, known := q.seen[*e.MessageDeduplicationId]; !known || now.Sub(at) >= dedupWindow {
			q.seen[*e.MessageDeduplicationId] = now
			q.add(*e.MessageBody, *e.MessageGroupId, now)
		}
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id, MessageId: &id})
	}
	return out, nil
}

func (q *Queue) add(body, group string, visible time.Time) *message {
	m := &message{id: "m" + strconv.Itoa(q.count), body: body, group: group, visibleAt: visible}
	q.count++
	q.messages = append(q.messages, m)
	return m
}

// ReceiveMessage hands out messages of groups of which none is out, in their order.
func (q *Queue) ReceiveMessage(_ context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	now, out := q.Now(), &sqs.ReceiveMessageOutput{}
	visibility := q.Visibility
	if in.VisibilityTimeout > 0 {
		visibility = time.Duration(in.VisibilityTimeout) * time.Second
	}
	locked := map[string]bool{}
	for _, m := range q.messages {
		if m.received > 0 && m.visibleAt.After(now) {
			locked[m.group] = true
		}
	}
	most := max(int(in.MaxNumberOfMessages), 1)
	for i := 0; i < len(q.messages) && len(out.Messages) < most; i++ {
		m := q.messages[i]
		if locked[m.group] {
			continue
		}
		if m.visibleAt.After(now) {
			locked[m.group] = true // what follows a delayed message waits with it
			continue
		}
		if q.MaxReceive > 0 && m.received >= q.MaxReceive {
			q.messages = slices.Delete(q.messages, i, i+1)
			i--
			q.Dead.add(m.body, m.group, now)
			continue
		}
		m.received++
		m.visibleAt = now.Add(visibility)
		m.receipt = fmt.Sprintf("%s/%d", m.id, m.received)
		out.Messages = append(out.Messages, types.Message{MessageId: ptr(m.id), Body: ptr(m.body), ReceiptHandle: ptr(m.receipt), Attributes: map[string]string{
			"MessageGroupId": m.group, "ApproximateReceiveCount": strconv.Itoa(m.received)}})
	}
	return out, nil
}

// DeleteMessageBatch removes messages by the receipt that was given last.
func (q *Queue) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	out := &sqs.DeleteMessageBatchOutput{}
	for _, e := range in.Entries {
		q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.receipt == *e.ReceiptHandle })
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: e.Id})
	}
	return out, nil
}

// ChangeMessageVisibility says when a message that is out comes back.
func (q *Queue) ChangeMessageVisibility(_ context.Context, in *sqs.ChangeMessageVisibilityInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error) {
	for _, m := range q.messages {
		if m.receipt == *in.ReceiptHandle {
			m.visibleAt = q.Now().Add(time.Duration(in.VisibilityTimeout) * time.Second)
			return &sqs.ChangeMessageVisibilityOutput{}, nil
		}
	}
	return nil, &types.MessageNotInflight{}
}

// next is when a message can be received; ok is false where there is none.
func (q *Queue) next() (at time.Time, ok bool) {
	first := map[string]bool{}
	for _, m := range q.messages {
		if first[m.group] {
			continue
		}
		first[m.group] = true
		if !ok || m.visibleAt.Before(at) {
			at, ok = m.visibleAt, true
		}
	}
	return at, ok
}

func ptr[T any](v T) *T { return &v }
