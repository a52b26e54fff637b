package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lease-gateway/local/engines"
)

// TestTheReferenceIsLinkedNowhere: it is a module of its own, which this one does not know, and what it brings along is in no package of ours.
func TestTheReferenceIsLinkedNowhere(t *testing.T) {
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "local/bench/reference/go.mod")); err != nil {
		t.Errorf("the reference is no module of its own: %v", err)
	}
	cmd := exec.Command("go", "list", "-deps", "-test", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "lease-gateway/functions/lease-order\n") {
		t.Fatal("go list does not list the functions")
	}
	for path := range strings.Lines(string(out)) {
		for _, foreign := range []string{"lease-gateway-reference", "lease-gateway/local/bench/reference", "github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"} {
			if path = strings.TrimSpace(path); path == foreign || strings.HasPrefix(path, foreign+"/") {
				t.Errorf("%s is linked", path)
			}
		}
	}
}
