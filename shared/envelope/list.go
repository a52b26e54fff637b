package envelope

import (
	"compress/gzip"
	"encoding/base64"
	"strconv"
	"sync"
)

// List is a long answer that is written once: its rows are appended, by the caller, straight into what API Gateway gets, escaped as a
// string of that JSON already. Where the caller of the API accepts gzip, the rows are kept as they are until their length is known.
type List struct {
	Rows []byte // append here; separate rows by commas
	gz   bool
}

const (
	plainHead = `{"statusCode":200,"headers":{"content-type":"application/json; charset=utf-8"},"body":"{\"code\":0,\"msg\":\"ok\",\"data\":[`
	zipHead   = `{"statusCode":200,"headers":{"content-type":"application/json; charset=utf-8","content-encoding":"gzip","vary":"accept-encoding"},"isBase64Encoded":true,"body":"`
	bodyHead  = `{"code":0,"msg":"ok","data":[`
	tailRoom  = 512 // page facts, cursor and request id
)

// NewList begins a list with room for about so many bytes of rows.
func NewList(gz bool, room int) *List {
	head := plainHead
	if gz {
		head = bodyHead
	}
	return &List{Rows: append(make([]byte, 0, len(head)+room+tailRoom), head...), gz: gz}
}

// Escaped says how a quote is to be appended to Rows: as `\"`, or (false) as it is.
func (l *List) Escaped() bool { return !l.gz }

// response ends the list.
func (l *List) response(out []byte, p *Page, requestID string) []byte {
	tail := append(appendEnd(append(make([]byte, 0, tailRoom), ']'), p, requestID), '}')
	if !l.gz {
		l.Rows = append(appendEscapedBytes(l.Rows, tail), `"}`...)
		if len(out) == 0 {
			return l.Rows
		}
		return append(out, l.Rows...)
	}
	body := append(l.Rows, tail...)
	if len(body) < gzipFrom {
		return AppendResponse(out, 200, nil, body)
	}
	return appendZipped(append(append(make([]byte, 0, len(body)/4+len(zipHead)), out...), zipHead...), body)
}

// appendEnd appends what stands beside data: the page's facts and the request id.
func appendEnd(b []byte, p *Page, requestID string) []byte {
	if p != nil {
		if p.Page > 0 {
			b = strconv.AppendInt(append(b, `,"page":`...), int64(p.Page), 10)
		}
		b = strconv.AppendInt(append(b, `,"limit":`...), int64(p.Limit), 10)
		b = strconv.AppendBool(append(b, `,"has_more":`...), p.HasMore)
		b = append(b, `,"next_cursor":`...)
		if p.NextCursor == "" {
			b = append(b, "null"...)
		} else {
			b = appendJSON(b, p.NextCursor)
		}
		if p.SearchedM > 0 {
			b = strconv.AppendInt(append(b, `,"searched_m":`...), int64(p.SearchedM), 10)
		}
	}
	return appendJSON(append(b, `,"request_id":`...), requestID)
}

// gzipFrom is the length of body from which gzip pays: egress is the dearest part of a long page.
const gzipFrom = 1 << 10

// zippers are kept: a new one allocates most of a megabyte.
var zippers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return w
}}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// appendZipped ends a response whose body is binary.
func appendZipped(out, body []byte) []byte {
	a := &appender{out}
	text := base64.NewEncoder(base64.StdEncoding, a)
	w := zippers.Get().(*gzip.Writer)
	w.Reset(text)
	_, _ = w.Write(body) // an appender takes everything
	_ = w.Close()
	_ = text.Close()
	zippers.Put(w)
	return append(a.b, `"}`...)
}
