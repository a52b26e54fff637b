package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"lease-gateway/shared/tongli"
)

// Tongli is the partner: it keeps a whitelist for each plate in a park, and the record of the calls.
type Tongli struct {
	w         *World
	gates     map[plateKey]string // slots, as in a call's
	newest    map[plateKey]int    // the call that the gate's state is of
	refuses   map[string]bool     // "plate date" of slots that it refuses
	downFrom  time.Time
	downUntil time.Time
	// rejectsUntil: it does not accept our credentials
	rejectsUntil time.Time
	calls        []*call
	byPlate      map[plateKey][]*call
}

type plateKey struct{ park, plate string }

func (k plateKey) String() string { return k.plate + " in " + k.park }

// call is one call that arrived at Tongli's door, or broke on its way.
type call struct {
	n          int
	plate      plateKey
	inv        *invocation
	slots      string // "date start end", joined by commas
	start, end time.Time
	detail     string // what was answered, in words
	says       string // how an order's last_error begins after it
	class      tongli.Class
	retryAfter time.Duration
	unknown    bool
	died       bool // its caller did not live to hear the answer
	resigned   bool // the timestamp was found wrong: the next one is the same call, signed anew
}

func (c *call) has(slot string) bool { return strings.Contains(","+c.slots+",", ","+slot+",") }

