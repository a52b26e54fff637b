package apporder

import (
	"time"

	"lease-gateway/shared/lease"
)

// view is the order on the wire (contract, section 4). Absent moments are null.
type view struct {
	OrderID   string        `json:"order_id"`
	ParkSN    string        `json:"park_sn"`
	Plate     lease.Plate   `json:"car_plate_no"`
	Dates     []date        `json:"dates"`
	Status    lease.Status  `json:"status"`
	Whitelist whitelistView `json:"whitelist"`
}

type date struct {
	Date  string `json:"date"`
	Start string `json:"start_time"`
	End   string `json:"end_time"`
}

type whitelistView struct {
	State         lease.WhitelistState `json:"state"`
	Attempts      int                  `json:"attempts"`
	DeliveredAt   *string              `json:"delivered_at"`
	NextAttemptAt *string              `json:"next_attempt_at"`
	LastError     *string              `json:"last_error"`
}

func (a *Orders) view(o *lease.Order, now time.Time) view {
	v := view{OrderID: o.OrderID, ParkSN: o.ParkSN, Plate: o.Plate, Status: o.Status(now), Dates: make([]date, len(o.Slots)),
		Whitelist: whitelistView{State: o.Whitelist(now), Attempts: o.Attempts, DeliveredAt: moment(o.DeliveredAt)}}
	for i, s := range o.Slots {
		v.Dates[i] = date{s.Date.String(), s.Start.String(), s.End.String()}
	}
	if !o.DueAt.IsZero() && v.Whitelist.State != lease.Expired {
		v.Whitelist.NextAttemptAt = moment(o.NotBefore)
	}
	if o.LastError != "" {
		v.Whitelist.LastError = &o.LastError
	}
	return v
}

// moment is RFC 3339 with +08:00, null where there is none.
func moment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.In(lease.Zone).Format(time.RFC3339)
	return &s
}
