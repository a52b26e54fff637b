package simulation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"pgregory.net/rapid"

	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
)

// queueClient is what is asked of a queue here.
type queueClient interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
}

// seat is one of the two queues, and what was received of it: by body, since the ids are each one's own.
type seat struct {
	queueClient
	url      string
	dead     func() []string
	receipts map[string]string
	groups   map[string]string
}

func (s *seat) receive(t *rapid.T) (got []string) {
	out, err := s.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: &s.url, MaxNumberOfMessages: 10, VisibilityTimeout: 3000,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range out.Messages {
		s.receipts[*m.Body], s.groups[*m.Body] = *m.ReceiptHandle, m.Attributes["MessageGroupId"]
		got = append(got, fmt.Sprintf("%s: %s, received %s times", m.Attributes["MessageGroupId"], *m.Body, m.Attributes["ApproximateReceiveCount"]))
	}
	// Which group comes first is each one's own; within a group there is an order.
	slices.SortStableFunc(got, func(a, b string) int { return cmp.Compare(a[:2], b[:2]) })
	return got
}

// TestQueueConforms: groups, deduplication, receipts, visibility and setting aside, as ElasticMQ has them. Time is the one thing that is not
// compared: what a visibility timeout brings back is brought back by ChangeMessageVisibility here.
func TestQueueConforms(t *testing.T) {
	const mostReceipts = 3
	_, address := enginetest.Start(t)
	client := sqs.New(sqs.Options{Region: engines.Region, BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider(engines.AccessKey, engines.AccessKey, "")})
	rapid.Check(t, func(rt *rapid.T) {
		name := enginetest.Name("conforms")
		create := func(name string, attributes map[string]string) string {
			attributes["FifoQueue"] = "true"
			out, err := client.CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
			if err != nil {
				rt.Fatal(err)
			}
			return *out.QueueUrl
		}
		deadURL := create(name+"-dead.fifo", map[string]string{})
		url := create(name+".fifo", map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:%s:%s:%s-dead.fifo","maxReceiveCount":"%d"}`, engines.Region, engines.AccountID, name, mostReceipts)})
		defer func() {
			for _, u := range []string{url, deadURL} {
				_, _ = client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: &u})
			}
		}()
		now := time.Now()
		clock := func() time.Time { return now }
		simulated := &Queue{Now: clock, MaxReceive: mostReceipts, Dead: &Queue{Now: clock}}
		a := &seat{queueClient: simulated, receipts: map[string]string{}, groups: map[string]string{}, dead: func() (list []string) {
			for _, m := range simulated.Dead.messages {
				list = append(list, m.body)
			}
			return list
		}}
		b := &seat{queueClient: client, url: url, receipts: map[string]string{}, groups: map[string]string{}, dead: func() (list []string) {
			for {
				out, err := client.ReceiveMessage(context.Background(), &sqs.ReceiveMessageInput{QueueUrl: &deadURL, MaxNumberOfMessages: 10, VisibilityTimeout: 3000})
				if err != nil {
					rt.Fatal(err)
				}
				if len(out.Messages) == 0 {
					return list
				}
				for _, m := range out.Messages {
					list = append(list, *m.Body)
				}
			}
		}}
		sent := 0
		both := []*seat{a, b}
		held := func(t *rapid.T) string {
			names := make([]string, 0, len(a.receipts))
			for body := range a.receipts {
				names = append(names, body)
			}
			if len(names) == 0 {
				return ""
			}
			slices.Sort(names)
			return rapid.SampledFrom(names).Draw(t, "message")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				if sent >= 10 {
					return // a receipt holds no more
				}
				in := &sqs.SendMessageBatchInput{}
				for range rapid.IntRange(1, 3).Draw(t, "messages") {
					sent++
					e := types.SendMessageBatchRequestEntry{Id: ptr(fmt.Sprint("e", sent)), MessageBody: ptr(fmt.Sprint("m", sent)), MessageGroupId: ptr(rapid.SampledFrom([]string{"g1", "g2", "g3"}).Draw(t, "group")),
						MessageDeduplicationId: ptr(rapid.SampledFrom([]string{"d1", "d2", "d3", "d4", "d5", "d6"}).Draw(t, "deduplication id"))}
					in.Entries = append(in.Entries, e)
				}
				for _, s := range both {
					batch := *in
					batch.QueueUrl = &s.url
					out, err := s.SendMessageBatch(context.Background(), &batch)
					if err != nil || len(out.Successful) != len(in.Entries) {
						t.Fatalf("send: %v %v", out, err)
					}
				}
			},
			"receive": func(t *rapid.T) {
				if x, y := a.receive(t), b.receive(t); !slices.Equal(x, y) {
					t.Fatalf("received\n%q\nthe engine gives\n%q", x, y)
				}
			},
			"delete": func(t *rapid.T) {
				body := held(t)
				if body == "" {
					return
				}
				for _, s := range both {
					if _, err := s.DeleteMessageBatch(context.Background(), &sqs.DeleteMessageBatchInput{QueueUrl: &s.url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: ptr("e"), ReceiptHandle: ptr(s.receipts[body])}}}); err != nil {
						t.Fatal(err)
					}
					delete(s.receipts, body)
				}
			},
			"the visibility timeout ends": func(t *rapid.T) {
				body := held(t)
				if body == "" {
					return
				}
				// A group's messages come back together, as the ones that were received together do: where only some are back, ElasticMQ
				// hands them out although others of the group are still out; SQS does not, and neither does the simulated queue.
				for _, s := range both {
					group := s.groups[body]
					for other, receipt := range s.receipts {
						if s.groups[other] != group {
							continue
						}
						if _, err := s.ChangeMessageVisibility(context.Background(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &s.url, ReceiptHandle: ptr(receipt)}); err != nil {
							t.Fatal(err)
						}
						delete(s.receipts, other)
					}
				}
			},
		})
		if x, y := slices.Sorted(slices.Values(a.dead())), slices.Sorted(slices.Values(b.dead())); !slices.Equal(x, y) {
			rt.Fatalf("set aside: %q, by the engine %q", x, y)
		}
	})
	for _, s := range []*seat{{queueClient: &Queue{Now: time.Now}}, {queueClient: client, url: address + "/" + engines.AccountID + "/nowhere.fifo"}} {
		if _, err := s.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &s.url}); err == nil {
			t.Error("an empty batch is taken")
		}
	}
}
