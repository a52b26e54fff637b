package simulation

import (
	"slices"
	"testing"
)

// shrinkPlays bounds how many runs the shrinker makes.
const shrinkPlays = 600

// Shrink looks for a short run of a seed that still goes wrong: it leaves out faults, in halves, quarters and so on to single ones, and
// then actions of the script, until nothing more can be left out. The result has its trace.
func Shrink(t *testing.T, o Options) Result {
	plays := 0
	play := func(only []string, skip map[int]bool, trace bool) Result {
		plays++
		next := o
		next.Only, next.Skip, next.Trace = map[string]bool{}, skip, trace
		for _, id := range only {
			next.Only[id] = true
		}
		return Play(t, next)
	}
	first := Play(t, o)
	only, skip := append(first.Struck, clocksDiffer.name), map[int]bool{}
	fails := func(only []string, skip map[int]bool) bool {
		return plays < shrinkPlays && play(only, skip, false).Wrong != ""
	}
	for smaller := true; smaller; {
		smaller = false
		for size := len(only); size > 0; size /= 2 {
			for from := 0; from < len(only); {
				less := slices.Delete(slices.Clone(only), from, min(from+size, len(only)))
				if fails(less, skip) {
					only, smaller = less, true
				} else {
					from += size
				}
			}
		}
		for n := range first.Actions {
			if skip[n] {
				continue
			}
			if skip[n] = true; fails(only, skip) {
				smaller = true
			} else {
				delete(skip, n)
			}
		}
	}
	if r := play(only, skip, true); r.Wrong != "" {
		return r
	}
	o.Trace = true
	return Play(t, o) // never: what was kept did fail
}
