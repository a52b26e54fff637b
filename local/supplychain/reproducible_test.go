package supplychain

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// TestSameBytesElsewhere: the same source in another directory makes the same binary, by the Makefile's own rule. `make sam-check`
// does it for every function, with a cold build cache.
func TestSameBytesElsewhere(t *testing.T) {
	there := t.TempDir()
	for _, name := range []string{"Makefile", "go.mod", "go.sum"} {
		raw, err := os.ReadFile(root + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(there, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"functions", "shared"} {
		if err := os.CopyFS(filepath.Join(there, dir), os.DirFS(root+dir)); err != nil {
			t.Fatal(err)
		}
	}
	build := func(dir string) []byte {
		out := t.TempDir()
		cmd := exec.Command("make", "-s", "-C", dir, "build-LeaseParkFunction", "ARTIFACTS_DIR="+out, "GOARCH="+runtime.GOARCH)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		raw, err := os.ReadFile(filepath.Join(out, "bootstrap"))
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if here, elsewhere := build(root), build(there); !bytes.Equal(here, elsewhere) {
		t.Errorf("%d bytes here, %d there, and not the same: what depends on the directory, or on the time?", len(here), len(elsewhere))
	}
}
