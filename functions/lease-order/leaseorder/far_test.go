package leaseorder_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"lease-gateway/functions/lease-order/leaseorder"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

// counting counts what a page costs: passes over the orders, and marks written.
type counting struct {
	*leasestore.Store
	passes, marks int
}

func (c *counting) Rows(ctx context.Context, parkSN string, plate lease.Plate, from leasestore.Position, limit int, now time.Time, visit func(string, []lease.Slot)) (leasestore.Position, bool, bool, error) {
	c.passes++
	return c.Store.Rows(ctx, parkSN, plate, from, limit, now, visit)
}

func (c *counting) PutMark(ctx context.Context, w leasestore.Walk, page int, at leasestore.Position, walk string, now time.Time) error {
	c.marks++
	return c.Store.PutMark(ctx, w, page, at, walk, now)
}

// TestFarPages: a page has no upper bound. One beyond the end is empty whatever its number, costs two passes and one mark at most, and says the
// number that was asked for; what comes later is found as ever.
func TestFarPages(t *testing.T) {
	r := newRig(1000)
	for i := range 300 {
		r.put(i, "o", 1, false)
	}
	c := &counting{Store: r.store}
	r.door = &door.Door{Signed: r.door.Signed, Handle: leaseorder.Handle(c, fixed{}), Now: r.door.Now, Logger: slog.New(slog.DiscardHandler)}
	ask := func(n string) page {
		return r.get(signature.Param{Name: "limit", Value: "1"}, signature.Param{Name: "page", Value: n})
	}
	for _, n := range []string{"301", "302", "10000001", "99999999", "100000000", "9223372036854775807", "9223372036854775808", "99999999999999999999999"} {
		c.passes, c.marks = 0, 0
		if p := ask(n); p.Code != 0 || len(p.Rows) != 0 || p.More || p.Next != nil || c.passes > 2 || c.marks > 1 {
			t.Errorf("page %s: %+v, %d passes, %d marks", n, p, c.passes, c.marks)
		}
	}
	for _, n := range []int{300, 2, 299, 1, 150} {
		c.passes, c.marks = 0, 0
		want := fmt.Sprintf("苏E%05d", n-1)
		if p := ask(fmt.Sprint(n)); len(p.Rows) != 1 || p.Rows[0].Plate != want || p.More != (n < 300) || c.passes > 3 || c.marks > 3 {
			t.Errorf("page %d: %+v, %d passes, %d marks", n, p, c.passes, c.marks)
		}
	}
	if p := r.get(signature.Param{Name: "page", Value: "0"}); p.Code != 40003 {
		t.Errorf("page 0: %d", p.Code)
	}
}
