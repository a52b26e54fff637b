package reference

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/lease"
)

// number is an integer that PHP clients may send as a string.
type number int64

func (n *number) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseInt(string(bytes.Trim(raw, `"`)), 10, 64)
	*n = number(v)
	return err
}

// park is a park on the wire (contract, 3.1) and in the table.
type park struct {
	PK           string  `json:"-" dynamodbav:"pk"`
	SN           string  `json:"park_sn" dynamodbav:"park_sn"`
	Name         string  `json:"park_name" dynamodbav:"park_name"`
	Deadline     string  `json:"deadline" dynamodbav:"deadline"`
	Start        string  `json:"start_time" dynamodbav:"start_time"`
	End          string  `json:"end_time" dynamodbav:"end_time"`
	Sat          *number `json:"is_sat" dynamodbav:"is_sat"`
	Sun          *number `json:"is_sun" dynamodbav:"is_sun"`
	Holiday      *number `json:"is_holiday" dynamodbav:"is_holiday"`
	Price        *number `json:"price" dynamodbav:"price"`
	StartPrice   *number `json:"start_price" dynamodbav:"start_price"`
	HolidayPrice *number `json:"holiday_price" dynamodbav:"holiday_price"`
	Longitude    string  `json:"longitude,omitempty" dynamodbav:"longitude,omitempty"`
	Latitude     string  `json:"latitude,omitempty" dynamodbav:"latitude,omitempty"`
	PushedAt     int64   `json:"-" dynamodbav:"pushed_at"`
	UpdatedAt    string  `json:"-" dynamodbav:"updated_at"`
}

func parkKey(sn string) string { return "PARK#" + sn }

// check names every bad field.
func (p *park) check() error {
	e := &apiError{status: http.StatusBadRequest, code: 40003, msg: "parameters invalid"}
	for name, value := range map[string]string{"park_sn": p.SN, "park_name": p.Name, "deadline": p.Deadline, "start_time": p.Start, "end_time": p.End} {
		if value == "" {
			e.missing(name)
		}
	}
	for name, value := range map[string]*number{"price": p.Price, "start_price": p.StartPrice, "holiday_price": p.HolidayPrice} {
		if value == nil {
			e.missing(name)
		} else if *value < 0 || *value > lease.MaxFen {
			e.bad(name, "must be from 0 to 10000000")
		}
	}
	for name, value := range map[string]*number{"is_sat": p.Sat, "is_sun": p.Sun, "is_holiday": p.Holiday} {
		if value == nil {
			e.missing(name)
		} else if *value != 0 && *value != 1 {
			e.bad(name, "must be from 0 to 1")
		}
	}
	if _, err := lease.ParseDate(p.Deadline); p.Deadline != "" && err != nil {
		e.bad("deadline", err.Error())
	}
	start, err1 := lease.ParseClock(p.Start, false)
	end, err2 := lease.ParseClock(p.End, true)
	if err1 != nil || err2 != nil || start == end {
		e.bad("end_time", "must be a window")
	}
	if (p.Longitude == "") != (p.Latitude == "") {
		e.missing("longitude and latitude")
	}
	if len(e.fields) == 0 {
		return nil
	}
	return e
}

func (e *apiError) bad(name, reason string) {
	e.fields = append(e.fields, lease.FieldError{Field: name, Reason: reason})
}

func (e *apiError) missing(name string) {
	e.code, e.msg = 40002, "a required parameter is missing"
	e.bad(name, "is required")
}

// terms is the park as the domain knows it.
func (p *park) terms() lease.Park {
	t := lease.Park{SN: p.SN, Name: p.Name, Sat: *p.Sat == 1, Sun: *p.Sun == 1, Holiday: *p.Holiday == 1}
	t.Deadline, _ = lease.ParseDate(p.Deadline) // checked when it was stored
	t.Start, _ = lease.ParseClock(p.Start, false)
	t.End, _ = lease.ParseClock(p.End, true)
	return t
}

// same reports whether two parks are offered alike.
func (p *park) same(o *park) bool {
	return p.Name == o.Name && p.Deadline == o.Deadline && p.Start == o.Start && p.End == o.End && *p.Sat == *o.Sat && *p.Sun == *o.Sun && *p.Holiday == *o.Holiday &&
		*p.Price == *o.Price && *p.StartPrice == *o.StartPrice && *p.HolidayPrice == *o.HolidayPrice && p.Longitude == o.Longitude && p.Latitude == o.Latitude
}

// Park reads a park.
func (s *Store) Park(ctx context.Context, sn string) (park, error) {
	p, found, err := get[park](ctx, s.DB, s.parks, map[string]string{"pk": parkKey(sn)})
	if err == nil && !found {
		err = errParkUnknown
	}
	return p, err
}

// PutPark writes a park unless a newer push was written before; it says whether it was.
func (s *Store) PutPark(ctx context.Context, p park) (bool, error) {
	p.PK = parkKey(p.SN)
	item, err := attributevalue.MarshalMap(p)
	if err != nil {
		return false, err
	}
	values, err := attributevalue.MarshalMap(map[string]int64{":pushed": p.PushedAt})
	if err != nil {
		return false, err
	}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.parks, Item: item,
		ConditionExpression: aws.String("attribute_not_exists(pk) OR pushed_at <= :pushed"), ExpressionAttributeValues: values})
	if failed(err) {
		return false, nil
	}
	return err == nil, err
}

// LeasePark receives parks that Tongli pushes.
func LeasePark(g *Gateway) *Gateway {
	g.signed = true
	g.handle = func(ctx context.Context, r *events.APIGatewayV2HTTPRequest, body []byte) (int, envelope, error) {
		var p park
		if err := json.Unmarshal(body, &p); err != nil {
			return 0, envelope{}, errUnreadable
		}
		if err := p.check(); err != nil {
			return 0, envelope{}, err
		}
		stamp, _ := strconv.ParseInt(r.QueryStringParameters["timestamp"], 10, 64) // verified before
		if p.PushedAt = stamp; stamp < 1e11 {
			p.PushedAt = stamp*1000 + 999
		}
		p.UpdatedAt = time.Now().In(lease.Zone).Format(time.RFC3339)
		written, err := g.Store.PutPark(ctx, p)
		if err != nil {
			return 0, envelope{}, err
		}
		if !written {
			return http.StatusOK, envelope{Msg: "stale"}, nil
		}
		return http.StatusOK, envelope{Msg: "ok"}, nil
	}
	return g
}
