package whitelistpusher

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/shared/whitelist"
)

// Sequential handles one message in the caller's goroutine, so that a simulated crash unwinds the caller and not a worker: it ends
// the pusher in the middle of its work as a killed process would, past the guard that keeps a panic to its plate.
type Sequential struct{ Pusher }

// Handle is Pusher.Handle for one message.
func (s *Sequential) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	record := batch.Records[0]
	m, err := whitelist.ReadMessage(record.Body)
	if err != nil {
		return events.SQSEventResponse{}, err
	}
	g := &plate{Message: m, about: map[string]bool{m.OrderID: true}, unknown: record.Attributes["ApproximateReceiveCount"] != "1" || m.Rescue, repush: m.Repush != ""}
	again, err := s.push(ctx, g)
	if err == nil && again {
		if err = s.Wait(ctx, whitelist.InvocationRetry); err == nil {
			_, err = s.push(ctx, g)
		}
	}
	if err != nil {
		return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: record.MessageId}}}, nil
	}
	return events.SQSEventResponse{}, nil
}
