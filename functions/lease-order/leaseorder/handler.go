// Package leaseorder lists the slots of a park's live orders (interface 2, lease/order).
package leaseorder

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

const (
	defaultLimit = 1000
	maxLimit     = 10_000
	strideRows   = 10_000 // read at once on the way to a page that no mark is near
)

type store interface {
	Park(ctx context.Context, sn string) (*lease.StoredPark, error)
	Rows(ctx context.Context, parkSN string, plate lease.Plate, from leasestore.Position, limit int, now time.Time, visit func(plate string, slots []lease.Slot)) (leasestore.Position, bool, bool, error)
	Mark(ctx context.Context, w leasestore.Walk, page int, now time.Time) (leasestore.Position, int, string, error)
	PutMark(ctx context.Context, w leasestore.Walk, page int, at leasestore.Position, walk string, now time.Time) error
}

type query struct {
	leasestore.Walk
	page   int
	cursor string
}

// Handle answers one page. A page is found by its cursor, or by the mark that the page before it left.
func Handle(s store, secrets door.Secrets) door.Handle {
	return func(ctx context.Context, req *door.Request) (envelope.Answer, error) {
		q := query{Walk: leasestore.Walk{AppID: req.Common.AppID, ParkSN: req.Fields.ParkSN(true), Plate: req.Fields.Plate("car_plate_no", false)}}
		q.Limit = int(req.Fields.Int("limit", false, 1, maxLimit, defaultLimit))
		q.cursor = req.Fields.Text("cursor", false, 2048, false)
		if q.page = 1; !req.Fields.Has("cursor") { // with a cursor page is ignored
			q.page = int(req.Fields.AtLeast("page", 1, 1))
		}
		req.Log("park_sn", q.ParkSN)
		req.LogPlate(q.Plate)
		keys, err := secrets.Live(ctx, false)
		if err != nil {
			return envelope.Answer{}, err
		}
		var from leasestore.Position
		if q.cursor != "" {
			var ok bool
			if from, ok = openCursor(q.cursor, q.Walk, keys); !ok {
				req.Fields.Bad("cursor", "is not one of ours for this park_sn, car_plate_no and limit")
			}
		}
		if err := req.Fields.Err(); err != nil {
			return envelope.Answer{}, err
		}
		b := begun{at: from}
		if q.cursor == "" {
			if b, err = begin(ctx, s, q, req.Now); err != nil {
				return envelope.Answer{}, err
			}
		}
		list := envelope.NewList(req.AcceptsGz, min(q.Limit, 1000)*rowRoom)
		words := &plainWords
		if list.Escaped() {
			words = &escapedWords
		}
		count := 0
		next, more, held := b.at, false, b.held
		if !b.past {
			next, more, held, err = s.Rows(ctx, q.ParkSN, q.Plate, b.at, q.Limit, req.Now, func(plate string, slots []lease.Slot) {
				list.Rows = appendRows(list.Rows, words, count == 0, plate, slots)
				count += len(slots)
			})
		}
		if err != nil {
			return envelope.Answer{}, err
		}
		if !held {
			// only a park without an order in that range may be one that we do not know
			if _, err := s.Park(ctx, q.ParkSN); err != nil {
				return envelope.Answer{}, err
			}
		}
		page := &envelope.Page{Page: q.page, Limit: q.Limit, HasMore: more}
		if more {
			page.NextCursor = sealCursor(next, q.Walk, keys[0])
			if q.cursor == "" {
				if err := s.PutMark(ctx, q.Walk, q.page+1, next, b.walk, req.Now); err != nil {
					return envelope.Answer{}, err // a page that cannot be continued would look like the last one
				}
			}
		}
		req.Log("rows", count)
		return envelope.Answer{List: list, Page: page}, nil
	}
}

// begun is where a page begins.
type begun struct {
	at   leasestore.Position
	walk string // the id that page 1 gave to the walk
	past bool   // the page lies behind the last row: it is empty, whatever its number
	held bool   // an order was seen on the way there
}

