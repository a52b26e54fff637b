package leasestore_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"lease-gateway/shared/lease"
)

// TestLivePlates: page by page, from a position that is kept, every plate with a live order that was not refused is visited; claims, what is cancelled, over or
// refused are not, and of one park only that park's.
func TestLivePlates(t *testing.T) {
	s, _, _ := open(t, nil)
	change := func(o *lease.Order, f func(*lease.Order)) {
		t.Helper()
		next := *o
		f(&next)
		if _, ok, err := s.SaveOrder(t.Context(), &next, o); err != nil || !ok {
			t.Fatalf("%v %v", ok, err)
		}
	}
	for i := range 12 {
		c := content(fmt.Sprintf("o%02d", i), lease.Plate(fmt.Sprintf("苏E0000%d", i%6)), i)
		if c.ParkSN = "P1"; i >= 6 {
			c.ParkSN = "P2"
		}
		o := place(t, s, c)
		switch i {
		case 1:
			change(o, func(o *lease.Order) { o.Cancelled, o.Rev = true, 2 })
		case 2:
			change(o, func(o *lease.Order) { o.State, o.Seq = lease.Refused, 1 })
		case 3:
			change(o, func(o *lease.Order) { o.State, o.Seq = lease.Delivered, 1 })
		}
	}
	at := lease.MustDate("2026-12-02").At(390) // the first order, of the night of December 1, is over
	for park, want := range map[string]string{
		"":     "P1 苏E00003, P1 苏E00004, P1 苏E00005, P2 苏E00000, P2 苏E00001, P2 苏E00002, P2 苏E00003, P2 苏E00004, P2 苏E00005",
		"P1":   "P1 苏E00003, P1 苏E00004, P1 苏E00005",
		"none": "",
	} {
		for _, limit := range []int{1, 5, 1000} {
			seen, position, pages := map[string]int{}, "", 0
			for {
				next, err := s.LivePlates(t.Context(), park, position, limit, at, func(sn string, plate lease.Plate, id string) {
					seen[sn+" "+string(plate)]++
					if !strings.HasPrefix(id, "o") {
						t.Errorf("order %q", id)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if pages++; next == "" {
					break
				}
				position = next
			}
			if got := strings.Join(slices.Sorted(maps.Keys(seen)), ", "); got != want {
				t.Errorf("park %q by %d\n got %s\nwant %s", park, limit, got, want)
			}
			for k, n := range seen {
				if n != 1 {
					t.Errorf("park %q by %d: %s came %d times", park, limit, k, n)
				}
			}
			if limit == 1 && park == "" && pages < 24 {
				t.Errorf("24 items in %d pages of one", pages)
			}
		}
	}
}
