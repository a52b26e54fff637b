package simulation

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/shared/tongli"
)

// quietFrom: once the faults have stopped, what is due is pushed as soon as the worst that they left behind is over. Messages may be out for the
// visibility timeout; then the sweep after the due mark brings the push.
func (w *World) quietFrom(now time.Time) {
	if !w.stored.OpenUntil.IsZero() {
		return // the circuit decides
	}
	for key, i := range w.dynamo.tables[tables.Orders].items {
		if i["due"] == nil {
			continue
		}
		due := time.UnixMilli(whole(i["due"]))
		if due.Before(now.Add(w.queue.Visibility)) {
			due = now.Add(w.queue.Visibility)
		}
		limit := due.Add(2*sweepEvery + 30*time.Second)
		before := mark(i)
		w.at(limit, "late "+key, func() {
			if there := w.dynamo.tables[tables.Orders].items[key]; mark(there) == before {
				w.wrong("order %s was due at %s, and nothing has happened by %s", key, due.Format("15:04:05"), limit.Format("15:04:05"))
			}
		})
	}
}

func whole(v types.AttributeValue) int64 {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	return number(n.Value).Num().Int64()
}

// mark is what every change and every push of an order raises.
func mark(i item) string { return fmt.Sprintf("rev %d seq %d", whole(i["r"]), whole(i["q"])) }

// repushAll asks for the night's push as soon as none is under way.
func (w *World) repushAll() {
	if w.repushRuns() || w.nightAsked {
		w.at(time.Now().Add(sweepEvery), "night", func() {
			if w.stage == mending && !w.nightAsked {
				w.repushAll()
			}
		})
		return
	}
	w.nightAsked, w.nightFrom = true, time.Now()
	w.invoke(w.sweeper, `{"repush":"all"}`, func(_ any, err error) {
		if !w.repushRuns() && err != nil {
			w.nightAsked = false
		}
		w.nightBegan = w.nightAsked
	})
}

func (w *World) repushRuns() bool {
	i := w.dynamo.tables[tables.Expiring].items["R#repush\x00R"]
	return i != nil && i["n"] != nil
}

func (w *World) repushDone() bool { return w.nightBegan && !w.repushRuns() }

// night: the push of all plates told Tongli of each plate that has a delivered order.
func (w *World) night() {
	if w.Wrong != "" {
		return
	}
	if !w.nightBegan {
		w.wrong("the night's push never began")
		return
	}
	for key := range w.ledgers {
		var told time.Time
		for _, c := range w.tongli.byPlate[key] {
			if c.class == tongli.Accepted && !c.died {
				told = c.start
			}
		}
		// What was told a moment before may not be seen by the scan yet.
		if !told.IsZero() && told.Before(w.nightFrom.Add(-2*time.Minute)) && w.standing(key) {
			w.wrong("the night's push at %s passed over %s, which Tongli last accepted at %s", w.nightFrom.Format("15:04:05"), key, told.Format("15:04:05"))
		}
	}
}

// standing reports whether a plate has an order that was delivered and is not over for some time to come.
func (w *World) standing(key plateKey) bool {
	for _, i := range w.dynamo.tables[tables.Orders].items {
		s, _ := i["s"].(*types.AttributeValueMemberS)
		ends := time.Unix(whole(i["ttl"]), 0).Add(-7 * 24 * time.Hour)
		if i["r"] != nil && keyOf(i) == key && s != nil && s.Value == "d" && i["c"] == nil && ends.After(time.Now()) {
			return true
		}
	}
	return false
}
