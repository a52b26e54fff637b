package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"lease-gateway/local/stack"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

// story plays the demo against a running stack.
type story struct {
	ctx         context.Context
	api, tongli string
	step        int
}

// whereabouts is /stack.json of a running stack.
type whereabouts struct {
	API, Tongli, SQS string
	Simulator        bool
}

// running asks the stack on CONSOLE_PORT where everything is.
func running(ctx context.Context) (where whereabouts, err error) {
	console := os.Getenv("CONSOLE_PORT")
	if console == "" {
		console = "8081"
	}
	if err = fetch(ctx, "http://127.0.0.1:"+console+"/stack.json", &where); err != nil {
		err = fmt.Errorf("no stack answers on CONSOLE_PORT %s: start `make run` first (%w)", console, err)
	}
	return where, err
}

func demo(ctx context.Context) error {
	where, err := running(ctx)
	if err != nil {
		return err
	}
	if !where.Simulator {
		return errors.New("the demo needs the simulator: start `make run` without TONGLI_BASE_URL")
	}
	s := &story{ctx: ctx, api: where.API, tongli: where.Tongli}
	id := "demo-" + time.Now().In(lease.Zone).Format("0102-150405")
	date := (lease.DateOf(time.Now()) + 1).String()
	const sn, plate = "DEMO-1001", "苏E88888"

	s.say("Tongli pushes a park whose nights are for lease")
	if err := s.call(http.MethodPost, "/lease/park", true, 200, map[string]any{"park_sn": sn, "park_name": "园区停车场", "deadline": "2027-12-31", "start_time": "18:00", "end_time": "08:00",
		"is_sat": 1, "is_sun": 1, "is_holiday": 0, "price": 150, "start_price": 300, "holiday_price": 2000, "longitude": "120.619585", "latitude": "31.299379"}); err != nil {
		return err
	}
	s.say("A driver leases tomorrow night in the app")
	if err := s.call(http.MethodPost, "/app/orders", false, 201, map[string]any{"order_id": id, "park_sn": sn, "car_plate_no": "苏·e88888",
		"dates": []any{map[string]any{"date": date, "start_time": "19:00", "end_time": "06:30"}}}); err != nil {
		return err
	}
	s.say("The gate learns the plate")
	if err := s.gate(sn, plate, true); err != nil {
		return err
	}
	s.say("The app sees that the push was delivered")
	if err := s.call(http.MethodGet, "/app/orders/"+id, false, 200, nil); err != nil {
		return err
	}
	s.say("Tongli lists the park's orders, its second way to them")
	if err := s.call(http.MethodPost, "/lease/order", true, 200, map[string]any{"park_sn": sn, "page": 1, "limit": 1000}); err != nil {
		return err
	}
	s.say("The driver cancels")
	if err := s.call(http.MethodDelete, "/app/orders/"+id, false, 200, nil); err != nil {
		return err
	}
	s.say("The gate forgets the plate")
	if err := s.gate(sn, plate, false); err != nil {
		return err
	}
	fmt.Println("\nThat was a lease, from Tongli's push to the gate and back.")
	return nil
}

func (s *story) say(what string) {
	s.step++
	fmt.Printf("\n%d. %s\n", s.step, what)
}

func (s *story) call(method, path string, signed bool, want int, body any) error {
	var raw []byte
	if body != nil {
		raw, _ = json.Marshal(body) // maps of strings and numbers
	}
	query := ""
	if signed {
		query = "?" + signature.Query(stack.InboundAppID, stack.Secret, method, path, nil, raw, time.Now(), "")
	}
	fmt.Printf("   → %s %s\n", method, path+shorten(query))
	if body != nil {
		fmt.Printf("     %s\n", raw)
	}
	req, err := http.NewRequestWithContext(s.ctx, method, s.api+path+query, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	fmt.Printf("   ← %d\n     %s\n", resp.StatusCode, answer)
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s answered %d instead of %d", method, path, resp.StatusCode, want)
	}
	return nil
}

func shorten(query string) string {
	if at := strings.Index(query, "sign="); at >= 0 && len(query) > at+13 {
		return query[:at+13] + "…"
	}
	return query
}

// gate waits until the simulator's whitelist has the plate in the park, or has it no more.
func (s *story) gate(park, plate string, there bool) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var list []struct {
			ParkSN string          `json:"park_sn"`
			Plate  string          `json:"car_plate_no"`
			Dates  json.RawMessage `json:"dates"`
		}
		if err := fetch(ctx, s.tongli+"/whitelist", &list); err != nil {
			return err
		}
		found := json.RawMessage("nothing")
		for _, e := range list {
			if e.ParkSN == park && e.Plate == plate {
				found = e.Dates
			}
		}
		if (string(found) != "nothing") == there {
			fmt.Printf("   the whitelist of %s has for %s: %s   (after %d ms)\n", park, plate, found, time.Since(began).Milliseconds())
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the gate did not follow within 30 s: GET %s/calls shows what Tongli was told", s.tongli)
		case <-tick.C:
		}
	}
}

func fetch(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return json.NewDecoder(resp.Body).Decode(into)
}
