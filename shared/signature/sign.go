// Package signature signs and verifies calls between Chejiajia and Tongli (contract, section 1): HMAC-SHA256 over
// method, path, canonical query and raw body, with the common parameters in the query string. The clock is passed in.
package signature

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Param is one decoded query parameter.
type Param struct{ Name, Value string }

// ErrQuery: an escape that is none (%zz), or bytes that are not UTF-8.
var ErrQuery = errors.New("query: an escape is not valid, or not UTF-8")

// ParseQuery decodes a raw query string as a form is: `+` is a space, `a` is `a=`, empty pieces
// between `&` are dropped, `;` is data. The order is kept.
func ParseQuery(raw string) ([]Param, error) {
	var params []Param
	for piece := range strings.SplitSeq(raw, "&") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		n, ok1 := unescape(name)
		v, ok2 := unescape(value)
		if !ok1 || !ok2 {
			return nil, ErrQuery
		}
		params = append(params, Param{n, v})
	}
	return params, nil
}

func unescape(s string) (string, bool) {
	if strings.ContainsAny(s, "%+") {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			switch s[i] {
			case '+':
				b = append(b, ' ')
			case '%':
				if i+2 >= len(s) {
					return "", false
				}
				hi, lo := unhex(s[i+1]), unhex(s[i+2])
				if hi < 0 || lo < 0 {
					return "", false
				}
				b = append(b, byte(hi<<4|lo))
				i += 2
			default:
				b = append(b, s[i])
			}
		}
		s = string(b)
	}
	return s, utf8.ValidString(s)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Escape percent-encodes as RFC 3986 does: everything but A-Z a-z 0-9 - . _ ~.
func Escape(s string) string { return string(appendEscaped(nil, s)) }

func appendEscaped(b []byte, s string) []byte {
	const hexDigits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
}

// CanonicalQuery joins all parameters but sign, encoded, sorted by encoded name, then encoded value.
func CanonicalQuery(params []Param) string {
	encoded := make([]Param, 0, len(params))
	for _, p := range params {
		if p.Name != "sign" {
			encoded = append(encoded, Param{Escape(p.Name), Escape(p.Value)})
		}
	}
	slices.SortFunc(encoded, func(a, b Param) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.Value, b.Value)
	})
	var b strings.Builder
	for i, p := range encoded {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.Name + "=" + p.Value)
	}
	return b.String()
}

// StringToSign is what both sides sign. path is the contract path with its leading slash ("/lease/park"),
// whatever prefix the request went through; body the bytes as sent.
func StringToSign(method, path string, params []Param, body []byte) []byte {
	b := make([]byte, 0, len(method)+len(path)+len(body)+256)
	b = append(append(append(b, method...), '\n'), path...)
	b = append(append(append(b, '\n'), CanonicalQuery(params)...), '\n')
	return append(b, body...)
}

// Sign is the lower-case hex of HMAC-SHA256(secret, stringToSign).
func Sign(secret string, stringToSign []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(stringToSign)
	return hex.EncodeToString(mac.Sum(nil))
}

// Query returns the signed query string of a call: params, the common parameters and sign.
// nonce is fresh from the system's random source when it is empty.
func Query(appID, secret, method, path string, params []Param, body []byte, now time.Time, nonce string) string {
	if nonce == "" {
		nonce = NewNonce()
	}
	all := append(slices.Clone(params),
		Param{"app_id", appID}, Param{"timestamp", strconv.FormatInt(now.Unix(), 10)}, Param{"nonce", nonce})
	return CanonicalQuery(all) + "&sign=" + Sign(secret, StringToSign(method, path, all, body))
}

// NewNonce is 32 random hex digits.
func NewNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}
