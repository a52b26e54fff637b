package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/local/engines"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/leasestore"
)

// TestKilledAndStartedAgain: the whole process group is killed while Tongli is down; on the same DATA_DIR the parks and
// orders are there, and what was due is pushed (invariant 1). The queue is lost with the process: the sweeper mends that.
func TestKilledAndStartedAgain(t *testing.T) {
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	start(t, stack.Options{}).Stop() // builds what is missing
	port := func() string {
		p, err := engines.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p)
	}
	tongliPort := port()
	data, api, console := t.TempDir(), port(), port()
	s := &stack.Stack{URL: "http://127.0.0.1:" + api}
	run := func() *exec.Cmd {
		cmd := exec.Command(root+"/.build/lease-local", "run")
		cmd.Dir = root
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Env = append(cmd.Environ(), "PORT="+api, "INVOKE_PORT="+port(), "CONSOLE_PORT="+console, "DATA_DIR="+data, "SWEEP_EVERY=1s", "POLL_EVERY=1h", "TONGLI_BASE_URL=http://127.0.0.1:"+tongliPort)
		out := &lines{ready: make(chan struct{})}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		select {
		case <-out.ready:
		case <-ctx.Done():
			t.Fatalf("not ready within a minute:\n%s", out)
		}
		return cmd
	}
	first := run()
	tongli(t, s, "POST", "/lease/park", "", park("P1"))
	if a := app(t, s, "POST", "/app/orders", order("survivor", "P1", "苏E88888", 1)); a.Status != 201 {
		t.Fatalf("%s", a.Raw)
	}
	if err := syscall.Kill(-first.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()

	sim := tonglisim.New(tonglisim.Options{AppID: stack.OutboundAppID, Secret: stack.Secret})
	serve(t, tongliPort, sim)
	run()
	if a := tongli(t, s, "GET", "/lease/order", "park_sn=P1", ""); !strings.Contains(string(a.Data), "苏E88888") {
		t.Errorf("the order is lost: %s", a.Raw)
	}
	var where struct{ DynamoDB string }
	resp, err := http.Get("http://127.0.0.1:" + console + "/stack.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&where); err != nil {
		t.Fatal(err)
	}
	s.DynamoURL = where.DynamoDB
	store := leasestore.Open(s.DynamoDB(), leasestore.Tables{Orders: "lease-OrdersTable", Expiring: "lease-ExpiringTable"})
	eventually(t, time.Minute, "pushed after the restart", func() bool {
		if state(t, s, "survivor") == "delivered" && len(sim.Whitelist()) == 1 {
			return true
		}
		age(t, store, 6*time.Minute)
		return false
	})
}

// lines watches a process's output for the line "ready …".
type lines struct {
	mu    sync.Mutex
	text  strings.Builder
	once  sync.Once
	ready chan struct{}
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if strings.Contains(l.text.String(), "ready http://") {
		l.once.Do(func() { close(l.ready) })
	}
	return len(b), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestOurFault: what nobody expected is 50001 with a fixed text; here an item that a later version wrote.
func TestOurFault(t *testing.T) {
	s := start(t, stack.Options{})
	table := ""
	for _, f := range s.Template.Functions {
		if f.Folder == "app-park" {
			table = f.Env["PARKS_TABLE"]
		}
	}
	if _, err := s.DynamoDB().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "P#later"}, "v": &types.AttributeValueMemberN{Value: "9"}}}); err != nil {
		t.Fatal(err)
	}
	if a := app(t, s, "GET", "/app/park?park_sn=later", ""); a.Status != 500 || a.Code != 50001 || a.Msg != "internal error, try again" {
		t.Errorf("%d %s", a.Status, a.Raw)
	}
}

func listener(t *testing.T, port string) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
