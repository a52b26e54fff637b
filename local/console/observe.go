package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/local/triggers"
	"lease-gateway/shared/signature"
	"lease-gateway/shared/whitelist"
)

// textMax bounds what is kept of a body.
const textMax = 16 << 10

// API looks at the calls of the API's port. What goes in and out stays as it is.
func (c *Console) API(gateway http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := *r
		body, answer := &head{}, &watched{ResponseWriter: w, status: http.StatusOK}
		seen.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, body), r.Body}
		gateway.ServeHTTP(answer, &seen)
		from := App
		if strings.HasPrefix(r.URL.Path, "/lease/") {
			from = Tongli
		}
		e := c.call(r.Method, r.URL.EscapedPath(), r.URL.RawQuery, body.Bytes(), answer.status, answer.head.String(), from, Gateway)
		e.At, e.Ms = began, since(began, time.Now())
		if id, ok := strings.CutPrefix(r.URL.Path, "/app/orders/"); ok && e.OrderID == "" {
			e.OrderID, _, _ = strings.Cut(id, "/")
		}
		e.Quiet = r.URL.Path == "/" // the stack's own probe
		c.publish(e)
		if e.OK && r.Method != http.MethodGet {
			c.stateOf(e)
			c.look(e.ParkSN, e.Plate, e.OrderID)
		}
		if e.OK && r.URL.Path == "/lease/park" {
			c.lookAtPark(e.ParkSN)
		}
	})
}

// stateOf tells the whitelist state with which the app was answered: by the time the tables are read, it may have passed.
func (c *Console) stateOf(call Event) {
	var answer struct {
		Data struct {
			Status    string
			Whitelist struct{ State string }
		}
	}
	if json.Unmarshal([]byte(call.Answer), &answer) != nil || answer.Data.Whitelist.State == "" {
		return // a park, or an answer that is not an order
	}
	c.publish(Event{At: call.At, Kind: "state", From: Gateway, To: Gateway, Title: answer.Data.Status, State: answer.Data.Whitelist.State,
		OK: true, ParkSN: call.ParkSN, Plate: call.Plate, OrderID: call.OrderID})
}

// head keeps the beginning of what is written to it.
type head struct{ bytes.Buffer }

