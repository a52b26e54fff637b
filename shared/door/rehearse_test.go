package door_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
)

type rehearsed struct{ asked, fresh int }

func (r *rehearsed) Live(_ context.Context, fresh bool) ([]string, error) {
	if fresh {
		r.fresh++
	}
	return []string{"s"}, nil
}

func (r *rehearsed) ClaimNonce(context.Context, string, string, string, time.Duration, time.Time) error {
	r.asked++
	return nil
}

// TestRehearse: the handler is reached as by a caller, with its time over; no nonce is claimed, no secret read anew, nothing logged.
func TestRehearse(t *testing.T) {
	for _, signed := range []bool{true, false} {
		var log countingWriter
		outside, reached := &rehearsed{}, 0
		d := &door.Door{Now: time.Now, Logger: slog.New(slog.NewJSONHandler(&log, nil)), Handle: func(ctx context.Context, req *door.Request) (envelope.Answer, error) {
			reached++
			if !errors.Is(ctx.Err(), context.Canceled) {
				t.Error("a rehearsal has time left")
			}
			if req.Fields.ParkSN(true) != "W" {
				t.Error("the request did not arrive")
			}
			return envelope.Answer{}, ctx.Err()
		}}
		if signed {
			d.Signed = &door.Signed{AppID: "tongli", Secrets: outside, Nonces: outside}
		}
		d.Rehearse(t.Context(), "GET", "/lease/order", "park_sn=W", "")
		d.Rehearse(t.Context(), "POST", "/lease/park", "", `{"park_sn":"W"}`)
		if reached != 2 || outside.asked != 0 || outside.fresh != 0 || log != 0 {
			t.Errorf("signed %t: handler reached %d times, %d nonces, %d secrets read anew, %d bytes logged", signed, reached, outside.asked, outside.fresh, log)
		}
		if d.Signed != nil && d.Signed.Nonces != outside {
			t.Error("the door itself was changed")
		}
	}
}

type countingWriter int

func (c *countingWriter) Write(p []byte) (int, error) {
	*c += countingWriter(len(p))
	return len(p), nil
}
