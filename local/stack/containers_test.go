package stack

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lease-gateway/local/engines"
)

// local/sam-env.json is what `make run` with CONTAINER_ADDRESS serves, for each function of template.yaml.
func TestSamEnvIsCommitted(t *testing.T) {
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	want, err := samEnv(Options{Root: root, Name: defaultName}, SamPorts.addresses())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "local", "sam-env.json")
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("local/sam-env.json should be:\n%s", want)
	}
}

// A container's address leads to the engines, the secrets and Tongli, and is closed with the stack.
func TestContainersReachIn(t *testing.T) {
	s, err := Start(t.Context(), Options{Root: "testdata", Binaries: binaries(t), Containers: Containers{Address: "127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	at := s.ways.addresses()
	here := func(address string) string { return strings.Replace(address, containerHost, "127.0.0.1", 1) }
	for _, pair := range [][2]string{{at.dynamo, s.DynamoURL}, {at.sqs, s.SQSURL}, {at.secrets, s.secretsURL}, {at.tongli, s.TongliURL}} {
		if here(pair[0]) == pair[1] {
			t.Errorf("%s is not a way of its own", pair[0])
		}
		resp, err := http.Get(here(pair[0]) + "/")
		if err != nil {
			t.Errorf("%s: %v", pair[0], err)
			continue
		}
		resp.Body.Close()
	}
	if got := get(t, here(at.tongli)+"/whitelist"); got != 200 {
		t.Errorf("Tongli over its way: %d", got)
	}
	s.Stop()
	if conn, err := net.Dial("tcp", strings.TrimPrefix(here(at.tongli), "http://")); err == nil {
		conn.Close()
		t.Error("the way is still open")
	}
}

func TestContainerAddress(t *testing.T) {
	for name, want := range map[string]string{"172.17.0.1": "172.17.0.1", "lo": "127.0.0.1"} {
		if got, err := addressOf(name); got != want || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	if _, err := addressOf("docker99"); err == nil || !strings.Contains(err.Error(), "docker0") {
		t.Errorf("an interface that is not there: %v", err)
	}
}
