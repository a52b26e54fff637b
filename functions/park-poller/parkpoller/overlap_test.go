package parkpoller_test

import (
	"testing"
	"time"

	"lease-gateway/functions/park-poller/parkpoller"
)

// TestFrozenSweep: a sweep that was overtaken while it slept writes nothing, although the newer one wrote nothing either.
func TestFrozenSweep(t *testing.T) {
	r := newRig(3)
	r.sweep(t, "")
	r.rows[1] = row("P00001", 777)
	r.before = func() {
		r.rows[1] = row("P00001", 100) // Tongli thought better of it, and a newer sweep has seen that
		r.sweep(t, "")
	}
	report := r.sweep(t, "")
	if r.parks["P00001"].Price != 100 || report.Corrected != 0 || reason(report) != parkpoller.Superseded {
		t.Errorf("%+v, price %d", report, r.parks["P00001"].Price)
	}
}

// TestPushMeanwhileWins: a push that arrives while the sweep runs is never overwritten by the page that was asked for before it.
func TestPushMeanwhileWins(t *testing.T) {
	r := newRig(3)
	r.sweep(t, "")
	r.rows[1] = row("P00001", 777)
	r.before = func() {
		held := r.parks["P00001"]
		pushed := held.Park
		pushed.Price = 555
		next, _ := held.ApplyPush(pushed, r.now.UnixMilli(), r.now.Add(time.Second))
		r.parks["P00001"] = next
	}
	if report := r.sweep(t, ""); r.parks["P00001"].Price != 555 || report.Skipped != 1 {
		t.Errorf("%+v, price %d", report, r.parks["P00001"].Price)
	}
}
