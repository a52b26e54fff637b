package leasestore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lease-gateway/shared/lease"
)

// ClaimNonce takes a nonce of an app_id for life. lease.ErrNonceUsed when another request had it. token tells this
// request from another: a write that the SDK repeated is no replay. It costs one conditional write.
func (s *Store) ClaimNonce(ctx context.Context, appID, nonce, token string, life time.Duration, now time.Time) error {
	i := key(nonceKey(appID), nonce)
	i["v"], i["t"] = num(itemVersion), str(token)
	i["x"] = num(now.Add(life).UnixMilli())
	i["ttl"] = num(now.Add(life + time.Minute).Unix())
	old, ok, err := s.put(ctx, s.tables.Expiring, i, "attribute_not_exists(pk) OR x < :now", nil, item{":now": num(now.UnixMilli())})
	if err != nil || ok || getS(old, "t") == token {
		return err
	}
	return lease.ErrNonceUsed
}

// Breaker is the circuit breaker for Tongli as a whole, shared by all instances. Its rules are in shared/whitelist.
type Breaker struct {
	OpenUntil  time.Time // zero: closed
	Level      int       // how often it opened again without closing
	Reason     string
	Probe      string    // who may try while it is half open
	ProbeUntil time.Time // until then nobody else may
	Drain      bool      // it closed: everything undelivered is to be made due
	Counts     []Count   // outcomes by minute
	Version    int64
}

// Count holds the outcomes of one minute (unix minutes).
type Count struct{ Minute, OK, Failed int64 }

// Breaker reads the breaker; the zero value where it was never written.
func (s *Store) Breaker(ctx context.Context) (Breaker, error) {
	i, err := s.get(ctx, s.tables.Expiring, key("B#tongli", "B"))
	if err != nil || i == nil {
		return Breaker{}, err
	}
	return breakerOf(i)
}

func breakerOf(i item) (Breaker, error) {
	b := Breaker{}
	if err := json.Unmarshal([]byte(getS(i, "j")), &b); err != nil {
		return Breaker{}, fmt.Errorf("breaker item: %w", err)
	}
	b.Version = getN(i, "r")
	return b, nil
}

// SaveBreaker writes next over held; false, and what is stored, where another instance wrote first.
func (s *Store) SaveBreaker(ctx context.Context, next, held Breaker) (Breaker, bool, error) {
	next.Version = held.Version + 1
	raw, err := json.Marshal(next)
	if err != nil {
		return Breaker{}, false, err
	}
	i := key("B#tongli", "B")
	i["v"], i["j"], i["r"] = num(itemVersion), str(string(raw)), num(next.Version)
	condition, values := "attribute_not_exists(pk)", item(nil)
	if held.Version != 0 {
		condition, values = "r = :r", item{":r": num(held.Version)}
	}
	old, ok, err := s.put(ctx, s.tables.Expiring, i, condition, nil, values)
	if err != nil || ok {
		return next, ok, err
	}
	if old == nil {
		return Breaker{}, false, nil
	}
	now, err := breakerOf(old)
	return now, err == nil && getS(old, "j") == string(raw) && now.Version == next.Version, err
}

// Repush is the position of a push of all live plates that goes on: the nightly one, or one of a park that was asked for.
type Repush struct {
	Run      string // names the run: part of each message's deduplication id
	ParkSN   string // "" for all parks
	Position string
	Waiting  string // parks that were asked for and come after this one, each ended by a line feed
	Night    string // the nightly run that parks interrupted, "" for none, and where it goes on
	NightAt  string
	Version  int64
}

// RepushPosition reads the run that goes on; its Run is "" when none does.
func (s *Store) RepushPosition(ctx context.Context) (Repush, error) {
	i, err := s.get(ctx, s.tables.Expiring, key("R#repush", "R"))
	if err != nil || i == nil {
		return Repush{}, err
	}
	return Repush{Run: getS(i, "n"), ParkSN: getS(i, "p"), Position: getS(i, "at"), Waiting: getS(i, "w"), Night: getS(i, "nn"), NightAt: getS(i, "na"),
		Version: getN(i, "r")}, nil
}

// SaveRepush stores the position, or an ended run (Run ""), on the condition that nobody else did since held.
func (s *Store) SaveRepush(ctx context.Context, next, held Repush) (bool, error) {
	i := key("R#repush", "R")
	i["v"], i["r"] = num(itemVersion), num(held.Version+1)
	setS(i, "n", next.Run)
	setS(i, "p", next.ParkSN)
	setS(i, "at", next.Position)
	setS(i, "w", next.Waiting)
	setS(i, "nn", next.Night)
	setS(i, "na", next.NightAt)
	condition, values := "attribute_not_exists(pk)", item(nil)
	if held.Version != 0 {
		condition, values = "r = :r", item{":r": num(held.Version)}
	}
	_, ok, err := s.put(ctx, s.tables.Expiring, i, condition, nil, values)
	return ok, err
}
