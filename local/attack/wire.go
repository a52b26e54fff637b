package attack

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// request is written to the connection as it stands here, so that nothing repairs what is wrong with it.
type request struct {
	Method, Path, Query string
	Headers             []string // "Name: value"; Host and Content-Length are added
	Body                []byte
	Chunked             bool
	Rest                string // bytes after the body
}

func (r request) target() string {
	if r.Query == "" {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

func (r request) bytes(host string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.target(), host)
	for _, h := range r.Headers {
		b.WriteString(h + "\r\n")
	}
	if r.Chunked {
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(r.Body), r.Body)
	} else {
		b.WriteString("Content-Length: " + strconv.Itoa(len(r.Body)) + "\r\n\r\n")
		b.Write(r.Body)
	}
	b.WriteString(r.Rest)
	return b.Bytes()
}

// answer is what came back. Code is -1 where the gateway answered in its own words.
type answer struct {
	Status, Code int
	Raw          string
}

func (a answer) String() string {
	return fmt.Sprintf("HTTP %d, code %d: %.200s", a.Status, a.Code, a.Raw)
}

// wire is one connection, opened anew where the other side closed it.
type wire struct {
	address string
	secure  bool
	conn    net.Conn
	in      *bufio.Reader
}

// dialer is a wire to the host of a URL, not yet connected.
func dialer(address string) (*wire, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/")+u.RawQuery != "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the URL must be http:// or https:// with nothing after the host, not %q", address)
	}
	w := &wire{address: u.Host, secure: u.Scheme == "https"}
	if u.Port() == "" {
		w.address = net.JoinHostPort(u.Hostname(), u.Scheme)
	}
	return w, nil
}

func (w *wire) dial() (net.Conn, error) {
	d := &net.Dialer{Timeout: patience}
	if w.secure {
		return tls.DialWithDialer(d, "tcp", w.address, nil)
	}
	return d.Dial("tcp", w.address)
}

const patience = 20 * time.Second

// send repeats a request once after a connection error. Only for requests of which no copy may be let in.
func (w *wire) send(r request) (answer, error) {
	for try := 0; ; try++ {
		a, err := w.once(r)
		if err == nil || try > 0 {
			return a, err
		}
		w.close()
	}
}

func (w *wire) once(r request) (answer, error) {
	if w.conn == nil {
		conn, err := w.dial()
		if err != nil {
			return answer{}, err
		}
		w.conn, w.in = conn, bufio.NewReader(conn)
	}
	if err := w.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return answer{}, err
	}
	if _, err := w.conn.Write(r.bytes(w.address)); err != nil {
		return answer{}, err
	}
	resp, err := http.ReadResponse(w.in, &http.Request{Method: r.Method})
	if err != nil {
		return answer{}, err
	}
	raw, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // it was read
	if err != nil {
		return answer{}, err
	}
	if resp.Close || r.Rest != "" || resp.StatusCode == http.StatusBadRequest && !strings.Contains(string(raw), "request_id") {
		w.close()
	}
	a := answer{Status: resp.StatusCode, Code: -1, Raw: string(raw)}
	var envelope struct {
		Code    *int   `json:"code"`
		Request string `json:"request_id"`
	}
	if json.Unmarshal(raw, &envelope) == nil && envelope.Code != nil && envelope.Request != "" {
		a.Code = *envelope.Code
	}
	return a, nil
}

func (w *wire) close() {
	if w.conn != nil {
		_ = w.conn.Close() // nothing more is expected of it
		w.conn = nil
	}
}
