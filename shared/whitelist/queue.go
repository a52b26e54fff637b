// Package whitelist is what app-order, whitelist-pusher and whitelist-sweeper share of the push path: the queue message and
// how it is sent, the retry schedule, and the circuit breaker. Every number of the path stands in numbers.go, with its reason.
package whitelist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/shared/lease"
)

const messageVersion = 1

// Message says "look at this plate in this park"; the order's row is the truth.
type Message struct {
	Version int         `json:"v"`
	ParkSN  string      `json:"park_sn"`
	Plate   lease.Plate `json:"car_plate_no"`
	OrderID string      `json:"order_id"` // whose change or due mark sent it
	Rev     int64       `json:"rev"`
	DueAt   int64       `json:"due_at"`           // unix ms
	Rescue  bool        `json:"rescue,omitempty"` // an earlier message came to nothing: its push may have been made, so its outcome is unknown
	Repush  string      `json:"repush,omitempty"` // push although nothing is due; names the run
}

// MessageFor refers to an order as it now is.
func MessageFor(o *lease.Order) Message {
	return Message{Version: messageVersion, ParkSN: o.ParkSN, Plate: o.Plate, OrderID: o.OrderID, Rev: o.Rev, DueAt: o.DueAt.UnixMilli()}
}

// ReadMessage decodes a message; an unreadable one, or one of a version that is not known, is an error and belongs in the DLQ.
func ReadMessage(body string) (Message, error) {
	var m Message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("message is not JSON: %w", err)
	}
	if m.Version != messageVersion {
		return m, fmt.Errorf("message: %w: v=%d", lease.ErrVersionUnknown, m.Version)
	}
	if m.ParkSN == "" || m.Plate == "" {
		return m, fmt.Errorf("message: park_sn and car_plate_no are required")
	}
	return m, nil
}

// Group keeps a plate's messages in order and one at a time; group ids are ASCII, plates are not.
func (m Message) Group() string { return hash(m.ParkSN, string(m.Plate)) }

// dedup differs for a change, a retry and a second push (SQS swallows a known id for five minutes), and is
// equal for a true repeat.
func (m Message) dedup() string {
	return hash(m.OrderID, strconv.FormatInt(m.Rev, 10), strconv.FormatInt(m.DueAt, 10), m.Repush, m.ParkSN, string(m.Plate))
}

func hash(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:16])
}

type sender interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// Queue sends messages to the pusher.
type Queue struct {
	Client sender
	URL    string
}

// Send sends messages and returns the indices of those that were not taken: SQS can answer 200 with failed entries.
// err says why the last of them was not.
func (q *Queue) Send(ctx context.Context, messages ...Message) (failed []int, err error) {
	for from := 0; from < len(messages); from += 10 {
		batch := messages[from:min(from+10, len(messages))]
		entries := make([]types.SendMessageBatchRequestEntry, len(batch))
		for i, m := range batch {
			raw, _ := json.Marshal(m) // strings and integers: cannot fail
			entries[i] = types.SendMessageBatchRequestEntry{Id: ptr(strconv.Itoa(i)), MessageBody: ptr(string(raw)),
				MessageGroupId: ptr(m.Group()), MessageDeduplicationId: ptr(m.dedup())}
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

// Warm opens the connection to the queue without sending anything.
func (q *Queue) Warm(ctx context.Context, attributes func(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)) {
	_, _ = attributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.URL})
}
