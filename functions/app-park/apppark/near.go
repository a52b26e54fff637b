package apppark

import (
	"context"
	"math"
	"time"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
)

const (
	defaultOpenFor = 24 * time.Hour
	maxOpenFor     = 7 * 24 * time.Hour
)

// foundView is a park that was found: what we know about it, how far away it is, and when it is open.
type foundView struct {
	view
	Metres int          `json:"distance_m"`
	Open   []windowView `json:"open"`
	Covers bool         `json:"covers"` // open all the time that was asked for
}

type windowView struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// near lists the parks that are open at some time between open_from and open_to, nearest first.
func near(ctx context.Context, store parks, req *door.Request) (envelope.Answer, error) {
	at, _ := req.Fields.Place("near")
	limit := int(req.Fields.Int("limit", false, 1, maxLimit, defaultLimit))
	if req.Fields.Has("cursor") {
		req.Fields.Bad("cursor", "does not go with near: ask for more by limit")
	}
	from, to := openTimes(req)
	if err := req.Fields.Err(); err != nil {
		return envelope.Answer{}, err
	}
	found, more, searched, err := store.Near(ctx, at, limit, func(p *lease.StoredPark) bool { return len(p.Open(from, to)) > 0 })
	if err != nil {
		return envelope.Answer{}, err
	}
	views := make([]foundView, len(found))
	for i := range found {
		windows := found[i].Open(from, to)
		v := foundView{view: viewOf(&found[i].StoredPark), Metres: int(math.Round(found[i].Metres)), Open: make([]windowView, len(windows)),
			Covers: windows[0] == lease.Window{From: from, To: to}}
		for j, w := range windows {
			v.Open[j] = windowView{w.From.Format(time.RFC3339), w.To.Format(time.RFC3339)}
		}
		views[i] = v
	}
	req.Log("parks", len(found))
	req.Log("searched_m", searched)
	return envelope.Answer{Data: views, Page: &envelope.Page{Limit: limit, HasMore: more, SearchedM: int(searched)}}, nil
}

// openTimes reads open_from (now) and open_to (24 hours later).
func openTimes(req *door.Request) (from, to time.Time) {
	from, ok := req.Fields.Local("open_from")
	if !ok {
		from = req.Now.In(lease.Zone).Truncate(time.Minute)
	}
	to, ok = req.Fields.Local("open_to")
	switch {
	case !ok:
		return from, from.Add(defaultOpenFor)
	case !to.After(from):
		req.Fields.Bad("open_to", "must be after open_from")
	case to.Sub(from) > maxOpenFor:
		req.Fields.Bad("open_to", "must be at most seven days after open_from")
	case !to.After(req.Now):
		req.Fields.Bad("open_to", "must lie in the future")
	}
	return from, to
}
