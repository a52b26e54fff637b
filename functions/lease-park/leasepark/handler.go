// Package leasepark receives parks that Tongli pushes (interface 1, lease/park).
package leasepark

import (
	"context"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
)

type parks interface {
	MergePark(ctx context.Context, sn string, merge func(*lease.StoredPark) (lease.StoredPark, bool)) (bool, error)
}

// Handle upserts one park, whole state. An older push than one that was applied answers 0 with msg "stale".
func Handle(store parks) door.Handle {
	return func(ctx context.Context, req *door.Request) (envelope.Answer, error) {
		park := req.Fields.Park()
		req.Log("park_sn", park.SN)
		if err := req.Fields.Err(); err != nil {
			return envelope.Answer{}, err
		}
		verdict := "stale"
		applied, err := store.MergePark(ctx, park.SN, func(held *lease.StoredPark) (lease.StoredPark, bool) {
			next, newer := held.ApplyPush(park, req.Common.Moment, req.Now)
			switch {
			case !newer:
				verdict = "stale"
			case held == nil:
				verdict = "added"
			case held.Hash == next.Hash:
				verdict = "unchanged"
			default:
				verdict = "changed"
			}
			return next, newer
		})
		if err != nil {
			return envelope.Answer{}, err
		}
		req.Log("park", verdict)
		if !applied {
			return envelope.Answer{Msg: "stale"}, nil
		}
		return envelope.Answer{}, nil
	}
}
