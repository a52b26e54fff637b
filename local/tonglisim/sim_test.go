package tonglisim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lease-gateway/shared/signature"
)

// The moment of the contract's worked examples.
var vectorTime = time.Unix(1790000000, 0)

type vector struct {
	Name, Method, Path, Body, Sign string
	Query                          [][2]string
}

func (v vector) rawQuery() string {
	q := url.Values{}
	for _, p := range v.Query {
		q.Add(p[0], p[1])
	}
	return q.Encode() + "&sign=" + v.Sign
}

// outbound are the worked examples of the calls to Tongli.
func outbound(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("../../shared/signature/testdata/signature-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var ours []vector
	for _, v := range file.Cases {
		if strings.HasPrefix(v.Path, "/api/") {
			ours = append(ours, v)
		}
	}
	if len(ours) < 2 {
		t.Fatalf("%d worked examples of our calls", len(ours))
	}
	return ours
}

func newSim(t *testing.T, o Options) (*Sim, *httptest.Server) {
	t.Helper()
	o.AppID, o.Secret = "chejiajia-demo", "demo-secret-not-for-production"
	if o.Now == nil {
		o.Now = func() time.Time { return vectorTime }
	}
	s := New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server
}

func post(t *testing.T, address, body string) (status, code int, raw string, err error) {
	t.Helper()
	resp, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	var envelope struct{ Code int }
	_ = json.Unmarshal(b, &envelope) // an answer that is no envelope has code 0
	return resp.StatusCode, envelope.Code, string(b), err
}

// whitelist is a signed call of SynLeaseOrder.
func whitelist(t *testing.T, server *httptest.Server, nonce, body string) (int, int, string, error) {
	t.Helper()
	return signedPost(t, server, "/api/SynLeaseOrder", nonce, body)
}

func TestWorkedExamplesAreAccepted(t *testing.T) {
	s, server := newSim(t, Options{})
	for _, v := range outbound(t) {
		status, code, raw, err := post(t, server.URL+v.Path+"?"+v.rawQuery(), v.Body)
		if err != nil || status != 200 || code != 0 {
			t.Errorf("%s: %d %s %v", v.Name, status, raw, err)
		}
	}
	want := []Entry{{ParkSN: "2017-01-01 12:00:00", Plate: "苏E88888", Dates: []Slot{{"2026-12-01", "19:00", "06:30"}}}}
	if diff := cmp.Diff(want, s.Whitelist()); diff != "" {
		t.Error(diff)
	}
	if calls := s.Calls(); len(calls) != len(outbound(t)) || !calls[1].Applied {
		t.Errorf("%d calls", len(calls))
	}
}

func TestEachCheckOfTheSignature(t *testing.T) {
	good := outbound(t)[0]
	query := good.rawQuery()
	for _, c := range []struct {
		name, old, new, body string
		at                   time.Time
		code                 int
	}{
		{name: "no app_id", old: "app_id=", new: "app=", code: 40101},
		{name: "nonce twice", old: "nonce=", new: "nonce=aaaaaaaaaaaaaaaa&nonce=", code: 40101},
		{name: "short nonce", old: "nonce=out-0000000000000001", new: "nonce=short", code: 40101},
		{name: "timestamp of nine digits", old: "timestamp=1790000000", new: "timestamp=179000000", code: 40101},
		{name: "other sign_type", old: "app_id=", new: "sign_type=MD5&app_id=", code: 40101},
		{name: "broken escape", old: "app_id=", new: "x=%zz&app_id=", code: 40101},
		{name: "early", at: vectorTime.Add(-301 * time.Second), code: 40104},
		{name: "late", at: vectorTime.Add(301 * time.Second), code: 40104},
		{name: "just in time", at: vectorTime.Add(300 * time.Second), code: 0},
		{name: "other app", old: "chejiajia-demo", new: "somebody", code: 40102},
		{name: "wrong sign", old: "sign=c", new: "sign=d", code: 40103},
		{name: "upper-case sign", old: good.Sign, new: strings.ToUpper(good.Sign), code: 40103},
		{name: "an unsigned parameter", old: "app_id=", new: "x=1&app_id=", code: 40103},
		{name: "other body", body: good.Body + " ", code: 40103},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, server := newSim(t, Options{Now: func() time.Time {
				if c.at.IsZero() {
					return vectorTime
				}
				return c.at
			}})
			body := good.Body
			if c.body != "" {
				body = c.body
			}
			_, code, raw, err := post(t, server.URL+good.Path+"?"+strings.Replace(query, c.old, c.new, 1), body)
			if err != nil || code != c.code {
				t.Errorf("%s %v, want code %d", raw, err, c.code)
			}
		})
	}
	_, server := newSim(t, Options{})
	for i, want := range []int{0, 40105} {
		if _, code, raw, _ := post(t, server.URL+good.Path+"?"+query, good.Body); code != want {
			t.Errorf("call %d: %s, want code %d", i, raw, want)
		}
	}
}

