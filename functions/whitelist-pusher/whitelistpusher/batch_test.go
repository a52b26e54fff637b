package whitelistpusher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// TestBatchAnswers: only faults of the pipeline are reported, each for its own messages; in FIFO order, what follows one in its group with it.
func TestBatchAnswers(t *testing.T) {
	good := func(id string, plate lease.Plate) events.SQSMessage {
		return record(id, whitelist.Message{Version: 1, ParkSN: "P1", Plate: plate, OrderID: string(plate)}, 1)
	}
	bad := func(id, body string, plate lease.Plate) events.SQSMessage {
		r := good(id, plate)
		r.Body = body
		return r
	}
	const later = `{"v":2,"park_sn":"P1","car_plate_no":"苏E88888"}`
	for _, c := range []struct {
		name    string
		records []events.SQSMessage
		failed  string
		pushed  string // plates
	}{
		{"all good", []events.SQSMessage{good("1", plateA), good("2", plateB)}, "", "A B"},
		{"several of one plate are one push", []events.SQSMessage{good("1", plateA), good("2", plateA), good("3", plateA)}, "", "A"},
		{"unreadable alone", []events.SQSMessage{bad("1", "{", plateA), good("2", plateB)}, "1", "B"},
		{"not an object", []events.SQSMessage{bad("1", `[1]`, plateA), bad("2", ``, plateB)}, "1 2", ""},
		{"without a plate", []events.SQSMessage{bad("1", `{"v":1,"park_sn":"P1"}`, plateA), good("2", plateB)}, "1", "B"},
		{"of a later version", []events.SQSMessage{good("1", plateB), bad("2", later, plateA)}, "2", "B"},
		{"what follows it in its group waits with it", []events.SQSMessage{bad("1", later, plateA), good("2", plateA), good("3", plateB), good("4", plateA)}, "1 2 4", "B"},
		{"what came before it in its group is done", []events.SQSMessage{good("1", plateA), bad("2", "{", plateA), good("3", plateA)}, "2 3", "A"},
		{"a plate that cannot be read", []events.SQSMessage{good("1", "苏EBROKE"), good("2", plateA), good("3", "苏EBROKE")}, "1 3", "A"},
		{"an item of a later version", []events.SQSMessage{good("1", "苏ELATER"), good("2", plateA)}, "1", "A"},
		{"a bug over one plate", []events.SQSMessage{good("1", "苏EPANIC"), good("2", plateA)}, "1", "A"},
		{"Tongli's failures are ordinary", []events.SQSMessage{good("1", "苏EBUSY1"), good("2", "苏ENOPE1"), good("3", plateA)}, "", "A BUSY1 BUSY1 NOPE1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			for _, plate := range []lease.Plate{plateA, plateB, "苏EBROKE", "苏ELATER", "苏EPANIC", "苏EBUSY1", "苏ENOPE1"} {
				b.store.orders[string(plate)] = night(string(plate), plate, 1)
			}
			b.store.broken["苏EBROKE"] = fmt.Errorf("%w: throttled", lease.ErrUnavailable)
			b.store.broken["苏ELATER"] = fmt.Errorf("%w: 2", lease.ErrVersionUnknown)
			b.gate.answer = func(_ int, plate lease.Plate, _ string) tongli.Outcome {
				switch plate {
				case "苏EPANIC":
					panic("a bug")
				case "苏EBUSY1":
					return busy
				case "苏ENOPE1":
					return refused
				}
				return accepted
			}
			b.handle(t, c.failed, c.records...)
			var pushed []string
			for name, plate := range map[string]lease.Plate{"A": plateA, "B": plateB, "BROKE": "苏EBROKE", "LATER": "苏ELATER", "BUSY1": "苏EBUSY1", "NOPE1": "苏ENOPE1"} {
				for range b.gate.calls[plate] {
					pushed = append(pushed, name)
				}
			}
			slices.Sort(pushed)
			if got := strings.Join(pushed, " "); got != c.pushed {
				t.Errorf("pushed %q, want %q", got, c.pushed)
			}
		})
	}
}

// TestEmptyBatch: an invocation that is no event of the queue fails as a whole and deletes nothing.
func TestEmptyBatch(t *testing.T) {
	if _, err := newBench().Handle(t.Context(), events.SQSEvent{}); err == nil {
		t.Error("taken for a batch")
	}
}

// TestTenGroups: in a batch of ten plates with five orders each, one order of one plate is refused; it alone is.
func TestTenGroups(t *testing.T) {
	b := newBench()
	var records []events.SQSMessage
	for p := range 10 {
		for n := 1; n <= 5; n++ {
			o := night(fmt.Sprintf("p%d-%d", p, n), lease.Plate(fmt.Sprintf("苏E0000%d", p)), n)
			b.store.orders[o.OrderID] = o
			if n == 1 {
				records = append(records, record(fmt.Sprint(p), whitelist.MessageFor(&o), 1))
			}
		}
	}
	b.gate.answer = func(_ int, plate lease.Plate, days string) tongli.Outcome {
		if plate == "苏E00007" && strings.Contains(days, "3") {
			return refused
		}
		return accepted
	}
	b.handle(t, "", records...)
	for id, o := range b.store.orders {
		if want := map[bool]lease.WhitelistState{true: lease.Refused, false: lease.Delivered}[id == "p7-3"]; o.State != want {
			t.Errorf("%s is %s, want %s", id, o.State, want)
		}
	}
	for p := range 10 {
		want := 1
		if p == 7 {
			want = 6
		}
		if got := len(b.gate.calls[lease.Plate(fmt.Sprintf("苏E0000%d", p))]); got != want {
			t.Errorf("plate %d: %d calls, want %d", p, got, want)
		}
	}
}

// TestNoTimeForTheRetry: where the wait is cut short by the invocation's end, the order is due and the message done.
func TestNoTimeForTheRetry(t *testing.T) {
	b := newBench(night("o", plateA, 1))
	b.gate.answer = func(int, lease.Plate, string) tongli.Outcome { return busy }
	b.Wait = func(context.Context, time.Duration) error { return errors.New("no time left") }
	b.push(t, "o")
	b.calls(t, plateA, "1")
	b.is(t, "o", "pending after 1, due in 1.5s")
}
