package leasestore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/lease"
)

const (
	nearIndex = "near"
	// bandsPerDegree: a band of latitude is a fiftieth of a degree, 2.2 km, whatever the longitude.
	bandsPerDegree = 50
	microdegree    = 1e-6
	// nearQueries go out at the same time; a search of the widest ring has some twenty.
	nearQueries = 10
	// nearRead bounds the parks that one search reads: a ring is not begun that would, by the one before, need more.
	nearRead = 5000
)

// Rings are the distances in metres to which a search goes, one after the other, until it has found enough.
var Rings = []float64{1_000, 3_000, 8_000, 20_000}

// setPlace makes a park one of the index near: sparse, since who is withdrawn or has no place is not looked for. The key is
// the band of latitude and the longitude in millionths of a degree, so that a box is one range of each of its bands.
func setPlace(i item, p *lease.StoredPark) {
	place, ok := p.Place()
	if !ok || p.Withdrawn {
		return
	}
	i["nb"] = num(band(place.Latitude))
	i["nl"] = num(int64(math.Round(place.Longitude / microdegree)))
}

func band(latitude float64) int64 { return int64(math.Floor(latitude * bandsPerDegree)) }

// NearPark is a park that was found, and how far away it is.
type NearPark struct {
	lease.StoredPark
	Metres float64
}

// Near finds up to limit parks around a place, nearest first (equally far ones by park_sn), of those that keep lets through.
// It goes to Rings, as far as the last one unless it would have to read too many. searched is how far it went: every park that
// keep lets through within that distance, or the limit nearest of them, is in the answer. more tells that there are others, or,
// where it did not go to the last ring, that there may be.
// Parks are read eventually consistent: one that was pushed a second ago may be missing.
func (s *Store) Near(ctx context.Context, at lease.Place, limit int, keep func(*lease.StoredPark) bool) (found []NearPark, more bool, searched float64, err error) {
	for n, ring := range Rings {
		read := 0
		if found, read, err = s.within(ctx, at, ring, keep); err != nil {
			return nil, false, 0, err
		}
		searched = ring
		if more = len(found) > limit; more {
			found = found[:limit]
			break
		}
		if n+1 < len(Rings) {
			growth := Rings[n+1] / ring
			if more = float64(read)*growth*growth > nearRead; more {
				break
			}
		}
	}
	return found, more, searched, nil
}

// within reads the bands of a box at the same time and keeps what lies in the circle.
func (s *Store) within(ctx context.Context, at lease.Place, metres float64, keep func(*lease.StoredPark) bool) ([]NearPark, int, error) {
	dx, dy := at.Around(metres)
	low, high := band(at.Latitude-dy), band(at.Latitude+dy)
	west, east := int64(math.Floor((at.Longitude-dx)/microdegree)), int64(math.Ceil((at.Longitude+dx)/microdegree))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var mu sync.Mutex
	var found []NearPark
	var read int
	var wg sync.WaitGroup
	for range min(nearQueries, int(high-low)+1) {
		wg.Go(func() {
			for b := low + next.Add(1) - 1; b <= high; b = low + next.Add(1) - 1 {
				items, err := s.band(ctx, b, west, east)
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				read += len(items)
				mu.Unlock()
				for _, i := range items {
					park := parkOf(i)
					place, _ := park.Place()
					if m := at.Metres(place); m <= metres && keep(&park) {
						mu.Lock()
						found = append(found, NearPark{park, m})
						mu.Unlock()
					}
				}
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, 0, err
	}
	slices.SortFunc(found, func(a, b NearPark) int { return cmp.Or(cmp.Compare(a.Metres, b.Metres), cmp.Compare(a.SN, b.SN)) })
	return found, read, nil
}

// band reads one band's parks from west to east.
func (s *Store) band(ctx context.Context, band, west, east int64) (items []item, err error) {
	in := &dynamodb.QueryInput{TableName: &s.tables.Parks, IndexName: ptr(nearIndex), ReturnConsumedCapacity: total,
		KeyConditionExpression:    ptr("nb = :b AND nl BETWEEN :w AND :e"),
		ExpressionAttributeValues: item{":b": num(band), ":w": num(west), ":e": num(east)}}
	for {
		out, err := s.db.Query(ctx, in)
		if err != nil {
			return nil, unavailable(err)
		}
		s.reads(out.ConsumedCapacity)
		for _, i := range out.Items {
			if err := checkVersion(i); err != nil {
				return nil, err
			}
		}
		items = append(items, out.Items...)
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return items, nil
		}
	}
}
