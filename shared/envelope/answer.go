package envelope

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

// Errors of the door itself; those of the domain are in shared/lease, those of the signature there.
var (
	ErrRoute  = errors.New("route unknown")
	ErrMethod = errors.New("method not allowed")
	ErrSize   = errors.New("body is larger than 256 KiB")
)

// Fault is how an error is answered.
type Fault struct {
	Status, Code int
	Msg          string
}

// table is the only place that turns an error into a status and a code. The first match counts.
var table = []struct {
	err error
	Fault
}{
	{ErrSize, Fault{http.StatusRequestEntityTooLarge, 41301, "body over 256 KiB"}},
	{ErrRoute, Fault{http.StatusNotFound, 40400, "route unknown"}},
	{ErrMethod, Fault{http.StatusMethodNotAllowed, 40500, "method not allowed"}},
	{signature.ErrMalformed, Fault{http.StatusUnauthorized, 40101, ""}},
	{signature.ErrAppUnknown, Fault{http.StatusUnauthorized, 40102, "app_id unknown"}},
	{signature.ErrWrong, Fault{http.StatusUnauthorized, 40103, "sign is wrong: HMAC-SHA256 over METHOD, PATH, CANONICAL_QUERY and RAW_BODY"}},
	{signature.ErrTimestamp, Fault{http.StatusUnauthorized, 40104, "timestamp is outside ±300 s of data.server_time"}},
	{lease.ErrNonceUsed, Fault{http.StatusUnauthorized, 40105, "nonce was used before"}},
	{ErrUnreadable, Fault{http.StatusBadRequest, 40001, ""}},
	{lease.ErrParkUnknown, Fault{http.StatusNotFound, 40401, "park_sn unknown"}},
	{lease.ErrOrderUnknown, Fault{http.StatusNotFound, 40402, "order unknown"}},
	{lease.ErrOrderDiffers, Fault{http.StatusConflict, 40901, "order_id exists with other content"}},
	{lease.ErrOrderOver, Fault{http.StatusConflict, 40902, "the order is over or cancelled"}},
	{lease.ErrNotLeased, Fault{http.StatusUnprocessableEntity, 42201, "the park does not lease that time"}},
	{lease.ErrUnavailable, Fault{http.StatusServiceUnavailable, 50301, "storage cannot be reached, try again"}},
}

// Internal is the answer to every error that the table does not know: a fixed text, the detail goes to the log only.
var Internal = Fault{http.StatusInternalServerError, 50001, "internal error, try again"}

// Faults lists every fault that can be answered, for the documents that must equal it.
func Faults() []Fault {
	all := []Fault{{http.StatusBadRequest, 40002, ""}, {http.StatusBadRequest, 40003, ""}, Internal}
	for _, row := range table {
		all = append(all, row.Fault)
	}
	return all
}

