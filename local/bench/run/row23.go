package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"lease-gateway/local/bench/startup"
)

const startRuns = 21

// started keeps what starts measured: one measurement serves both rows.
var started []line

// starts (rows 2 and 3) starts a hello-world, ours and the reference in turns. The init runs on a whole processor, as on AWS, the first event
// under the quota of 128 MB.
func starts(ctx context.Context, e setting) ([]line, error) {
	if started != nil {
		return started, nil
	}
	dir, err := os.MkdirTemp("", "bench-hello")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	hello := filepath.Join(dir, "hello")
	compile := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", hello, "./local/bench/startup/hello")
	compile.Dir, compile.Env = e.root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("hello-world: %w: %s", err, out)
	}
	quota, err := startup.NewQuota(startup.Share128MB)
	without := ""
	if errors.Is(err, startup.ErrNoQuota) {
		without = err.Error()
	} else if err != nil {
		return nil, err
	}
	var rigs []*startup.Rig
	for _, folder := range []string{filepath.Join(e.root, ".build"), filepath.Join(e.root, ".build", "reference")} {
		rig, err := startup.NewRig(ctx, e.root, folder, e.dynamo, e.sqs)
		if err != nil {
			return nil, err
		}
		defer func() { _ = rig.Close() }()
		rigs = append(rigs, rig)
	}
	cold, err := e.withoutWarmUp(ctx, dir)
	if err != nil {
		return nil, err
	}
	var lines []line
	for _, f := range []struct{ function, event string }{{"lease-order", "first-page"}, {"lease-park", "new-park"}, {"app-order", "place-order"}, {"app-park", "one-park"},
		{"park-poller", ""}, {"whitelist-pusher", ""}, {"whitelist-sweeper", "scheduled"}} {
		event := ""
		if f.event != "" {
			event = f.function + "/" + f.event
		}
		unwarmed := rigs[0].Binary(f.function, "")
		unwarmed.Path = filepath.Join(cold, f.function)
		runs, err := startup.Interleave(ctx, startRuns, nil, startup.Binary{Path: hello}, unwarmed, rigs[0].Binary(f.function, ""))
		if err != nil {
			return nil, err
		}
		initCPU := func(r startup.Result) time.Duration { return r.Init.CPU }
		lines = append(lines, line{row: 2, what: f.function, unit: "ms", ours: figures(runs[1], initCPU), reference: figures(runs[0], initCPU), against: "hello-world", goal: goal{ratioUpTo, 1.8}})
		if f.function == "lease-order" {
			lines = append(lines, line{row: 2, what: "the same with its warm-up calls", unit: "ms", ours: figures(runs[2], initCPU), reference: figures(runs[0], initCPU), against: "hello-world"})
		}
		binaries := []startup.Binary{rigs[0].Binary(f.function, event), rigs[1].Binary(f.function, event)}
		if event == "" || !exists(binaries[1].Path) {
			continue
		}
		l := line{row: 3, what: f.function, unit: "ms", goal: goal{otherShare, 0.25}, missing: without}
		if without != "" {
			lines = append(lines, l)
			continue
		}
		if runs, err = startup.Interleave(ctx, startRuns, quota, binaries...); err != nil {
			return nil, err
		}
		l.ours, l.reference, l.note = figures(runs[0], startup.Result.Wait), figures(runs[1], startup.Result.Wait), "by "+quota.Method
		lines = append(lines, l)
		for _, part := range []struct {
			name string
			of   func(startup.Result) time.Duration
		}{{"init", func(r startup.Result) time.Duration { return r.Init.Wall }}, {"first answer", func(r startup.Result) time.Duration { return r.Answer.Wall }},
			{"processor time of the first answer", func(r startup.Result) time.Duration { return r.Answer.CPU }}} {
			lines = append(lines, line{row: 3, what: "of it " + part.name, unit: "ms", ours: figures(runs[0], part.of), reference: figures(runs[1], part.of)})
		}
	}
	started = lines
	return lines, nil
}

// warmUp is where the warm-up calls are made. An overlay lets it return at once, so that what is left is the init without them, exactly.
const (
	warmUpFile = "shared/config/config.go"
	warmUp     = "func Warm(calls ...func(context.Context)) {\n"
)

// withoutWarmUp builds the functions once more, as they are but for the warm-up calls.
func (e setting) withoutWarmUp(ctx context.Context, dir string) (string, error) {
	file := filepath.Join(e.root, warmUpFile)
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(source), warmUp) {
		return "", fmt.Errorf("%s has no %q", warmUpFile, strings.TrimSpace(warmUp))
	}
	changed, overlay, out := filepath.Join(dir, "config.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "cold")
	raw, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err == nil {
		err = errors.Join(os.WriteFile(changed, []byte(strings.Replace(string(source), warmUp, warmUp+"\treturn\n", 1)), 0o644), os.WriteFile(overlay, raw, 0o644), os.Mkdir(out, 0o755))
	}
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out, "./functions/...")
	cmd.Dir, cmd.Env = e.root, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("without warm-up: %w: %s", err, said)
	}
	return out, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// figures are in milliseconds.
func figures(runs []startup.Result, of func(startup.Result) time.Duration) sample {
	all := make(sample, len(runs))
	for i, r := range runs {
		all[i] = ms(of(r))
	}
	return all
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
