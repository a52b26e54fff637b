package parkpoller_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"lease-gateway/functions/park-poller/parkpoller"
	"lease-gateway/shared/tongli"
)

// step is one thing that happens.
type step struct {
	Kind       string // wait, list, delist, gone (three sweeps without them), reprice, push, sweep, thaw, kill
	Minutes    int    // wait
	Parks      int    // a bit for each; of push, thaw and kill: which
	Price      int
	Delay      int // push: seconds that it was on its way
	TongliSkew int // seconds, of Tongli's clock; Skew is the instance's
	Skew       int

	Times    int // sweeps in a row
	Cap      int // rows on a page
	Latency  int // seconds
	Deadline int // seconds of the invocation; 0: none
	Fault    string
	Page     int    // that has the fault
	Again    bool   // the last page is answered again instead of an empty one
	Allow    string // "", "last" (the plan id of the last report), or something else
	Stop     string // the call at which the instance is frozen or killed
	After    bool   // after its effect
	Kill     bool
}

func (s step) String() string {
	type plain step
	return fmt.Sprintf("%+v", plain(s))
}

// shortDeadline is too short for more than a page or two of three seconds.
const shortDeadline = 20

var faults = []string{"fail", "fail twice", "object", "repeat first", "repeat", "contradict", "bad row", "bad row without park_sn", "empty", "swap"}

// steps draws a sequence.
var steps = rapid.SliceOfN(rapid.Custom(drawStep), 5, 16)

// fair draws from 0 to n-1 with about the same chances: rapid's own integers prefer small ones.
func fair(t *rapid.T, name string, n int) int {
	v := 0
	for bits := 1; bits < 4*n; bits *= 2 {
		v *= 2
		if rapid.Bool().Draw(t, name) {
			v++
		}
	}
	return v % n
}

func drawStep(t *rapid.T) step {
	pick := func(name string, of ...string) string { return of[fair(t, name, len(of))] }
	number := func(name string, of ...int) int { return of[fair(t, name, len(of))] }
	skew := func(name string) int {
		return number(name, 0, 0, 300, -300, rapid.IntRange(-300, 300).Draw(t, name+" at random"))
	}
	s := step{Kind: pick("kind", "wait", "list", "delist", "gone", "gone", "reprice", "push", "push", "sweep", "sweep", "sweep", "sweep", "sweep", "thaw", "thaw", "kill")}
	switch s.Kind {
	case "wait":
		s.Minutes = number("minutes", 1, 4, 9, 70, 1500)
	case "list", "delist", "gone", "reprice":
		s.Parks = number("parks", 1<<fair(t, "park", simParks), fair(t, "some", 1<<simParks), 0x7f, 0xf80, 0xf80, 1<<simParks-1)
		s.Price = fair(t, "price", 4)
	case "push":
		s.Parks, s.Price = fair(t, "park", simParks), fair(t, "price", 4)
		s.Delay, s.TongliSkew, s.Skew = number("delay", 0, 0, 1, 60, 900), skew("Tongli's clock"), skew("clock")
	case "sweep":
		s.Times, s.Parks, s.Price = number("times", 1, 1, 3), fair(t, "repriced after each", 1<<simParks)*fair(t, "repriced", 2), fair(t, "price", 4)
		s.Skew, s.Cap, s.Latency = skew("clock"), number("cap", 3, 5, 1000), number("latency", 0, 0, 3)
		s.Deadline = number("deadline", 0, 0, 720, shortDeadline)
		s.Again = rapid.Bool().Draw(t, "last page again")
		if s.Deadline != shortDeadline && fair(t, "faulty", 3) == 0 {
			s.Fault, s.Page = pick("fault", faults...), 1+fair(t, "page", 4)
		}
		s.Allow = pick("allow", "", "", "", "last", "0123456789abcdef")
		if fair(t, "disturbed", 3) == 0 {
			s.Times, s.Deadline = 1, number("deadline of a disturbed one", 0, 0, 0, 720)
			s.Stop = pick("stop", "BeginSweep", "EndSweep", "Parks", "Parks read", "SpendWithdrawals", "Wait",
				"Sweep 1", "Sweep 1", "Sweep 2", "PutPark "+simSN(fair(t, "park", simParks)), "PutPark "+simSN(fair(t, "park", simParks)), fmt.Sprintf("ListParks %d", 1+fair(t, "at page", 4)))
			s.After, s.Kill = rapid.Bool().Draw(t, "after"), fair(t, "kill", 4) == 0
		}
	}
	return s
}

