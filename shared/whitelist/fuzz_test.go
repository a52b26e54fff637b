package whitelist

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"lease-gateway/shared/lease"
)

// slowMessage reads a message member by member. clear is false where members of one name, or of names that differ in case only, leave open what is meant.
func slowMessage(body string) (m Message, ok, clear bool) {
	if !json.Valid([]byte(body)) || !strings.HasPrefix(strings.TrimLeft(body, " \t\r\n"), "{") {
		return m, false, true
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	_, _ = d.Token() // "{"
	ok = true
	var held []string
	for d.More() {
		token, _ := d.Token()
		name := token.(string)
		var value any
		_ = d.Decode(&value) // valid
		for _, h := range held {
			if strings.EqualFold(h, name) {
				return m, false, false
			}
		}
		held = append(held, name)
		text, isText := value.(string)
		number, isNumber := value.(json.Number)
		whole, err := strconv.ParseInt(string(number), 10, 64)
		isNumber = isNumber && err == nil
		flag, isFlag := value.(bool)
		fits := true
		switch name {
		case "v":
			m.Version, fits = int(whole), isNumber
		case "park_sn":
			m.ParkSN, fits = text, isText
		case "car_plate_no":
			m.Plate, fits = lease.Plate(text), isText
		case "order_id":
			m.OrderID, fits = text, isText
		case "rev":
			m.Rev, fits = whole, isNumber
		case "due_at":
			m.DueAt, fits = whole, isNumber
		case "rescue":
			m.Rescue, fits = flag, isFlag
		case "repush":
			m.Repush, fits = text, isText
		default:
			for _, known := range []string{"v", "park_sn", "car_plate_no", "order_id", "rev", "due_at", "rescue", "repush"} {
				if strings.EqualFold(known, name) {
					return m, false, false
				}
			}
		}
		ok = ok && (fits || value == nil)
	}
	return m, ok && m.Version == 1 && m.ParkSN != "" && m.Plate != "", true
}

// FuzzMessage: of any text, the same verdict and the same message as a slow reader; what is read is the same after being sent again,
// group and deduplication id included.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{``, `{}`, `null`, `[]`, `{"v":1,"park_sn":"P1","car_plate_no":"苏E88888","order_id":"o","rev":1,"due_at":1790000000000}`, `{"v":2,"park_sn":"P1","car_plate_no":"苏E88888"}`,
		`{"v":1,"park_sn":"","car_plate_no":"苏E88888"}`, `{"v":1,"park_sn":"P1"}`, `{"v":"1","park_sn":"P1","car_plate_no":"x"}`, `{"v":1,"park_sn":"P1","car_plate_no":"x","rev":1.5}`, `{"v":1,"park_sn":"P1","car_plate_no":"x"}{}`,
		`{"v":1,"park_sn":"P1","car_plate_no":"x","new":{"a":[1]},"repush":"r","rescue":true}`, "{\"v\":1,\"park_sn\":\"\xff\",\"car_plate_no\":\"\\ud800\"}", `{"v":1,"park_sn":"P1","car_plate_no":"x","order_id":null,"rescue":null}`,
		`{"v":1,"park_sn":"P1","car_plate_no":"x","rescue":"true"}`, `{"v":1,"park_sn":"P1","car_plate_no":"x","due_at":9223372036854775808}`, `{"v":1,"park_sn":"P1","car_plate_no":"x","rev":-0}`, ` {"v":1,"park_sn":7,"car_plate_no":"x"} `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		m, err := ReadMessage(body)
		if want, ok, clear := slowMessage(body); clear && (ok != (err == nil) || ok && m != want) {
			t.Fatalf("%q: %+v %v, want %+v %v", body, m, err, want, ok)
		}
		if err != nil {
			return
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadMessage(string(raw))
		if err != nil || again != m || again.Group() != m.Group() || again.Deduplication() != m.Deduplication() {
			t.Errorf("%+v sent again is %+v: %v", m, again, err)
		}
		if _, err := ReadMessage(strings.Replace(string(raw), `"v":1`, `"v":2`, 1)); !errors.Is(err, lease.ErrVersionUnknown) {
			t.Errorf("of a later version: %v", err)
		}
		for _, c := range m.Group() + m.Deduplication() {
			if c > '~' {
				t.Errorf("an id that SQS refuses: %q %q", m.Group(), m.Deduplication())
			}
		}
		for what, change := range map[string]func(*Message){"rev": func(m *Message) { m.Rev++ }, "due_at": func(m *Message) { m.DueAt++ }, "order_id": func(m *Message) { m.OrderID += "x" }, "repush": func(m *Message) { m.Repush += "x" }} {
			other := m
			if change(&other); other.Deduplication() == m.Deduplication() || other.Group() != m.Group() {
				t.Errorf("another %s is swallowed as a repeat, or leaves its group", what)
			}
		}
		for what, change := range map[string]func(*Message){"park_sn": func(m *Message) { m.ParkSN += "x" }, "car_plate_no": func(m *Message) { m.Plate += "x" }} {
			other := m
			if change(&other); other.Group() == m.Group() || other.Deduplication() == m.Deduplication() {
				t.Errorf("another %s shares the group, or is swallowed", what)
			}
		}
	})
}
