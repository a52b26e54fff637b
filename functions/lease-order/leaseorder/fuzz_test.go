package leaseorder

import (
	"math"
	"testing"
	"unicode/utf8"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

// FuzzCursor: a cursor opens as the position that was sealed, under each live secret and for its own walk alone; one with a changed
// character, a stranger's text, or under a secret that is no longer live, does not.
func FuzzCursor(f *testing.F) {
	f.Add("苏E88888#o-1", 3, 5.0, "P1", "", 1000, "P2", "", 1000, 0, byte('A'))
	f.Add("", 0, 0.02, "P1", "苏E88888", 1, "P1苏E88888", "", 1, 40, byte('_'))
	f.Add("a\"\\", -1, 1e300, "1:a", "", 10, "1", ":a", 10, 21, byte('='))
	f.Fuzz(func(t *testing.T, at string, skip int, density float64, park, plate string, limit int, park2, plate2 string, limit2, where int, c byte) {
		if math.IsNaN(density) || math.IsInf(density, 0) || !utf8.ValidString(at) {
			return // rows by items, and a key
		}
		w := leasestore.Walk{AppID: "tongli", ParkSN: park, Plate: lease.Plate(plate), Limit: limit}
		w2 := leasestore.Walk{AppID: "tongli", ParkSN: park2, Plate: lease.Plate(plate2), Limit: limit2}
		p := leasestore.Position{At: at, Skip: skip, Density: density}
		sealed := sealCursor(p, w, "old")
		for _, keys := range [][]string{{"old"}, {"new", "old"}} {
			if got, ok := openCursor(sealed, w, keys); !ok || got != p {
				t.Fatalf("%+v opens as %+v, %v", p, got, ok)
			}
		}
		if _, ok := openCursor(sealed, w, []string{"new"}); ok {
			t.Error("opens under another secret")
		}
		if _, ok := openCursor(sealed, w2, []string{"old"}); ok != (w == w2) {
			t.Errorf("of %+v for %+v: %v", w, w2, ok)
		}
		changed := []byte(sealed)
		changed[uint(where)%uint(len(changed))] = c
		if _, ok := openCursor(string(changed), w, []string{"old"}); ok != (string(changed) == sealed) {
			t.Errorf("changed to %q: %v", changed, ok)
		}
	})
}
