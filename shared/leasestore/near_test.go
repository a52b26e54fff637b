package leasestore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

// centre is where the test's parks lie.
var centre = lease.Place{Longitude: 120.62, Latitude: 31.3}

func degrees(f float64) string { return strconv.FormatFloat(f, 'f', 6, 64) }

// scatter makes parks: half of them within some two kilometres, the others as far as forty.
func scatter(rng *rand.Rand, n int) []lease.Park {
	parks := make([]lease.Park, n)
	for i := range parks {
		spread := 0.02
		if i%2 == 1 {
			spread = 0.4
		}
		parks[i] = lease.Park{SN: fmt.Sprintf("N%06d", i), Name: "p", Price: int64(i % 7),
			Longitude: degrees(centre.Longitude + (rng.Float64()*2-1)*spread), Latitude: degrees(centre.Latitude + (rng.Float64()*2-1)*spread)}
	}
	return parks
}

func putParks(t testing.TB, s *leasestore.Store, parks []lease.Park) {
	t.Helper()
	var wg sync.WaitGroup
	work := make(chan lease.Park)
	for range 8 {
		wg.Go(func() {
			for p := range work {
				stored, _ := (*lease.StoredPark)(nil).ApplyPush(p, 1, now)
				if _, ok, err := s.PutPark(context.Background(), &stored, nil); err != nil || !ok {
					t.Errorf("%s: %v %v", p.SN, ok, err)
				}
			}
		})
	}
	for _, p := range parks {
		work <- p
	}
	close(work)
	wg.Wait()
}

// nearest is the slow reference: all parks, measured and sorted.
func nearest(parks []lease.Park, at lease.Place, metres float64, keep func(*lease.StoredPark) bool) []string {
	type measured struct {
		sn string
		m  float64
	}
	var all []measured
	for _, p := range parks {
		place, _ := p.Place()
		if m := at.Metres(place); m <= metres && keep(&lease.StoredPark{Park: p}) {
			all = append(all, measured{p.SN, m})
		}
	}
	slices.SortFunc(all, func(a, b measured) int { return cmp.Or(cmp.Compare(a.m, b.m), cmp.Compare(a.sn, b.sn)) })
	var names []string
	for _, m := range all {
		names = append(names, m.sn)
	}
	return names
}

func TestNearFindsWhatMeasuringAllFinds(t *testing.T) {
	s, _, _ := open(t, nil)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	parks := scatter(rng, 600)
	putParks(t, s, parks)
	for range 60 {
		at := lease.Place{Longitude: centre.Longitude + (rng.Float64()*2-1)*0.3, Latitude: centre.Latitude + (rng.Float64()*2-1)*0.3}
		limit, price := 1+rng.IntN(40), rng.Int64N(7)
		keep := func(p *lease.StoredPark) bool { return p.Price >= price }
		found, more, searched, err := s.Near(t.Context(), at, limit, keep)
		if err != nil {
			t.Fatal(err)
		}
		want := nearest(parks, at, searched, keep)
		all := nearest(parks, at, leasestore.Rings[len(leasestore.Rings)-1], keep)
		if hidden := len(all) > limit; more != hidden {
			t.Errorf("at %v, limit %d: more is %v, and there are %d", at, limit, more, len(all))
		}
		got := make([]string, len(found))
		for i, f := range found {
			got[i] = f.SN
		}
		if want = want[:min(limit, len(want))]; !slices.Equal(got, want) {
			t.Errorf("at %v, limit %d, to %.0f m:\n got %v\nwant %v", at, limit, searched, got, want)
		}
		if len(found) < limit && len(all) > len(found) {
			t.Errorf("at %v: %d found of %d, limit %d", at, len(found), len(all), limit)
		}
	}
}

