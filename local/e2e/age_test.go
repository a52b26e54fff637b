package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lease-gateway/local/redrive"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/leasestore"
)

func tablesOf(s *stack.Stack) leasestore.Tables {
	for _, f := range s.Template.Functions {
		if f.Folder == "whitelist-pusher" {
			return leasestore.Tables{Orders: f.Env["ORDERS_TABLE"], Expiring: f.Env["EXPIRING_TABLE"]}
		}
	}
	return leasestore.Tables{}
}

// queuesOf are the addresses of the push queue and its dead-letter queue.
func queuesOf(t *testing.T, s *stack.Stack) (push, dead string) {
	t.Helper()
	for _, q := range s.Template.Queues {
		if name, ok := strings.CutSuffix(q.Name, "-push.fifo"); ok {
			push, dead, err := redrive.Queues(t.Context(), s.SQS(), name)
			if err != nil {
				t.Fatal(err)
			}
			return push, dead
		}
	}
	t.Fatal("no push queue in the template")
	return "", ""
}

// differences says what is not yet as it shall be: something due, or a whitelist that is not the live orders'.
func differences(t *testing.T, store *leasestore.Store, sim *tonglisim.Sim, live map[string][]string) string {
	t.Helper()
	due, err := store.DueOrders(t.Context(), time.Now().AddDate(1, 0, 0), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(due) > 0 {
		return fmt.Sprintf("%d are due, among them %s", len(due), due[0].OrderID)
	}
	gates := map[string][]string{}
	for _, e := range sim.Whitelist() {
		for _, d := range e.Dates {
			gates[e.ParkSN+" "+e.Plate] = append(gates[e.ParkSN+" "+e.Plate], d.Date)
		}
	}
	for k, dates := range live {
		if slices.Sort(dates); !slices.Equal(gates[k], dates) {
			return fmt.Sprintf("%s: the gate has %v, the orders %v", k, gates[k], dates)
		}
	}
	if len(gates) != len(live) {
		return fmt.Sprintf("the gates know %d plates, the orders %d", len(gates), len(live))
	}
	return ""
}

// age moves the moments that are stored on due orders, and the circuit's, into the past, as if so much time had gone by.
func age(t *testing.T, store *leasestore.Store, by time.Duration) {
	t.Helper()
	past := func(at time.Time) time.Time {
		if at.IsZero() {
			return at
		}
		return at.Add(-by)
	}
	due, err := store.DueOrders(t.Context(), time.Now().AddDate(1, 0, 0), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range due {
		if !d.DueAt.After(time.Now()) {
			continue // the next sweep finds it
		}
		held, err := store.PlateOrders(t.Context(), d.ParkSN, d.Plate)
		if err != nil {
			t.Fatal(err)
		}
		for i := range held {
			next := held[i]
			next.DueAt, next.NotBefore, next.Unsettled = past(next.DueAt), past(next.NotBefore), past(next.Unsettled)
			if _, _, err := store.SaveOrder(t.Context(), &next, &held[i]); err != nil { // what changed meanwhile is left alone
				t.Fatal(err)
			}
		}
	}
	b, err := store.Breaker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !b.OpenUntil.IsZero() {
		next := b
		next.OpenUntil, next.ProbeUntil = past(b.OpenUntil), past(b.ProbeUntil)
		if _, _, err := store.SaveBreaker(t.Context(), next, b); err != nil {
			t.Fatal(err)
		}
	}
}
