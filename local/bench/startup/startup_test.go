package startup_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lease-gateway/local/bench/startup"
)

// build compiles a function as the Makefile does.
func build(t testing.TB, dir string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", file, dir)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func empty() ([]byte, error) { return []byte(`{}`), nil }

func TestHelloIsMeasured(t *testing.T) {
	r, err := startup.Measure(t.Context(), startup.Binary{Path: build(t, "./hello"), Event: empty}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Payload) != `"hello"` || r.Failed {
		t.Errorf("answer %s, failed %t", r.Payload, r.Failed)
	}
	if r.Init.CPU <= 0 || r.Init.Wall <= 0 || r.Answer.CPU <= 0 || r.Answer.Wall < r.Answer.CPU/4 || r.Wait() != r.Init.Wall+r.Answer.Wall {
		t.Errorf("times: %+v", r)
	}
	if r.WarmUp != (startup.Cost{}) {
		t.Errorf("it called nothing, and warmed up for %+v", r.WarmUp)
	}
}

// testdata/caller calls its service during init and burns processor time in its handler.
func TestCallerIsMeasured(t *testing.T) {
	services, err := startup.ServeTLS(map[string]http.Handler{"AWS_ENDPOINT_URL_DYNAMODB": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "{}")
	})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = services.Close() })
	b := startup.Binary{Path: build(t, "./testdata/caller"), Event: empty, Services: services, Env: map[string]string{"GREETING": "salut"}}
	quota, err := startup.NewQuota(startup.Share128MB)
	if errors.Is(err, startup.ErrNoQuota) {
		if !strings.HasPrefix(err.Error(), "skipped: ") {
			t.Errorf("no clear word: %v", err)
		}
		t.Log(err)
	} else if err != nil {
		t.Fatal(err)
	}
	r, err := startup.Measure(t.Context(), b, quota)
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Payload) != `"salut: 200"` || services.Connections("AWS_ENDPOINT_URL_DYNAMODB") != 1 {
		t.Errorf("answer %s, %d connections", r.Payload, services.Connections("AWS_ENDPOINT_URL_DYNAMODB"))
	}
	if r.WarmUp.CPU <= 0 || r.WarmUp.CPU >= r.Init.CPU || r.WarmUp.Wall >= r.Init.Wall {
		t.Errorf("warm-up %+v of %+v", r.WarmUp, r.Init)
	}
	// It burns 20 ms, and a period has 1.4 of them.
	if quota != nil && quota.Method != "systemd-run" && r.Throttled < 5 {
		t.Errorf("%s held it up %d times only: %+v", quota.Method, r.Throttled, r.Answer)
	}
	if quota == nil && r.Throttled != 0 {
		t.Error("held up without a quota")
	}
}

// TestWithoutWarmUp: the build whose start is measured calls nothing, the one that is shipped makes one connection.
func TestWithoutWarmUp(t *testing.T) {
	services, err := startup.ServeTLS(map[string]http.Handler{"AWS_ENDPOINT_URL_DYNAMODB": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = services.Close() })
	quiet, err := startup.WithoutWarmUp(t.Context(), "../../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for want, path := range []string{filepath.Join(quiet, "app-park"), build(t, "../../../functions/app-park")} {
		r, err := startup.Measure(t.Context(), startup.Binary{Path: path, Env: map[string]string{"STAGE": "test", "PARKS_TABLE": "p"}, Services: services}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := services.Connections("AWS_ENDPOINT_URL_DYNAMODB"); n != want || (r.WarmUp.CPU > 0) != (want == 1) {
			t.Errorf("%s: %d connections, want %d; %+v", path, n, want, r)
		}
	}
}

func TestWhatCannotBeMeasuredIsSaid(t *testing.T) {
	hello := build(t, "./hello")
	if _, err := startup.Measure(t.Context(), startup.Binary{Path: hello + "-missing"}, nil); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing: %v", err)
	}
	if _, err := startup.Measure(t.Context(), startup.Binary{Path: "/bin/false"}, nil); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("one that ends: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := startup.Measure(ctx, startup.Binary{Path: "/bin/cat"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