func TestWhitelistIsDeclarative(t *testing.T) {
	s, server := newSim(t, Options{})
	const one, two = `{"date":"2026-12-01","start_time":"19:00","end_time":"06:30"}`, `{"date":"2026-12-02","start_time":"19:00","end_time":"24:00"}`
	for i, c := range []struct {
		dates string
		code  int
		held  int
	}{
		{one + "," + two, 0, 2},
		{two, 0, 1},
		{two + "," + one, 40003, 1}, // not sorted
		{`{"date":"2026-02-30","start_time":"19:00","end_time":"06:30"}`, 40003, 1},
		{`{"date":"2026-12-01","start_time":"24:00","end_time":"06:30"}`, 40003, 1},
		{`{"date":"2026-12-01","start_time":"06:30","end_time":"06:30"}`, 40003, 1},
		{``, 0, 0},
	} {
		_, code, raw, err := whitelist(t, server, "nonce-000000000000"+string(rune('a'+i)), `{"park_sn":"P1","car_plate_no":"苏E88888","dates":[`+c.dates+`]}`)
		held := 0
		for _, e := range s.Whitelist() {
			held += len(e.Dates)
		}
		if err != nil || code != c.code || held != c.held {
			t.Errorf("%s: %s %v, %d slots held", c.dates, raw, err, held)
		}
	}
}

func TestParksComeInPages(t *testing.T) {
	parks := []map[string]any{{"park_sn": "a"}, {"park_sn": "b"}, {"park_sn": "c"}}
	_, server := newSim(t, Options{Parks: parks})
	for page, want := range []int{0, 2, 1, 0} {
		if page == 0 {
			continue
		}
		body, _ := json.Marshal(map[string]int{"page": page, "limit": 2})
		_, _, raw, err := signedPost(t, server, "/api/leasePark", "page-00000000000000"+string(rune('0'+page)), string(body))
		var answer struct{ Data []map[string]any }
		if err != nil || json.Unmarshal([]byte(raw), &answer) != nil || answer.Data == nil || len(answer.Data) != want {
			t.Errorf("page %d: %s %v", page, raw, err)
		}
	}
}

func TestSuzhouHasManyParksAndAFewFaultyOnes(t *testing.T) {
	seen := map[any]bool{}
	faulty := 0
	for _, p := range Suzhou() {
		if seen[p["park_sn"]] {
			t.Errorf("park_sn %v is there twice", p["park_sn"])
		}
		seen[p["park_sn"]] = true
		if strings.HasPrefix(p["park_sn"].(string), "BAD") {
			faulty++
		}
	}
	if len(seen) < 100 || faulty < 3 {
		t.Errorf("%d parks, %d faulty", len(seen), faulty)
	}
}

