package triggers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/lambdahost"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// worker is a function that records what it gets and fails what it is told to.
type worker struct {
	mu     sync.Mutex
	seen   []events.SQSMessage
	busy   map[string]bool // groups in work
	clash  string
	answer func(e events.SQSEvent) lambdahost.Result
}

func (w *worker) Invoke(_ context.Context, _ string, payload []byte) (lambdahost.Result, error) {
	var e events.SQSEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return lambdahost.Result{}, err
	}
	groups := map[string]bool{}
	for _, m := range e.Records {
		groups[m.Attributes["MessageGroupId"]] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for g := range groups {
		if w.busy[g] {
			w.clash = g
		}
	}
	w.seen = append(w.seen, e.Records...)
	return w.answer(e), nil
}

func (w *worker) bodies() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, m := range w.seen {
		list = append(list, m.Body)
	}
	return list
}

func succeed(events.SQSEvent) lambdahost.Result { return lambdahost.Result{Payload: []byte("null")} }

// fifo makes a FIFO queue with a dead-letter queue (after two receives) and runs the trigger on it.
func fifo(t *testing.T, w *worker) (send func(body, group string), waiting func() int, dead func() int) {
	t.Helper()
	_, address := enginetest.Start(t)
	client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: aws.String(address), Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
	ctx := context.WithoutCancel(t.Context())
	name := enginetest.Name("queue")
	create := func(name string, attributes map[string]string) string {
		attributes["FifoQueue"] = "true"
		out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		return *out.QueueUrl
	}
	deadURL := create(name+"-dead.fifo", map[string]string{})
	url := create(name+".fifo", map[string]string{
		"VisibilityTimeout": "1", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:` + name + `-dead.fifo","maxReceiveCount":"2"}`,
	})
	q := &Queue{Client: client, URL: url, ARN: "arn:" + name, Region: "us-east-1", Function: "F", BatchSize: 10, Concurrency: 4, PartialFailures: true, Invoke: w, Log: t.Logf}
	runCtx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.Cleanup(func() { cancel(); <-ended })
	n := 0
	send = func(body, group string) {
		n++
		if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: aws.String(fmt.Sprint(n)),
			MessageAttributes: map[string]types.MessageAttributeValue{"kind": {DataType: aws.String("String"), StringValue: aws.String("test")}}}); err != nil {
			t.Fatal(err)
		}
	}
	count := func(url string) func() int {
		return func() int {
			out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}})
			if err != nil {
				t.Fatal(err)
			}
			var visible, hidden int
			fmt.Sscan(out.Attributes["ApproximateNumberOfMessages"], &visible)
			fmt.Sscan(out.Attributes["ApproximateNumberOfMessagesNotVisible"], &hidden)
			return visible + hidden
		}
	}
	go func() { defer close(ended); q.Run(runCtx) }()
	return send, count(url), count(deadURL)
}

func TestGroupsStayInOrder(t *testing.T) {
	w := &worker{answer: succeed}
	send, waiting, _ := fifo(t, w)
	const groups, each = 5, 8
	for i := range each {
		for g := range groups {
			send(fmt.Sprintf("%d", i), fmt.Sprintf("g%d", g))
		}
	}
	waitUntil(t, func() bool { return len(w.bodies()) >= groups*each && waiting() == 0 })
	w.mu.Lock()
	defer w.mu.Unlock()
	got := map[string][]string{}
	for _, m := range w.seen {
		got[m.Attributes["MessageGroupId"]] = append(got[m.Attributes["MessageGroupId"]], m.Body)
	}
	for g := range groups {
		if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5", "6", "7"}, got[fmt.Sprintf("g%d", g)]); diff != "" {
			t.Errorf("group %d: %s", g, diff)
		}
	}
	if w.clash != "" {
		t.Errorf("two batches of group %s ran at the same time", w.clash)
	}
	m := w.seen[0]
	if m.EventSource != "aws:sqs" || m.Attributes["ApproximateReceiveCount"] != "1" || m.Attributes["SentTimestamp"] == "" || *m.MessageAttributes["kind"].StringValue != "test" {
		t.Errorf("record %+v", m)
	}
}

