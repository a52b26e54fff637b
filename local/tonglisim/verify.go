package tonglisim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// verify is the contract's section 1 from Tongli's side, written without the gateway's own code.
func (s *Sim) verify(r *http.Request, body []byte) (code int, why string) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return 40101, "query malformed"
	}
	for _, name := range []string{"app_id", "timestamp", "nonce", "sign"} {
		if len(q[name]) != 1 || q.Get(name) == "" {
			return 40101, name + " missing or given twice"
		}
	}
	if kind := q["sign_type"]; len(kind) > 1 || len(kind) == 1 && kind[0] != "HMAC-SHA256" {
		return 40101, "sign_type is not HMAC-SHA256"
	}
	seconds, err := strconv.ParseInt(q.Get("timestamp"), 10, 64)
	if err != nil || len(q.Get("timestamp")) != 10 && len(q.Get("timestamp")) != 13 {
		return 40101, "timestamp malformed"
	}
	if len(q.Get("timestamp")) == 13 {
		seconds /= 1000
	}
	if n := len(q.Get("nonce")); n < 16 || n > 64 || strings.Trim(q.Get("nonce"), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return 40101, "nonce malformed"
	}
	if off := s.o.Now().Unix() - seconds; off > 300 || off < -300 {
		return 40104, "timestamp outside 300 s"
	}
	if q.Get("app_id") != s.o.AppID {
		return 40102, "app_id unknown"
	}
	var pairs []string
	for name, values := range q {
		for _, v := range values {
			if name != "sign" {
				pairs = append(pairs, rfc3986(name)+"="+rfc3986(v))
			}
		}
	}
	sort.Slice(pairs, func(i, j int) bool {
		ni, vi, _ := strings.Cut(pairs[i], "=")
		nj, vj, _ := strings.Cut(pairs[j], "=")
		return ni < nj || ni == nj && vi < vj
	})
	mac := hmac.New(sha256.New, []byte(s.o.Secret))
	_, _ = io.WriteString(mac, r.Method+"\n"+r.URL.Path+"\n"+strings.Join(pairs, "&")+"\n"+string(body))
	if !hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(q.Get("sign"))) {
		return 40103, "sign wrong"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	for n, at := range s.nonces {
		if now.Sub(at) > 10*time.Minute {
			delete(s.nonces, n)
		}
	}
	if _, used := s.nonces[q.Get("nonce")]; used {
		return 40105, "nonce used before"
	}
	s.nonces[q.Get("nonce")] = now
	return 0, ""
}

// rfc3986 escapes by way of net/url, which differs in the space only.
func rfc3986(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
