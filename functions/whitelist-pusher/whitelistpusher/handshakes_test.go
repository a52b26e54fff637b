package whitelistpusher

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// TestHandshakes: connections are kept. A thousand pushes, ten at a time, open at most ten to a Tongli that speaks HTTP/1.1, as many as are at work
// at once; a handshake costs the gate two more round trips and us more processor time than the push.
func TestHandshakes(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"code":0,"msg":"ok"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	client := tongli.NewHTTPClient()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	transport := client.Transport.(*http.Transport)
	transport.TLSClientConfig.RootCAs = roots
	defer transport.CloseIdleConnections()
	b := newBench()
	b.Tongli = &tongli.Client{HTTP: client, BaseURL: server.URL, AppID: "chejiajia-demo", Secret: func(context.Context) (string, error) { return "s", nil }, Now: time.Now}
	for batch := range 100 {
		var records []events.SQSMessage
		for i := range 10 {
			o := night(fmt.Sprintf("o%d-%d", batch, i), lease.Plate(fmt.Sprintf("苏E%05d", batch*10+i)), 1)
			b.store.orders[o.OrderID] = o
			records = append(records, record(o.OrderID, whitelist.MessageFor(&o), 1))
		}
		b.handle(t, "", records...)
		for i := range 10 {
			if o := b.store.of(fmt.Sprintf("o%d-%d", batch, i)); o.State != lease.Delivered {
				t.Fatalf("%s is %s: %s", o.OrderID, o.State, o.LastError)
			}
		}
	}
	if n := opened.Load(); n > 10 {
		t.Errorf("%d TLS connections for 1,000 pushes", n)
	}
}
