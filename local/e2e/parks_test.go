package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"lease-gateway/local/stack"
)

// TestFindAndQuote is what the app shows before a driver orders: parks around a place, and what a slot costs.
func TestFindAndQuote(t *testing.T) {
	s := start(t, stack.Options{})
	for i, latitude := range []string{"31.3000", "31.3045", "31.3500", "31.9000"} {
		sn := fmt.Sprintf("P%d", i+1)
		if a := tongli(t, s, "POST", "/lease/park", "", park(sn, "longitude", `"120.62"`, "latitude", fmt.Sprintf("%q", latitude))); a.Code != 0 {
			t.Fatal(a.Raw)
		}
	}
	var found []struct {
		SN     string `json:"park_sn"`
		Metres int    `json:"distance_m"`
		Covers bool
	}
	stay := fmt.Sprintf("&open_from=%sT19:00&open_to=%sT06:30", day(1), day(2))
	// the index follows the table
	eventually(t, 5*time.Second, "three parks within 20 km", func() bool {
		a := app(t, s, "GET", "/app/parks?near=120.62,31.3"+stay, "")
		return json.Unmarshal(a.Data, &found) == nil && len(found) == 3 && !a.HasMore && a.Next == nil
	})
	if got := fmt.Sprint(found); got != "[{P1 0 true} {P2 500 true} {P3 5560 true}]" {
		t.Errorf("found %s", got)
	}
	if a := app(t, s, "GET", "/app/parks?near=120.62,31.3&limit=2"+stay, ""); !a.HasMore || json.Unmarshal(a.Data, &found) != nil || len(found) != 2 {
		t.Errorf("the nearest two: %s", a.Raw)
	}
	if a := app(t, s, "GET", "/app/parks?near=31.3,120.62&cursor=x", ""); a.Code != 40003 || a.fields() != "near cursor" {
		t.Errorf("latitude first: %s", a.Raw)
	}
	quote := "/app/quote?park_sn=P1&date=2027-12-03&start_time=19:00&end_time=06:30" // Friday into a free Saturday
	var price struct{ Total int }
	if a := app(t, s, "GET", quote, ""); a.Code != 0 || json.Unmarshal(a.Data, &price) != nil || price.Total != 300+10*150+13*150 {
		t.Errorf("quote: %s", a.Raw)
	}
	// its true price: a push that was answered is in the next quote
	tongli(t, s, "POST", "/lease/park", "", park("P1", "price", "200"))
	if a := app(t, s, "GET", quote, ""); json.Unmarshal(a.Data, &price) != nil || price.Total != 300+10*200+2000 {
		t.Errorf("quote after the push: %s", a.Raw)
	}
	if a := app(t, s, "GET", "/app/quote?park_sn=none&date=2027-12-03&start_time=19:00&end_time=06:30", ""); a.Code != 40401 {
		t.Errorf("unknown park: %s", a.Raw)
	}
	if a := app(t, s, "GET", "/app/quote?park_sn=P1&date=2027-12-01&start_time=12:00&end_time=13:00", ""); a.Code != 42201 || a.fields() != "date" {
		t.Errorf("closed: %s", a.Raw)
	}
}
