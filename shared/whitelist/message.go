// Package whitelist is what app-order, whitelist-pusher and whitelist-sweeper share of the push path: the queue's message,
// the retry schedule, and the circuit breaker. Every number of the path stands in numbers.go, with its reason.
package whitelist

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"lease-gateway/shared/lease"
)

const messageVersion = 1

// Message says "look at this plate in this park"; the order's row is the truth.
type Message struct {
	Version int         `json:"v"`
	ParkSN  string      `json:"park_sn"`
	Plate   lease.Plate `json:"car_plate_no"`
	OrderID string      `json:"order_id"` // whose change or due mark sent it
	Rev     int64       `json:"rev"`
	DueAt   int64       `json:"due_at"`           // unix ms
	Rescue  bool        `json:"rescue,omitempty"` // an earlier message came to nothing: its push may have been made, so its outcome is unknown
	Repush  string      `json:"repush,omitempty"` // push although nothing is due; names the run
}

// MessageFor refers to an order as it now is.
func MessageFor(o *lease.Order) Message {
	return Message{Version: messageVersion, ParkSN: o.ParkSN, Plate: o.Plate, OrderID: o.OrderID, Rev: o.Rev, DueAt: o.DueAt.UnixMilli()}
}

// ReadMessage decodes a message; an unreadable one, or one of a version that is not known, is an error and belongs in the DLQ.
func ReadMessage(body string) (Message, error) {
	var m Message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, fmt.Errorf("message is not JSON: %w", err)
	}
	if m.Version != messageVersion {
		return m, fmt.Errorf("message: %w: v=%d", lease.ErrVersionUnknown, m.Version)
	}
	if m.ParkSN == "" || m.Plate == "" {
		return m, fmt.Errorf("message: park_sn and car_plate_no are required")
	}
	return m, nil
}

// Group keeps a plate's messages in order and one at a time; group ids are ASCII, plates are not.
func (m Message) Group() string { return hash(m.ParkSN, string(m.Plate)) }

// Deduplication differs for a change, a retry and a second push (SQS swallows a known id for five minutes), and is
// equal for a true repeat.
func (m Message) Deduplication() string {
	return hash(m.OrderID, strconv.FormatInt(m.Rev, 10), strconv.FormatInt(m.DueAt, 10), m.Repush, m.ParkSN, string(m.Plate))
}

func hash(parts ...string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return hex.EncodeToString(sum[:16])
}
