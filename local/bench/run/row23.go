package main

import (
	"context"
	"errors"
	"os"
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
	hello, err := startup.Hello(ctx, e.root, dir)
	if err != nil {
		return nil, err
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
	cold, err := startup.WithoutWarmUp(ctx, e.root, dir)
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
