package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/whitelist"
)

const (
	itemsMax  = 5000 // of the orders' table that are looked at: a console, not a report
	platesMax = 300
	ordersMax = 200 // shown, the newest
)

// orderView is an order as the page shows it.
type orderView struct {
	OrderID     string     `json:"order_id"`
	ParkSN      string     `json:"park_sn"`
	Plate       string     `json:"car_plate_no"`
	Dates       []slotView `json:"dates"`
	Status      string     `json:"status"`
	State       string     `json:"state"` // of the whitelist
	Attempts    int        `json:"attempts"`
	CreatedAt   string     `json:"created_at"`
	DeliveredAt string     `json:"delivered_at,omitempty"`
	NextAttempt string     `json:"next_attempt_at,omitempty"`
	LastError   string     `json:"last_error,omitempty"`
}

type slotView struct {
	Date  string `json:"date"`
	Start string `json:"start_time"`
	End   string `json:"end_time"`
}

func slotOf(s lease.Slot) slotView {
	return slotView{s.Date.String(), s.Start.String(), s.End.String()}
}

func (c *Console) getOrders(w http.ResponseWriter, r *http.Request) {
	held, all, err := c.orders(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	slices.SortFunc(held, func(a, b lease.Order) int {
		if d := b.CreatedAt.Compare(a.CreatedAt); d != 0 {
			return d
		}
		return strings.Compare(a.OrderID, b.OrderID)
	})
	now, views := time.Now(), []orderView{}
	breaker, err := c.store.Breaker(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	for _, o := range held[:min(len(held), ordersMax)] {
		v := orderView{OrderID: o.OrderID, ParkSN: o.ParkSN, Plate: string(o.Plate), Status: string(o.Status(now)), State: string(o.Whitelist(now)), Attempts: o.Attempts,
			CreatedAt: moment(o.CreatedAt), DeliveredAt: moment(o.DeliveredAt), LastError: o.LastError, Dates: []slotView{}}
		if o.Whitelist(now) == lease.Pending {
			v.NextAttempt = moment(o.NotBefore)
			if now.Before(breaker.OpenUntil) { // what an order waits for then stands in the breaker, and nothing in the order
				v.LastError = whitelist.OpenError(breaker)
			}
		}
		for _, s := range o.Slots {
			v.Dates = append(v.Dates, slotOf(s))
		}
		views = append(views, v)
	}
	write(w, http.StatusOK, map[string]any{"orders": views, "all": all && len(held) <= ordersMax})
}

// orders reads the orders; all is false where the table holds more than is looked at.
func (c *Console) orders(ctx context.Context) (held []lease.Order, all bool, err error) {
	plates, all, err := c.plates(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, p := range plates {
		of, err := c.store.PlateOrders(ctx, p[0], lease.Plate(p[1]))
		if err != nil {
			return nil, false, err
		}
		held = append(held, of...)
	}
	return held, all, nil
}

// plates finds the (park, plate) pairs of the orders' table by its keys (shared/leasestore/doc.go).
func (c *Console) plates(ctx context.Context) (pairs [][2]string, all bool, err error) {
	seen := map[[2]string]bool{}
	db, in := c.stack.DynamoDB(), &dynamodb.ScanInput{TableName: &c.ordersTable, ProjectionExpression: aws.String("pk, sk"), ConsistentRead: aws.Bool(true)}
	for read := 0; read < itemsMax; {
		out, err := db.Scan(ctx, in)
		if err != nil {
			return nil, false, err
		}
		read += len(out.Items)
		for _, i := range out.Items {
			pk, isText := i["pk"].(*types.AttributeValueMemberS)
			sk, alsoText := i["sk"].(*types.AttributeValueMemberS)
			if !isText || !alsoText {
				continue
			}
			park, isOrder := strings.CutPrefix(pk.Value, "P#tongli#")
			plate, _, _ := strings.Cut(sk.Value, "#")
			if pair := [2]string{park, plate}; isOrder && !seen[pair] {
				if len(pairs) == platesMax {
					return pairs, false, nil
				}
				seen[pair] = true
				pairs = append(pairs, pair)
			}
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return pairs, true, nil
		}
	}
	return pairs, false, nil
}

// moment is RFC 3339 with +08:00, "" where there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(lease.Zone).Format(time.RFC3339)
}
