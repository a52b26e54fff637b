package apppark

import (
	"context"
	"strings"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
)

// quoteView is the price of a slot, in fen, and how it comes about.
type quoteView struct {
	SN    string     `json:"park_sn"`
	Date  string     `json:"date"`
	Start string     `json:"start_time"`
	End   string     `json:"end_time"`
	Total int64      `json:"total"`
	Steps []stepView `json:"steps"`
}

// stepView is what one calendar day of the slot costs.
type stepView struct {
	Date       string `json:"date"`
	From       string `json:"from"`
	To         string `json:"to"`
	FreeDay    bool   `json:"free_day"`
	HalfHours  int    `json:"half_hours"`
	Price      int64  `json:"price"`
	StartPrice int64  `json:"start_price"`
	Cap        *int64 `json:"cap"` // holiday_price on a free day, else null
	Amount     int64  `json:"amount"`
}

// quote says what a slot costs by the park's terms as they are now. A slot that the park does not lease has no price.
func quote(ctx context.Context, store parks, req *door.Request) (envelope.Answer, error) {
	sn, slot := req.Fields.ParkSN(true), req.Fields.Slot()
	req.Log("park_sn", sn)
	if err := req.Fields.Err(); err != nil {
		return envelope.Answer{}, err
	}
	park, err := store.Park(ctx, sn)
	if err != nil {
		return envelope.Answer{}, err
	}
	var bad lease.NotLeased
	if park.Withdrawn {
		bad.Fields = append(bad.Fields, lease.FieldError{Field: "park_sn", Reason: "the park was withdrawn and is not leased"})
	}
	if err := park.Leases(slot, req.Now); err != nil {
		bad.Fields = append(bad.Fields, lease.FieldError{Field: "date", Reason: strings.TrimPrefix(err.Error(), lease.ErrNotLeased.Error()+": ")})
	}
	if len(bad.Fields) > 0 {
		return envelope.Answer{}, &bad
	}
	total, parts := park.Quote(slot)
	v := quoteView{SN: sn, Date: slot.Date.String(), Start: slot.Start.String(), End: slot.End.String(), Total: total, Steps: make([]stepView, len(parts))}
	for i, p := range parts {
		v.Steps[i] = stepView{Date: p.Date.String(), From: p.From.String(), To: p.To.String(), FreeDay: p.FreeDay, HalfHours: p.HalfHours,
			Price: park.Price, StartPrice: p.StartPrice, Amount: p.Amount}
		if p.FreeDay {
			v.Steps[i].Cap = &park.HolidayPrice
		}
	}
	return envelope.Answer{Data: v}, nil
}