// FaultOf finds how err is answered. An empty text in the table means that the error's own is fit for the caller.
func FaultOf(err error) Fault {
	var parameters *ParameterError
	if errors.As(err, &parameters) {
		if parameters.Missing {
			return Fault{http.StatusBadRequest, 40002, "a required parameter is missing"}
		}
		return Fault{http.StatusBadRequest, 40003, "parameters invalid"}
	}
	for _, row := range table {
		if errors.Is(err, row.err) {
			if row.Msg == "" {
				row.Msg = err.Error()
			}
			return row.Fault
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return FaultOf(lease.ErrUnavailable)
	}
	return Internal
}

// Answer is what a handler returns: Data is marshalled, or is raw JSON already ([]byte, json.RawMessage).
type Answer struct {
	Status int    // 0 is 200
	Msg    string // "" is "ok"
	Data   any
	Page   *Page // beside a list
}

// Page holds the facts of a page, beside the list.
type Page struct {
	Page       int // 0: leave out
	Limit      int
	HasMore    bool
	NextCursor string // "" is null
	SearchedM  int    // how far a search went, in metres; 0: leave out
}

// Append appends the answer as the whole API Gateway response (payload 2.0) in one pass, without
// marshalling the body twice.
func (a Answer) Append(out []byte, requestID string, gz bool) ([]byte, error) {
	data, ok := a.Data.([]byte)
	if !ok {
		if raw, isRaw := a.Data.(json.RawMessage); isRaw {
			data = raw
		} else {
			var err error
			if data, err = json.Marshal(a.Data); err != nil {
				return nil, err
			}
		}
	}
	if data == nil {
		data = []byte("null")
	}
	msg := a.Msg
	if msg == "" {
		msg = "ok"
	}
	body := make([]byte, 0, len(data)+256)
	body = append(body, `{"code":0,"msg":`...)
	body = appendJSON(body, msg)
	body = append(append(body, `,"data":`...), data...)
	if p := a.Page; p != nil {
		if p.Page > 0 {
			body = append(body, `,"page":`...)
			body = strconv.AppendInt(body, int64(p.Page), 10)
		}
		body = append(body, `,"limit":`...)
		body = strconv.AppendInt(body, int64(p.Limit), 10)
		body = append(body, `,"has_more":`...)
		body = strconv.AppendBool(body, p.HasMore)
		body = append(body, `,"next_cursor":`...)
		if p.NextCursor == "" {
			body = append(body, "null"...)
		} else {
			body = appendJSON(body, p.NextCursor)
		}
		if p.SearchedM > 0 {
			body = append(body, `,"searched_m":`...)
			body = strconv.AppendInt(body, int64(p.SearchedM), 10)
		}
	}
	body = append(appendJSON(append(body, `,"request_id":`...), requestID), '}')
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	if gz && len(body) >= gzipFrom {
		return AppendResponse(out, status, map[string]string{"content-encoding": "gzip", "vary": "accept-encoding"}, zip(body)), nil
	}
	return AppendResponse(out, status, nil, body), nil
}

// gzipFrom is the length of body from which gzip pays: egress is the dearest part of a long page.
const gzipFrom = 1 << 10

func zip(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// ErrorBody is the envelope of an error. now is told with 40104 only.
func ErrorBody(err error, requestID string, now time.Time) (Fault, []byte) {
	fault := FaultOf(err)
	body := append([]byte(`{"code":`), strconv.Itoa(fault.Code)...)
	body = appendJSON(append(body, `,"msg":`...), fault.Msg)
	if fault.Code == 40104 {
		body = append(strconv.AppendInt(append(body, `,"data":{"server_time":`...), now.Unix(), 10), '}')
	} else {
		body = append(body, `,"data":null`...)
	}
	var parameters *ParameterError
	var notLeased *lease.NotLeased
	var fields []lease.FieldError
	if errors.As(err, &parameters) {
		fields = parameters.Fields
	} else if errors.As(err, &notLeased) {
		fields = notLeased.Fields
	}
	if len(fields) > 0 {
		list, _ := json.Marshal(fields) // two strings each: cannot fail
		body = append(append(body, `,"errors":`...), list...)
	}
	return fault, append(appendJSON(append(body, `,"request_id":`...), requestID), '}')
}

// AppendResponse appends an API Gateway response (payload 2.0) that carries body as text, escaped by hand.
func AppendResponse(out []byte, status int, headers map[string]string, body []byte) []byte {
	out = append(out, `{"statusCode":`...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, `,"headers":{"content-type":"application/json; charset=utf-8"`...)
	binary := false
	for name, value := range headers {
		out = appendJSON(append(appendJSON(append(out, ','), name), ':'), value)
		binary = binary || name == "content-encoding"
	}
	if binary {
		out = append(out, `},"isBase64Encoded":true,"body":"`...)
		out = base64.StdEncoding.AppendEncode(out, body)
		return append(out, `"}`...)
	}
	out = append(out, `},"body":`...)
	return append(appendEscapedBytes(append(out, '"'), body), `"}`...)
}

func appendEscapedBytes(out, s []byte) []byte {
	start := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, '\\', 'n')
		default:
			out = append(out, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return append(out, s[start:]...)
}

func appendJSON(out []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0xFFFD }) {
		return append(append(append(out, '"'), s...), '"')
	}
	quoted, _ := json.Marshal(s)
	return append(out, quoted...)
}
