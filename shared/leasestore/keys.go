package leasestore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"

	"lease-gateway/shared/lease"
)

const (
	itemVersion = 1
	dueShards   = 16
	dueIndex    = "due"
)

func parkKey(sn string) string { return "P#" + sn }

func claimKey(orderID string) string { return "I#" + orderID }

// ordersKey names the platform too, so that a second partner's park_sn cannot meet Tongli's.
func ordersKey(parkSN string) string { return "P#tongli#" + parkSN }

func orderSort(plate lease.Plate, orderID string) string { return string(plate) + "#" + orderID }

// platePrefix begins the sort keys of a plate's orders, and of no other plate's.
func platePrefix(plate lease.Plate) string { return string(plate) + "#" }

func dueShard(orderID string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(orderID))
	return fmt.Sprintf("d%d", h.Sum32()%dueShards)
}

func nonceKey(appID string) string { return "N#" + appID }

// markKey names a walk: one at a time per caller, park, plate filter and limit.
func markKey(appID, parkSN string, plate lease.Plate, limit int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q%q%q%d", appID, parkSN, plate, limit))
	return "M#" + hex.EncodeToString(sum[:12])
}

// markSort sorts as the numbers do. No walk has that many pages; a larger number only looks for the marks before it.
func markSort(page int) string { return fmt.Sprintf("%08d", min(page, 99_999_999)) }
