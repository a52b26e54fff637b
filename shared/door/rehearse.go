package door

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"lease-gateway/shared/signature"
)

// willing takes every nonce.
type willing struct{}

func (willing) ClaimNonce(context.Context, string, string, string, time.Duration, time.Time) error {
	return nil
}

// Rehearse sends a request through the door during start, where a full processor is to be had: what decodes, verifies, answers and logs runs for the first
// time here and not for the first caller. Its time is over before it begins, so that storage is neither read nor written, and nothing is logged.
func (d *Door) Rehearse(ctx context.Context, method, path, query, body string) {
	ctx, end := context.WithCancel(ctx)
	r := *d
	r.Logger, r.Units = slog.New(slog.NewJSONHandler(io.Discard, nil)), nil
	if d.Signed != nil {
		live, err := d.Signed.Secrets.Live(ctx, false)
		if err != nil {
			end()
			return
		}
		params, _ := signature.ParseQuery(query) // ours, and good
		query = signature.Query(d.Signed.AppID, live[0], method, path, params, []byte(body), d.Now(), "")
		r.Signed = &Signed{AppID: d.Signed.AppID, Secrets: d.Signed.Secrets, Nonces: willing{}}
	}
	event, _ := json.Marshal(map[string]any{"routeKey": method + " " + path, "rawPath": path, "rawQueryString": query, "body": body, "headers": map[string]string{"content-type": "application/json"},
		"requestContext": map[string]any{"requestId": "rehearsal", "http": map[string]string{"method": method, "path": path}}}) // strings: cannot fail
	end()
	_, _ = r.Invoke(ctx, event)
}
