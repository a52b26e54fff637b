package door_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

// expiring keeps nonces as the store does: by the millisecond, and no longer than it is told to.
type expiring map[string]int64

func (e expiring) ClaimNonce(_ context.Context, _, nonce, _ string, life time.Duration, at time.Time) error {
	if until, held := e[nonce]; held && until >= at.UnixMilli() {
		return lease.ErrNonceUsed
	}
	e[nonce] = at.Add(life).UnixMilli()
	return nil
}

// TestNoReplayAtTheEdge: as long as a request's timestamp is good it is refused as a replay, also where it lies as far ahead as it may; after ten minutes
// the nonce is free for another request.
func TestNoReplayAtTheEdge(t *testing.T) {
	const nonce = "0123456789abcdef"
	for _, form := range []int64{1, 1000} { // of seconds, of milliseconds
		for _, ahead := range []time.Duration{0, 299 * time.Second, 300 * time.Second} {
			for _, fraction := range []time.Duration{0, time.Millisecond, 200 * time.Millisecond, 999 * time.Millisecond, 999*time.Millisecond + 999*time.Microsecond} {
				begun := now.Truncate(time.Second).Add(fraction)
				stamp := begun.Add(ahead).UnixMilli() / 1000 * form
				if form == 1000 {
					stamp = begun.Add(ahead).UnixMilli()
				}
				params := []signature.Param{{Name: "app_id", Value: "tongli"}, {Name: "timestamp", Value: fmt.Sprint(stamp)}, {Name: "nonce", Value: nonce}}
				e := signed(goodBody)
				e.query = signature.CanonicalQuery(params) + "&sign=" + signature.Sign(current, signature.StringToSign("POST", "/lease/order", params, []byte(goodBody)))
				h := newHouse()
				h.Signed.Nonces = expiring{}
				clock := begun
				h.Now = func() time.Time { return clock }
				if a := h.ask(t, e); a.Code != 0 {
					t.Fatalf("%d, %s ahead: %+v", stamp, ahead, a)
				}
				for after := time.Duration(0); after < 605*time.Second; after += 100 * time.Millisecond {
					if after == time.Second {
						after = 295 * time.Second
					} else if after == 305*time.Second {
						after = 595 * time.Second
					}
					clock = begun.Add(after)
					if a := h.ask(t, e); a.Code != 40105 && a.Code != 40104 {
						t.Fatalf("signed for %d, accepted at %s, sent again %s later: %+v", stamp, begun, after, a)
					}
				}
				clock = begun.Add(signature.NonceLife + 1001*time.Millisecond)
				other := signed(goodBody)
				other.query = signature.Query("tongli", current, "POST", "/lease/order", nil, []byte(goodBody), clock, nonce)
				if a := h.ask(t, other); a.Code != 0 {
					t.Fatalf("the nonce in another request after ten minutes: %+v", a)
				}
			}
		}
	}
}
