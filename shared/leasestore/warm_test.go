package leasestore

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// TestWarmWritesNothing: one read reaches the network, whatever else is rehearsed; and a warm store works.
func TestWarmWritesNothing(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("X-Amz-Target"))
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	db := dynamodb.New(dynamodb.Options{Region: "ap-east-1", BaseEndpoint: &server.URL, DisableValidateResponseChecksum: true, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	for _, tables := range []Tables{{Expiring: "e", Orders: "o", Parks: "p"}, {Parks: "p"}} {
		seen = nil
		s := Open(db, tables)
		s.Warm(t.Context())
		if !slices.Equal(seen, []string{"DynamoDB_20120810.GetItem"}) || s.Units() != (Units{}) {
			t.Errorf("%+v: %q, %+v", tables, seen, s.Units())
		}
	}
	if s := Open(db, Tables{Orders: "o"}); s != nil {
		if _, err := s.Claimed(t.Context(), "o"); err == nil || len(seen) != 2 {
			t.Errorf("after it: %v, %q", err, seen)
		}
	}
}