// begin finds where a page begins: page 1 begins a new walk; a later one at its mark, or behind the rows between it and the
// nearest earlier mark. Those are read in strides, so that a page far behind the end costs one pass over the park and no more.
func begin(ctx context.Context, s store, q query, now time.Time) (begun, error) {
	if q.page == 1 {
		return begun{walk: signature.NewNonce()[:16]}, nil
	}
	at, found, walk, err := s.Mark(ctx, q.Walk, q.page, now)
	b := begun{at: at, walk: walk}
	if err != nil {
		return b, err
	}
	if found == 0 {
		found, b.walk = 1, signature.NewNonce()[:16]
	}
	for found < q.page {
		pages := min(q.page-found, max(1, strideRows/q.Limit))
		if found == 1 {
			pages = 1 // the mark of page 2 is what a walk is known by
		}
		next, more, held, err := s.Rows(ctx, q.ParkSN, q.Plate, b.at, pages*q.Limit, now, func(string, []lease.Slot) {})
		if err != nil {
			return b, err
		}
		b.at, b.held = next, b.held || held
		if b.past = !more; b.past {
			return b, nil
		}
		found += pages
		if err := s.PutMark(ctx, q.Walk, found, b.at, b.walk, now); err != nil {
			return b, err
		}
	}
	return b, nil
}

// rowRoom is what a row takes, escaped, with a plate of eight characters.
const rowRoom = 116

// words stand between the values of a row, as they are and as part of a JSON string.
type words struct{ first, plate, date, start, end, last string }

var (
	plainWords   = words{`{"car_plate_no":"`, `,{"car_plate_no":"`, `","date":"`, `","start_time":"`, `","end_time":"`, `"}`}
	escapedWords = words{`{\"car_plate_no\":\"`, `,{\"car_plate_no\":\"`, `\",\"date\":\"`, `\",\"start_time\":\"`, `\",\"end_time\":\"`, `\"}`}
)

// appendRows appends an order's rows. A normalised plate needs no escape.
func appendRows(b []byte, w *words, first bool, plate string, slots []lease.Slot) []byte {
	for i, s := range slots {
		if first && i == 0 {
			b = append(b, w.first...)
		} else {
			b = append(b, w.plate...)
		}
		b = append(b, plate...)
		b = s.Date.Append(append(b, w.date...))
		b = s.Start.Append(append(b, w.start...))
		b = s.End.Append(append(b, w.end...))
		b = append(b, w.last...)
	}
	return b
}

// A cursor is a position with an authentication that binds it to park, plate filter and limit: it needs no state and cannot
// be forged into a read of something else.
type sealed struct {
	At      string  `json:"a"`
	Skip    int     `json:"s"`
	Density float64 `json:"d"`
}

const macBytes = 16

func cursorMAC(payload []byte, w leasestore.Walk, key string) []byte {
	mac := hmac.New(sha256.New, []byte("cursor:"+key))
	for _, part := range []string{w.AppID, w.ParkSN, string(w.Plate), strconv.Itoa(w.Limit)} {
		mac.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	mac.Write(payload)
	return mac.Sum(nil)[:macBytes]
}

func sealCursor(p leasestore.Position, w leasestore.Walk, key string) string {
	payload, _ := json.Marshal(sealed{p.At, p.Skip, p.Density}) // a string and two numbers: cannot fail
	return base64.RawURLEncoding.EncodeToString(append(cursorMAC(payload, w, key), payload...))
}

func openCursor(cursor string, w leasestore.Walk, keys []string) (leasestore.Position, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= macBytes {
		return leasestore.Position{}, false
	}
	for _, key := range keys {
		var p sealed
		if hmac.Equal(raw[:macBytes], cursorMAC(raw[macBytes:], w, key)) && json.Unmarshal(raw[macBytes:], &p) == nil {
			return leasestore.Position{At: p.At, Skip: p.Skip, Density: p.Density}, true
		}
	}
	return leasestore.Position{}, false
}
