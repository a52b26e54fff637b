package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lease-gateway/local/engines"
	"lease-gateway/local/events"
	"lease-gateway/local/stack"
)

// order in which the events build on one another: the park before its order, the order before its list.
var eventOrder = []string{"lease-park", "app-park", "app-order", "lease-order", "unknown-route", "whitelist-pusher", "whitelist-sweeper", "park-poller"}

// TestEvents sends every file of events/ to its function, over the Invoke API or in a container, and compares the answer with the
// expected one beside it. What differs from run to run is masked there; an expected object names what must be equal.
func TestEvents(t *testing.T) {
	s, call := startStack(t, stack.Options{}), invoke
	if samCommand != "" {
		call = samInvoke
	}
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "events")
	names, err := events.Names(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		rank := func(name string) int {
			folder, event, _ := strings.Cut(name, "/")
			good := 1
			if event == "new-park" || event == "place-order" {
				good = 0 // what the others build on
			}
			return 2*slices.Index(eventOrder, folder) + good
		}
		return rank(a) - rank(b)
	})
	count := map[string]int{}
	for _, name := range names {
		folder, _, _ := strings.Cut(name, "/")
		count[folder]++
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			payload, err := events.Load(dir, name, now)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)+".expected.json"))
			if err != nil {
				t.Fatal(err)
			}
			if raw, err = events.Fill(raw, now); err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			body, failed := call(t, s, functionName(folder), string(payload))
			if text, isError := want["error"].(string); isError {
				if !failed || !strings.Contains(body, text) {
					t.Errorf("want an error with %q, got %s", text, body)
				}
				return
			}
			got := map[string]any{}
			if err := json.Unmarshal([]byte(body), &got); err != nil || failed {
				t.Fatalf("answer %s", body)
			}
			if text, isText := got["body"].(string); isText {
				var inner map[string]any
				if err := json.Unmarshal([]byte(text), &inner); err != nil {
					t.Fatalf("body %s", text)
				}
				if id, _ := inner["request_id"].(string); id == "" {
					t.Errorf("no request_id: %s", text)
				}
				delete(inner, "request_id")
				got["body"] = inner
			}
			for key, value := range want {
				if diff := cmp.Diff(value, mask(value, got[key])); diff != "" {
					t.Errorf("%s (-want +got):\n%s", key, diff)
				}
			}
		})
	}
	for _, folder := range eventOrder {
		if count[folder] < 3 {
			t.Errorf("%s has %d events, want at least three", folder, count[folder])
		}
	}
}

// mask puts "<masked>" where the expected answer has it and the answer has something.
func mask(want, got any) any {
	if want == "<masked>" && got != nil {
		return want
	}
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			for key := range g {
				g[key] = mask(w[key], g[key])
			}
		}
	case []any:
		if g, ok := got.([]any); ok {
			for i := range g {
				if i < len(w) {
					g[i] = mask(w[i], g[i])
				}
			}
		}
	}
	return got
}

func functionName(folder string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(folder, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String() + "Function"
}
