package templaterules

import (
	"os/exec"
	"strings"
	"testing"
)

// TestNoFunctionHoldsTheDebugger: what is not linked cannot be reached on AWS, whatever the routes say.
func TestNoFunctionHoldsTheDebugger(t *testing.T) {
	linked := func(pattern string) []string {
		list := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", pattern)
		list.Dir = root
		out, err := list.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		return strings.Fields(string(out))
	}
	const debugger = "lease-gateway/local/signdebug"
	functions := linked("./functions/...")
	if len(functions) < 100 {
		t.Fatalf("only %d packages are linked into the functions", len(functions))
	}
	for _, p := range functions {
		if strings.HasPrefix(p, "lease-gateway/local/") {
			t.Errorf("a function links %s", p)
		}
	}
	there := false
	for _, p := range linked("./local/cmd/lease-local") {
		there = there || p == debugger
	}
	if !there {
		t.Errorf("lease-local does not link %s: this test looks for the wrong name", debugger)
	}
}
