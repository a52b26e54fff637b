package engines

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestStartAndStop(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	e, err := Start(ctx, Options{DataDir: t.TempDir(), Say: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	var addresses []string
	for _, address := range []string{e.DynamoURL, e.SQSURL} {
		u, err := url.Parse(address)
		if err != nil || u.Hostname() != "127.0.0.1" {
			t.Fatalf("address %q: %v", address, err)
		}
		addresses = append(addresses, u.Host)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.DynamoURL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+AccessKey+"/20260101/"+Region+"/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("ListTables answered %d", resp.StatusCode)
	}
	for _, address := range addresses {
		if outside := listensOutside(t, address); outside != "" {
			t.Errorf("%s is reachable at %s, not on loopback only", address, outside)
		}
	}

	e.Stop()
	for _, address := range addresses {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s still answers after Stop", address)
		}
	}
	for _, p := range e.processes {
		if p.State() == nil {
			t.Errorf("process %d has not been reaped", p.Pid())
		}
	}
}

// listensOutside tries the port on this machine's other addresses.
func listensOutside(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		ip, ok := a.(*net.IPNet)
		if !ok || ip.IP.IsLoopback() || ip.IP.To4() == nil {
			continue
		}
		other := net.JoinHostPort(ip.IP.String(), port)
		if conn, err := net.DialTimeout("tcp", other, time.Second); err == nil {
			conn.Close()
			return other
		}
	}
	return ""
}

func TestMissingProgramsAreNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if got, want := lookForJava(t.Context(), true), "java is not installed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err := requireJava(t.Context(), true, t.Logf)
	if err == nil || !strings.Contains(err.Error(), debianPackages) {
		t.Errorf("the message does not say what to install: %v", err)
	}
}
