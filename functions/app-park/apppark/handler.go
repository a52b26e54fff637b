// Package apppark shows the app the parks that we hold.
package apppark

import (
	"context"
	"time"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

type parks interface {
	Park(ctx context.Context, sn string) (*lease.StoredPark, error)
	ParkPage(ctx context.Context, limit int, after string) ([]lease.StoredPark, string, error)
	Near(ctx context.Context, at lease.Place, limit int, keep func(*lease.StoredPark) bool) ([]leasestore.NearPark, bool, float64, error)
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

// Handle answers app/park, app/parks and app/quote.
func Handle(store parks) door.Handle {
	return func(ctx context.Context, req *door.Request) (envelope.Answer, error) {
		switch {
		case req.Route.Path == "/app/park":
			return one(ctx, store, req)
		case req.Route.Path == "/app/quote":
			return quote(ctx, store, req)
		case req.Fields.Has("near"):
			return near(ctx, store, req)
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
