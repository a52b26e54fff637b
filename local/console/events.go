package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The parts between which a line travels.
const (
	App     = "app"
	Gateway = "gateway"
	Queue   = "queue"
	Tongli  = "tongli"
)

// Event is one thing that happened. Kind is call (over HTTP), message (put into the queue), batch (taken from it), run (a
// scheduled function), state (of an order's whitelist), breaker, fault, parks (what a poll
// changed) or queue (more or less lies in it).
type Event struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	From    string    `json:"from,omitempty"`
	To      string    `json:"to,omitempty"`
	Title   string    `json:"title"`
	Ms      float64   `json:"ms"`
	Status  int       `json:"status,omitempty"` // HTTP; 0: no answer
	Code    *int      `json:"code,omitempty"`   // of the envelope
	OK      bool      `json:"ok"`
	Fault   string    `json:"fault,omitempty"`
	Quiet   bool      `json:"quiet,omitempty"` // an idle tick: told, not kept
	ParkSN  string    `json:"park_sn,omitempty"`
	Plate   string    `json:"car_plate_no,omitempty"`
	OrderID string    `json:"order_id,omitempty"`
	State   string    `json:"state,omitempty"` // of an order's whitelist, or of the breaker
	Note    string    `json:"note,omitempty"`

	Detail `json:"-"`
}

// Detail is what a click shows; it does not travel with the stream.
type Detail struct {
	Request      string `json:"request"`
	StringToSign string `json:"string_to_sign,omitempty"`
	Answer       string `json:"answer"`
}

const (
	eventsKept     = 1000 // for whoever connects later
	subscriberMax  = 256  // events that a slow reader may lag behind
	heartbeatEvery = 15 * time.Second
)

// stream keeps the latest events and hands each to whoever listens. Publishing never waits for a reader: one that
// lags too far is cut off, and its browser comes back with the last id that it saw.
type stream struct {
	mu     sync.Mutex
	next   int64
	kept   []Event
	subs   map[chan Event]bool
	closed bool
}

func newStream(first int64) *stream { return &stream{next: first, subs: map[chan Event]bool{}} }

func (s *stream) publish(e Event) Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.ID = s.next
	s.next++
	if !e.Quiet {
		if len(s.kept) == 2*eventsKept { // moved once for many events: publishing is on the way of every call
			s.kept = append(make([]Event, 0, 2*eventsKept), s.kept[eventsKept:]...)
		}
		s.kept = append(s.kept, e)
	}
	for c := range s.subs {
		select {
		case c <- e:
		default:
			delete(s.subs, c)
			close(c)
		}
	}
	return e
}

// subscribe returns the kept events after an id, and a channel of those to come; it is closed when the reader lags or the stream ends.
func (s *stream) subscribe(after int64) ([]Event, chan Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var missed []Event
	for _, e := range s.latest() {
		if e.ID > after {
			missed = append(missed, e)
		}
	}
	c := make(chan Event, subscriberMax)
	if s.closed {
		close(c)
		return missed, c
	}
	s.subs[c] = true
	return missed, c
}

// latest are the last eventsKept; the lock is held.
func (s *stream) latest() []Event { return s.kept[max(0, len(s.kept)-eventsKept):] }

// watched reports whether somebody listens.
func (s *stream) watched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.subs) > 0
}

func (s *stream) leave(c chan Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs[c] {
		delete(s.subs, c)
		close(c)
	}
}

func (s *stream) find(id int64) (Event, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.latest() {
		if e.ID == id {
			return e, true
		}
	}
	return Event{}, false
}

func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.subs {
		delete(s.subs, c)
		close(c)
	}
}

// ServeHTTP is the stream of server-sent events; Last-Event-ID, or ?after= of a page that was hidden, says what the reader has seen.
func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen, _ := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64) // none: from the beginning
	hidden, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	after := max(seen, hidden)
	missed, news := s.subscribe(after)
	defer s.leave(news)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	send := func(e Event) error {
		raw, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "id: %d\ndata: %s\n\n", e.ID, raw)
		return err
	}
	if _, err := fmt.Fprint(w, "retry: 1000\n\n"); err != nil {
		return
	}
	for _, e := range missed {
		if send(e) != nil {
			return
		}
	}
	if _, err := fmt.Fprint(w, "event: caught-up\ndata: {}\n\n"); err != nil || control.Flush() != nil {
		return
	}
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	for {
		var err error
		select {
		case e, open := <-news:
			if !open {
				return
			}
			err = send(e)
		case <-beat.C:
			_, err = fmt.Fprint(w, ": still here\n\n")
		case <-r.Context().Done():
			return
		}
		if err != nil || control.Flush() != nil {
			return
		}
	}
}
