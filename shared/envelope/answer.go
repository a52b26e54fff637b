package envelope

import (
	"context"
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

// Answer is what a handler returns: Data, which is marshalled, or a List.
type Answer struct {
	Status int    // 0 is 200
	Msg    string // "" is "ok"
	Data   any
	List   *List // instead of Data, with status 200
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

// Append appends the answer as the whole API Gateway response (payload 2.0), a long one compressed where gz allows it.
func (a Answer) Append(out []byte, requestID string, gz bool) ([]byte, error) {
	if a.List != nil {
		return a.List.response(out, a.Page, requestID), nil
	}
	data, err := json.Marshal(a.Data)
	if err != nil {
		return nil, err
	}
	msg := a.Msg
	if msg == "" {
		msg = "ok"
	}
	body := append(make([]byte, 0, len(data)+256), `{"code":0,"msg":`...)
	body = append(append(appendJSON(body, msg), `,"data":`...), data...)
	body = append(appendEnd(body, a.Page, requestID), '}')
	status := a.Status
	if status == 0 {
		status = http.StatusOK
	}
	if gz && status == http.StatusOK && len(body) >= gzipFrom {
		return appendZipped(append(out, zipHead...), body), nil
	}
	return AppendResponse(out, status, nil, body), nil
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

// AppendResponse appends an API Gateway response (payload 2.0) that carries body as text.
func AppendResponse(out []byte, status int, headers map[string]string, body []byte) []byte {
	out = strconv.AppendInt(append(out, `{"statusCode":`...), int64(status), 10)
	out = append(out, `,"headers":{"content-type":"application/json; charset=utf-8"`...)
	for name, value := range headers {
		out = appendJSON(append(appendJSON(append(out, ','), name), ':'), value)
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
