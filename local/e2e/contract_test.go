package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lease-gateway/local/stack"
	"lease-gateway/shared/signature"
)

// row is one change to a good request and what is answered. fields are the bad fields that the answer names, sorted.
type row struct {
	name         string
	base         func() *request
	change       change
	status, code int
	fields       string
}

// rows of contract_*_test.go, by topic. The answers are the contract's: none is taken from the code.
var rows = map[string][]row{
	"signature": signatureRows, "decoding": decodingRows, "parks": parkRows, "plates": plateRows, "terms": termRows, "orders": orderRows, "lists": listRows, "routes": routeRows,
}

// request is a good one until a row changes it.
type request struct {
	signed              bool
	method, path, route string // path is sent, route signed
	params              []signature.Param
	body                string
	contentType         string
	appID, nonce, stamp string
	secret              string
	common              []signature.Param // further ones, signed
	text                func(string) string
	sent                []func(*wire)
	leaveOut            string // a common parameter
}

// wire is what goes out, after it was signed.
type wire struct{ method, path, query, body string }

type change func(*request)

// all makes several changes, where one alone could not be seen.
func all(changes ...change) change {
	return func(r *request) {
		for _, c := range changes {
			c(r)
		}
	}
}

func none(*request) {}

// as sets the body as it is.
func as(body string) change { return func(r *request) { r.body = body } }

// media sets the content type; "" leaves it out.
func media(contentType string) change { return func(r *request) { r.contentType = contentType } }

// field sets a member of the JSON body, or removes it where the value is "".
func field(name, value string) change {
	return func(r *request) {
		members := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(r.body), &members); err != nil {
			panic(err)
		}
		if members[name] = json.RawMessage(value); value == "" {
			delete(members, name)
		}
		var parts []string
		for _, n := range slices.Sorted(maps.Keys(members)) {
			parts = append(parts, fmt.Sprintf("%q:%s", n, members[n]))
		}
		r.body = "{" + strings.Join(parts, ",") + "}"
	}
}

// param sets a parameter of the query, or adds it; "-" as the value removes it.
func param(name, value string) change {
	return func(r *request) {
		r.params = slices.DeleteFunc(r.params, func(p signature.Param) bool { return p.Name == name })
		if value != "-" {
			r.params = append(r.params, signature.Param{Name: name, Value: value})
		}
	}
}

// again adds a parameter whether or not it is there.
func again(name, value string) change {
	return func(r *request) { r.params = append(r.params, signature.Param{Name: name, Value: value}) }
}

// after changes what goes out, after it was signed.
func after(f func(*wire)) change { return func(r *request) { r.sent = append(r.sent, f) } }

// replace changes the query that goes out, in one place.
func replace(from, to string) change {
	return after(func(w *wire) {
		if !strings.Contains(w.query, from) {
			panic("the query has no " + from + ": " + w.query)
		}
		w.query = strings.Replace(w.query, from, to, 1)
	})
}

func (r *request) send(t *testing.T, s *stack.Stack) answer {
	t.Helper()
	w := &wire{method: r.method, path: r.path, body: r.body}
	if !r.signed {
		w.query = signature.CanonicalQuery(r.params)
	} else {
		params := append(slices.Clone(r.params), r.common...)
		for _, p := range []signature.Param{{Name: "app_id", Value: r.appID}, {Name: "timestamp", Value: r.stamp}, {Name: "nonce", Value: r.nonce}} {
			if p.Name != r.leaveOut {
				params = append(params, p)
			}
		}
		text := string(signature.StringToSign(r.method, r.route, params, []byte(r.body)))
		if r.text != nil {
			text = r.text(text)
		}
		w.query = signature.CanonicalQuery(params)
		if r.leaveOut != "sign" {
			w.query += "&sign=" + signature.Sign(r.secret, []byte(text))
		}
	}
	for _, f := range r.sent {
		f(w)
	}
	if w.query != "" {
		w.query = "?" + w.query
	}
	return send(t, w.method, s.URL+w.path+w.query, r.contentType, []byte(w.body))
}

