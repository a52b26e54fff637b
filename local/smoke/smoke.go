// Package smoke tries a deployed stage from outside: as a stranger, as Tongli and as the app, with one order that it cancels.
package smoke

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"lease-gateway/shared/signature"
)

// Options of Run.
type Options struct {
	URL           string
	AppID, Secret string // with which Tongli calls
	Park, Plate   string // agreed with Tongli
	PushPark      bool   // as Tongli, before the order; only for stages whose Tongli is not real
	Region        string
	Credentials   *aws.Credentials // of the app's backend; nil: the app's routes are open (a local stack)
	Wait          time.Duration    // for Tongli to accept
	Say           func(format string, args ...any)
}

// Run plays the whole way and returns the first thing that is off. An order that it has placed is cancelled in any case.
func Run(ctx context.Context, o Options) (err error) {
	r := &run{Options: o, order: "smoke-" + time.Now().UTC().Format("20060102-150405") + "-" + signature.NewNonce()[:6]}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("step %d, %s: %w", r.step, r.what, err), r.giveUp())
		}
	}()
	for _, s := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"the API answers", r.answers},
		{"strangers are kept out", r.strangers},
		{"Tongli's signature is known", r.tongli},
		{"the park is on sale", r.park},
		{"the app places an order", r.place},
		{"Tongli accepts it", r.delivered},
		{"Tongli can list it", func(ctx context.Context) error { return r.listed(ctx, true) }},
		{"the app cancels it", r.cancel},
		{"Tongli accepts that too", r.delivered},
		{"the list is without it", func(ctx context.Context) error { return r.listed(ctx, false) }},
	} {
		r.step++
		r.what = s.what
		began := time.Now()
		if err := s.do(ctx); err != nil {
			return err
		}
		r.Say("%2d. %s (%d ms)", r.step, s.what, time.Since(began).Milliseconds())
	}
	return nil
}

type run struct {
	Options
	step   int
	what   string
	order  string
	placed bool
	date   string
	terms  terms
}

type terms struct {
	Deadline  string
	Start     string `json:"start_time"`
	End       string `json:"end_time"`
	Withdrawn bool
}

type answer struct {
	Status  int `json:"-"`
	Code    int
	Msg     string
	Data    json.RawMessage
	Request string `json:"request_id"`
	raw     []byte
}

// is reports what is off: an answer of another status or code.
func (a answer) is(status, code int) error {
	if a.Status == status && a.Code == code {
		return nil
	}
	return fmt.Errorf("want %d with code %d, got %d: %s", status, code, a.Status, cut(a.raw))
}

func cut(b []byte) string {
	if len(b) > 500 {
		b = append(bytes.Clone(b[:500]), "…"...)
	}
	return string(b)
}

// as who a call goes out.
type caller func(r *run, req *http.Request, body []byte) error

func stranger(*run, *http.Request, []byte) error { return nil }

// asTongli signs with a secret.
func asTongli(secret string) caller {
	return func(r *run, req *http.Request, body []byte) error {
		params, err := signature.ParseQuery(req.URL.RawQuery)
		if err != nil {
			return err
		}
		req.URL.RawQuery = signature.Query(r.AppID, secret, req.Method, req.URL.Path, params, body, time.Now(), "")
		return nil
	}
}

// asApp signs as AWS wants it of the app's backend.
func asApp(r *run, req *http.Request, body []byte) error {
	if r.Credentials == nil {
		return nil
	}
	hash := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(req.Context(), *r.Credentials, req, hex.EncodeToString(hash[:]), "execute-api", r.Region, time.Now())
}

func (r *run) call(ctx context.Context, as caller, method, path string, query url.Values, body any) (answer, error) {
	var raw []byte
	if body != nil {
		raw, _ = json.Marshal(body) // maps of strings and numbers
	}
	target := strings.TrimRight(r.URL, "/") + path
	if len(query) > 0 {
		target += "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(raw))
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := as(r, req, raw); err != nil {
		return answer{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, errors.New(withoutQuery(err))
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{Status: resp.StatusCode, Code: -1}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	_ = json.Unmarshal(a.raw, &a) // what is no envelope has no code, and is off by that
	return a, nil
}

// withoutQuery: the error of net/http repeats the URL, which holds a sign.
func withoutQuery(err error) string {
	if u := new(url.Error); errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// wait asks for the order until done says so, or the time is over; the last word is then the error's.
func (r *run) wait(ctx context.Context, ask func(context.Context) (done bool, word string, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	last := "no answer"
	for {
		done, word, err := ask(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("not within %s: %s", r.Wait, last)
		}
		if done || err != nil {
			return err
		}
		last = word
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
