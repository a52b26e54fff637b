package whitelist

import (
	"encoding/json"
	"testing"

	"lease-gateway/shared/lease"
)

// FuzzMessage: a message that is read says which plate in which park, in a version that we know, and is the same after being sent
// again, group and deduplication id included; everything else is set aside with an error.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{``, `{}`, `null`, `[]`, `{"v":1,"park_sn":"P1","car_plate_no":"苏E88888","order_id":"o","rev":1,"due_at":1790000000000}`, `{"v":2,"park_sn":"P1","car_plate_no":"苏E88888"}`,
		`{"v":1,"park_sn":"","car_plate_no":"苏E88888"}`, `{"v":1,"park_sn":"P1"}`, `{"v":"1","park_sn":"P1","car_plate_no":"x"}`, `{"v":1,"park_sn":"P1","car_plate_no":"x","rev":1.5}`, `{"v":1,"park_sn":"P1","car_plate_no":"x"}{}`,
		`{"v":1,"park_sn":"P1","car_plate_no":"x","new":{"a":[1]},"repush":"r","rescue":true}`, "{\"v\":1,\"park_sn\":\"\xff\",\"car_plate_no\":\"\\ud800\"}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		m, err := ReadMessage(body)
		var loose struct {
			V     any             `json:"v"`
			Park  any             `json:"park_sn"`
			Plate any             `json:"car_plate_no"`
			Rest  json.RawMessage `json:"order_id"`
		}
		if json.Unmarshal([]byte(body), &loose) != nil {
			if err == nil {
				t.Fatalf("%q is no JSON object, and was read", body)
			}
			return
		}
		park, ok1 := loose.Park.(string)
		plate, ok2 := loose.Plate.(string)
		readable := loose.V == float64(1) && ok1 && ok2 && park != "" && plate != ""
		if err != nil {
			return // other fields may be of the wrong type
		}
		if !readable && (loose.V != float64(1) || m.ParkSN == "" || m.Plate == "") || ok1 && m.ParkSN != park || ok2 && m.Plate != lease.Plate(plate) {
			t.Fatalf("%q was read as %+v", body, m)
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadMessage(string(raw))
		if err != nil || again != m || again.Group() != m.Group() || again.Deduplication() != m.Deduplication() {
			t.Errorf("%+v sent again is %+v: %v", m, again, err)
		}
		for _, c := range m.Group() + m.Deduplication() {
			if c > '~' {
				t.Errorf("an id that SQS refuses: %q %q", m.Group(), m.Deduplication())
			}
		}
		other := m
		other.Rev++
		if other.Deduplication() == m.Deduplication() || other.Group() != m.Group() {
			t.Error("a change is swallowed as a repeat, or leaves its group")
		}
	})
}
