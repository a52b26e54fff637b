package simulation

import (
	"fmt"
	"slices"
	"time"
)

var (
	parks  = []string{"P1", "P2"}
	plates = []string{"苏E00001", "苏E00002", "苏E00003"}
)

// action is one thing that a client, an operator or the world does.
type action struct {
	n     int
	at    time.Duration // from the start
	what  string        // place, twice, rival, cancel, push, look, night, park, down, rejected, lose, deploy, refuse
	id    string
	park  string
	plate string
	slots []string // "date start end"
	tries int      // a client's patience; 0: until it is answered
	lasts time.Duration
}

func (a action) String() string {
	return fmt.Sprintf("%s %s %s %s %v", a.what, a.id, a.park, a.plate, a.slots)
}

// script is what a seed's run is about, drawn before it begins.
type script struct {
	actions []action
	end     time.Duration // when the faults stop
}

// draw makes the script: few plates, so that orders meet.
func (w *World) draw() script {
	var s script
	minutes := 8 + w.intn("minutes", 25)
	if w.intn("hurried", 3) == 0 {
		minutes = 1 + w.intn("few minutes", 4)
	}
	within := func() time.Duration { return w.between("when", 0, time.Duration(minutes)*time.Minute) }
	add := func(a action) {
		a.n = len(s.actions)
		s.actions = append(s.actions, a)
	}
	if w.intn("plates", 3) == 0 {
		w.plates = 1
	} else {
		w.plates = 1 + w.intn("how many plates", len(plates))
	}
	if w.intn("all is over while nobody may enter", 12) == 0 {
		return w.drawExpiry()
	}
	if w.intn("pushes overtake each other", 8) == 0 {
		return w.drawOvertaking()
	}
	if w.intn("a pusher dies and so does its message", 10) == 0 {
		return w.drawDeath()
	}
	placed := map[string]action{}
	often := w.intn("parks are often pushed", 3) == 0
	for n := range 3 + w.intn("orders", 7) {
		at := within()
		a := action{at: at, what: "place", id: fmt.Sprintf("o%d", n), park: parks[w.intn("park", 8)/7], plate: plates[w.intn("plate", w.plates)], slots: w.slots(at)}
		if w.intn("patience", 5) == 0 {
			a.tries = 1 + w.intn("tries", 2)
		}
		if w.intn("twice", 6) == 0 {
			a.what = "twice"
		}
		add(a)
		placed[a.id] = a
		switch w.intn("company", 4) {
		case 0: // soon another one, most often of the same plate
			b := a
			b.id, b.at, b.slots = a.id+"b", a.at+w.between("soon", 0, 8*time.Second), w.slots(at)
			if w.intn("another plate", 3) == 0 {
				b.plate = plates[w.intn("plate", w.plates)]
			}
			add(b)
		case 1: // others at the same moment
			for n, plate := range plates[:w.plates] {
				if plate != a.plate {
					b := a
					b.id, b.plate, b.slots = fmt.Sprintf("%s%c", a.id, 'c'+n), plate, w.slots(at)
					add(b)
				}
			}
		}
		if w.intn("rival", 8) == 0 {
			r := a
			r.what, r.at, r.slots = "rival", at+w.between("rival after", 0, 40*time.Millisecond), w.slots(at)
			if w.intn("rival's plate", 2) == 0 {
				r.plate = plates[w.intn("plate", w.plates)]
			}
			add(r)
		}
		if often && w.intn("with a push of the park", 2) == 0 {
			add(action{at: max(0, at-w.between("the park before", 0, 1500*time.Millisecond)), what: "park", park: a.park})
		}
		switch w.intn("then", 6) {
		case 0, 1:
			add(action{at: at + w.between("cancel after", 0, time.Duration(minutes)*time.Minute), what: "cancel", id: a.id, tries: w.intn("patience", 2) * 2})
		case 2:
			add(action{at: at + w.between("cancel soon", 0, 5*time.Second), what: "cancel", id: a.id})
		case 3:
			add(action{at: at + w.between("push after", time.Second, 10*time.Minute), what: "push", id: a.id, tries: 3})
		}
		for range w.intn("looks", 3) {
			add(action{at: at + w.between("look after", 0, 10*time.Minute), what: "look", id: a.id})
		}
	}
	if w.intn("refuse", 3) == 0 {
		for id := range 10 {
			if a, ok := placed[fmt.Sprintf("o%d", id)]; ok && w.intn("refused", 3) == 0 {
				add(action{what: "refuse", plate: a.plate, slots: a.slots[:1]})
			}
		}
	}
	end := time.Duration(minutes) * time.Minute
	if w.intn("down", 7) == 0 {
		a := action{at: within(), what: "down", lasts: w.between("down for", 2*time.Minute, 30*time.Minute)}
		if w.intn("down for hours", 3) == 0 {
			a.lasts = w.between("hours", time.Hour, 3*time.Hour)
		}
		add(a)
		end = max(end, a.at+a.lasts)
	}
	for what, oneIn := range map[string]int{"night": 4, "park": 8, "lose": 4, "deploy": 6} {
		if w.intn(what, oneIn) == 0 {
			add(action{at: w.between("when "+what, 0, time.Duration(minutes)*time.Minute), what: what, park: parks[0]})
		}
	}
	// The map above is walked in any order.
	slices.SortStableFunc(s.actions, func(a, b action) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return slices.Compare([]string{a.what, a.id}, []string{b.what, b.id})
	})
	for n := range s.actions {
		s.actions[n].n = n
	}
	s.end = end + w.between("after the last action", 4*time.Minute, 8*time.Minute)
	return s
}

// slots of an order: nights to come, and at times one that is near, or over before the run is.
func (w *World) slots(at time.Duration) []string {
	var list []string
	if w.intn("near", 4) == 0 {
		from := start.Add(at + w.between("near from", 2*time.Minute, 100*time.Minute)).Truncate(time.Minute)
		to := from.Add(w.between("near for", 2*time.Minute, 20*time.Minute)).Truncate(time.Minute)
		list = append(list, from.Format("2006-01-02 15:04 ")+to.Add(time.Minute).Format("15:04"))
		if w.intn("near alone", 2) == 0 {
			return list
		}
	}
	night := w.intn("night of", 5)
	for range 1 + w.intn("nights", 2) {
		list = append(list, start.AddDate(0, 0, night+1).Format("2006-01-02")+" 19:00 06:30")
		night++
	}
	return list
}

// run puts the script into the world and returns when the faults stop.
func (w *World) run() time.Time {
	w.plates = 1
	w.script = w.draw()
	w.Actions = len(w.script.actions)
	for _, a := range w.script.actions {
		if w.o.Skip[a.n] {
			continue
		}
		if a.what == "refuse" { // from the beginning
			w.note(refusesSlots, a.plate+" "+a.slots[0])
			w.tongli.refuses[a.plate+" "+a.slots[0][:10]] = true
			continue
		}
		w.at(start.Add(a.at), fmt.Sprintf("action %02d", a.n), func() { w.act(a) })
	}
	return start.Add(w.script.end)
}
