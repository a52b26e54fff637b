package parkpoller_test

import (
	"testing"
	"time"

	"lease-gateway/functions/park-poller/parkpoller"
)

// TestEmptyList: nothing listed while we hold parks withdraws nothing.
func TestEmptyList(t *testing.T) {
	r := newRig(5)
	r.sweep(t, "")
	r.rows = nil
	for range 5 {
		if report := r.sweep(t, ""); reason(report) != parkpoller.EmptyList || report.Withdrawn != 0 {
			t.Errorf("%+v", report)
		}
	}
}

// TestWithdrawal: the third successive complete sweep without a park withdraws it; an incomplete one neither counts nor forgets; it comes back by poll.
func TestWithdrawal(t *testing.T) {
	r := newRig(100)
	r.sweep(t, "")
	gone := r.rows[7]
	r.rows = append(r.rows[:7:7], r.rows[8:]...)
	for i, fails := range []bool{false, true, false, true, false} {
		r.page = func(p int) (string, bool) { return "fail", fails && p == 1 }
		report := r.sweep(t, "")
		if want := i == 4; (report.Withdrawn == 1) != want || r.parks["P00007"].Withdrawn != want {
			t.Fatalf("sweep %d: %+v", i, report)
		}
	}
	r.page = nil
	r.rows = append(r.rows, gone)
	if report := r.sweep(t, ""); r.parks["P00007"].Withdrawn || report.Corrected != 0 {
		t.Errorf("back: %+v", report)
	}
}

// TestGuard: never more than 10 % or 10 in 24 hours, those that came back count too; the override is bound to its plan.
func TestGuard(t *testing.T) {
	r := newRig(200)
	r.sweep(t, "")
	all := r.rows
	r.rows = all[21:]
	var plan string
	for range 4 {
		report := r.sweep(t, "")
		if !report.Guard || report.Withdrawn != 0 || report.PlanID == "" || report.Hint == "" {
			t.Fatalf("21 of 200 missing: %+v", report)
		}
		plan = report.PlanID
	}
	if r.parks["P00000"].Misses != 0 {
		t.Error("a sweep that the guard stopped counted a miss")
	}
	if report := r.sweep(t, `{"allow_withdrawals":"other"}`); report.Withdrawn != 0 {
		t.Errorf("the wrong plan: %+v", report)
	}
	r.rows = all[20:]
	for i := range 3 {
		if report := r.sweep(t, `{"allow_withdrawals":"`+plan+`"}`); (report.Withdrawn == 20) != (i == 2) {
			t.Fatalf("20 of 200, sweep %d: %+v", i, report)
		}
	}
	r.rows = all // they come back, and the budget is spent all the same
	r.sweep(t, "")
	r.rows = all[:199]
	for range 4 {
		if report := r.sweep(t, ""); report.Withdrawn != 0 {
			t.Fatalf("beyond the budget: %+v", report)
		}
	}
	r.rows = all[21:]
	plan = r.sweep(t, "").PlanID
	if report := r.sweep(t, `{"allow_withdrawals":"`+plan+`"}`); report.Withdrawn != 21 || report.Guard {
		t.Errorf("the override withdraws exactly those, at once: %+v", report)
	}
	r.now = r.now.Add(25 * time.Hour)
	r.rows = r.rows[1:]
	withdrawn := 0
	for range 3 {
		withdrawn += r.sweep(t, "").Withdrawn
	}
	if withdrawn != 1 {
		t.Errorf("a day later the budget is there again: %d withdrawn", withdrawn)
	}
}
