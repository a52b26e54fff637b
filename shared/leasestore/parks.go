package leasestore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/lease"
)

func parkItem(p *lease.StoredPark) item {
	i := item{"pk": str(parkKey(p.SN)), "v": num(itemVersion), "h": str(p.Hash), "r": num(p.Version), "so": str(string(p.Source))}
	setS(i, "n", p.Name)
	i["dl"] = num(int64(p.Deadline))
	i["st"], i["en"] = num(int64(p.Start)), num(int64(p.End))
	setBool(i, "sa", p.Sat)
	setBool(i, "su", p.Sun)
	setBool(i, "ho", p.Holiday)
	setN(i, "pr", p.Price)
	setN(i, "sp", p.StartPrice)
	setN(i, "hp", p.HolidayPrice)
	setS(i, "lo", p.Longitude)
	setS(i, "la", p.Latitude)
	setBool(i, "w", p.Withdrawn)
	setTime(i, "u", p.UpdatedAt)
	setN(i, "pt", p.PushedAt)
	setN(i, "pa", p.SeenPush)
	setN(i, "fa", p.AskedAt)
	setN(i, "m", int64(p.Misses))
	setN(i, "mb", p.MissedBy)
	setPlace(i, p)
	return i
}

func parkOf(i item) lease.StoredPark {
	return lease.StoredPark{
		Park: lease.Park{
			SN: getS(i, "pk")[len(parkKey("")):], Name: getS(i, "n"), Deadline: lease.Date(getN(i, "dl")),
			Start: lease.Clock(getN(i, "st")), End: lease.Clock(getN(i, "en")),
			Sat: getBool(i, "sa"), Sun: getBool(i, "su"), Holiday: getBool(i, "ho"),
			Price: getN(i, "pr"), StartPrice: getN(i, "sp"), HolidayPrice: getN(i, "hp"),
			Longitude: getS(i, "lo"), Latitude: getS(i, "la"),
		},
		Hash: getS(i, "h"), Withdrawn: getBool(i, "w"), UpdatedAt: getTime(i, "u"), Source: lease.Source(getS(i, "so")),
		PushedAt: getN(i, "pt"), SeenPush: getN(i, "pa"), AskedAt: getN(i, "fa"), Version: getN(i, "r"),
		Misses: int(getN(i, "m")), MissedBy: getN(i, "mb"),
	}
}

// Park reads a park; lease.ErrParkUnknown when we hold none of that name.
func (s *Store) Park(ctx context.Context, sn string) (*lease.StoredPark, error) {
	i, err := s.get(ctx, s.tables.Parks, key(parkKey(sn), ""))
	if err != nil {
		return nil, err
	}
	if i == nil {
		return nil, lease.ErrParkUnknown
	}
	p := parkOf(i)
	return &p, nil
}

// PutPark writes a park on the condition that the version is the one that held says (nil: that there is none).
// It reports false, and what is stored now, where another write came first. A write that the SDK repeated after
// a lost answer finds itself and counts as done.
func (s *Store) PutPark(ctx context.Context, next, held *lease.StoredPark) (*lease.StoredPark, bool, error) {
	condition, values := "attribute_not_exists(pk)", item(nil)
	if held != nil {
		condition, values = "r = :r", item{":r": num(held.Version)}
	}
	old, ok, err := s.put(ctx, s.tables.Parks, parkItem(next), condition, nil, values)
	if err != nil || ok || old == nil {
		return nil, ok, err
	}
	if err := checkVersion(old); err != nil {
		return nil, false, err
	}
	now := parkOf(old)
	return &now, same(&now, next), nil
}

// tries bounds how often a merge is begun anew because another write of the same park came first.
const tries = 8

// MergePark reads, merges and writes until no other write came between: merge gets what is stored (nil:
// nothing) and says what to store, or false to leave it. It reports what merge said last.
func (s *Store) MergePark(ctx context.Context, sn string, merge func(*lease.StoredPark) (lease.StoredPark, bool)) (bool, error) {
	var held *lease.StoredPark
	i, err := s.get(ctx, s.tables.Parks, key(parkKey(sn), ""))
	if err != nil {
		return false, err
	}
	if i != nil {
		held = ptr(parkOf(i))
	}
	for range tries {
		next, wanted := merge(held)
		if !wanted {
			return false, nil
		}
		now, ok, err := s.PutPark(ctx, &next, held)
		if err != nil || ok {
			return ok, err
		}
		held = now
	}
	return false, fmt.Errorf("%w: park written %d times meanwhile", lease.ErrUnavailable, tries)
}

