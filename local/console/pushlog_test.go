package console

import (
	"bytes"
	"strings"
	"testing"
)

// With a Tongli of one's own its calls are read from the pusher's log, in whatever pieces it comes; the log itself stays as it is.
func TestPushesAreReadFromTheLog(t *testing.T) {
	const lines = `park-poller       | {"message":"push","park_sn":"X"}
whitelist-pusher  | no JSON
whitelist-pusher  | {"timestamp":"2026-11-24T05:23:34.168Z","level":"INFO","message":"push","park_sn":"SZ0001","plate":"苏E5••55","order_id":"A","class":"accepted","detail":"HTTP 200, code 0: ok","ms":120}
whitelist-pusher  | {"timestamp":"2026-11-24T05:23:35Z","message":"push","park_sn":"SZ0001","plate":"苏E5••55","order_id":"A","class":"transient","detail":"connection refused","ms":3}
whitelist-pusher  | {"timestamp":"2026-11-24T05:23:36Z","message":"push","park_sn":"unfinished`
	for _, own := range []bool{true, false} {
		for _, size := range []int{1, 7, len(lines)} {
			c, out := New(), &bytes.Buffer{}
			c.ownTongli.Store(own)
			w := c.Log(out)
			for at := 0; at < len(lines); at += size {
				if _, err := w.Write([]byte(lines[at:min(at+size, len(lines))])); err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != lines {
				t.Errorf("the log became %q", out)
			}
			events := c.stream.latest()
			if !own {
				if len(events) != 0 {
					t.Errorf("%d pushes are told twice: the simulator tells of them", len(events))
				}
				continue
			}
			if len(events) != 2 {
				t.Fatalf("%d pushes, want 2", len(events))
			}
			first, second := events[0], events[1]
			if first.Status != 200 || !first.OK || first.OrderID != "A" || first.Ms != 120 || first.To != Tongli || first.At.Format("05.000") != "34.048" {
				t.Errorf("%+v", first)
			}
			if second.Status != 0 || second.OK || !strings.Contains(second.Note, "connection refused") {
				t.Errorf("%+v", second)
			}
		}
	}
}
