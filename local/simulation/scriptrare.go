package simulation

import (
	"fmt"
	"time"
)

// drawExpiry is the script of a rare case: what is due while Tongli does not accept our credentials is over before it does.
func (w *World) drawExpiry() script {
	var s script
	w.plates = len(plates)
	from := w.between("rejected from", 2*time.Minute, 5*time.Minute)
	for n := range 3 + w.intn("orders", 3) {
		a := action{at: w.between("when", 0, time.Minute), what: "place", id: fmt.Sprintf("o%d", n), park: parks[0], plate: plates[n%len(plates)], slots: w.slots(0)}
		if n > 1 {
			a.at = from + w.between("when", 0, 30*time.Second)
			begins := start.Add(a.at + 2*time.Minute).Truncate(time.Minute)
			a.slots = []string{begins.Format("2006-01-02 15:04 ") + begins.Add(4*time.Minute).Format("15:04")}
		}
		a.n = len(s.actions)
		s.actions = append(s.actions, a)
	}
	s.actions = append(s.actions, action{n: len(s.actions), at: from - time.Second, what: "rejected", lasts: 10 * time.Minute})
	s.end = from + 12*time.Minute
	return s
}

// drawOvertaking is the script of another one: plates that have nothing due are pushed with their park, slowly, while orders are placed for them,
// and the queue does not keep the two apart.
func (w *World) drawOvertaking() script {
	var s script
	w.plates = len(plates)
	w.swarm[answersSlowly], w.swarm[groupReordered] = true, true
	add := func(a action) {
		a.n = len(s.actions)
		s.actions = append(s.actions, a)
	}
	for p, park := range parks {
		then := w.between("then", 4*time.Minute, 6*time.Minute)
		for n, plate := range plates {
			first := w.between("first", 0, time.Minute)
			add(action{at: first, what: "place", id: fmt.Sprintf("o%d%d", p, n), park: park, plate: plate, slots: w.slots(first)})
			add(action{at: then + w.between("after the park", 0, 1500*time.Millisecond), what: "place", id: fmt.Sprintf("o%d%db", p, n), park: park, plate: plate, slots: w.slots(then)})
		}
		add(action{at: then, what: "park", park: park})
	}
	s.end = 12 * time.Minute
	return s
}

// drawDeath is a third: pushers die in mid-call, the queue loses what they were sent, and before the sweep another order of the plate is pushed.
func (w *World) drawDeath() script {
	var s script
	w.plates = len(plates)
	w.swarm[crashInCall] = true
	at := w.between("first", 0, time.Minute)
	for p, park := range parks {
		for n, plate := range plates {
			s.actions = append(s.actions, action{at: at + w.between("with it", 0, 300*time.Millisecond), what: "place", id: fmt.Sprintf("o%d%d", p, n), park: park, plate: plate, slots: w.slots(at)},
				action{at: at + w.between("after it", 6*time.Second, 40*time.Second), what: "place", id: fmt.Sprintf("o%d%db", p, n), park: park, plate: plate, slots: w.slots(at)})
		}
	}
	s.actions = append(s.actions, action{at: at + 2*time.Second, what: "lose"})
	for n := range s.actions {
		s.actions[n].n = n
	}
	s.end = at + 8*time.Minute
	return s
}
