package reference

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/lease"
)

// row is one leased date of an order: one item. What lease/order shows of it is what it is made of.
type row struct {
	PK      string `json:"-" dynamodbav:"pk"`
	SK      string `json:"-" dynamodbav:"sk"`
	OrderID string `json:"-" dynamodbav:"order_id"`
	Plate   string `json:"car_plate_no" dynamodbav:"car_plate_no"`
	Date    string `json:"date" dynamodbav:"date"`
	Start   string `json:"start_time" dynamodbav:"start_time"`
	End     string `json:"end_time" dynamodbav:"end_time"`
	Ends    int64  `json:"-" dynamodbav:"order_ends_at"` // of the whole order, unix seconds
	TTL     int64  `json:"-" dynamodbav:"ttl"`
}

func rowsKey(parkSN string) string { return "ORDERS#" + parkSN }

const (
	defaultLimit = 1000
	maxLimit     = 10_000
	queryLimit   = 4000 // about the megabyte at which DynamoDB cuts an answer; DynamoDB Local reads on in vain where more is asked for
)

// Rows reads a page of a park's rows: those after offset, at most limit, and whether there are more.
func (s *Store) Rows(ctx context.Context, parkSN, plate string, offset, limit int, now time.Time) (rows []row, more bool, err error) {
	condition, values := "pk = :pk", map[string]any{":pk": rowsKey(parkSN), ":now": now.Unix()}
	if plate != "" {
		condition += " AND begins_with(sk, :plate)"
		values[":plate"] = plate + "#"
	}
	attributes, err := attributevalue.MarshalMap(values)
	if err != nil {
		return nil, false, err
	}
	wanted := offset + limit + 1 // one more tells whether there is another page
	query := &dynamodb.QueryInput{TableName: &s.orders, ConsistentRead: aws.Bool(true), KeyConditionExpression: &condition,
		FilterExpression: aws.String("order_ends_at > :now"), ExpressionAttributeValues: attributes}
	rows = make([]row, 0, limit)
	seen := 0
	for first := true; first || query.ExclusiveStartKey != nil && seen < wanted; first = false {
		query.Limit = aws.Int32(int32(min(wanted-seen, queryLimit)))
		page, err := s.DB.Query(ctx, query)
		if err != nil {
			return nil, false, err
		}
		skip := min(max(0, offset-seen), len(page.Items)) // what lies before the page is read and not decoded
		take := min(len(page.Items)-skip, limit-len(rows))
		var decoded []row
		if err := attributevalue.UnmarshalListOfMaps(page.Items[skip:skip+take], &decoded); err != nil {
			return nil, false, err
		}
		rows = append(rows, decoded...)
		seen += len(page.Items)
		query.ExclusiveStartKey = page.LastEvaluatedKey
	}
	return rows, seen >= wanted, nil
}

// PlateRows reads all live rows of a plate in a park.
func (s *Store) PlateRows(ctx context.Context, parkSN, plate string, now time.Time) ([]row, error) {
	rows, _, err := s.Rows(ctx, parkSN, plate, 0, maxLimit, now)
	return rows, err
}

// LeaseOrder lists the slots of a park's live orders.
func LeaseOrder(g *Gateway) *Gateway {
	g.signed = true
	g.handle = func(ctx context.Context, r *events.APIGatewayV2HTTPRequest, body []byte) (int, envelope, error) {
		q := struct {
			ParkSN string `json:"park_sn"`
			Plate  string `json:"car_plate_no"`
			Page   number `json:"page"`
			Limit  number `json:"limit"`
		}{Page: 1, Limit: defaultLimit}
		e := &apiError{status: http.StatusBadRequest, code: 40003, msg: "parameters invalid"}
		if r.RequestContext.HTTP.Method == http.MethodPost {
			if err := json.Unmarshal(body, &q); err != nil {
				return 0, envelope{}, errUnreadable
			}
		} else {
			q.ParkSN, q.Plate = r.QueryStringParameters["park_sn"], r.QueryStringParameters["car_plate_no"]
			for name, to := range map[string]*number{"page": &q.Page, "limit": &q.Limit} {
				if s := r.QueryStringParameters[name]; s != "" {
					n, err := strconv.ParseInt(s, 10, 64)
					if *to = number(n); err != nil {
						e.bad(name, "must be an integer")
					}
				}
			}
		}
		if q.ParkSN = strings.TrimSpace(q.ParkSN); q.ParkSN == "" {
			e.missing("park_sn")
		}
		if q.Page < 1 {
			e.bad("page", "must be 1 or more")
		}
		if q.Limit < 1 || q.Limit > maxLimit {
			e.bad("limit", "must be from 1 to 10000")
		}
		if q.Plate != "" {
			plate, err := lease.ParsePlate(q.Plate)
			if q.Plate = string(plate); err != nil {
				e.bad("car_plate_no", err.Error())
			}
		}
		if len(e.fields) > 0 {
			return 0, envelope{}, e
		}
		page, limit := int(q.Page), int(q.Limit)
		rows, more, err := g.Store.Rows(ctx, q.ParkSN, q.Plate, (page-1)*limit, limit, time.Now())
		if err != nil {
			return 0, envelope{}, err
		}
		if len(rows) == 0 {
			if _, err := g.Store.Park(ctx, q.ParkSN); err != nil {
				return 0, envelope{}, err
			}
		}
		return http.StatusOK, envelope{Msg: "ok", Data: rows, Page: &page, Limit: &limit, HasMore: &more}, nil
	}
	return g
}
