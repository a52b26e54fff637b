package stack

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// binaries builds the one function of testdata/template.yaml.
func binaries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "unknown-route"), "lease-gateway/functions/unknown-route")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// Everything answers; after Stop no process and no port is left; a second start finds the tables as they were.
func TestStartStopStart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	o := Options{Root: "testdata", Binaries: binaries(t), DataDir: t.TempDir(), Say: t.Logf}
	before := children(t)
	s, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for address, want := range map[string]int{s.URL + "/nowhere": 404, s.ConsoleURL + "/healthz": 200, s.ConsoleURL + "/stack.json": 200, s.TongliURL + "/whitelist": 200} {
		if got := get(t, address); got != want {
			t.Errorf("%s: %d, want %d", address, got, want)
		}
	}
	resp, err := http.Post(s.InvokeURL+"/2015-03-31/functions/UnknownRouteFunction/invocations", "application/json", strings.NewReader(`{"rawPath":"/x","requestContext":{"http":{"method":"GET"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.Contains(string(raw), "40400") {
		t.Errorf("invoked: %s %v", raw, err)
	}
	item := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "kept"}}
	if _, err := s.DynamoDB().PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("lease-ThingsTable"), Item: item}); err != nil {
		t.Fatal(err)
	}

	// While it runs, a second one may have neither its port nor its tables, and says so.
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	for want, second := range map[string]Options{
		"port " + port + " is in use": {Root: o.Root, Binaries: o.Binaries, Port: number},
		"set DATA_DIR":                o,
	} {
		if _, err := Start(ctx, second); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a second start: %v, want %q", err, want)
		}
	}

	begun := time.Now()
	s.Stop()
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if left := children(t) - before; left > 0 {
		t.Errorf("%d processes are left", left)
	}
	for _, address := range []string{s.URL, s.InvokeURL, s.ConsoleURL, s.TongliURL, s.DynamoURL, s.SQSURL} {
		if conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://")); err == nil {
			conn.Close()
			t.Errorf("%s still listens", address)
		}
	}

	again, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Stop()
	out, err := again.DynamoDB().GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("lease-ThingsTable"), Key: item, ConsistentRead: aws.Bool(true)})
	if err != nil || len(out.Item) == 0 {
		t.Errorf("after a restart the item is %v, %v", out, err)
	}
}

func get(t *testing.T, address string) int {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// children counts the processes that this one has started and that have not ended.
func children(t *testing.T) int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range stats {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		var state string
		var parent int
		if _, after, ok := strings.Cut(string(raw), ") "); ok {
			if _, err := fmt.Sscan(after, &state, &parent); err == nil && parent == os.Getpid() && state != "Z" {
				n++
			}
		}
	}
	return n
}
