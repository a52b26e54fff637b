package leaseorder_test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"lease-gateway/local/engines/enginetest"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// TestWalkOnTheEngine plays the scripts of TestWalkProperty, each in a park of its own, on the real engine: WALKS of them (200).
func TestWalkOnTheEngine(t *testing.T) {
	walks := 200
	if n, err := strconv.Atoi(os.Getenv("WALKS")); err == nil {
		walks = n
	}
	db, tables := enginetest.Tables(t)
	store := leasestore.Open(db, tables)
	scripts := anyScript()
	var wg sync.WaitGroup
	numbers := make(chan int)
	for range 8 {
		wg.Go(func() {
			for n := range numbers {
				s, sn := scripts.Example(n), fmt.Sprintf("P%d", n)
				if _, err := store.MergePark(t.Context(), sn, func(h *lease.StoredPark) (lease.StoredPark, bool) {
					return h.ApplyPush(lease.Park{SN: sn, Name: "p"}, 1, now)
				}); err != nil {
					t.Error(err)
					continue
				}
				if err := newYard(t.Context(), store, sn, store).play(&s); err != nil {
					t.Errorf("sequence %d: %v\n%+v", n, err, s)
				}
			}
		})
	}
	for n := range walks {
		numbers <- n
	}
	close(numbers)
	wg.Wait()
}
