package pushqueue

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/whitelist"
)

// broker is SQS: it takes what it is told to.
type broker struct {
	refuse map[string]bool
	err    error
	sent   []types.SendMessageBatchRequestEntry
}

func (b *broker) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if b.err != nil {
		return nil, b.err
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		if b.refuse[*e.Id] {
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: ptr("InternalError")})
			continue
		}
		b.sent = append(b.sent, e)
	}
	return out, nil
}

func TestSend(t *testing.T) {
	o := &lease.Order{Content: lease.Content{OrderID: "o", ParkSN: "P1", Plate: "苏E88888"}, Rev: 1, DueAt: lease.MustDate("2026-11-24").At(600)}
	m := whitelist.MessageFor(o)
	b := &broker{refuse: map[string]bool{"1": true}}
	messages := make([]whitelist.Message, 12)
	for i := range messages {
		messages[i] = m
	}
	failed, err := (&Queue{Client: b, URL: "q"}).Send(t.Context(), messages...)
	if len(failed) != 2 || failed[0] != 1 || failed[1] != 11 || err == nil {
		t.Errorf("a 200 with failed entries: %v %v", failed, err)
	}
	back, err := whitelist.ReadMessage(*b.sent[0].MessageBody)
	if err != nil || back != m {
		t.Errorf("read back %+v %v", back, err)
	}
	b.err = errors.New("down")
	if failed, err := (&Queue{Client: b}).Send(t.Context(), m); len(failed) != 1 || err == nil {
		t.Errorf("an unreachable queue: %v %v", failed, err)
	}
}