// seenRow is a row as the model reads it: sn is "" where it cannot be read.
type seenRow struct {
	sn    string
	price int
	good  bool
	asked int64
}

// walk is what Tongli answered to one sweep.
type walk struct {
	mu    *sync.Mutex
	pages map[int][]seenRow // the last good answer; nil where there was none
	tries map[int]int
	cut   int // pages that were walked before time was up; -1: all
}

func newWalk() walk {
	return walk{mu: &sync.Mutex{}, pages: map[int][]seenRow{}, tries: map[int]int{}, cut: -1}
}

// answer is Tongli's, for one page.
func (r *run) answer(page int, asked time.Time) tongli.Outcome {
	w := &r.walk
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries[page]++
	number, fault := page, ""
	if r.step.Page == page {
		fault = r.step.Fault
	}
	switch {
	case fault == "fail", fault == "fail twice" && w.tries[page] < 3:
		return tongli.Outcome{Class: tongli.Transient, Detail: "HTTP 503"}
	case fault == "object":
		return tongli.Outcome{Class: tongli.Accepted, Data: json.RawMessage("{}")}
	case fault == "repeat first":
		page = 1
	case fault == "repeat":
		page = max(1, page-1)
	}
	var all []seenRow
	for i := range simParks {
		if r.listed[i] {
			all = append(all, seenRow{simSN(i), r.price[i], true, asked.UnixMilli()})
		}
	}
	limit := r.step.Cap
	if last := max(1, (len(all)+limit-1)/limit); r.step.Again && page > last {
		page = last
	}
	from := min((page-1)*limit, len(all))
	rows := slices.Clone(all[from:min(from+limit, len(all))])
	if len(rows) > 0 {
		switch fault {
		case "contradict":
			rows = append(rows, seenRow{all[0].sn, all[0].price + 1, true, asked.UnixMilli()})
		case "bad row":
			rows[0].good = false
		case "bad row without park_sn":
			rows[0].good, rows[0].sn = false, ""
		case "empty":
			rows = rows[:0]
		case "swap":
			slices.Reverse(rows)
		}
	}
	w.pages[number] = rows
	raw := make([]string, len(rows))
	for i, s := range rows {
		raw[i] = row(s.sn, s.price)
		if !s.good {
			raw[i] = strings.Replace(raw[i], `"price":`, `"price":1,"price":`, 1)
		}
	}
	return tongli.Outcome{Class: tongli.Accepted, Data: json.RawMessage("[" + strings.Join(raw, ",") + "]")}
}

// outcome is what the contract (3.3) makes of the answers.
type outcome struct {
	reason    string
	rows      map[string]seenRow // the first good row of each park
	seen      map[string]bool
	disputed  map[string]bool
	good, bad int
}

func (o outcome) believed(sn string) bool { _, good := o.rows[sn]; return good && !o.disputed[sn] }

func (w *walk) outcome(s step) outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := outcome{rows: map[string]seenRow{}, seen: map[string]bool{}, disputed: map[string]bool{}}
	for n := 1; ; n++ {
		rows, answered := w.pages[n]
		switch {
		case w.cut >= 0 && n > w.cut:
			o.incomplete(parkpoller.OutOfTime)
			return o
		case !answered:
			o.incomplete(parkpoller.PageFailed)
			return o
		case len(rows) == 0:
			return o
		}
		for before := 1; before < n; before++ {
			if samePage(w.pages[before], rows) {
				if n == 2 || before != n-1 {
					o.incomplete(parkpoller.PageRepeated)
				}
				return o
			}
		}
		for _, r := range rows {
			o.take(r)
		}
	}
}

func (o *outcome) take(r seenRow) {
	if r.sn != "" {
		o.seen[r.sn] = true
	}
	if !r.good {
		o.bad++
		return
	}
	o.good++
	if first, twice := o.rows[r.sn]; !twice {
		o.rows[r.sn] = r
	} else if first.price != r.price {
		o.disputed[r.sn] = true
		o.incomplete(parkpoller.Contradicted)
	}
}

func (o *outcome) incomplete(reason string) { o.reason = cmp.Or(o.reason, reason) }

// samePage tells whether two pages have the same rows, in whatever order.
func samePage(a, b []seenRow) bool {
	if len(a) != len(b) {
		return false
	}
	left := map[seenRow]int{}
	for i := range a {
		x, y := a[i], b[i]
		x.asked, y.asked = 0, 0
		left[x]++
		left[y]--
	}
	for _, n := range left {
		if n != 0 {
			return false
		}
	}
	return true
}