func TestFaults(t *testing.T) {
	const body = `{"park_sn":"P1","car_plate_no":"苏E88888","dates":[{"date":"2026-12-01","start_time":"19:00","end_time":"06:30"}]}`
	for _, c := range []struct {
		fault        string
		status, code int
		broken       bool // no whole answer
		applied      bool
	}{
		{`{"interface":"SynLeaseOrder","kind":"status","status":503,"calls":1}`, 503, 50300, false, false},
		{`{"interface":"*","kind":"code","code":42901,"calls":1}`, 200, 42901, false, false},
		{`{"kind":"delay","delay_ms":1,"calls":1}`, 200, 0, false, true},
		{`{"kind":"garbage","calls":1}`, 200, 0, false, false},
		{`{"kind":"drop","calls":1}`, 0, 0, true, false},
		{`{"kind":"cut","calls":1}`, 200, 0, true, true},
		{`{"kind":"hang","calls":1}`, 0, 0, true, false},
		{`{"kind":"status","status":500,"plate":"苏E88888","calls":1}`, 500, 50000, false, false},
		{`{"kind":"status","status":500,"plate":"苏E00000","calls":1}`, 200, 0, false, true},
		{`{"interface":"leasePark","kind":"status","status":500,"calls":1}`, 200, 0, false, true},
	} {
		t.Run(c.fault, func(t *testing.T) {
			s, server := newSim(t, Options{})
			if status, _, raw, err := post(t, server.URL+"/faults", c.fault); err != nil || status != 201 {
				t.Fatalf("%d %s %v", status, raw, err)
			}
			client := &http.Client{Timeout: 500 * time.Millisecond}
			resp, err := client.Post(server.URL+"/api/SynLeaseOrder?"+signedQuery("/api/SynLeaseOrder", "fault-0000000000000001", body), "application/json", strings.NewReader(body))
			status, code := 0, 0
			if err == nil {
				var raw []byte
				raw, err = io.ReadAll(resp.Body)
				resp.Body.Close()
				status = resp.StatusCode
				var envelope struct{ Code int }
				_ = json.Unmarshal(raw, &envelope) // garbage is no envelope
				code = envelope.Code
			}
			if status != c.status || code != c.code || (err != nil) != c.broken || (len(s.Whitelist()) == 1) != c.applied {
				t.Errorf("status %d, code %d, %v, whitelist %v", status, code, err, s.Whitelist())
			}
			if c.applied && !strings.Contains(c.fault, "plate") && !strings.Contains(c.fault, "leasePark") && len(s.Faults()) != 0 {
				t.Errorf("the fault is still there: %+v", s.Faults())
			}
			// and the next call is as good as ever
			if _, code, raw, err := whitelist(t, server, "fault-0000000000000002", body); len(s.Faults()) == 0 && (err != nil || code != 0 || len(s.Whitelist()) != 1) {
				t.Errorf("the next call: %s %v", raw, err)
			}
		})
	}
}

// What comes late is applied after the caller has given up.
func TestLate(t *testing.T) {
	const body = `{"park_sn":"P1","car_plate_no":"苏E88888","dates":[{"date":"2026-12-01","start_time":"19:00","end_time":"06:30"}]}`
	s, server := newSim(t, Options{})
	if err := s.Fail(Fault{Kind: "late", DelayMs: 200, Calls: 1}); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 50 * time.Millisecond}
	_, err := client.Post(server.URL+"/api/SynLeaseOrder?"+signedQuery("/api/SynLeaseOrder", "late-00000000000000001", body), "application/json", bytes.NewReader([]byte(body)))
	if timeout := (*url.Error)(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("the caller got %v", err)
	}
	if len(s.Whitelist()) != 0 {
		t.Error("it was applied at once")
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); len(s.Whitelist()) == 0; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it was never applied")
		}
	}
}

func signedPost(t *testing.T, server *httptest.Server, path, nonce, body string) (int, int, string, error) {
	t.Helper()
	return post(t, server.URL+path+"?"+signedQuery(path, nonce, body), body)
}

func signedQuery(path, nonce, body string) string {
	return signature.Query("chejiajia-demo", "demo-secret-not-for-production", http.MethodPost, path, nil, []byte(body), vectorTime, nonce)
}
