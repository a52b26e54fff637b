package parkpoller_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"pgregory.net/rapid"

	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/template"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// onEngine is the true store, over the template's tables on the real engine.
func onEngine(t *testing.T) *leasestore.Store {
	t.Helper()
	url, _ := enginetest.Start(t)
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	db := dynamodb.New(dynamodb.Options{Region: engines.Region, BaseEndpoint: &url, DisableValidateResponseChecksum: true,
		Credentials: credentials.NewStaticCredentialsProvider(engines.AccessKey, engines.AccessKey, "")})
	name := enginetest.Name("poller")
	tmpl, err := template.Read(filepath.Join(root, "template.yaml"), template.Values{StackName: name, Region: engines.Region, AccountID: engines.AccountID, QueueBase: "http://127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tmpl.Tables {
		if _, err := db.CreateTable(t.Context(), table.Create); err != nil {
			t.Fatal(err)
		}
	}
	return leasestore.Open(db, leasestore.Tables{Parks: name + "-ParksTable", Expiring: name + "-ExpiringTable"})
}

// TestMemoryIsTheStore: what the tests of this package assume of the store is what the true one does: every call of random
// sequences is made on both, and has the same answer.
func TestMemoryIsTheStore(t *testing.T) {
	sequences, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		if sequences++; sequences > 10 && !failed {
			return // enough of them on the engine
		}
		engine, fake := onEngine(t), &memory{parks: map[string]lease.StoredPark{}}
		base := lease.MustDate("2026-11-24").At(600).UnixMilli()
		var starts []int64
		var call func(context.Context, store) string
		for range rapid.IntRange(30, 80).Draw(rt, "calls") {
			var got [2]string
			if call == nil || rapid.Bool().Draw(rt, "another one") {
				call = drawCall(rt, base, starts)
			}
			for i, s := range []store{fake, engine} {
				got[i] = call(t.Context(), s)
			}
			if failed = got[0] != got[1]; failed {
				rt.Fatalf("the fake answers\n%s\nthe engine\n%s", got[0], got[1])
			}
			if n, ok := strings.CutPrefix(got[0], "began "); ok {
				var start int64
				_, _ = fmt.Sscan(n, &start)
				starts = append(starts, start)
			}
		}
	})
}

// drawCall draws one call of the interface and returns how to make it: what it says is its answer in words.
func drawCall(t *rapid.T, base int64, starts []int64) func(context.Context, store) string {
	start := base + int64(fair(t, "hours", 3))*3_600_000
	if len(starts) > 0 && fair(t, "known start", 4) > 0 {
		start = starts[len(starts)-1-fair(t, "which start", min(2, len(starts)))]
	}
	hour, n := base/3_600_000-20-int64(fair(t, "hour", 8)), int64(fair(t, "n", 9))
	sn, price, version := simSN(fair(t, "park", 4)), int64(fair(t, "price", 5)), int64(fair(t, "version", 4))
	switch fair(t, "call", 7) {
	case 0:
		return func(ctx context.Context, s store) string {
			r, err := s.BeginSweep(ctx, start)
			return fmt.Sprint("began ", r.Latest, " ", record(r), err)
		}
	case 1:
		return func(ctx context.Context, s store) string {
			r, err := s.Sweep(ctx)
			return fmt.Sprint(r.Latest, " ", record(r), err)
		}
	case 2:
		return func(ctx context.Context, s store) string {
			ok, err := s.SpendWithdrawals(ctx, start, hour, n)
			return fmt.Sprint(ok, err)
		}
	case 3:
		return func(ctx context.Context, s store) string {
			r, err := s.Sweep(ctx)
			if err != nil {
				return err.Error()
			}
			r.Guarded, r.LastComplete = n*1000, time.Time{}
			if n > 3 {
				r.LastComplete = time.UnixMilli(start + n)
			}
			ok, err := s.EndSweep(ctx, start, r)
			return fmt.Sprint(ok, err)
		}
	case 4:
		return func(ctx context.Context, s store) string {
			var all []string
			err := s.Parks(ctx, 4, func(p lease.StoredPark) error {
				all = append(all, stored(&p))
				return nil
			})
			slices.Sort(all)
			return fmt.Sprint(all, err)
		}
	}
	return func(ctx context.Context, s store) string {
		held := &lease.StoredPark{Park: lease.Park{SN: sn}, Version: version}
		if version == 0 {
			held = nil
		}
		park := lease.Park{SN: sn, Name: "园区 " + sn, Price: price, Longitude: "120.5", Latitude: "31.3", Sat: price%2 == 1, Deadline: 20000, Start: 1080, End: 480}
		next := lease.StoredPark{Park: park, Hash: park.Hash(), Withdrawn: n > 5, UpdatedAt: time.UnixMilli(base).In(lease.Zone), Source: lease.SourcePoll, PushedAt: n, SeenPush: n * 2, AskedAt: base,
			Version: version + 1, Misses: int(n % 3), MissedBy: start}
		there, ok, err := s.PutPark(ctx, &next, held)
		return fmt.Sprint(stored(there), ok, err)
	}
}

func stored(p *lease.StoredPark) string {
	if p == nil {
		return "none"
	}
	return fmt.Sprintf("%+v", *p)
}

// record but for its start: hours without withdrawals say nothing.
func record(r leasestore.SweepRecord) string {
	return fmt.Sprint(r.LastComplete.UnixMilli(), r.Guarded, r.Withdrawn)
}
