package attack

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lease-gateway/shared/signature"
)

// verifier makes the contract's checks by itself, but for one that it leaves out or makes wrongly where broken names it.
type verifier struct {
	broken string
	mu     sync.Mutex
	known  map[string]signedText // by sign: what was signed
	nonces map[string]chan struct{}
}

type signedText struct {
	method, path string
	params       []signature.Param
	body         []byte
}

var methodsOf = map[string][]string{"/lease/park": {"POST"}, "/lease/order": {"GET", "POST"}}

func (v *verifier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	status, code := http.StatusOK, v.verify(r, body)
	if code != 0 {
		status = code / 100
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"code":%d,"request_id":"x"}`, code) // a client that is gone needs no answer
}

func (v *verifier) verify(r *http.Request, body []byte) int {
	t := signedText{r.Method, r.URL.Path, nil, body}
	if v.broken == "how a path is written" {
		t.path = path.Clean(t.path)
	}
	if other := r.Header.Get("X-HTTP-Method-Override"); other != "" && v.broken == "a header names the method" {
		t.method = other
	}
	switch {
	case methodsOf[t.path] == nil:
		return route
	case !slices.Contains(methodsOf[t.path], t.method):
		return method
	}
	var err error
	if t.params, err = signature.ParseQuery(r.URL.RawQuery); err != nil {
		return malformed
	}
	found := map[string]string{}
	for _, p := range t.params {
		if _, twice := found[p.Name]; twice && slices.Contains(common, p.Name) && v.broken != "common parameters twice" {
			return malformed
		}
		found[p.Name] = p.Value
	}
	if kind, given := found["sign_type"]; given && kind != "HMAC-SHA256" && v.broken != "sign_type" {
		return malformed
	}
	stamp, err := strconv.ParseInt(found["timestamp"], 10, 64)
	nonce := found["nonce"]
	bad := func(c rune) bool {
		return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", c)
	}
	if err != nil || stamp < 1e9 || found["timestamp"][0] == '+' || len(found["timestamp"]) != 10 && len(found["timestamp"]) != 13 || len(nonce) < 16 || len(nonce) > 64 || strings.ContainsFunc(nonce, bad) || found["app_id"] == "" || found["sign"] == "" {
		return malformed
	}
	at := time.Unix(stamp, 0)
	if stamp > 1e12 {
		at = time.UnixMilli(stamp)
	}
	if off := time.Since(at); (off > 301*time.Second && v.broken != "old ones") || (off < -300*time.Second && v.broken != "ones of the future") {
		return timestamp
	}
	if found["app_id"] != "tongli" && v.broken != "app_id" {
		return unknownApp
	}
	if !v.signed(t, found["sign"]) {
		return wrong
	}
	key := nonce
	if v.broken == "a replay written otherwise" {
		key = r.URL.RawQuery
	}
	if !v.claim(key) {
		return usedNonce
	}
	return 0
}

func (v *verifier) signed(t signedText, sign string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	original := t
	if known, ok := v.known[sign]; ok { // what is ignored may be as it was, or as it is
		switch v.broken {
		case "the body":
			t.body = known.body
		case "the method":
			t.method = known.method
		case "the path":
			t.path = known.path
		case "the query":
			t.params = known.params
		case "white space":
			if bytes.Equal(bytes.TrimSpace(t.body), known.body) {
				t.body = known.body
			}
		case "nonce", "timestamp", "park_sn", "x":
			t.params = slices.DeleteFunc(slices.Clone(t.params), func(p signature.Param) bool { return p.Name == v.broken })
			for _, p := range known.params {
				if p.Name == v.broken {
					t.params = append(t.params, p)
				}
			}
		}
	}
	text := signature.StringToSign(t.method, t.path, t.params, t.body)
	live := []string{secret}
	switch v.broken {
	case "an empty secret":
		live = append(live, "")
	case "the other direction":
		live = append(live, outbound)
	}
	for _, s := range live {
		want, equal := signature.Sign(s, text), false
		switch v.broken {
		case "upper case":
			equal = strings.EqualFold(want, sign)
		case "the end of a sign":
			equal = len(sign) >= 1 && len(sign) <= len(want) && want[:len(sign)] == sign
		case "what is behind a sign":
			equal = strings.HasPrefix(sign, want)
		case "blanks around a sign":
			equal = strings.TrimSpace(sign) == want
		case "another algorithm":
			mac := hmac.New(md5.New, []byte(s))
			mac.Write(text)
			equal = sign == want || sign == hex.EncodeToString(mac.Sum(nil))
		default:
			equal = sign == want
		}
		if equal {
			v.known[sign] = original
			return true
		}
	}
	return false
}

func (v *verifier) claim(nonce string) bool {
	v.mu.Lock()
	another, held := v.nonces[nonce]
	if !held {
		another = make(chan struct{}, 1000)
		v.nonces[nonce] = another
	}
	v.mu.Unlock()
	switch v.broken {
	case "replays":
		return true
	case "two at the same moment": // it looks, and writes later: whoever comes in between is let in
		if held {
			another <- struct{}{}
			return len(another) == 1
		}
		select {
		case <-another:
			another <- struct{}{}
		case <-time.After(50 * time.Millisecond):
			another <- struct{}{} // nobody has come: written
			another <- struct{}{}
		}
		return true
	}
	return !held
}
