// Package tonglisim is a Tongli to run against: it serves api/leasePark and api/SynLeaseOrder, checks what the true one
// would (the signature to the letter, by its own code), keeps a whitelist, and can be told to fail.
//
//	POST   /api/leasePark, /api/SynLeaseOrder   as the contract has them
//	GET    /whitelist                           what the gates know: [{park_sn, car_plate_no, dates}]
//	GET    /calls                               the calls that were answered, oldest first
//	GET    /faults, POST /faults, DELETE /faults
//	GET    /parks, PUT /parks, DELETE /parks?park_sn=…
package tonglisim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Options of a simulator.
type Options struct {
	AppID, Secret string // of the gateway's calls
	Now           func() time.Time
	OnCall        func(Call)       // told of each call after it was answered; may be nil
	Parks         []map[string]any // nil: some hundred around Suzhou, a few faulty on purpose
}

// Slot is one entry of a whitelist, as sent.
type Slot struct {
	Date  string `json:"date"`
	Start string `json:"start_time"`
	End   string `json:"end_time"`
}

// Entry is what the gates of a park know of a plate.
type Entry struct {
	ParkSN string `json:"park_sn"`
	Plate  string `json:"car_plate_no"`
	Dates  []Slot `json:"dates"`
}

// Call is one call that was answered.
type Call struct {
	At      time.Time       `json:"at"`
	Path    string          `json:"path"`
	Query   string          `json:"query"`
	Body    json.RawMessage `json:"body"`
	Status  int             `json:"status"`
	Answer  string          `json:"answer"`
	Fault   string          `json:"fault,omitempty"`
	Applied bool            `json:"applied"`
}

// Fault makes the next Calls calls of an interface fail; 0 calls means until it is taken away.
type Fault struct {
	Interface  string `json:"interface"` // leasePark, SynLeaseOrder or "" for both
	Kind       string `json:"kind"`      // status, delay, drop, code, garbage, cut, hang, late
	Status     int    `json:"status"`    // of kind status
	Code       int    `json:"code"`      // of kind code: in a 200
	DelayMs    int    `json:"delay_ms"`  // before the answer (delay), or before it is applied (late)
	RetryAfter string `json:"retry_after"`
	Plate      string `json:"plate"` // only calls for this plate
	Calls      int    `json:"calls"`
}

var kinds = []string{"status", "delay", "drop", "code", "garbage", "cut", "hang", "late"}

// Sim is the simulator; it is an http.Handler.
type Sim struct {
	o   Options
	mux *http.ServeMux

	mu     sync.Mutex
	parks  []map[string]any
	gates  map[[2]string]Entry
	nonces map[string]time.Time
	faults []*Fault
	calls  []Call
}

// callsKept bounds the log of calls.
const callsKept = 10_000

// New makes a simulator.
func New(o Options) *Sim {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Sim{o: o, mux: http.NewServeMux(), parks: o.Parks, gates: map[[2]string]Entry{}, nonces: map[string]time.Time{}}
	if s.parks == nil {
		s.parks = Suzhou()
	}
	s.mux.HandleFunc("POST /api/leasePark", s.signed(s.leasePark))
	s.mux.HandleFunc("POST /api/SynLeaseOrder", s.signed(s.synLeaseOrder))
	s.mux.HandleFunc("GET /whitelist", func(w http.ResponseWriter, r *http.Request) { write(w, 200, s.Whitelist()) })
	s.mux.HandleFunc("GET /calls", func(w http.ResponseWriter, r *http.Request) { write(w, 200, s.Calls()) })
	s.mux.HandleFunc("GET /faults", func(w http.ResponseWriter, r *http.Request) { write(w, 200, s.Faults()) })
	s.mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, r *http.Request) { s.Heal(); write(w, 200, s.Faults()) })
	s.mux.HandleFunc("POST /faults", s.postFault)
	s.mux.HandleFunc("GET /parks", func(w http.ResponseWriter, r *http.Request) { write(w, 200, s.listed()) })
	s.mux.HandleFunc("PUT /parks", s.putPark)
	s.mux.HandleFunc("DELETE /parks", func(w http.ResponseWriter, r *http.Request) {
		s.RemovePark(r.URL.Query().Get("park_sn"))
		write(w, 200, map[string]any{"ok": true})
	})
	return s
}

func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Whitelist returns what the gates know, sorted; plates without a slot are not in it.
func (s *Sim) Whitelist() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Entry{}
	for _, e := range s.gates {
		all = append(all, e)
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].ParkSN+"\x00"+all[i].Plate < all[j].ParkSN+"\x00"+all[j].Plate
	})
	return all
}

// Calls returns the calls so far.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call{}, s.calls...)
}

// Faults returns the faults that are set.
func (s *Sim) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Fault{}
	for _, f := range s.faults {
		all = append(all, *f)
	}
	return all
}

// Heal takes all faults away.
func (s *Sim) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Fail sets a fault.
func (s *Sim) Fail(f Fault) error {
	if !slices.Contains(kinds, f.Kind) {
		return fmt.Errorf("kind must be one of %s", strings.Join(kinds, ", "))
	}
	if f.Kind == "status" && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("status must be from 200 to 599")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	return nil
}

// SetPark adds or replaces a park of the list.
func (s *Sim) SetPark(park map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.parks {
		if p["park_sn"] == park["park_sn"] {
			s.parks[i] = park
			return
		}
	}
	s.parks = append(s.parks, park)
}

// RemovePark takes a park off the list.
func (s *Sim) RemovePark(sn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parks = slices.DeleteFunc(s.parks, func(p map[string]any) bool { return p["park_sn"] == sn })
}

