package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"lease-gateway/local/stack"
	"lease-gateway/shared/signature"
)

// TestCompressedPage: a page that is asked for with gzip comes with it, says how many bytes it has on the wire, and holds the same rows; without, or with it
// ruled out, it comes plain.
func TestCompressedPage(t *testing.T) {
	s := start(t, stack.Options{})
	tongli(t, s, "POST", "/lease/park", "", park("P1"))
	for i := range 40 {
		if a := app(t, s, "POST", "/app/orders", order(fmt.Sprintf("z%02d", i), "P1", fmt.Sprintf("苏E%05d", i), 1, 2)); a.Status != 201 {
			t.Fatal(a.Raw)
		}
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}} // else net/http unpacks in silence
	rows := map[string]string{}
	for accept, zipped := range map[string]bool{"": false, "identity": false, "gzip;q=0": false, "gzip": true, "br, GZIP;q=0.5": true} {
		params := []signature.Param{{Name: "park_sn", Value: "P1"}}
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/lease/order?"+signature.Query(stack.InboundAppID, stack.Secret, "GET", "/lease/order", params, nil, time.Now(), ""), nil)
		if err != nil {
			t.Fatal(err)
		}
		if accept != "" {
			req.Header.Set("Accept-Encoding", accept)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%q: %d %v %.300s", accept, resp.StatusCode, err, raw)
		}
		if length := resp.Header.Get("Content-Length"); length != strconv.Itoa(len(raw)) {
			t.Errorf("%q: Content-Length %q, and %d bytes came", accept, length, len(raw))
		}
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got != zipped || zipped && resp.Header.Get("Vary") == "" {
			t.Errorf("%q: %v", accept, resp.Header)
		}
		if zipped {
			unpacked, err := gzip.NewReader(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if raw, err = io.ReadAll(unpacked); err != nil {
				t.Fatal(err)
			}
		}
		data, _, found := bytes.Cut(raw, []byte(`,"request_id"`))
		if !found || bytes.Count(data, []byte(`"date"`)) != 80 {
			t.Fatalf("%q: not the page of 80 rows: %.300s", accept, raw)
		}
		rows[string(data)] = accept
	}
	if len(rows) != 1 {
		t.Errorf("the rows differ: %v", rows)
	}
}