func signedCall(method, path, body string, params ...signature.Param) *request {
	return &request{signed: true, method: method, path: path, route: path, body: body, params: params, contentType: "application/json",
		appID: stack.InboundAppID, secret: stack.Secret, nonce: signature.NewNonce(), stamp: strconv.FormatInt(time.Now().Unix(), 10)}
}

// The good requests. Dates lie in a year whose calendar is not published: Saturdays and Sundays count, holidays do not.
// 2050-03-05 is a Saturday.
const terms = `"deadline":"2060-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":0,"is_holiday":0,"price":150,"start_price":300,"holiday_price":2000`

func push() *request {
	return signedCall("POST", "/lease/park", `{"park_sn":"pushed","park_name":"园区停车场",`+terms+`,"longitude":"120.619585","latitude":"31.299379"}`)
}

func list() *request {
	return signedCall("GET", "/lease/order", "", signature.Param{Name: "park_sn", Value: "P1"})
}

func listByPost() *request { return signedCall("POST", "/lease/order", `{"park_sn":"P1"}`) }

func listByForm() *request {
	r := signedCall("POST", "/lease/order", `park_sn=P1&limit=10`)
	r.contentType = "application/x-www-form-urlencoded"
	return r
}

var orders = 0

// place is an order of one night, with an id of its own.
func place() *request {
	orders++
	return &request{method: "POST", path: "/app/orders", contentType: "application/json",
		body: fmt.Sprintf(`{"order_id":"row-%d","park_sn":"P1","car_plate_no":"苏E88888","dates":[{"date":"2050-03-08","start_time":"19:00","end_time":"06:30"}]}`, orders)}
}

func get(path string, params ...string) func() *request {
	return func() *request {
		r := &request{method: "GET", path: path}
		for i := 0; i+1 < len(params); i += 2 {
			r.params = append(r.params, signature.Param{Name: params[i], Value: params[i+1]})
		}
		return r
	}
}

// TestContract plays every row against one stack, in its order, and holds every answer against docs/openapi.yaml (send does).
func TestContract(t *testing.T) {
	s := start(t, stack.Options{})
	for _, sn := range []string{"P1", "2017-01-01 12:00:00"} {
		if a := tongli(t, s, "POST", "/lease/park", "", fmt.Sprintf(`{"park_sn":%q,"park_name":"x",%s}`, sn, terms)); a.Code != 0 {
			t.Fatal(a.Raw)
		}
	}
	held := `{"order_id":%q,"park_sn":"P1","car_plate_no":"苏E12345","dates":[{"date":"2050-03-08","start_time":"19:00","end_time":"06:30"},{"date":"2050-03-09","start_time":"19:00","end_time":"06:30"}]}`
	for _, id := range []string{"held", "gone"} {
		if a := app(t, s, "POST", "/app/orders", fmt.Sprintf(held, id)); a.Status != 201 {
			t.Fatal(a.Raw)
		}
	}
	if a := app(t, s, "DELETE", "/app/orders/gone", ""); a.Code != 0 {
		t.Fatal(a.Raw)
	}
	count, names := 0, map[string]bool{}
	for _, topic := range slices.Sorted(maps.Keys(rows)) {
		t.Run(topic, func(t *testing.T) {
			for _, c := range rows[topic] {
				count++
				if names[topic+c.name] {
					t.Errorf("two rows are called %q", c.name)
				}
				names[topic+c.name] = true
				r := c.base()
				c.change(r)
				if why := leftOut(c.name, r.body); why != "" {
					t.Logf("left out: %s: %s", c.name, why)
					continue
				}
				a := r.send(t, s)
				named := strings.Fields(a.fields())
				slices.Sort(named)
				if got := strings.Join(named, " "); a.Status != c.status || a.Code != c.code || got != c.fields {
					t.Errorf("%s: want %d/%d %q, got %d/%d %q: %s", c.name, c.status, c.code, c.fields, a.Status, a.Code, got, a.Raw)
				}
			}
		})
	}
	if count < 200 {
		t.Errorf("%d rows, 200 are wanted", count)
	}
	t.Logf("%d rows", count)
}
