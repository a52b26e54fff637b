package parkpoller_test

import (
	"strings"
	"testing"
)

// TestWrites: unchanged parks cost nothing, a changed one is corrected with its field named, bad rows are counted and seen.
func TestWrites(t *testing.T) {
	r := newRig(50)
	if report := r.sweep(t, "{}"); report.Added != 50 || r.writes != 50 {
		t.Fatalf("%+v", report)
	}
	r.writes = 0
	if report := r.sweep(t, "{}"); report.Unchanged != 50 || r.writes != 0 {
		t.Errorf("unchanged: %+v, %d writes", report, r.writes)
	}
	r.rows[3] = row("P00003", 999)
	r.rows[4] = strings.Replace(r.rows[4], `"price":100`, `"price":"x"`, 1)
	r.rows[5] = `"what"`
	report := r.sweep(t, "{}")
	if report.Corrected != 1 || report.Fields["price"] != 1 || report.Rejected != 2 || report.Seen != 48 || report.Missing != 1 || r.parks["P00003"].Price != 999 || r.parks["P00004"].Price != 100 {
		t.Errorf("%+v", report)
	}
	if r.parks["P00004"].Misses != 0 || r.parks["P00005"].Misses != 1 {
		t.Error("a row that does not validate counts as seen where its park_sn can be read, and only there")
	}
}
