// Package tongli is the client of Tongli, the car-park cloud that runs the gates: interfaces 3 (api/leasePark) and
// 4 (api/SynLeaseOrder) of the contract, and what each of its answers means (3.4).
package tongli

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

const (
	// CallTimeout is when a call is given up.
	CallTimeout = 10 * time.Second
	// AtOnce is how many calls are made at the same time: a batch of the queue has ten plates, a sweep asks for fewer pages.
	AtOnce = 10
	// maxAnswer bounds what is read of an answer: a page of 1,000 parks has half a megabyte.
	maxAnswer = 8 << 20

	parksPath     = "/api/leasePark"
	whitelistPath = "/api/SynLeaseOrder"
)

// Class says what an answer means for what we asked.
type Class string

const (
	Accepted    Class = "accepted"
	Refused     Class = "refused"
	Transient   Class = "transient"
	Credentials Class = "credentials"
)

// Outcome of a call.
type Outcome struct {
	Class      Class
	Detail     string        // for people: status, code, Tongli's own words, shortened
	RetryAfter time.Duration // as Tongli asked; 0: it did not
	Unknown    bool          // it may yet have been, or be, applied: the call broke after it was sent
	Data       json.RawMessage
	Took       time.Duration
}

// Client calls Tongli. Secret gives the secret that signs.
type Client struct {
	HTTP    *http.Client
	BaseURL string
	AppID   string
	Secret  func(context.Context) (string, error)
	Now     func() time.Time
}

// NewHTTPClient is an http.Client as a Lambda wants it: connections are kept for 30 s at most, since a frozen
// sandbox does not see them die, and redirects are never followed: a signature is for one URL.
func NewHTTPClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.IdleConnTimeout = 30 * time.Second
	transport.MaxIdleConnsPerHost = AtOnce
	transport.MaxConnsPerHost = AtOnce // else a call that found none idle dials, although another becomes idle meanwhile
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ListParks asks for one page of leasable parks (2.2.1).
func (c *Client) ListParks(ctx context.Context, page, limit int) Outcome {
	return c.call(ctx, parksPath, fmt.Appendf(nil, `{"page":%d,"limit":%d}`, page, limit))
}

// SyncWhitelist tells Tongli all the slots that a plate holds in a park (2.2.2), sorted, equal ones once; none empties it.
func (c *Client) SyncWhitelist(ctx context.Context, parkSN string, plate lease.Plate, slots []lease.Slot) Outcome {
	return c.call(ctx, whitelistPath, whitelistBody(parkSN, plate, slots))
}

func whitelistBody(parkSN string, plate lease.Plate, slots []lease.Slot) []byte {
	b := append([]byte(`{"park_sn":`), quoted(parkSN)...)
	b = append(append(append(b, `,"car_plate_no":`...), quoted(string(plate))...), `,"dates":[`...)
	for i, s := range lease.SortSlots(slots) {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.Date.Append(append(b, `{"date":"`...))
		b = s.Start.Append(append(b, `","start_time":"`...))
		b = s.End.Append(append(b, `","end_time":"`...))
		b = append(b, `"}`...)
	}
	return append(b, `]}`...)
}

func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// call signs and sends; where Tongli finds the timestamp or the nonce wrong, it signs anew once. Both share one timeout, since callers
// reckon with it.
func (c *Client) call(ctx context.Context, path string, body []byte) Outcome {
	start := c.Now()
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	out, code := c.once(ctx, path, body)
	if out.Class == Credentials && (code == "40104" || code == "40105") {
		out, _ = c.once(ctx, path, body)
	}
	out.Took = c.Now().Sub(start)
	return out
}