func (h *head) Write(b []byte) (int, error) {
	if room := textMax - h.Len(); room > 0 {
		h.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

type watched struct {
	http.ResponseWriter
	status int
	head   head
}

func (w *watched) WriteHeader(status int) { w.status = status; w.ResponseWriter.WriteHeader(status) }

func (w *watched) Write(b []byte) (int, error) {
	_, _ = w.head.Write(b) // never fails
	return w.ResponseWriter.Write(b)
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Tongli tells of a call that the simulator answered.
func (c *Console) Tongli(call tonglisim.Call) {
	e := c.call(http.MethodPost, call.Path, call.Query, call.Body, call.Status, call.Answer, Gateway, Tongli)
	e.At, e.Ms, e.Fault = call.At, since(call.At, time.Now()), call.Fault
	if call.Status == 0 {
		e.Answer = "no answer: the connection ended" // dropped, or given up by the gateway
	}
	c.publish(e)
}

// call makes the event of one HTTP call. Signed ones show their string to sign.
func (c *Console) call(method, path, query string, body []byte, status int, answer, from, to string) Event {
	e := Event{Kind: "call", From: from, To: to, Title: method + " " + readable(path), Status: status, OK: status >= 200 && status < 300}
	e.Request = method + " " + path
	if query != "" {
		e.Request += "?" + query
	}
	if len(body) > 0 {
		e.Request += "\n\n" + string(body)
	}
	e.Answer = answer
	params, err := signature.ParseQuery(query)
	if signed := strings.Contains(query, "sign="); signed && err == nil {
		e.StringToSign = string(signature.StringToSign(method, path, params, body))
	}
	for _, raw := range [][]byte{body, []byte(answer)} {
		var known struct {
			Code    *int   `json:"code"`
			ParkSN  string `json:"park_sn"`
			Plate   string `json:"car_plate_no"`
			OrderID string `json:"order_id"`
			Data    json.RawMessage
		}
		if json.Unmarshal(raw, &known) != nil && known.Data == nil {
			continue // unreadable: nothing to learn
		}
		if known.Data != nil {
			_ = json.Unmarshal(known.Data, &known) // an order; a list says nothing
		}
		if known.Code != nil {
			e.Code = known.Code
			e.OK = e.OK && (*known.Code == 0 || *known.Code == 200)
		}
		for _, f := range []struct {
			into  *string
			value string
		}{{&e.ParkSN, known.ParkSN}, {&e.Plate, known.Plate}, {&e.OrderID, known.OrderID}} {
			if f.value != "" {
				*f.into = f.value // the answer's are the normalised ones
			}
		}
	}
	if e.ParkSN == "" {
		for _, p := range params {
			if p.Name == "park_sn" {
				e.ParkSN = p.Value
			}
		}
	}
	return e
}

func readable(path string) string {
	if p, err := url.PathUnescape(path); err == nil {
		return p
	}
	return path
}

func since(began, ended time.Time) float64 {
	return float64(ended.Sub(began).Microseconds()) / 1000
}

// Invoked tells of a function that the queue, a schedule or the console itself started.
func (c *Console) Invoked(i triggers.Invocation) {
	var batch events.SQSEvent
	if json.Unmarshal(i.Payload, &batch) == nil && len(batch.Records) > 0 {
		c.batch(i, batch)
		return
	}
	e := Event{At: i.Began, Kind: "run", From: Gateway, To: Gateway, Title: c.folder(i.Function), Ms: since(i.Began, i.Ended), OK: i.Err == nil && i.Result.Error == ""}
	e.Request, e.Answer = string(i.Payload), string(i.Result.Payload)
	if i.Err != nil {
		e.Answer = i.Err.Error()
	}
	switch e.Title {
	case sweeper:
		var r struct{ Due, Sent, Repushed int }
		if err := json.Unmarshal(i.Result.Payload, &r); err == nil {
			e.Quiet = e.OK && r.Due+r.Sent+r.Repushed == 0
		}
		c.lookAtBreaker()
	case poller:
		c.polled(i)
	}
	c.publish(e)
}

// batch tells of messages: when each was put into the queue, and how long it waited there.
func (c *Console) batch(i triggers.Invocation, batch events.SQSEvent) {
	e := Event{At: i.Began, Kind: "batch", From: Queue, To: Gateway, Ms: since(i.Began, i.Ended), OK: i.Err == nil && i.Result.Error == ""}
	e.Title = fmt.Sprintf("%s ×%d", c.folder(i.Function), len(batch.Records))
	var failed events.SQSEventResponse
	if json.Unmarshal(i.Result.Payload, &failed) == nil && len(failed.BatchItemFailures) > 0 {
		e.OK = false
	}
	var bodies []string
	for _, record := range batch.Records {
		bodies = append(bodies, record.Body)
		sent, err := strconv.ParseInt(record.Attributes["SentTimestamp"], 10, 64)
		m, readErr := whitelist.ReadMessage(record.Body)
		if err != nil || readErr != nil {
			continue // unreadable: the function sets it aside, and the batch shows its text
		}
		c.publish(Event{At: time.UnixMilli(sent), Kind: "message", From: Gateway, To: Queue, Title: "SendMessageBatch", OK: true,
			Ms: max(0, float64(i.Began.UnixMilli()-sent)), ParkSN: m.ParkSN, Plate: string(m.Plate), OrderID: m.OrderID,
			Note: received(record.Attributes["ApproximateReceiveCount"]), Detail: Detail{Request: record.Body}})
		if len(batch.Records) == 1 {
			e.ParkSN, e.Plate, e.OrderID = m.ParkSN, string(m.Plate), m.OrderID
		}
	}
	e.Request, e.Answer = strings.Join(bodies, "\n"), string(i.Result.Payload)
	c.publish(e)
	for _, record := range batch.Records {
		if m, err := whitelist.ReadMessage(record.Body); err == nil {
			c.look(m.ParkSN, string(m.Plate), m.OrderID)
		}
	}
	c.lookAtBreaker()
}

func received(count string) string {
	if count == "" || count == "1" {
		return ""
	}
	return "received " + count + " times"
}

// clean takes the secret out of whatever text is about to be shown.
func clean(s string) string { return strings.ReplaceAll(s, stack.Secret, "•••") }

func (c *Console) publish(e Event) Event {
	for _, text := range []*string{&e.Title, &e.Request, &e.StringToSign, &e.Answer, &e.Note, &e.ParkSN, &e.Plate, &e.OrderID} {
		*text = clean(*text)
	}
	e.Request, e.StringToSign, e.Answer = cut(e.Request), cut(e.StringToSign), cut(e.Answer)
	return c.stream.publish(e)
}

func cut(s string) string {
	if len(s) > textMax {
		return strings.ToValidUTF8(s[:textMax], "") + "…"
	}
	return s
}
