package reference

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/lease"
)

// Pusher handles the push queue.
type Pusher struct {
	Store  *Store
	Tongli *Tongli
}

type whitelist struct {
	ParkSN string `json:"park_sn"`
	Plate  string `json:"car_plate_no"`
	Dates  []date `json:"dates"`
}

// Handle pushes record by record, in the queue's order; what fails comes again after the visibility timeout.
func (p *Pusher) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	var out events.SQSEventResponse
	for i, record := range event.Records {
		if err := p.push(ctx, record.Body); err != nil {
			slog.ErrorContext(ctx, "push failed", "message_id", record.MessageId, "error", err)
			for _, rest := range event.Records[i:] { // a FIFO queue must not be overtaken
				out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: rest.MessageId})
			}
			break
		}
	}
	return out, nil
}

func (p *Pusher) push(ctx context.Context, body string) error {
	var m message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return err
	}
	now := time.Now()
	rows, err := p.Store.PlateRows(ctx, m.ParkSN, m.Plate, now)
	if err != nil {
		return err
	}
	list := whitelist{ParkSN: m.ParkSN, Plate: m.Plate, Dates: make([]date, len(rows))}
	for i, r := range rows {
		list.Dates[i] = date{r.Date, r.Start, r.End}
	}
	slices.SortFunc(list.Dates, func(a, b date) int { return cmp.Or(strings.Compare(a.Date, b.Date), strings.Compare(a.Start, b.Start)) })
	list.Dates = slices.Compact(list.Dates)
	err = p.Tongli.call(ctx, "/api/SynLeaseOrder", list, nil)
	var no *refused
	switch {
	case errors.As(err, &no):
		return p.Store.Pushed(ctx, m.OrderID, "refused", no.detail, now)
	case err != nil:
		return err
	}
	return p.Store.Pushed(ctx, m.OrderID, "delivered", "", now)
}

// Pushed notes on the head of an order what became of its push.
func (s *Store) Pushed(ctx context.Context, orderID, state, detail string, at time.Time) error {
	key, err := attributevalue.MarshalMap(map[string]string{"pk": orderKey(orderID), "sk": "ORDER"})
	if err != nil {
		return err
	}
	values, err := attributevalue.MarshalMap(map[string]any{":state": state, ":error": detail, ":at": at.In(lease.Zone).Format(time.RFC3339), ":one": 1})
	if err != nil {
		return err
	}
	_, err = s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.orders, Key: key, ExpressionAttributeValues: values,
		UpdateExpression:    aws.String("SET whitelist_state = :state, last_error = :error, delivered_at = :at ADD attempts :one"),
		ConditionExpression: aws.String("attribute_exists(pk)")})
	return err
}
