package attack

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"lease-gateway/shared/signature"
)

// Weight is a request, signed truly, that is heavy to read.
type Weight struct {
	Name, Type, Path string
	Body             []byte
}

const kib = 1 << 10

// Weights are all below, or just above, the largest body that is read.
func Weights() []Weight {
	const json, form = "application/json", "application/x-www-form-urlencoded"
	fill := func(n int, entry func(i int) string) []byte {
		var b strings.Builder
		for i := 0; ; i++ {
			e := entry(i)
			if b.Len()+len(e) > n {
				return []byte(strings.TrimSuffix(b.String(), ","))
			}
			b.WriteString(e)
		}
	}
	object := func(entry func(i int) string) []byte { return fmt.Appendf(nil, "{%s}", fill(256*kib-2, entry)) }
	repeat := func(s string) string { return strings.Repeat(s, 255*kib/len(s)) }
	return []Weight{
		{"arrays 260,000 deep, never closed", json, "/lease/park", fmt.Appendf(nil, `{"park_sn":%s`, repeat("["))},
		{"arrays 130,000 deep", json, "/lease/park", fmt.Appendf(nil, `{"park_sn":%s%s}`, strings.Repeat("[", 127*kib), strings.Repeat("]", 127*kib))},
		{"objects 40,000 deep", json, "/lease/park", []byte(strings.Repeat(`{"a":`, 40*kib) + "0" + strings.Repeat("}", 40*kib))},
		{"a number of 255 KiB", json, "/lease/park", fmt.Appendf(nil, `{"price":%s}`, repeat("9"))},
		{"an exponent of 255 KiB", json, "/lease/park", fmt.Appendf(nil, `{"price":1e%s}`, repeat("9"))},
		{"a number as a string of 255 KiB", json, "/lease/order", fmt.Appendf(nil, `{"park_sn":"P","page":"%s"}`, repeat("9"))},
		{"256 KiB of keys", json, "/lease/park", object(func(i int) string { return `"` + strconv.FormatInt(int64(i), 36) + `":0,` })},
		{"256 KiB of keys with one hash in other languages", json, "/lease/park", object(func(i int) string { return `"` + collide(i) + `":0,` })},
		{"256 KiB of one key", json, "/lease/park", object(func(int) string { return `"a":0,` })},
		{"256 KiB of one key, escaped in turn", json, "/lease/park", object(func(i int) string { return []string{`"a":0,`, `"\u0061":0,`}[i%2] })},
		{"256 KiB of fields of a form", form, "/lease/park", fill(256*kib, func(i int) string { return strconv.FormatInt(int64(i), 36) + "&" })},
		{"256 KiB of escapes", form, "/lease/park", []byte("a=" + repeat("%41"))},
		{"a plate of 255 KiB", json, "/lease/order", fmt.Appendf(nil, `{"park_sn":"P","car_plate_no":"%s"}`, repeat("苏"))},
		{"a cursor of 255 KiB", json, "/lease/order", fmt.Appendf(nil, `{"park_sn":"P","cursor":"%s"}`, repeat("A"))},
		{"40,000 escaped surrogates", json, "/lease/park", fmt.Appendf(nil, `{"park_sn":"%s"}`, repeat(`\ud800`))},
		{"5,000 dates", json, "/app/orders", fmt.Appendf(nil, `{"dates":[%s]}`, fill(255*kib, func(int) string { return `{"date":"x","start_time":"","end_time":1},` }))},
		{"366 dates that overlap", json, "/app/orders", fmt.Appendf(nil, `{"order_id":"o","park_sn":"P","car_plate_no":"苏E88888","dates":[%s]}`,
			strings.TrimSuffix(strings.Repeat(`{"date":"2030-01-01","start_time":"00:00","end_time":"24:00"},`, 366), ","))},
		{"a byte over 256 KiB", json, "/lease/park", bytes.Repeat([]byte(" "), 256*kib+1)},
		{"9 MiB", json, "/lease/park", bytes.Repeat([]byte("a"), 9<<20)},
	}
}

// collide writes i in words that Java's String.hashCode and Python 2 cannot tell apart.
func collide(i int) string {
	var b strings.Builder
	for bit := range 14 {
		b.WriteString([]string{"Aa", "BB"}[i>>bit&1])
	}
	return b.String()
}

// Heavy sends them and returns how long each took and what was wrong with the answer: it must be an envelope of a 4xx.
func Heavy(ctx context.Context, o Options) (took map[string]time.Duration, finds []string, err error) {
	w, err := dialer(o.URL)
	if err != nil {
		return nil, nil, err
	}
	defer w.close()
	took = map[string]time.Duration{}
	for _, h := range Weights() {
		if err := ctx.Err(); err != nil {
			return took, finds, err
		}
		req := request{Method: http.MethodPost, Path: h.Path, Headers: []string{"Content-Type: " + h.Type}, Body: h.Body}
		if strings.HasPrefix(h.Path, "/lease/") {
			req.Query = signature.Query(o.AppID, o.Secret, req.Method, req.Path, nil, h.Body, time.Now(), "")
		}
		start := time.Now()
		a, err := w.send(req)
		if err != nil {
			return took, finds, fmt.Errorf("%s: %w", h.Name, err)
		}
		took[h.Name] = time.Since(start)
		if a.Status < 400 || a.Status >= 500 || a.Code < 40000 {
			finds = append(finds, h.Name+": "+a.String())
		}
	}
	return took, finds, nil
}

// Slow opens connections that send one byte a second, of headers or of a body, and returns how long the gateway bore each kind at most.
func Slow(ctx context.Context, o Options, connections int, patience time.Duration) (headers, body time.Duration, err error) {
	w, err := dialer(o.URL)
	if err != nil {
		return 0, 0, err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 2 * connections {
		wg.Go(func() {
			start, longest := "POST /lease/park HTTP/1.1\r\nHost: x\r\nX-A: ", &headers
			if i%2 == 1 {
				start, longest = "POST /lease/park HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", &body
			}
			took, e := drip(ctx, w, start, patience)
			mu.Lock()
			defer mu.Unlock()
			if *longest = max(*longest, took); e != nil {
				err = e
			}
		})
	}
	wg.Wait()
	return headers, body, err
}

func drip(ctx context.Context, w *wire, start string, patience time.Duration) (time.Duration, error) {
	conn, err := w.dial()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	began := time.Now()
	if _, err := conn.Write([]byte(start)); err != nil {
		return 0, err
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for b := make([]byte, 512); ; {
			if _, err := conn.Read(b); err != nil {
				return
			}
		}
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for time.Since(began) < patience {
		select {
		case <-closed:
			return time.Since(began), nil
		case <-ctx.Done():
			return time.Since(began), ctx.Err()
		case <-tick.C:
			_, _ = conn.Write([]byte("a")) // the reader sees the end
		}
	}
	return patience, fmt.Errorf("a connection that sends a byte a second is still open after %s", patience)
}
