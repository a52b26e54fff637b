// Package enginetest lends the engines to tests: those that `make test` has started already, or a pair
// for the package at hand. Tests keep apart by names of their own ([Name]), never by engines of their own.
package enginetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"lease-gateway/local/engines"
)

// The addresses of engines that somebody else started and will stop.
const (
	DynamoEnv = "LEASE_TEST_DYNAMODB_URL"
	SQSEnv    = "LEASE_TEST_SQS_URL"
)

var (
	mu      sync.Mutex
	running *engines.Engines
)

// Main runs a package's tests and stops the engines if they were started: func TestMain(m *testing.M) { enginetest.Main(m) }.
func Main(m *testing.M) {
	code := m.Run()
	mu.Lock()
	if running != nil {
		running.Stop()
	}
	os.Exit(code)
}

// Start returns the addresses of DynamoDB and SQS, and starts both on first use. The package needs Main.
func Start(t testing.TB) (dynamoURL, sqsURL string) {
	t.Helper()
	dynamoURL, sqsURL = os.Getenv(DynamoEnv), os.Getenv(SQSEnv)
	if dynamoURL != "" && sqsURL != "" {
		return dynamoURL, sqsURL
	}
	mu.Lock()
	defer mu.Unlock()
	if running == nil {
		started, err := engines.Start(context.Background(), engines.Options{
			Say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
		})
		if err != nil {
			t.Fatal(err)
		}
		running = started
	}
	return running.DynamoURL, running.SQSURL
}

// Name is a name for a table or queue that no other test has.
func Name(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:12]) }
