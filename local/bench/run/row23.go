package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	var lines []line
	for _, f := range []struct{ function, event string }{{"lease-order", "first-page"}, {"lease-park", "new-park"}, {"app-order", "place-order"}, {"app-park", "one-park"},
		{"park-poller", ""}, {"whitelist-pusher", ""}, {"whitelist-sweeper", "scheduled"}} {
		event := ""
		if f.event != "" {
			event = f.function + "/" + f.event
		}
		binaries := []startup.Binary{{Path: hello}, rigs[0].Binary(f.function, event)}
		if other := rigs[1].Binary(f.function, event); exists(other.Path) {
			binaries = append(binaries, other)
		}
		runs, err := startup.Interleave(ctx, startRuns, quota, binaries...)
		if err != nil {
			return nil, err
		}
		initCPU := func(r startup.Result) time.Duration { return r.Init.CPU - r.WarmUp.CPU }
		lines = append(lines, line{row: 2, what: f.function, unit: "ms", ours: figures(runs[1], initCPU), reference: figures(runs[0], initCPU), against: "hello-world",
			goal: goal{ratioUpTo, 1.8}, note: "without the warm-up call"})
		if len(runs) < 3 {
			continue
		}
		lines = append(lines, line{row: 2, what: f.function, unit: "ms", ours: figures(runs[1], initCPU), reference: figures(runs[2], initCPU), note: "the reference's init"})
		if f.event == "" {
			continue
		}
		l := line{row: 3, what: f.function, unit: "ms", goal: goal{otherShare, 0.25}, missing: without}
		if without == "" {
			l.ours, l.reference, l.note = figures(runs[1], startup.Result.Wait), figures(runs[2], startup.Result.Wait), "by "+quota.Method
		}
		lines = append(lines, l)
	}
	started = lines
	return lines, nil
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