// RoundTrip is the network and Tongli behind it.
func (t *Tongli) RoundTrip(req *http.Request) (*http.Response, error) {
	w, ctx := t.w, req.Context()
	inv := invocationOf(ctx)
	defer w.handOver()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var in struct {
		Park  string `json:"park_sn"`
		Plate string `json:"car_plate_no"`
		Dates []struct {
			Date  string
			Start string `json:"start_time"`
			End   string `json:"end_time"`
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		panic(err)
	}
	if w.strike(crashBeforeCall, inv.name) {
		w.crash(inv)
	}
	c := &call{n: len(t.calls), plate: plateKey{in.Park, in.Plate}, inv: inv, start: time.Now(), died: true}
	refused := false
	for i, d := range in.Dates {
		if i > 0 {
			c.slots += ","
		}
		c.slots += d.Date + " " + d.Start + " " + d.End
		refused = refused || t.refuses[in.Plate+" "+d.Date]
	}
	w.calling(c)
	t.calls = append(t.calls, c)
	t.byPlate[c.plate] = append(t.byPlate[c.plate], c)
	w.say("call %d: %s tells Tongli of %s: [%s]", c.n, inv.name, c.plate, c.slots)
	resp, err := t.answer(ctx, inv, c, refused)
	c.end, c.died = time.Now(), false
	w.called(c)
	if w.strike(crashAfterCall, inv.name) {
		c.died = true
		w.crash(inv)
	}
	if w.tracing() {
		w.say("call %d: %s", c.n, c.detail)
	}
	return resp, err
}

// apply puts a call's list on the gates.
func (t *Tongli) apply(c *call) {
	if t.newest[c.plate] > c.n {
		t.w.note(outOfOrder, c.plate.String())
	}
	t.newest[c.plate] = c.n
	t.gates[c.plate] = c.slots
	t.w.say("call %d: the gate of %s now has [%s]", c.n, c.plate, c.slots)
}

// forget empties the gates.
func (t *Tongli) forget() {
	t.w.note(forgetsPlates, "")
	for key := range t.gates {
		t.gates[key] = ""
	}
}

// applyLater lets a call that nobody waits for any more have its effect, within what the contract grants: two minutes after it was given up.
func (t *Tongli) applyLater(c *call, refused bool) {
	if refused {
		return
	}
	t.w.late++
	t.w.at(time.Now().Add(t.w.between("how late", 100*time.Millisecond, 105*time.Second)), "late", func() {
		t.w.late--
		t.apply(c)
	})
}

// answered makes an answer, and notes what the client has to make of it.
func (c *call) answered(status int, body string, class tongli.Class) (*http.Response, error) {
	c.detail, c.class, c.says = fmt.Sprintf("HTTP %d %s", status, body), class, fmt.Sprintf("HTTP %d", status)
	resp := &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	if c.retryAfter > 0 {
		resp.Header.Set("Retry-After", fmt.Sprint(int(c.retryAfter.Seconds())))
	}
	return resp, nil
}

func (c *call) broke(err error, unknown bool) (*http.Response, error) {
	c.detail, c.class, c.unknown = err.Error(), tongli.Transient, unknown
	switch {
	case !unknown:
		c.says = "no connection to Tongli"
	case errors.Is(err, context.DeadlineExceeded):
		c.says = "no answer in time"
	default:
		c.says = "the connection broke"
	}
	return nil, err
}

func (t *Tongli) answer(ctx context.Context, inv *invocation, c *call, refused bool) (*http.Response, error) {
	w := t.w
	strike := func(f *fault) bool { return w.strike(f, c.plate.String()) }
	took := w.between("time of a call", 30*time.Millisecond, 300*time.Millisecond)
	if strike(noConnection) {
		return c.broke(&net.OpError{Op: "dial", Err: errors.New("simulated: refused")}, false)
	}
	if strike(crashInCall) {
		if w.intn("a dead caller's call is applied", 2) == 0 {
			t.applyLater(c, refused)
		}
		w.crash(inv)
	}
	if strike(breaksBefore) {
		return c.broke(errors.New("simulated: reset on the way"), true)
	}
	if strike(hangs) {
		if w.intn("a hanging call is applied", 2) == 0 && !refused {
			t.apply(c)
		}
		return t.givenUp(ctx, c)
	}
	if strike(appliedLate) {
		resp, err := t.givenUp(ctx, c)
		t.applyLater(c, refused)
		return resp, err
	}
	if strike(answersSlowly) {
		took = w.between("time of a slow call", time.Second, 9*time.Second)
	}
	if err := w.pause(ctx, took, "call "+c.plate.String()); err != nil {
		t.applyLater(c, refused) // the invocation's time was shorter than the call's
		return c.broke(err, true)
	}
	now := time.Now()
	switch {
	case now.Before(t.downUntil) && !now.Before(t.downFrom), strike(tongli503):
		return c.answered(503, `{"code":50301,"msg":"down"}`, tongli.Transient)
	case now.Before(t.rejectsUntil), strike(tongli401):
		return c.answered(401, `{"code":40103,"msg":"sign wrong"}`, tongli.Credentials)
	case strike(tongliTimestamp):
		c.resigned = true
		return c.answered(401, `{"code":40104,"msg":"timestamp"}`, tongli.Credentials)
	case strike(tongli429):
		return c.answered(429, `{"code":42901,"msg":"slower"}`, tongli.Transient)
	case strike(tongliRetryAfter):
		c.retryAfter = w.between("Retry-After", 10*time.Second, 4*time.Minute).Truncate(time.Second)
		return c.answered(429, `{"code":42901,"msg":"later"}`, tongli.Transient)
	case strike(tongliBusyCode):
		return c.answered(200, `{"code":50001,"msg":"busy"}`, tongli.Transient)
	case strike(liesUndone):
		c.unknown = true
		return c.answered(200, `<html>welcome</html>`, tongli.Transient)
	case strike(gatewayTimeout):
		t.applyLater(c, refused)
		c.unknown = true
		return c.answered(504, `<html>504</html>`, tongli.Transient)
	}
	return t.truly(c, refused)
}

// truly is what Tongli says and does when nothing is wrong.
func (t *Tongli) truly(c *call, refused bool) (*http.Response, error) {
	if refused {
		return c.answered(200, `{"code":42202,"msg":"no"}`, tongli.Refused)
	}
	t.apply(c)
	if t.w.strike(breaksAfter, c.plate.String()) {
		return c.broke(errors.New("simulated: reset on the way back"), true)
	}
	if t.w.strike(liesDone, c.plate.String()) {
		c.unknown = true
		return c.answered(200, `{"code":0,`, tongli.Transient)
	}
	return c.answered(200, `{"code":0,"msg":"ok"}`, tongli.Accepted)
}

// givenUp lets the call's time run out.
func (t *Tongli) givenUp(ctx context.Context, c *call) (*http.Response, error) {
	_ = t.w.pause(ctx, time.Minute, "hanging call "+c.plate.String())
	return c.broke(context.DeadlineExceeded, true)
}
