package reference

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"lease-gateway/shared/lease"
)

type date struct {
	Date  string `json:"date" dynamodbav:"date"`
	Start string `json:"start_time" dynamodbav:"start_time"`
	End   string `json:"end_time" dynamodbav:"end_time"`
}

// order is the head of an order: its content and what became of its push. Its dates are rows besides.
type order struct {
	PK          string `json:"-" dynamodbav:"pk"`
	SK          string `json:"-" dynamodbav:"sk"`
	OrderID     string `json:"order_id" dynamodbav:"order_id"`
	ParkSN      string `json:"park_sn" dynamodbav:"park_sn"`
	Plate       string `json:"car_plate_no" dynamodbav:"car_plate_no"`
	Dates       []date `json:"dates" dynamodbav:"dates"`
	Status      string `json:"status" dynamodbav:"status"`
	State       string `json:"-" dynamodbav:"whitelist_state"`
	Attempts    int    `json:"-" dynamodbav:"attempts"`
	DeliveredAt string `json:"-" dynamodbav:"delivered_at,omitempty"`
	LastError   string `json:"-" dynamodbav:"last_error,omitempty"`
	CreatedAt   string `json:"-" dynamodbav:"created_at"`
	TTL         int64  `json:"-" dynamodbav:"ttl"`
}

type whitelistView struct {
	State         string  `json:"state"`
	Attempts      int     `json:"attempts"`
	DeliveredAt   *string `json:"delivered_at"`
	NextAttemptAt *string `json:"next_attempt_at"`
	LastError     *string `json:"last_error"`
}

func (o order) MarshalJSON() ([]byte, error) {
	type plain order
	w := whitelistView{State: o.State, Attempts: o.Attempts}
	if o.DeliveredAt != "" {
		w.DeliveredAt = &o.DeliveredAt
	}
	if o.LastError != "" {
		w.LastError = &o.LastError
	}
	return json.Marshal(struct {
		plain
		Whitelist whitelistView `json:"whitelist"`
	}{plain(o), w})
}

func orderKey(id string) string { return "ORDER#" + id }

// Order reads the head of an order.
func (s *Store) Order(ctx context.Context, id string) (order, bool, error) {
	return get[order](ctx, s.DB, s.orders, map[string]string{"pk": orderKey(id), "sk": "ORDER"})
}

// transactionSize is what DynamoDB takes in one transaction.
const transactionSize = 100

// CreateOrder writes the head and a row for each date, all or nothing up to 99 dates.
func (s *Store) CreateOrder(ctx context.Context, o order, slots []lease.Slot) (bool, error) {
	o.PK, o.SK = orderKey(o.OrderID), "ORDER"
	head, err := attributevalue.MarshalMap(o)
	if err != nil {
		return false, err
	}
	var ends time.Time
	for _, slot := range slots {
		if end := slot.EndsAt(); end.After(ends) {
			ends = end
		}
	}
	items := []types.TransactWriteItem{{Put: &types.Put{TableName: &s.orders, Item: head, ConditionExpression: aws.String("attribute_not_exists(pk)")}}}
	for _, slot := range slots {
		item, err := attributevalue.MarshalMap(row{PK: rowsKey(o.ParkSN), SK: fmt.Sprintf("%s#%s#%s#%s", o.Plate, o.OrderID, slot.Date, slot.Start), OrderID: o.OrderID, Plate: o.Plate,
			Date: slot.Date.String(), Start: slot.Start.String(), End: slot.End.String(), Ends: ends.Unix(), TTL: ends.Add(lease.OrderKept).Unix()})
		if err != nil {
			return false, err
		}
		items = append(items, types.TransactWriteItem{Put: &types.Put{TableName: &s.orders, Item: item}})
	}
	for chunk := range slices.Chunk(items, transactionSize) {
		_, err := s.DB.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: chunk})
		var cancelled *types.TransactionCanceledException
		if errors.As(err, &cancelled) && slices.ContainsFunc(cancelled.CancellationReasons, func(r types.CancellationReason) bool {
			return aws.ToString(r.Code) == "ConditionalCheckFailed"
		}) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// message says which order is to be pushed.
type message struct {
	Version int    `json:"v"`
	ParkSN  string `json:"park_sn"`
	Plate   string `json:"car_plate_no"`
	OrderID string `json:"order_id"`
}