func (c *Client) once(ctx context.Context, path string, body []byte) (Outcome, string) {
	secret, err := c.Secret(ctx)
	if err != nil {
		return Outcome{Class: Transient, Detail: "our secret cannot be read"}, ""
	}
	url := strings.TrimRight(c.BaseURL, "/") + path + "?" + signature.Query(c.AppID, secret, http.MethodPost, path, nil, body, c.Now(), "")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Outcome{Class: Transient, Detail: "Tongli's base URL is malformed"}, ""
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	// net/http must not repeat by itself what may have arrived: the nonce would be used twice, and a broken outcome stay unnoticed.
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return broken(err), ""
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil && resp.StatusCode < 300 {
		return broken(err), ""
	}
	out, code := classify(resp.StatusCode, resp.Header, answer, c.Now(), secret)
	return out, code
}

// broken is a call without an answer. Only one that never connected certainly did not reach Tongli.
func broken(err error) Outcome {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return Outcome{Class: Transient, Detail: "no connection to Tongli"}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Outcome{Class: Transient, Detail: "no answer in time", Unknown: true}
	}
	detail := "the connection broke"
	switch {
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		detail = "the answer is no gzip, as its header says"
	case errors.Is(err, io.ErrUnexpectedEOF):
		detail = "the answer was cut"
	}
	return Outcome{Class: Transient, Detail: detail, Unknown: true}
}

// classify is the table of 3.4, and the only place that knows Tongli's codes. The detail is logged and shown to the app: an echo of the
// secret is taken out of each text before it is shortened, which could leave a part of it.
func classify(status int, header http.Header, body []byte, now time.Time, secret string) (Outcome, string) {
	say := func(s string, n int) string {
		if s = strings.ReplaceAll(s, secret, "(secret)"); utf8.RuneCountInString(s) > n {
			s = lease.MaskPlates(s) // half a plate would not be known as one in the log
		}
		return clip(s, n)
	}
	code := ""
	e, unreadable := members(body)
	if raw := string(e["code"]); raw != "" && (raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		code = text(e["code"])
	}
	enveloped := code != "" // a code that is no number and no string is none
	out := Outcome{Data: e["data"], RetryAfter: retryAfter(header.Get("Retry-After"), now), Detail: fmt.Sprintf("HTTP %d", status)}
	if code != "" {
		out.Detail += ", code " + say(code, 32)
		if msg := text(e["msg"]); msg != "" && msg != "null" {
			out.Detail += ": " + say(msg, 160)
		}
	}
	success := status >= 200 && status < 300
	switch {
	case status == 401, success && len(code) == 5 && code >= "40101" && code <= "40105":
		out.Class = Credentials
	case success && (code == "0" || code == "200"):
		out.Class = Accepted
	case success && !enveloped:
		out.Class, out.Unknown = Transient, true
		out.Detail += ", not an envelope: no code"
		if unreadable != nil {
			out.Detail = fmt.Sprintf("HTTP %d, not an envelope: %s", status, say(unreadable.Error(), 160))
		}
	case success && (code == "42901" || code == "50001" || code == "50301"),
		status < 200, status >= 300 && status < 400, status >= 500,
		status == 403, status == 408, status == 425, status == 429,
		(status == 404 || status == 405) && !enveloped:
		out.Class = Transient
	default:
		out.Class = Refused
	}
	if status == 504 {
		out.Unknown = true // a gateway gave up waiting, the call may still be at work
	}
	return out, code
}

// members reads an answer's object. Names are exact, case included, and none comes twice: nobody can say which of the two was meant.
func members(body []byte) (map[string]json.RawMessage, error) {
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("over %d MiB", maxAnswer>>20)
	}
	if len(body) == 0 {
		return nil, errors.New("empty")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, cmp.Or(err, errors.New("no JSON object"))
	}
	all := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		if _, twice := all[name.(string)]; twice {
			return nil, fmt.Errorf("%q is given twice", name)
		}
		all[name.(string)] = value
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return all, nil
}

// text is what a JSON string says, escapes read (PHP escapes all that is not ASCII), and any other value as it stands.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && raw[0] == '"' {
		return s
	}
	return string(raw)
}

func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

func clip(s string, n int) string {
	if runes := []rune(strings.ToValidUTF8(s, "�")); len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
