package simulation

import (
	"fmt"
	"hash/fnv"
	"time"
)

// dice are what the seed decides. Each question has a sequence of answers of its own, so that leaving out a fault or an action, as the
// shrinker does, does not turn the rest of the run into another one.
type dice struct {
	seed  uint64
	asked map[string]uint64
	keys  map[string]uint64
}

func newDice(seed uint64) dice {
	return dice{seed: seed, asked: map[string]uint64{}, keys: map[string]uint64{}}
}

func (d *dice) roll(question string) uint64 {
	n := d.asked[question]
	d.asked[question] = n + 1
	key, known := d.keys[question]
	if !known {
		h := fnv.New64a()
		_, _ = h.Write([]byte(question))
		key = h.Sum64()
		d.keys[question] = key
	}
	return mix(mix(d.seed^key) + n)
}

// mix is splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (d *dice) intn(question string, n int) int { return int(d.roll(question) % uint64(n)) }

func (d *dice) between(question string, low, high time.Duration) time.Duration {
	return low + time.Duration(d.roll(question)%uint64((high-low)/time.Microsecond+1))*time.Microsecond
}

// strike reports whether a fault happens now. A seed has about half of all faults (others stay away altogether, since faults hide each other).
func (w *World) strike(f *fault, where string) bool {
	n := w.asked[f.name]
	roll := w.roll(f.name)
	if w.quiet(f) || !w.present(f) || roll%uint64(f.oneIn) != 0 {
		return false
	}
	id := fmt.Sprintf("%s #%d", f.name, n)
	if w.o.Only != nil && !w.o.Only[id] {
		return false
	}
	w.Struck = append(w.Struck, id)
	w.note(f, where)
	return true
}

// note counts a fault.
func (w *World) note(f *fault, where string) {
	w.Fired[f.name]++
	if w.tracing() {
		w.say("FAULT: %s (%s)", f.name, where)
	}
}

func (w *World) quiet(f *fault) bool { return w.stage == calm || w.stage == mending && !f.mending }

func (w *World) present(f *fault) bool {
	there, known := w.swarm[f]
	if !known {
		there = w.roll("present: "+f.name)%2 == 0
		w.swarm[f] = there
	}
	return there
}
