package apppark_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"lease-gateway/functions/app-park/apppark"
	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

// held is a store with one park, which is found wherever one looks if it is kept.
type held struct {
	park lease.StoredPark
	err  error
}

func (h held) Park(_ context.Context, sn string) (*lease.StoredPark, error) {
	if h.err != nil || sn != h.park.SN {
		return nil, errors.Join(h.err, lease.ErrParkUnknown)
	}
	return &h.park, nil
}

func (h held) ParkPage(context.Context, int, string) ([]lease.StoredPark, string, error) {
	return []lease.StoredPark{h.park}, "", h.err
}

func (h held) Near(_ context.Context, at lease.Place, _ int, keep func(*lease.StoredPark) bool) ([]leasestore.NearPark, bool, float64, error) {
	if h.err != nil || !keep(&h.park) {
		return nil, false, 20_000, h.err
	}
	place, _ := h.park.Place()
	return []leasestore.NearPark{{StoredPark: h.park, Metres: at.Metres(place)}}, true, 3000, nil
}

// now is a Tuesday, 10:00 in Shanghai.
var now = lease.MustDate("2026-12-01").At(600)

func store(change func(*lease.StoredPark)) held {
	park, _ := (*lease.StoredPark)(nil).ApplyPush(lease.Park{SN: "P1", Name: "园区", Deadline: lease.MustDate("2027-12-31"), Start: 1080, End: 480, Sat: true,
		Price: 150, StartPrice: 300, HolidayPrice: 2000, Longitude: "120.62", Latitude: "31.30"}, 1, now)
	if change != nil {
		change(&park)
	}
	return held{park: park}
}

func get(t *testing.T, h held, target string) (envelope.Answer, error) {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	params, err := signature.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	value, err := envelope.DecodeParams(params)
	if err != nil {
		t.Fatal(err)
	}
	return apppark.Handle(h)(t.Context(), &door.Request{Now: now, Route: door.Route{Method: "GET", Path: path}, Fields: envelope.Read(value)})
}

