package apppark

import (
	"context"
	"crypto/sha256"
	"encoding/base64"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

func list(ctx context.Context, store parks, req *door.Request) (envelope.Answer, error) {
	limit := int(req.Fields.Int("limit", false, 1, maxLimit, defaultLimit))
	cursor := req.Fields.Text("cursor", false, 2048, false)
	for _, name := range []string{"open_from", "open_to"} {
		if req.Fields.Has(name) {
			req.Fields.Bad(name, "goes with near only")
		}
	}
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
