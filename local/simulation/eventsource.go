package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// maxPushers is how many batches the event source has at work at once.
const maxPushers = 3

// poll sees to it that the queue is looked at when a message can be received.
func (w *World) poll() {
	at, ok := w.queue.next()
	if !ok || w.pushing >= maxPushers {
		return // a batch that ends polls again
	}
	if now := time.Now(); at.Before(now) {
		at = now
	}
	at = at.Add(5 * time.Millisecond)
	if at.Before(w.pausedUntil) {
		at = w.pausedUntil
	}
	if !w.pollAt.IsZero() && !at.Before(w.pollAt) {
		return
	}
	w.pollAt = at
	w.at(at, "poll", func() {
		if w.pollAt.Equal(at) {
			w.pollAt = time.Time{}
			w.receive()
			w.poll()
		}
	})
}

// receive hands a batch to a pusher, and deletes what was not reported as failed.
func (w *World) receive() {
	if w.pushing >= maxPushers {
		return
	}
	in := &sqs.ReceiveMessageInput{MaxNumberOfMessages: int32(1 + w.intn("batch", batchLimit))}
	start := time.Now().Add(w.between("time of a batch to its instance", time.Millisecond, 20*time.Millisecond))
	if w.strike(visibilityEnds, "") {
		in.VisibilityTimeout = int32(1 + w.intn("visibility", 12))
		if w.intn("a slow batch", 2) == 0 { // to its instance, so that two of them begin at about one time
			in.VisibilityTimeout = 1
			start = start.Add(w.between("time of a slow batch", 900*time.Millisecond, 1200*time.Millisecond))
		}
	}
	aside := len(w.queue.Dead.messages)
	out, _ := w.queue.ReceiveMessage(context.Background(), in)
	for range w.queue.Dead.messages[aside:] {
		w.note(receivedTooMany, "")
	}
	if len(out.Messages) == 0 {
		return
	}
	w.pushing++
	if w.strike(batchHeld, "") {
		start = start.Add(w.queue.Visibility - time.Minute + w.between("held", 0, 2*time.Minute))
	}
	w.at(start, "batch", func() { w.push(out.Messages) })
}

func (w *World) push(messages []types.Message) {
	var batch events.SQSEvent
	for _, m := range messages {
		if w.tracing() {
			w.say("a pusher gets %s, received %s times", *m.Body, m.Attributes["ApproximateReceiveCount"])
		}
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: *m.MessageId, Body: *m.Body, Attributes: m.Attributes})
		w.delivered(m)
	}
	w.invoke(w.pusher, batch, func(result any, err error) {
		w.at(time.Now().Add(2*time.Millisecond), "batch done", func() {
			w.pushing--
			defer w.poll()
			if err != nil {
				return // comes again after the visibility timeout
			}
			failed := map[string]bool{}
			for _, f := range result.(events.SQSEventResponse).BatchItemFailures {
				failed[f.ItemIdentifier] = true
			}
			if w.strike(crashBeforeDelete, "") {
				return
			}
			in := &sqs.DeleteMessageBatchInput{}
			for i, m := range messages {
				if !failed[*m.MessageId] && !w.strike(deleteFails, *m.MessageId) {
					in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: ptr(fmt.Sprint(i)), ReceiptHandle: m.ReceiptHandle})
				}
			}
			_, _ = w.queue.DeleteMessageBatch(context.Background(), in)
			if w.strike(crashAfterDelete, "") {
				w.pausedUntil = time.Now().Add(w.between("pause of the event source", time.Second, 40*time.Second))
			}
		})
	})
}

func aboutOf(payload any) map[string]bool {
	about := map[string]bool{}
	if batch, ok := payload.(events.SQSEvent); ok {
		for _, r := range batch.Records {
			about[read(r.Body).OrderID] = true
		}
	}
	return about
}

func againOf(payload any) map[plateKey]bool {
	again := map[plateKey]bool{}
	if batch, ok := payload.(events.SQSEvent); ok {
		for _, r := range batch.Records {
			if m := read(r.Body); m.Rescue || r.Attributes["ApproximateReceiveCount"] != "1" {
				again[plateKey{m.ParkSN, string(m.Plate)}] = true
			}
		}
	}
	return again
}
