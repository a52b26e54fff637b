package main

import (
	"context"
	"fmt"
	"time"

	"lease-gateway/local/tonglisim"
)

const unitOrders = 5

// units (row 6) places orders of 30 dates through the whole stack and counts what DynamoDB bills until Tongli has accepted and that is written.
func units(ctx context.Context, e setting) ([]line, error) {
	sides, stop, err := e.both(ctx, sideOptions{sim: tonglisim.Options{Parks: []map[string]any{}}})
	if err != nil {
		return nil, err
	}
	defer stop()
	dates := make([]int, 30)
	for i := range dates {
		dates[i] = i + 1
	}
	var writes, reads [2]sample
	for i, s := range sides {
		if _, err := s.must(ctx, pushOf(parkBody("P1"))); err != nil {
			return nil, err
		}
		for n := range unitOrders {
			before, settled := s.meter.now(), 0
			if _, err := s.must(ctx, orderOf(orderBody(fmt.Sprintf("b-%d", n), "P1", fmt.Sprintf("苏E%05d", n), dates...))); err != nil {
				return nil, err
			}
			placed := s.meter.now()
			// Delivered: Tongli has it, and a write has followed; then nothing more is written for a second.
			var last spent
			for quiet := 0; quiet < 20; {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(50 * time.Millisecond):
				}
				now := s.meter.now()
				if settled++; settled > 600 {
					return nil, fmt.Errorf("%s: order %d is not delivered after 30 s", s.name, n)
				}
				if quiet++; now.write == placed.write || now.write != last.write || len(s.Tongli.Whitelist()) <= n {
					quiet = 0
				}
				last = now
			}
			d := last.since(before)
			writes[i], reads[i] = append(writes[i], d.write), append(reads[i], d.read)
		}
	}
	return []line{
		{row: 6, what: "write units", ours: writes[0], reference: writes[1], goal: goal{worstUpTo, 6}},
		{row: 6, what: "read units", ours: reads[0], reference: reads[1]},
	}, nil
}
