package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/shared/whitelist"
)

// faultyQueue is an instance's way to the queue.
type faultyQueue struct{ w *World }

// SendMessageBatch implements what whitelist.Queue needs.
func (f faultyQueue) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	w, inv := f.w, invocationOf(ctx)
	defer w.handOver()
	if w.strike(crashBeforeSend, inv.name) {
		w.crash(inv)
	}
	if err := w.pause(ctx, w.between("time of a send", 3*time.Millisecond, 30*time.Millisecond), "send"); err != nil {
		return nil, err
	}
	if w.strike(sendFails, inv.name) {
		return nil, errors.New("simulated: the queue is out of reach")
	}
	taken := *in
	taken.Entries = nil
	var failed []types.BatchResultErrorEntry
	for _, e := range in.Entries {
		m := read(*e.MessageBody)
		switch {
		case w.strike(entriesFail, inv.name+", "+m.OrderID):
			failed = append(failed, types.BatchResultErrorEntry{Id: e.Id, Code: ptr("InternalError")})
			continue
		case w.strike(messageLost, m.OrderID):
			continue
		}
		taken.Entries = append(taken.Entries, e)
		w.sent(m)
		if w.tracing() {
			w.say("%s sends %s", inv.name, *e.MessageBody)
		}
	}
	out := &sqs.SendMessageBatchOutput{}
	if len(taken.Entries) > 0 {
		before := w.queue.count
		var err error
		if out, err = w.queue.SendMessageBatch(ctx, &taken); err != nil {
			return nil, err
		}
		w.deliver(before)
	}
	out.Failed = append(out.Failed, failed...)
	if w.strike(crashAfterSend, inv.name) {
		w.crash(inv)
	}
	if w.strike(sendAnswerLost, inv.name) {
		return nil, errors.New("simulated: the answer to a send is lost")
	}
	return out, nil
}

func read(body string) (m whitelist.Message) {
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		panic(err)
	}
	return m
}

// deliver lets happen to new messages what can happen on their way.
func (w *World) deliver(from int) {
	for _, m := range w.queue.messages[len(w.queue.messages)-(w.queue.count-from):] {
		if w.strike(messageDelayed, m.id) {
			m.visibleAt = m.visibleAt.Add(w.between("delay of a delivery", time.Second, 2*time.Minute))
		}
		if w.strike(messageTwice, m.id) {
			// A group of its own: the lock of the true one does not hold it back.
			delay := w.between("delay of a double", 0, 5*time.Minute)
			if w.intn("the double comes at once", 2) == 0 {
				delay %= 300 * time.Millisecond
			}
			m.twice = true
			w.queue.add(m.body, m.group+"′", time.Now().Add(delay)).twice = true
		}
		if w.strike(groupReordered, m.id) {
			m.group += "″"
		}
	}
	w.poll()
}

// loseEverything empties the queue, what is out included. It keeps what it has handed out, or may hand out, twice: of two pushers of one message
// one can bring the plate up to date, mark and all, while the other dies in mid-call; then that message alone remembers the call, and a
// queue that breaks its lock and loses the message as well could only be met by a write before each call.
func (w *World) loseEverything() {
	w.note(everythingLost, "")
	w.queue.messages = slices.DeleteFunc(w.queue.messages, func(m *message) bool { return m.received <= 1 && !m.twice })
}
