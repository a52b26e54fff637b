// Package browsertest clicks through the local console in headless Chromium, against a stack of its own.
package browsertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lease-gateway/local/console"
	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/stack"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

// chromium finds the browser, and holds that node and npm are there.
func chromium(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("./preflight.sh").Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		t.Fatalf("%s", failed.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// install brings playwright-core and axe by npm, once for each package-lock.json.
func install(t *testing.T) {
	t.Helper()
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	want, stamp := hex.EncodeToString(sum[:]), filepath.Join("node_modules", ".installed")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return
	}
	if out, err := exec.Command("npm", "ci").CombinedOutput(); err != nil {
		t.Fatalf("npm ci in local/console/browsertest failed; without a network the packages cannot be downloaded: %v\n%s", err, out)
	}
	if err := os.WriteFile(stamp, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestInABrowser runs all.mjs; with SCREENSHOTS set to a folder it takes the README's pictures instead (make screenshots).
func TestInABrowser(t *testing.T) {
	browser := chromium(t)
	install(t)
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	if build := exec.Command("make", "-C", root, "build"); os.Getenv("LEASE_BINARIES_BUILT") == "" {
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("make build: %v\n%s", err, out)
		}
	}
	dynamo, sqs := enginetest.Start(t)
	c, log := console.New(), &bytes.Buffer{}
	s, err := stack.Start(t.Context(), stack.Options{Root: root, Binaries: filepath.Join(root, ".build"), Engines: &engines.Engines{DynamoURL: dynamo, SQSURL: sqs},
		Name: enginetest.Name("browser"), Console: c.Pages, Observer: c, Log: log, PollEvery: time.Hour, SweepEvery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	script := "all.mjs"
	if os.Getenv("SCREENSHOTS") != "" {
		script = "screenshots.mjs"
	}
	cmd := exec.CommandContext(t.Context(), "node", script)
	cmd.Env = append(os.Environ(), "CONSOLE_URL="+s.ConsoleURL, "TONGLI_URL="+s.TongliURL, "CHROMIUM="+browser, "SECRET="+stack.Secret)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("node %s: %v\n%s", script, err, out)
		s.Stop() // before the log is read
		t.Log(log.String()[max(0, log.Len()-4000):])
	}
	if script == "all.mjs" && !strings.Contains(string(out), "# fail 0") && !strings.Contains(string(out), "ℹ fail 0") {
		t.Errorf("node reports no result:\n%s", out)
	}
}

// The lock file names no registry: each user's npm asks the one that it is set to.
func TestLockFileNamesNoRegistry(t *testing.T) {
	raw, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(`"resolved"`)) || !bytes.Contains(raw, []byte(`"integrity"`)) {
		t.Error("package-lock.json must hold integrity and no resolved URL: npm's omit-lockfile-registry-resolved is in .npmrc")
	}
}

// What the page loads is what package-lock.json holds, with its licences beside it.
func TestVendoredFileIsOfTheLockedVersions(t *testing.T) {
	raw, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		t.Fatal(err)
	}
	vendored, err := os.ReadFile("../static/vendor/preact-htm.js")
	if err != nil {
		t.Fatal(err)
	}
	for name, title := range map[string]string{"preact": "Preact ", "htm": "htm "} {
		if version := lock.Packages["node_modules/"+name].Version; version == "" || !strings.Contains(string(vendored[:300]), title+version+",") {
			t.Errorf("%s %s is locked and not vendored: run local/console/browsertest/vendor.sh", name, version)
		}
		if licence, err := os.ReadFile("../static/vendor/LICENSE." + name); err != nil || len(licence) < 500 {
			t.Errorf("licence of %s: %d bytes, %v", name, len(licence), err)
		}
	}
}
