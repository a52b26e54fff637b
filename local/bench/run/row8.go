package main

import (
	"context"
	"path/filepath"
	"time"

	"lease-gateway/local/bench/pushes"
	"lease-gateway/local/bench/startup"
)

const (
	pushTurns = 5 // of each process
	pushRuns  = 2 // processes of each side
	pushesAll = 1000
)

// pushesOf measures one process of one side.
func (e setting) pushesOf(ctx context.Context, name, prefix string) (pushes.Result, error) {
	binaries := filepath.Join(e.root, ".build")
	if name == reference {
		binaries = filepath.Join(binaries, reference)
	}
	rig, err := startup.NewRig(ctx, e.root, binaries, e.dynamo, e.sqs)
	if err != nil {
		return pushes.Result{}, err
	}
	defer func() { _ = rig.Close() }()
	return pushes.Measure(ctx, rig, prefix, pushTurns, pushesAll-pushTurns*(1+pushes.Batch))
}

// pushBatches (row 8): a batch of ten beside one call, at a Tongli behind TLS that takes 200 ms, and the handshakes of 1,000 pushes.
func pushBatches(ctx context.Context, e setting) ([]line, error) {
	var one, ten, shakes [2]sample
	for n := range pushRuns {
		for i, name := range []string{ours, reference} {
			r, err := e.pushesOf(ctx, name, string(rune('a'+2*n+i)))
			if err != nil {
				return nil, err
			}
			all := func(d []time.Duration) (s sample) {
				for _, t := range d {
					s = append(s, ms(t))
				}
				return s
			}
			one[i], ten[i], shakes[i] = append(one[i], all(r.One)...), append(ten[i], all(r.Ten)...), append(shakes[i], float64(r.Handshakes))
		}
	}
	return []line{
		{row: 8, what: "ten, against one call", unit: "ms", ours: ten[0], reference: one[0], against: "one of ours", goal: goal{ratioUpTo, 1.5}},
		{row: 8, what: "ten", unit: "ms", ours: ten[0], reference: ten[1]},
		{row: 8, what: "one", unit: "ms", ours: one[0], reference: one[1]},
		{row: 8, what: "TLS handshakes of 1,000 pushes", ours: shakes[0], reference: shakes[1], goal: goal{worstUpTo, 10}},
	}, nil
}
