package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"lease-gateway/shared/lease"
)

const (
	get  = http.MethodGet
	post = http.MethodPost
)

func (r *run) answers(ctx context.Context) error {
	a, err := r.call(ctx, stranger, get, "/smoke-test-of-an-unknown-route", nil, nil)
	if err != nil {
		return err
	}
	if err := a.is(404, 40400); err != nil {
		return fmt.Errorf("is that the URL of the stage (output ApiUrl)? %w", err)
	}
	return nil
}

func (r *run) strangers(ctx context.Context) error {
	a, err := r.call(ctx, stranger, post, "/lease/order", nil, map[string]any{"park_sn": r.Park})
	if err != nil {
		return err
	}
	if err := a.is(401, 40101); err != nil {
		return fmt.Errorf("a call without a signature: %w", err)
	}
	if a, err = r.call(ctx, asTongli("not the secret"), post, "/lease/order", nil, map[string]any{"park_sn": r.Park}); err != nil {
		return err
	}
	if a.Status == 401 && a.Code == 40102 {
		return fmt.Errorf("app_id %s is not the stage's (parameter TongliInboundAppId)", r.AppID)
	}
	if err := a.is(401, 40103); err != nil {
		return fmt.Errorf("a call with a wrong secret: %w", err)
	}
	if r.Credentials == nil {
		return nil
	}
	if a, err = r.call(ctx, stranger, get, "/app/park", url.Values{"park_sn": {r.Park}}, nil); err != nil {
		return err
	}
	if a.Status != 403 {
		return fmt.Errorf("the app's routes must refuse who does not sign for AWS with 403, got %d: anyone could place orders", a.Status)
	}
	return nil
}

// tongli sends a park without any field: the signature is judged before the fields, and nothing is written.
func (r *run) tongli(ctx context.Context) error {
	body, status, code := map[string]any{}, 400, 40002
	if r.PushPark {
		body, status, code = map[string]any{"park_sn": r.Park, "park_name": "smoke test", "deadline": lease.Date(lease.DateOf(time.Now()) + 30).String(),
			"start_time": "18:00", "end_time": "08:00", "is_sat": 1, "is_sun": 1, "is_holiday": 1, "price": 150, "start_price": 300, "holiday_price": 300}, 200, 0
	}
	a, err := r.call(ctx, asTongli(r.Secret), post, "/lease/park", nil, body)
	if err != nil {
		return err
	}
	switch a.Code {
	case 40103:
		return errors.New("the secret is neither `current` nor `previous` of the stage's TongliInboundSecret")
	case 40104:
		return fmt.Errorf("this machine's clock is off: %s", cut(a.raw))
	}
	return a.is(status, code)
}

func (r *run) park(ctx context.Context) error {
	a, err := r.call(ctx, asApp, get, "/app/park", url.Values{"park_sn": {r.Park}}, nil)
	switch {
	case err != nil:
		return err
	case a.Status == 403:
		return fmt.Errorf("AWS does not accept the credentials for execute-api:Invoke in region %s: %s", r.Region, cut(a.raw))
	case a.Code == 40401:
		return fmt.Errorf("the stage does not hold park %s: PARK names one that Tongli has agreed to, PUSH_PARK=yes makes it where Tongli is not real", r.Park)
	}
	if err := errors.Join(a.is(200, 0), json.Unmarshal(a.Data, &r.terms)); err != nil {
		return err
	}
	// tomorrow or later, that no slot has begun; a week ahead where the park is leased so long
	tomorrow := lease.DateOf(time.Now()) + 1
	r.date = min((tomorrow + 6).String(), r.terms.Deadline)
	if r.terms.Withdrawn || r.date < tomorrow.String() {
		return fmt.Errorf("park %s is not leased any more (withdrawn %v, deadline %s)", r.Park, r.terms.Withdrawn, r.terms.Deadline)
	}
	return nil
}

// place leases the park's own window of a date, which is open whatever else is.
func (r *run) place(ctx context.Context) error {
	r.placed = true // also when the answer is lost
	a, err := r.call(ctx, asApp, post, "/app/orders", nil, map[string]any{"order_id": r.order, "park_sn": r.Park, "car_plate_no": r.Plate,
		"dates": []any{map[string]any{"date": r.date, "start_time": r.terms.Start, "end_time": r.terms.End}}})
	if err != nil {
		return err
	}
	return a.is(201, 0)
}

func (r *run) delivered(ctx context.Context) error {
	return r.wait(ctx, func(ctx context.Context) (bool, string, error) {
		a, err := r.call(ctx, asApp, get, "/app/orders/"+r.order, nil, nil)
		if err != nil {
			return false, "", err
		}
		var v struct {
			Whitelist struct {
				State     string
				Attempts  int
				LastError *string `json:"last_error"`
			}
		}
		if err := errors.Join(a.is(200, 0), json.Unmarshal(a.Data, &v)); err != nil {
			return false, "", err
		}
		word := fmt.Sprintf("%s after %d attempts", v.Whitelist.State, v.Whitelist.Attempts)
		if v.Whitelist.LastError != nil {
			word += ": " + *v.Whitelist.LastError
		}
		if v.Whitelist.State == "refused" || v.Whitelist.State == "expired" {
			return false, "", errors.New(word)
		}
		return v.Whitelist.State == "delivered", word, nil
	})
}

func (r *run) listed(ctx context.Context, there bool) error {
	a, err := r.call(ctx, asTongli(r.Secret), get, "/lease/order", url.Values{"park_sn": {r.Park}, "car_plate_no": {r.Plate}, "limit": {"1000"}}, nil)
	if err != nil {
		return err
	}
	var rows []struct {
		Date  string
		Start string `json:"start_time"`
		End   string `json:"end_time"`
	}
	if err := errors.Join(a.is(200, 0), json.Unmarshal(a.Data, &rows)); err != nil {
		return err
	}
	found := false
	for _, row := range rows {
		found = found || row.Date == r.date && row.Start == r.terms.Start && row.End == r.terms.End
	}
	if found != there {
		return fmt.Errorf("the slot of %s is listed: %v, want %v: %s", r.date, found, there, cut(a.raw))
	}
	return nil
}

func (r *run) cancel(ctx context.Context) error {
	a, err := r.call(ctx, asApp, http.MethodDelete, "/app/orders/"+r.order, nil, nil)
	if err != nil {
		return err
	}
	if err := a.is(200, 0); err != nil {
		return err
	}
	r.placed = false
	return nil
}

// giveUp cancels what was placed, also after Ctrl-C.
func (r *run) giveUp() error {
	if !r.placed {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	a, err := r.call(ctx, asApp, http.MethodDelete, "/app/orders/"+r.order, nil, nil)
	switch {
	case err == nil && a.Code == 40402:
		return nil // it was never placed
	case err == nil:
		err = a.is(200, 0)
	}
	if err != nil {
		return fmt.Errorf("and order %s could NOT be cancelled, do it by hand: %w", r.order, err)
	}
	return fmt.Errorf("order %s has been cancelled", r.order)
}
