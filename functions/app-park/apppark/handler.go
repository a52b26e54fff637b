// Package apppark shows the app the parks that we hold.
package apppark

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

type parks interface {
	Park(ctx context.Context, sn string) (*lease.StoredPark, error)
	ParkPage(ctx context.Context, limit int, after string) ([]lease.StoredPark, string, error)
}

// view is a park on the wire: the fields of 3.1, and what we know about it.
type view struct {
	SN           string       `json:"park_sn"`
	Name         string       `json:"park_name"`
	Deadline     string       `json:"deadline"`
	Start        string       `json:"start_time"`
	End          string       `json:"end_time"`
	Sat          int          `json:"is_sat"`
	Sun          int          `json:"is_sun"`
	Holiday      int          `json:"is_holiday"`
	Price        int64        `json:"price"`
	StartPrice   int64        `json:"start_price"`
	HolidayPrice int64        `json:"holiday_price"`
	Longitude    *string      `json:"longitude"`
	Latitude     *string      `json:"latitude"`
	Withdrawn    bool         `json:"withdrawn"`
	UpdatedAt    string       `json:"updated_at"`
	Source       lease.Source `json:"source"`
}

func viewOf(p *lease.StoredPark) view {
	v := view{SN: p.SN, Name: p.Name, Deadline: p.Deadline.String(), Start: p.Start.String(), End: p.End.String(),
		Sat: flag(p.Sat), Sun: flag(p.Sun), Holiday: flag(p.Holiday), Price: p.Price, StartPrice: p.StartPrice, HolidayPrice: p.HolidayPrice,
		Withdrawn: p.Withdrawn, UpdatedAt: p.UpdatedAt.In(lease.Zone).Format(time.RFC3339), Source: p.Source}
	if p.Longitude != "" {
		v.Longitude, v.Latitude = &p.Longitude, &p.Latitude
	}
	return v
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Handle answers app/park and app/parks.
func Handle(store parks) door.Handle {
	return func(ctx context.Context, req *door.Request) (envelope.Answer, error) {
		if req.Route.Path == "/app/park" {
			return one(ctx, store, req)
		}
		return list(ctx, store, req)
	}
}

func one(ctx context.Context, store parks, req *door.Request) (envelope.Answer, error) {
	sn := req.Fields.ParkSN(true)
	req.Log("park_sn", sn)
	if err := req.Fields.Err(); err != nil {
		return envelope.Answer{}, err
	}
	park, err := store.Park(ctx, sn)
	if err != nil {
		return envelope.Answer{}, err
	}
	return envelope.Answer{Data: viewOf(park)}, nil
}

func list(ctx context.Context, store parks, req *door.Request) (envelope.Answer, error) {
	limit := int(req.Fields.Int("limit", false, 1, maxLimit, defaultLimit))
	cursor := req.Fields.Text("cursor", false, 2048, false)
	after := ""
	if cursor != "" {
		var ok bool
		if after, ok = openCursor(cursor, limit); !ok {
			req.Fields.Bad("cursor", "is not one of ours for this limit")
		}
	}
	if err := req.Fields.Err(); err != nil {
		return envelope.Answer{}, err
	}
	held, next, err := store.ParkPage(ctx, limit, after)
	if err != nil {
		return envelope.Answer{}, err
	}
	views := make([]view, len(held))
	for i := range held {
		views[i] = viewOf(&held[i])
	}
	page := &envelope.Page{Limit: limit, HasMore: next != ""}
	if next != "" {
		page.NextCursor = sealCursor(next, limit)
	}
	return envelope.Answer{Data: views, Page: page}, nil
}

// The cursor's checksum only catches what was cut, mistyped or given another limit: the caller is the
// app's own backend, and all parks are open to it.
func checksum(after string, limit int) []byte {
	sum := sha256.Sum256(append([]byte{byte(limit >> 8), byte(limit)}, after...))
	return sum[:8]
}

func sealCursor(after string, limit int) string {
	return base64.RawURLEncoding.EncodeToString(append(checksum(after, limit), after...))
}

func openCursor(cursor string, limit int) (string, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= 8 || string(raw[:8]) != string(checksum(string(raw[8:]), limit)) {
		return "", false
	}
	return string(raw[8:]), true
}
