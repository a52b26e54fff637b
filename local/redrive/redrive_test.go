package redrive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// dying is SQS as seen by a run that ends before its n-th call of a kind.
type dying struct {
	Client
	call string
	n    int
}

var errDied = errors.New("died")

func (d *dying) dies(call string) bool {
	if call != d.call {
		return false
	}
	d.n--
	return d.n < 0
}

func (d *dying) SendMessage(ctx context.Context, in *sqs.SendMessageInput, o ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	if d.dies("send") {
		return nil, errDied
	}
	return d.Client.SendMessage(ctx, in, o...)
}

func (d *dying) DeleteMessage(ctx context.Context, in *sqs.DeleteMessageInput, o ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	if d.dies("delete") {
		return nil, errDied
	}
	return d.Client.DeleteMessage(ctx, in, o...)
}

// queues are a stack's pair on the real engine, with so many messages in three groups in the dead-letter queue.
func queues(t *testing.T, n int) (c *sqs.Client, stack, push, dead string) {
	t.Helper()
	_, address := enginetest.Start(t)
	c = sqs.New(sqs.Options{Region: engines.Region, BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider(engines.AccessKey, engines.AccessKey, "")})
	stack = enginetest.Name("redrive")
	for _, name := range []string{stack + "-push.fifo", stack + "-push-dead.fifo"} {
		if _, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{"FifoQueue": "true"}}); err != nil {
			t.Fatal(err)
		}
	}
	push, dead, err := Queues(t.Context(), c, stack)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		body := fmt.Sprintf(`{"v":1,"park_sn":"P1","car_plate_no":"苏E8888%d","order_id":"o%02d"}`, i%3, i)
		if i == 4 {
			body = "{garbage"
		}
		if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &dead, MessageBody: &body, MessageGroupId: aws.String(fmt.Sprintf("g%d", i%3)), MessageDeduplicationId: aws.String(fmt.Sprint(i)),
			MessageAttributes: map[string]types.MessageAttributeValue{"n": {DataType: aws.String("Number"), StringValue: aws.String(fmt.Sprint(i))}}}); err != nil {
			t.Fatal(err)
		}
	}
	return c, stack, push, dead
}

// drain takes everything off a queue: the numbers of its messages by group, in order.
func drain(t *testing.T, c *sqs.Client, url string) map[string][]string {
	t.Helper()
	got := map[string][]string{}
	for {
		out, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return got
		}
		for _, m := range out.Messages {
			g := m.Attributes["MessageGroupId"]
			got[g] = append(got[g], *m.MessageAttributes["n"].StringValue)
			if _, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// release ends the invisibility that a dead run has left, as its end would.
func release(t *testing.T, c *sqs.Client, held []types.Message, url string) {
	t.Helper()
	for _, m := range held {
		_, _ = c.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}) // a deleted one is gone
	}
}

// remembering keeps what was received.
type remembering struct {
	Client
	held []types.Message
}

func (r *remembering) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, o ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	in.WaitTimeSeconds = 0 // the engine answers at once, and nobody else sends
	out, err := r.Client.ReceiveMessage(ctx, in, o...)
	if err == nil {
		r.held = append(r.held, out.Messages...)
	}
	return out, err
}

// TestRedrive moves everything, in the order of each group, attributes included, and says what it moved with masked plates.
func TestRedrive(t *testing.T) {
	c, _, push, dead := queues(t, 23)
	var said []string
	moved, err := Run(t.Context(), &remembering{Client: c}, push, dead, func(f string, a ...any) { said = append(said, fmt.Sprintf(f, a...)) })
	if err != nil || moved != 23 || len(said) != 23 {
		t.Fatalf("moved %d, said %d: %v", moved, len(said), err)
	}
	all := strings.Join(said, "\n")
	if !strings.Contains(all, "park P1, plate 苏E8••80, order o00") || strings.Contains(all, "苏E88880") || !strings.Contains(all, "8 bytes that this version cannot read") {
		t.Errorf("it says\n%s", all)
	}
	if left := drain(t, c, dead); len(left) != 0 {
		t.Errorf("left in the dead-letter queue: %v", left)
	}
	got := drain(t, c, push)
	for g := range 3 {
		var want []string
		for i := g; i < 23; i += 3 {
			want = append(want, fmt.Sprint(i))
		}
		if name := fmt.Sprintf("g%d", g); !slices.Equal(got[name], want) {
			t.Errorf("group %s: %v, want %v", name, got[name], want)
		}
	}
	if moved, err := Run(t.Context(), &remembering{Client: c}, push, dead, t.Logf); err != nil || moved != 0 {
		t.Errorf("an empty queue: moved %d, %v", moved, err)
	}
}

// TestRedriveDies before a send and between a send and its delete: the next run finishes, and nothing is lost or there twice.
func TestRedriveDies(t *testing.T) {
	for _, call := range []string{"send", "delete"} {
		for _, n := range []int{0, 3} {
			t.Run(fmt.Sprintf("%s %d", call, n), func(t *testing.T) {
				c, _, push, dead := queues(t, 8)
				seen := &remembering{Client: c}
				moved, err := Run(t.Context(), &dying{Client: seen, call: call, n: n}, push, dead, t.Logf)
				if !errors.Is(err, errDied) || moved != n {
					t.Fatalf("moved %d, %v", moved, err)
				}
				release(t, c, seen.held, dead)
				moved, err = Run(t.Context(), &remembering{Client: c}, push, dead, t.Logf)
				if err != nil || moved != 8-n {
					t.Fatalf("then moved %d, %v", moved, err)
				}
				total := 0
				for g, numbers := range drain(t, c, push) {
					total += len(numbers)
					if !slices.IsSortedFunc(numbers, func(a, b string) int { return strings.Compare(a, b) }) {
						t.Errorf("group %s: %v", g, numbers)
					}
				}
				if total != 8 {
					t.Errorf("%d messages in the push queue, want 8", total)
				}
			})
		}
	}
}

func TestNoSuchStack(t *testing.T) {
	c, _, _, _ := queues(t, 0)
	if _, _, err := Queues(t.Context(), c, "no-such-stack"); err == nil || !strings.Contains(err.Error(), "no-such-stack-push") {
		t.Errorf("%v", err)
	}
}
