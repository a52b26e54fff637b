package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/config"
	"lease-gateway/shared/leasestore"
)

// flaky is a Tongli that fails three calls in ten, each time in one of its ways, until it is mended. Each call takes up to 200 ms.
type flaky struct {
	sim    *tonglisim.Sim
	ways   []tonglisim.Fault
	mended atomic.Bool
	mu     sync.Mutex
	rng    *rand.Rand
	failed map[string]int
	calls  int
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	wait := time.Duration(f.rng.IntN(200)) * time.Millisecond
	if f.calls++; !f.mended.Load() && f.rng.IntN(10) < 3 {
		way := f.ways[f.rng.IntN(len(f.ways))]
		way.Interface, way.Calls = "SynLeaseOrder", 1
		f.failed[fmt.Sprintf("%s %d", way.Kind, max(way.Status, way.Code))]++
		_ = f.sim.Fail(way) // of the next call that gets there, this one or another
	}
	f.mu.Unlock()
	if config.Wait(r.Context(), wait) == nil {
		f.sim.ServeHTTP(w, r)
	}
}

// TestChaos: eight clients place and cancel orders while the functions' processes are killed at random, the queue is emptied once, and Tongli fails three
// calls in ten in six ways. At the end the whitelist equals the live orders, every order is delivered and nothing is due (invariants 1, 2 and 8). CHAOS_ORDERS=300
// (make chaos) waits as long as it takes; without it, few orders are placed, and the stored moments are moved into the past instead of waiting for them.
func TestChaos(t *testing.T) {
	orders, kills, hurry := 48, 15, true
	ways := []tonglisim.Fault{{Kind: "status", Status: 503}, {Kind: "status", Status: 429, RetryAfter: "2"}, {Kind: "code", Code: 50001}, {Kind: "garbage"}, {Kind: "cut"}, {Kind: "drop"}}
	if n, err := strconv.Atoi(os.Getenv("CHAOS_ORDERS")); err == nil && n > 0 {
		orders, kills, hurry = n, n/2, false
		ways = append(ways, tonglisim.Fault{Kind: "late", DelayMs: 30_000}) // given up after 10 s, applied after 30
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	sim := tonglisim.New(tonglisim.Options{AppID: stack.OutboundAppID, Secret: stack.Secret})
	partner := &flaky{sim: sim, ways: ways, rng: rand.New(rand.NewPCG(seed, 1)), failed: map[string]int{}}
	server := httptest.NewServer(partner)
	t.Cleanup(server.Close)
	s := startStack(t, stack.Options{SweepEvery: time.Second, VisibilityTimeout: 5 * time.Second, TongliBaseURL: server.URL})
	const parks = 4
	for p := range parks {
		tongli(t, s, "POST", "/lease/park", "", park(fmt.Sprintf("P%d", p)))
	}
	push, dead := queuesOf(t, s)

	var placed atomic.Int64
	var clients sync.WaitGroup
	var mu sync.Mutex
	live := map[string][]string{} // park and plate -> dates
	ids, answers := []string{}, map[int]int{}
	for c := range 8 {
		clients.Go(func() {
			for i := c; i < orders; i += 8 {
				id, sn, plate, night := fmt.Sprintf("k%03d", i), fmt.Sprintf("P%d", i%parks), fmt.Sprintf("苏E%05d", i%(orders/2)), 1+i/(orders/2)
				call := func(method, path, body string) {
					for t.Context().Err() == nil {
						status := attempt(t.Context(), method, s.URL+path, body)
						mu.Lock()
						answers[status]++
						mu.Unlock()
						if status >= 200 && status < 300 {
							return
						}
						if status != 0 && status < 500 {
							t.Errorf("%s %s: %d", method, path, status)
							return
						}
					}
				}
				call("POST", "/app/orders", order(id, sn, plate, night))
				cancelled := i%5 == 0
				if cancelled {
					call("DELETE", "/app/orders/"+id, "")
				}
				mu.Lock()
				ids = append(ids, id)
				if !cancelled {
					k := sn + " " + plate
					live[k] = append(live[k], day(night))
				}
				mu.Unlock()
				if placed.Add(1) == int64(orders/2) {
					if _, err := s.SQS().PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &push}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { clients.Wait(); close(ended) }()
	killed := killAtRandom(t, rand.New(rand.NewPCG(seed, 2)), kills, ended)
	<-ended
	partner.mended.Store(true)
	sim.Heal()

	store := leasestore.Open(s.DynamoDB(), tablesOf(s))
	within := 15 * time.Minute
	if hurry {
		within = time.Minute
	}
	begun := time.Now()
	step := time.NewTicker(300 * time.Millisecond)
	defer step.Stop()
	wrong := differences(t, store, sim, live)
	for ; wrong != ""; wrong = differences(t, store, sim, live) {
		if time.Since(begun) > within {
			t.Fatalf("not within %s: %s", within, wrong)
		}
		if hurry {
			age(t, store, 6*time.Minute)
		}
		<-step.C
	}
	for _, id := range ids {
		if got := state(t, s, id); got != "delivered" {
			t.Errorf("%s is %s", id, got)
		}
	}
	out, err := s.SQS().GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &dead, AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d orders, %d processes killed %v, answers by status %v; %d calls to Tongli, failed %v; quiet %s after; dead letters %s",
		len(ids), len(killed), count(killed), answers, partner.calls, partner.failed, time.Since(begun).Round(time.Second), out.Attributes["ApproximateNumberOfMessages"])
	if len(ids) != orders || len(killed) < kills || answers[500]+answers[502] == 0 && !hurry {
		t.Errorf("%d orders, %d kills, answers %v: not the test that was meant", len(ids), len(killed), answers)
	}
	for _, way := range ways {
		if name := fmt.Sprintf("%s %d", way.Kind, max(way.Status, way.Code)); partner.failed[name] == 0 && !hurry {
			t.Errorf("Tongli never failed by %s", name)
		}
	}
}

// attempt is one call of the app's; 0 where no answer came.
func attempt(ctx context.Context, method, url, body string) int {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// killAtRandom kills a function's process every so often, until it has killed so many and the clients have ended; it names what it killed.
func killAtRandom(t *testing.T, rng *rand.Rand, atLeast int, ended <-chan struct{}) (killed []string) {
	t.Helper()
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for done := false; !done || len(killed) < atLeast; {
		select {
		case <-ended:
			done, ended = true, nil
		case <-t.Context().Done():
			return killed
		case <-tick.C:
			pids := functionProcesses(t)
			if len(pids) == 0 {
				continue
			}
			names := []string{"whitelist-pusher", "whitelist-pusher", "app-order", "whitelist-sweeper"}
			name := names[rng.IntN(len(names))]
			if of := pids[name]; len(of) > 0 && syscall.Kill(of[rng.IntN(len(of))], syscall.SIGKILL) == nil {
				killed = append(killed, name)
			}
		}
	}
	return killed
}

// functionProcesses are the children of this process that run a function, by its name.
func functionProcesses(t *testing.T) map[string][]int {
	t.Helper()
	found := map[string][]int{}
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		raw, _ := os.ReadFile(list) // a thread may have ended
		for _, field := range strings.Fields(string(raw)) {
			pid, _ := strconv.Atoi(field)
			if exe, err := os.Readlink("/proc/" + field + "/exe"); err == nil {
				found[filepath.Base(exe)] = append(found[filepath.Base(exe)], pid)
			}
		}
	}
	return found
}

func count(names []string) map[string]int {
	n := map[string]int{}
	for _, name := range names {
		n[name]++
	}
	return n
}