func data(t *testing.T, a envelope.Answer) string {
	t.Helper()
	raw, err := json.Marshal(a.Data)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestQuote(t *testing.T) {
	a, err := get(t, store(nil), "/app/quote?park_sn=P1&date=2026-12-04&start_time=19:00&end_time=06:30")
	want := `{"park_sn":"P1","date":"2026-12-04","start_time":"19:00","end_time":"06:30","total":3750,"steps":[` +
		`{"date":"2026-12-04","from":"19:00","to":"24:00","free_day":false,"half_hours":10,"price":150,"start_price":300,"cap":null,"amount":1800},` +
		`{"date":"2026-12-05","from":"00:00","to":"06:30","free_day":true,"half_hours":13,"price":150,"start_price":0,"cap":2000,"amount":1950}]}`
	if err != nil || data(t, a) != want {
		t.Errorf("%v\n got %s\nwant %s", err, data(t, a), want)
	}
}

func TestBadQuestionsNameEveryField(t *testing.T) {
	withdrawn := func(p *lease.StoredPark) { p.Withdrawn = true }
	for _, c := range []struct {
		target string
		change func(*lease.StoredPark)
		code   int
		fields string
	}{
		{"/app/quote?", nil, 40002, "park_sn date start_time end_time"},
		{"/app/quote?park_sn=P1&date=2026-02-30&start_time=24:00&end_time=x", nil, 40003, "date start_time end_time"},
		{"/app/quote?park_sn=P1&date=2026-12-04&start_time=19:00&end_time=19:00", nil, 40003, "end_time"},
		{"/app/quote?park_sn=P2&date=2026-12-04&start_time=19:00&end_time=20:00", nil, 40401, ""},
		{"/app/quote?park_sn=P1&date=2026-12-03&start_time=12:00&end_time=13:00", nil, 42201, "date"},
		{"/app/quote?park_sn=P1&date=2026-11-30&start_time=19:00&end_time=20:00", nil, 42201, "date"},
		{"/app/quote?park_sn=P1&date=2028-01-01&start_time=19:00&end_time=20:00", nil, 42201, "date"},
		{"/app/quote?park_sn=P1&date=2026-12-03&start_time=19:00&end_time=20:00", withdrawn, 42201, "park_sn"},
		{"/app/quote?park_sn=P1&date=2026-12-03&start_time=12:00&end_time=13:00", withdrawn, 42201, "park_sn date"},
		{"/app/parks?near=31.3,120.6&limit=0&cursor=x", nil, 40003, "near limit cursor"},
		{"/app/parks?near=120.6&open_from=2026-12-01&open_to=now", nil, 40003, "near open_from open_to"},
		{"/app/parks?near=120.6,31.3&open_from=2026-12-02T10:00&open_to=2026-12-02T10:00", nil, 40003, "open_to"},
		{"/app/parks?near=120.6,31.3&open_from=2026-12-02T10:00&open_to=2026-12-09T10:01", nil, 40003, "open_to"},
		{"/app/parks?near=120.6,31.3&open_from=2026-11-30T10:00&open_to=2026-12-01T10:00", nil, 40003, "open_to"},
		{"/app/parks?near=120.6,31.3&open_to=2026-12-01T09:59", nil, 40003, "open_to"},
		{"/app/parks?open_from=2026-12-02T10:00&open_to=2026-12-02T11:00", nil, 40003, "open_from open_to"},
	} {
		_, err := get(t, store(c.change), c.target)
		fault, body := envelope.ErrorBody(err, "r", now)
		var answer struct{ Errors []lease.FieldError }
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range answer.Errors {
			names = append(names, f.Field)
		}
		if got := strings.Join(names, " "); fault.Code != c.code || got != c.fields {
			t.Errorf("%s: %d %q, want %d %q", c.target, fault.Code, got, c.code, c.fields)
		}
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		name, target string
		change       func(*lease.StoredPark)
		open         string // "" when it is not found
		covers       bool
	}{
		{"from now, 24 hours", "", nil, "2026-12-01T18:00:00+08:00 2026-12-02T08:00:00+08:00", false},
		{"a stay within its window", "&open_from=2026-12-01T19:00&open_to=2026-12-02T06:30", nil, "2026-12-01T19:00:00+08:00 2026-12-02T06:30:00+08:00", true},
		{"a stay that begins too early", "&open_from=2026-12-01T17:00&open_to=2026-12-02T06:30", nil, "2026-12-01T18:00:00+08:00 2026-12-02T06:30:00+08:00", false},
		{"by day", "&open_from=2026-12-02T09:00&open_to=2026-12-02T17:00", nil, "", false},
		{"two nights", "&open_from=2026-12-01T12:00&open_to=2026-12-03T04:00", nil,
			"2026-12-01T18:00:00+08:00 2026-12-02T08:00:00+08:00 2026-12-02T18:00:00+08:00 2026-12-03T04:00:00+08:00", false},
		{"Friday night and a free Saturday are one", "&open_from=2026-12-04T12:00&open_to=2026-12-06T12:00", nil, "2026-12-04T18:00:00+08:00 2026-12-06T08:00:00+08:00", false},
		{"after the deadline", "&open_from=2026-12-02T18:00&open_to=2026-12-02T20:00", func(p *lease.StoredPark) { p.Deadline = lease.MustDate("2026-12-01") }, "", false},
	} {
		a, err := get(t, store(c.change), "/app/parks?near=120.62,31.31"+c.target)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var found []struct {
			SN     string `json:"park_sn"`
			Metres int    `json:"distance_m"`
			Open   []struct{ From, To string }
			Covers bool
		}
		if err := json.Unmarshal([]byte(data(t, a)), &found); err != nil {
			t.Fatal(err)
		}
		if c.open == "" {
			if data(t, a) != "[]" || a.Page.HasMore || a.Page.SearchedM != 20_000 {
				t.Errorf("%s: %s %+v", c.name, data(t, a), a.Page)
			}
			continue
		}
		var open []string
		for _, w := range found[0].Open {
			open = append(open, w.From, w.To)
		}
		if got := strings.Join(open, " "); got != c.open || found[0].Covers != c.covers || found[0].Metres != 1112 || found[0].SN != "P1" || !a.Page.HasMore || a.Page.SearchedM != 3000 {
			t.Errorf("%s: %s %+v", c.name, data(t, a), a.Page)
		}
	}
}

func TestStorageOutOfReach(t *testing.T) {
	down := store(nil)
	down.err = lease.ErrUnavailable
	for _, target := range []string{"/app/park?park_sn=P1", "/app/parks", "/app/parks?near=0,0", "/app/quote?park_sn=P1&date=2026-12-04&start_time=19:00&end_time=20:00"} {
		if _, err := get(t, down, target); !errors.Is(err, lease.ErrUnavailable) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestListWalks(t *testing.T) {
	a, err := get(t, store(func(p *lease.StoredPark) { p.UpdatedAt = time.Unix(1790000000, 0) }), "/app/parks?limit=1")
	if err != nil || !strings.Contains(data(t, a), `"updated_at":"2026-09-21T22:13:20+08:00"`) || a.Page.HasMore || a.Page.NextCursor != "" {
		t.Errorf("%v %s %+v", err, data(t, a), a.Page)
	}
}