// Parks scans all parks in parallel segments and hands each to visit, one at a time. Order is none.
func (s *Store) Parks(ctx context.Context, segments int, visit func(lease.StoredPark) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for segment := range segments {
		wg.Go(func() {
			var from item
			for {
				out, err := s.db.Scan(ctx, &dynamodb.ScanInput{TableName: &s.tables.Parks, ConsistentRead: ptr(true), ExclusiveStartKey: from,
					Segment: ptr(int32(segment)), TotalSegments: ptr(int32(segments)), ReturnConsumedCapacity: total})
				if err != nil {
					cancel(unavailable(err))
					return
				}
				s.reads(out.ConsumedCapacity)
				mu.Lock()
				for _, i := range out.Items {
					if err = checkVersion(i); err == nil {
						err = visit(parkOf(i))
					}
					if err != nil {
						mu.Unlock()
						cancel(err)
						return
					}
				}
				mu.Unlock()
				if from = out.LastEvaluatedKey; from == nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// ParkPage lists up to limit parks after the one named after ("" from the start), in no order that means
// anything, and says which was last if there are more.
func (s *Store) ParkPage(ctx context.Context, limit int, after string) (parks []lease.StoredPark, next string, err error) {
	var from item
	if after != "" {
		from = key(parkKey(after), "")
	}
	for {
		// one more than asked for, so that has_more is exact
		out, err := s.db.Scan(ctx, &dynamodb.ScanInput{TableName: &s.tables.Parks, ConsistentRead: ptr(true), ExclusiveStartKey: from,
			Limit: ptr(int32(limit + 1 - len(parks))), ReturnConsumedCapacity: total})
		if err != nil {
			return nil, "", unavailable(err)
		}
		s.reads(out.ConsumedCapacity)
		for _, i := range out.Items {
			if err := checkVersion(i); err != nil {
				return nil, "", err
			}
			parks = append(parks, parkOf(i))
		}
		if len(parks) > limit {
			return parks[:limit], parks[limit-1].SN, nil
		}
		if from = out.LastEvaluatedKey; from == nil {
			return parks, "", nil
		}
	}
}

// SweepRecord is what one sweep of the parks leaves for the next.
type SweepRecord struct {
	Latest       int64           // greatest start of a sweep that has begun, unix ms
	LastComplete time.Time       // when the last complete sweep ended
	Guarded      int64           // start of the first of the complete sweeps in a row in which the guard fired, unix ms; 0: none
	Withdrawn    map[int64]int64 // withdrawals by unix hour, of the last day at least
}

// hoursKept is how many hours of withdrawals the record keeps: the day that the guard looks back on, the hour that it begins in,
// and one for clocks that differ.
const hoursKept = 26

// BeginSweep notes that a sweep begins at start (unix ms) and returns the record. A start that is not
// greater than one noted before is raised above it, so that no two sweeps have the same.
func (s *Store) BeginSweep(ctx context.Context, start int64) (SweepRecord, error) {
	for range tries {
		_, ok, err := s.update(ctx, s.tables.Expiring, key("S#parks", "S"), "SET la = :la, v = :v", "attribute_not_exists(la) OR la < :la",
			item{":la": num(start), ":v": num(itemVersion)})
		if err != nil {
			return SweepRecord{}, err
		}
		if ok {
			r, err := s.Sweep(ctx)
			r.Latest = start // ours, also when a later sweep has begun since: its start differs, and that ends this one
			return r, err
		}
		now, err := s.Sweep(ctx)
		if err != nil {
			return SweepRecord{}, err
		}
		start = max(start, now.Latest+1)
	}
	return SweepRecord{}, fmt.Errorf("%w: sweeps begin faster than they can be told apart", lease.ErrUnavailable)
}

// Sweep reads the record.
func (s *Store) Sweep(ctx context.Context) (SweepRecord, error) {
	i, err := s.get(ctx, s.tables.Expiring, key("S#parks", "S"))
	if err != nil {
		return SweepRecord{}, err
	}
	r := SweepRecord{Latest: getN(i, "la"), LastComplete: getTime(i, "lc"), Guarded: getN(i, "g"), Withdrawn: map[int64]int64{}}
	for name := range i {
		if hour, err := strconv.ParseInt(strings.TrimPrefix(name, "h"), 10, 64); err == nil {
			r.Withdrawn[hour] = getN(i, name)
		}
	}
	return r, nil
}

// EndSweep stores what a sweep learnt, unless a later one has begun since start: then the later one's word counts. Of the hours in
// r.Withdrawn it forgets those that no guard looks at any more.
func (s *Store) EndSweep(ctx context.Context, start int64, r SweepRecord) (bool, error) {
	expression, values := "SET g = :g", item{":g": num(r.Guarded), ":la": num(start)}
	if !r.LastComplete.IsZero() {
		expression += ", lc = :lc"
		values[":lc"] = num(r.LastComplete.UnixMilli())
	}
	var old []string
	for hour := range r.Withdrawn {
		if hour <= start/time.Hour.Milliseconds()-hoursKept {
			old = append(old, fmt.Sprintf("h%d", hour))
		}
	}
	if len(old) > 0 {
		expression += " REMOVE " + strings.Join(old, ", ")
	}
	_, ok, err := s.update(ctx, s.tables.Expiring, key("S#parks", "S"), expression, "la = :la", values)
	return ok, err
}

// SpendWithdrawals books n withdrawals in the hour (unix hours) before they are made, on the condition that the
// sweep that began at start is still the latest: the budget is never overdrawn by a sweep that woke up late.
func (s *Store) SpendWithdrawals(ctx context.Context, start, hour, n int64) (bool, error) {
	_, ok, err := s.update(ctx, s.tables.Expiring, key("S#parks", "S"), fmt.Sprintf("ADD h%d :n", hour), "la = :la",
		item{":n": num(n), ":la": num(start)})
	return ok, err
}

// same reports whether two records say the same, so that a repeated write knows itself.
func same(a, b *lease.StoredPark) bool {
	x, y := *a, *b
	x.UpdatedAt, y.UpdatedAt = time.UnixMilli(x.UpdatedAt.UnixMilli()), time.UnixMilli(y.UpdatedAt.UnixMilli())
	return x == y
}