func (s *Sim) listed() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]map[string]any{}, s.parks...)
}

func (s *Sim) postFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
		write(w, 400, map[string]string{"error": err.Error()})
		return
	}
	if err := s.Fail(f); err != nil {
		write(w, 400, map[string]string{"error": err.Error()})
		return
	}
	write(w, 201, f)
}

func (s *Sim) putPark(w http.ResponseWriter, r *http.Request) {
	var park map[string]any
	if err := json.NewDecoder(r.Body).Decode(&park); err != nil || park["park_sn"] == nil {
		write(w, 400, map[string]string{"error": "want a park with park_sn"})
		return
	}
	s.SetPark(park)
	write(w, 200, park)
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// answer is Tongli's envelope.
type answer struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
	Data any    `json:"data"`
}

// signed reads a call, checks its signature, lets faults happen, and logs.
func (s *Sim) signed(handle func(body []byte) (answer, func())) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return
		}
		call := Call{At: s.o.Now(), Path: r.URL.Path, Query: r.URL.RawQuery, Body: json.RawMessage(body)}
		if !json.Valid(body) {
			call.Body = nil
		}
		defer func() {
			s.mu.Lock()
			if len(s.calls) == callsKept {
				s.calls = s.calls[1:]
			}
			s.calls = append(s.calls, call)
			s.mu.Unlock()
			if s.o.OnCall != nil {
				s.o.OnCall(call)
			}
		}()
		say := func(status int, a answer) {
			raw, _ := json.Marshal(a)
			call.Status, call.Answer = status, string(raw)
			if len(raw) > 4096 {
				call.Answer = string(raw[:1024]) + "…"
			}
			write(w, status, a)
		}
		if code, why := s.verify(r, body); code != 0 {
			say(401, answer{Code: code, Msg: why})
			return
		}
		fault := s.fault(strings.TrimPrefix(r.URL.Path, "/api/"), body)
		if fault != nil {
			call.Fault = fault.Kind
			if fault.RetryAfter != "" {
				w.Header().Set("Retry-After", fault.RetryAfter)
			}
			switch fault.Kind {
			case "status":
				say(fault.Status, answer{Code: fault.Status * 100, Msg: "told to fail"})
				return
			case "code":
				say(200, answer{Code: fault.Code, Msg: "told to refuse"})
				return
			case "garbage":
				call.Status, call.Answer = 200, "<html>502 Bad Gateway</html>"
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, call.Answer)
				return
			case "drop":
				panic(http.ErrAbortHandler) // the connection breaks without an answer
			case "hang":
				<-r.Context().Done()
				panic(http.ErrAbortHandler)
			case "delay":
				select {
				case <-time.After(time.Duration(fault.DelayMs) * time.Millisecond):
				case <-r.Context().Done():
					return
				}
			}
		}
		a, apply := handle(body)
		if fault != nil && fault.Kind == "late" {
			// applied long after the caller gave up
			if apply != nil {
				time.AfterFunc(time.Duration(fault.DelayMs)*time.Millisecond, apply)
			}
			<-r.Context().Done()
			return
		}
		if apply != nil {
			apply()
			call.Applied = true
		}
		if fault != nil && fault.Kind == "cut" {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(200)
			_, _ = io.WriteString(w, `{"code":0,`)
			_ = http.NewResponseController(w).Flush() // else nothing at all is sent
			panic(http.ErrAbortHandler)
		}
		say(200, a)
	}
}

func (s *Sim) fault(name string, body []byte) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Interface != "" && f.Interface != "*" && f.Interface != name || f.Plate != "" && !strings.Contains(string(body), `"`+f.Plate+`"`) {
			continue
		}
		now := *f
		if f.Calls > 0 {
			if f.Calls--; f.Calls == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return &now
	}
	return nil
}

func (s *Sim) leasePark(body []byte) (answer, func()) {
	var in struct{ Page, Limit int }
	if err := json.Unmarshal(body, &in); err != nil || in.Page < 1 || in.Limit < 1 {
		return answer{Code: 40003, Msg: "want page and limit from 1"}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from := min((in.Page-1)*in.Limit, len(s.parks))
	return answer{Msg: "ok", Data: append([]map[string]any{}, s.parks[from:min(from+in.Limit, len(s.parks))]...)}, nil
}

func (s *Sim) synLeaseOrder(body []byte) (answer, func()) {
	var in struct {
		ParkSN string  `json:"park_sn"`
		Plate  string  `json:"car_plate_no"`
		Dates  *[]Slot `json:"dates"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.ParkSN == "" || in.Plate == "" || in.Dates == nil {
		return answer{Code: 40003, Msg: "want park_sn, car_plate_no and dates"}, nil
	}
	for i, d := range *in.Dates {
		_, dateErr := time.Parse(time.DateOnly, d.Date)
		_, startErr := time.Parse("15:04", d.Start)
		_, endErr := time.Parse("15:04", d.End)
		if dateErr != nil || startErr != nil || endErr != nil && d.End != "24:00" || d.Start == d.End {
			return answer{Code: 40003, Msg: fmt.Sprintf("dates[%d] is malformed", i)}, nil
		}
		if i > 0 && (*in.Dates)[i-1].Date+(*in.Dates)[i-1].Start > d.Date+d.Start {
			return answer{Code: 40003, Msg: fmt.Sprintf("dates[%d] is out of order", i)}, nil
		}
	}
	return answer{Msg: "ok"}, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		k := [2]string{in.ParkSN, in.Plate}
		if len(*in.Dates) == 0 {
			delete(s.gates, k)
		} else {
			s.gates[k] = Entry{in.ParkSN, in.Plate, *in.Dates}
		}
	}
}
