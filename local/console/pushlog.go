package console

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Log passes the functions' lines on, and reads the pushes out of them where Tongli is not simulated: then nobody else tells of those
// calls. Their plates are masked, as in every log, and there is no request to show.
func (c *Console) Log(to io.Writer) io.Writer { return &pushLog{console: c, to: to} }

type pushLog struct {
	console *Console
	to      io.Writer
	mu      sync.Mutex
	rest    []byte // of a line that has not ended
}

const lineMax = 64 << 10

func (l *pushLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			break
		}
		l.read(line)
		l.rest = rest
	}
	if len(l.rest) > lineMax {
		l.rest = nil
	}
	return l.to.Write(b)
}

func (l *pushLog) read(line []byte) {
	label, raw, ok := bytes.Cut(line, []byte("| "))
	if !ok || strings.TrimSpace(string(label)) != "whitelist-pusher" || !l.console.ownTongli.Load() {
		return
	}
	var push struct {
		Timestamp     time.Time
		Message       string
		ParkSN        string `json:"park_sn"`
		Plate         string
		OrderID       string `json:"order_id"`
		Class, Detail string
		Ms            float64
	}
	if json.Unmarshal(raw, &push) != nil || push.Message != "push" {
		return
	}
	e := Event{At: push.Timestamp.Add(-time.Duration(push.Ms * float64(time.Millisecond))), Kind: "call", From: Gateway, To: Tongli, Title: "POST /api/SynLeaseOrder",
		Ms: push.Ms, OK: push.Class == "accepted", ParkSN: push.ParkSN, Plate: push.Plate, OrderID: push.OrderID, Note: push.Class + ": " + push.Detail}
	if status, ok := strings.CutPrefix(push.Detail, "HTTP "); ok {
		status, _, _ = strings.Cut(status, ",")
		e.Status, _ = strconv.Atoi(strings.TrimSpace(status)) // 0: no answer
	}
	e.Answer = push.Detail
	l.console.publish(e)
}