// A park that was withdrawn, or has no place, is in no band; one that comes back or moves is.
func TestNearFollowsThePark(t *testing.T) {
	s, _, _ := open(t, nil)
	all := func(*lease.StoredPark) bool { return true }
	expect := func(what string, at lease.Place, want ...string) {
		t.Helper()
		found, _, _, err := s.Near(t.Context(), at, 10, all)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.SN)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	write := func(next lease.StoredPark, held *lease.StoredPark) lease.StoredPark {
		t.Helper()
		if _, ok, err := s.PutPark(t.Context(), &next, held); err != nil || !ok {
			t.Fatal(ok, err)
		}
		return next
	}
	park := lease.Park{SN: "P1", Name: "园区", Longitude: "120.62", Latitude: "31.3", Start: 1080, End: 480, Deadline: lease.MustDate("2027-12-31"), Price: 150, HolidayPrice: 2000, Sat: true}
	first, _ := (*lease.StoredPark)(nil).ApplyPush(park, 1, now)
	write(first, nil)
	expect("new", centre, "P1")
	found, _, _, _ := s.Near(t.Context(), centre, 1, all)
	if found[0].Park != park || found[0].Source != lease.SourcePush || !found[0].UpdatedAt.Equal(now) {
		t.Errorf("not the whole park: %+v", found[0])
	}
	before := s.Units()
	again, _ := first.ApplyPush(park, 2, now)
	write(again, &first)
	if units := s.Units().Write - before.Write; units != 1 {
		t.Errorf("an unchanged push cost %v write units: it must not touch the index", units)
	}
	moved := park
	moved.Latitude = "31.5"
	there, _ := again.ApplyPush(moved, 3, now)
	write(there, &again)
	expect("moved away", centre)
	expect("moved there", lease.Place{Longitude: 120.62, Latitude: 31.5}, "P1")
	gone := there
	gone.Withdrawn, gone.Version = true, there.Version+1
	write(gone, &there)
	expect("withdrawn", lease.Place{Longitude: 120.62, Latitude: 31.5})
	park.Longitude, park.Latitude = "", ""
	nowhere, _ := gone.ApplyPush(park, 4, now)
	write(nowhere, &gone)
	expect("without a place", lease.Place{Longitude: 120.62, Latitude: 31.5})
	expect("without a place, at 0,0", lease.Place{})
}

// broken fails the nth query.
type broken struct {
	leasestore.Client
	after *int
}

var errEngine = errors.New("throttled")

func (b broken) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if *b.after--; *b.after < 0 {
		return nil, errEngine
	}
	return b.Client.Query(ctx, in, o...)
}

func TestNearFailsWhole(t *testing.T) {
	after := 0
	s, _, _ := open(t, func(c leasestore.Client) leasestore.Client { return broken{c, &after} })
	if found, _, _, err := s.Near(t.Context(), lease.Place{Latitude: 0.01}, 1, func(*lease.StoredPark) bool { return true }); !errors.Is(err, lease.ErrUnavailable) || !errors.Is(err, errEngine) || found != nil {
		t.Errorf("%v, %v: an answer with a band missing would look whole", found, err)
	}
}

// BenchmarkNear: 100,000 parks in a square of 50 km, looked for from anywhere in it.
func BenchmarkNear(b *testing.B) {
	const n = 100_000
	s, _, _ := open(b, nil)
	rng := rand.New(rand.NewPCG(1, 0))
	parks := make([]lease.Park, n)
	for i := range parks {
		parks[i] = lease.Park{SN: fmt.Sprintf("N%06d", i), Name: "园区停车场", Price: 150, StartPrice: 300, HolidayPrice: 2000, Sat: true, Start: 1080, End: 480,
			Deadline: lease.MustDate("2027-12-31"), Longitude: degrees(centre.Longitude + (rng.Float64()*2-1)*0.26), Latitude: degrees(centre.Latitude + (rng.Float64()*2-1)*0.225)}
	}
	putParks(b, s, parks)
	to := now.AddDate(0, 0, 1)
	keep := func(p *lease.StoredPark) bool { return len(p.Open(now, to)) > 0 }
	before, calls := s.Units(), 0
	for b.Loop() {
		at := lease.Place{Longitude: centre.Longitude + (rng.Float64()*2-1)*0.26, Latitude: centre.Latitude + (rng.Float64()*2-1)*0.225}
		found, _, _, err := s.Near(b.Context(), at, 20, keep)
		if err != nil || len(found) != 20 {
			b.Fatal(len(found), err)
		}
		calls++
	}
	b.ReportMetric((s.Units().Read-before.Read)/float64(calls), "read-units/op")
}
