package pushqueue

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// TestWarmSendsNothing: the queue is asked for its attributes, and no message reaches the network.
func TestWarmSendsNothing(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("X-Amz-Target"))
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_SQS": server.URL, "AWS_REGION": "ap-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"} {
		t.Setenv(name, value)
	}
	Open(server.URL + "/000000000000/q.fifo").Warm(t.Context())
	if !slices.Equal(seen, []string{"AmazonSQS.GetQueueAttributes"}) {
		t.Errorf("%q", seen)
	}
}