// Only the failed message comes again, and after two receives it is dead.
func TestPartialFailure(t *testing.T) {
	w := &worker{}
	w.answer = func(e events.SQSEvent) lambdahost.Result {
		var r events.SQSEventResponse
		for _, m := range e.Records {
			if m.Body == "bad" {
				r.BatchItemFailures = append(r.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		b, _ := json.Marshal(r)
		return lambdahost.Result{Payload: b}
	}
	send, waiting, dead := fifo(t, w)
	send("good1", "a")
	send("bad", "b")
	send("good2", "c")
	waitUntil(t, func() bool { return waiting() == 0 && dead() == 1 })
	bodies := w.bodies()
	slices.Sort(bodies)
	if diff := cmp.Diff([]string{"bad", "bad", "good1", "good2"}, bodies); diff != "" {
		t.Error(diff)
	}
}

// A function that fails, and an answer that makes no sense, leave the whole batch in the queue.
func TestBatchFails(t *testing.T) {
	for name, result := range map[string]lambdahost.Result{
		"function error": {Payload: []byte(`{"errorType":"x"}`), Error: "Unhandled"},
		"empty id":       {Payload: []byte(`{"batchItemFailures":[{"itemIdentifier":""}]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			w := &worker{answer: func(events.SQSEvent) lambdahost.Result { return result }}
			send, waiting, dead := fifo(t, w)
			send("one", "a")
			waitUntil(t, func() bool { return waiting() == 0 && dead() == 1 })
			if diff := cmp.Diff([]string{"one", "one"}, w.bodies()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSucceeded(t *testing.T) {
	messages := []types.Message{{MessageId: aws.String("1")}, {MessageId: aws.String("2")}}
	for _, c := range []struct {
		payload string
		want    int
		fails   bool
	}{
		{``, 2, false}, {`null`, 2, false}, {`{}`, 2, false}, {`{"batchItemFailures":[]}`, 2, false},
		{`{"batchItemFailures":[{"itemIdentifier":"2"}]}`, 1, false},
		{`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"}]}`, 0, false},
		{`{"batchItemFailures":[{"itemIdentifier":"3"}]}`, 0, true}, {`{"batchItemFailures":[{}]}`, 0, true}, {`"x"`, 0, true}, {`{`, 0, true},
	} {
		good, err := succeeded(messages, []byte(c.payload))
		if len(good) != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %d good, %v", c.payload, len(good), err)
		}
	}
}

// slow is a function that runs until it is released.
type slow struct {
	calls   chan string
	release chan struct{}
}

func (s slow) Invoke(_ context.Context, _ string, payload []byte) (lambdahost.Result, error) {
	s.calls <- string(payload)
	<-s.release
	return lambdahost.Result{}, errors.New("released")
}

func TestSchedule(t *testing.T) {
	f := slow{calls: make(chan string, 100), release: make(chan struct{})}
	var logged sync.WaitGroup
	logged.Add(1)
	once := sync.OnceFunc(logged.Done)
	s := &Schedule{Function: "F", Every: 10 * time.Millisecond, AtStart: true, Input: `{"at":"<aws.scheduler.scheduled-time>"}`, Invoke: f,
		Now: func() time.Time { return time.Date(2026, 11, 24, 8, 0, 0, 5, time.FixedZone("", 8*3600)) }, Log: func(string, ...any) { once() }}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	if got, want := <-f.calls, `{"at":"2026-11-24T00:00:00Z"}`; got != want {
		t.Errorf("input %s, want %s", got, want)
	}
	ticks := time.NewTicker(s.Every)
	defer ticks.Stop()
	for range 5 { // five intervals pass while it runs
		<-ticks.C
	}
	if n := len(f.calls); n != 0 {
		t.Errorf("%d more runs while the first one went on", n)
	}
	close(f.release)
	<-f.calls // and the next tick fires again
	logged.Wait()
	cancel()
	<-ended
}

// waitUntil polls the condition for at most twenty seconds.
func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the condition did not come true")
		}
	}
}
