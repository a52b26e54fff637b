// Package redrive moves what lies in the dead-letter queue back to the push queue, after a fix: receive, send, delete. SQS has a task of
// its own for that, which does nothing on FIFO queues of some engines and regions.
package redrive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/shared/whitelist"
)

// Client is what is called of SQS.
type Client interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
}

const (
	// hold is how long a message that was received stays out of another run's sight. A run that dies leaves it in the queue,
	// where it is seen again after so long.
	hold = 30 // seconds
	wait = 2  // seconds of a long poll: the queue counts as empty when it brings nothing
)

// Queues finds the two queues of a stack by their names in template.yaml.
func Queues(ctx context.Context, c Client, stack string) (push, dead string, err error) {
	for name, url := range map[string]*string{stack + "-push.fifo": &push, stack + "-push-dead.fifo": &dead} {
		out, err := c.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
		if err != nil {
			return "", "", fmt.Errorf("queue %s: %w", name, err)
		}
		*url = *out.QueueUrl
	}
	return push, dead, nil
}

// Run moves all messages of the queue dead to the queue push, and says of each what it was. A message is deleted only after it was sent, so one
// may come twice where a run died between the two, and none is lost: a message only says "look at this plate". Each keeps its group. Its
// deduplication id is made of its id in the dead-letter queue, the same in each run: a repeat within five minutes is swallowed.
func Run(ctx context.Context, c Client, push, dead string, say func(format string, args ...any)) (moved int, err error) {
	for {
		out, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &dead, MaxNumberOfMessages: 10, VisibilityTimeout: hold, WaitTimeSeconds: wait,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}, MessageAttributeNames: []string{"All"}})
		if err != nil {
			return moved, fmt.Errorf("receive: %w", err)
		}
		if len(out.Messages) == 0 {
			return moved, nil
		}
		for _, m := range out.Messages {
			if err := move(ctx, c, push, dead, m, say); err != nil {
				return moved, err
			}
			moved++
		}
	}
}

func move(ctx context.Context, c Client, push, dead string, m types.Message, say func(format string, args ...any)) error {
	id, group := aws.ToString(m.MessageId), m.Attributes["MessageGroupId"]
	if id == "" || group == "" {
		return errors.New("a message without id or group: is this the FIFO dead-letter queue?")
	}
	sum := sha256.Sum256([]byte("redrive " + id))
	sent, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &push, MessageBody: m.Body, MessageGroupId: &group, MessageAttributes: m.MessageAttributes,
		MessageDeduplicationId: aws.String(hex.EncodeToString(sum[:16]))})
	if err != nil {
		return fmt.Errorf("send %s: %w; it is still in the dead-letter queue", id, err)
	}
	if _, err := c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &dead, ReceiptHandle: m.ReceiptHandle}); err != nil {
		return fmt.Errorf("delete %s: %w; it was sent as %s and is seen in the dead-letter queue again, which does no harm", id, err, aws.ToString(sent.MessageId))
	}
	say("moved %s as %s: %s", id, aws.ToString(sent.MessageId), describe(aws.ToString(m.Body)))
	return nil
}

// describe is a message for people; the plate is masked.
func describe(body string) string {
	m, err := whitelist.ReadMessage(body)
	if err != nil {
		return fmt.Sprintf("%d bytes that this version cannot read (%v): it will come back", len(body), err)
	}
	if m.Repush != "" {
		return fmt.Sprintf("park %s, plate %s, nightly push %s", m.ParkSN, m.Plate.Masked(), m.Repush)
	}
	return fmt.Sprintf("park %s, plate %s, order %s", m.ParkSN, m.Plate.Masked(), m.OrderID)
}