// AppOrder places the app's orders.
func AppOrder(g *Gateway, queue *sqs.Client) *Gateway {
	url := os.Getenv("PUSH_QUEUE_URL")
	g.handle = func(ctx context.Context, _ *events.APIGatewayV2HTTPRequest, body []byte) (int, envelope, error) {
		var o order
		if err := json.Unmarshal(body, &o); err != nil {
			return 0, envelope{}, errUnreadable
		}
		slots, err := o.check()
		if err != nil {
			return 0, envelope{}, err
		}
		now := time.Now()
		held, found, err := g.Store.Order(ctx, o.OrderID)
		if err != nil {
			return 0, envelope{}, err
		}
		if found {
			return again(held, o)
		}
		if err := g.judge(ctx, &o, slots, now); err != nil {
			return 0, envelope{}, err
		}
		o.Status, o.State, o.CreatedAt = "active", "pending", now.In(lease.Zone).Format(time.RFC3339)
		o.TTL = now.AddDate(2, 0, 0).Unix()
		created, err := g.Store.CreateOrder(ctx, o, slots)
		if err != nil {
			return 0, envelope{}, err
		}
		if !created {
			if held, _, err = g.Store.Order(ctx, o.OrderID); err != nil {
				return 0, envelope{}, err
			}
			return again(held, o)
		}
		raw, err := json.Marshal(message{1, o.ParkSN, o.Plate, o.OrderID})
		if err != nil {
			return 0, envelope{}, err
		}
		if _, err := queue.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(string(raw)),
			MessageGroupId: aws.String(groupOf(o.ParkSN, o.Plate)), MessageDeduplicationId: &o.OrderID}); err != nil {
			return 0, envelope{}, err
		}
		return http.StatusCreated, envelope{Msg: "ok", Data: o}, nil
	}
	return g
}

// again answers an order_id that is taken.
func again(held, asked order) (int, envelope, error) {
	if held.ParkSN != asked.ParkSN || held.Plate != asked.Plate || !slices.Equal(held.Dates, asked.Dates) {
		return 0, envelope{}, errOrderDiffers
	}
	return http.StatusOK, envelope{Msg: "already placed", Data: held}, nil
}

// check names every bad field and normalises the plate.
func (o *order) check() ([]lease.Slot, error) {
	e := &apiError{status: http.StatusBadRequest, code: 40003, msg: "parameters invalid"}
	if o.OrderID == "" {
		e.missing("order_id")
	} else if !lease.ValidOrderID(o.OrderID) {
		e.bad("order_id", "must be 1 to 64 of A-Z a-z 0-9 _ - . and begin with a letter or digit")
	}
	if o.ParkSN == "" {
		e.missing("park_sn")
	}
	if o.Plate == "" {
		e.missing("car_plate_no")
	} else if plate, err := lease.ParsePlate(o.Plate); err != nil {
		e.bad("car_plate_no", err.Error())
	} else {
		o.Plate = string(plate)
	}
	if n := len(o.Dates); n == 0 {
		e.missing("dates")
	} else if n > lease.MaxDates {
		e.bad("dates", fmt.Sprintf("must have 1 to %d entries", lease.MaxDates))
	}
	slots := make([]lease.Slot, len(o.Dates))
	for i, d := range o.Dates {
		var err1, err2, err3 error
		slots[i].Date, err1 = lease.ParseDate(d.Date)
		slots[i].Start, err2 = lease.ParseClock(d.Start, false)
		slots[i].End, err3 = lease.ParseClock(d.End, true)
		if err := errors.Join(err1, err2, err3); err != nil {
			e.bad(fmt.Sprintf("dates[%d]", i), err.Error())
		} else if !slots[i].Valid() {
			e.bad(fmt.Sprintf("dates[%d].end_time", i), "must differ from start_time (00:00 to 24:00 is a whole day)")
		}
	}
	if len(e.fields) > 0 {
		return nil, e
	}
	for _, i := range lease.Overlapping(slots) {
		e.bad(fmt.Sprintf("dates[%d]", i), "overlaps another of the dates")
	}
	if len(e.fields) > 0 {
		return nil, e
	}
	return slots, nil
}

// judge holds the order against the park's terms.
func (g *Gateway) judge(ctx context.Context, o *order, slots []lease.Slot, now time.Time) error {
	p, err := g.Store.Park(ctx, o.ParkSN)
	if err != nil {
		return err
	}
	held, err := g.Store.PlateRows(ctx, o.ParkSN, o.Plate, now)
	if err != nil {
		return err
	}
	terms := p.terms()
	e := &apiError{status: http.StatusUnprocessableEntity, code: 42201, msg: "the park does not lease that time"}
	for i, slot := range slots {
		if err := terms.Leases(slot, now); err != nil {
			e.bad(fmt.Sprintf("dates[%d]", i), err.Error())
		} else if len(held)+i+1 > lease.MaxLiveSlots {
			e.bad(fmt.Sprintf("dates[%d]", i), fmt.Sprintf("more than %d live slots of this plate in this park", lease.MaxLiveSlots))
		}
	}
	if len(e.fields) > 0 {
		return e
	}
	return nil
}
