package attack

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"lease-gateway/shared/signature"
)

// forger is what an attacker has: a random source, what was seen on the wire, and for some kinds a true secret.
type forger struct {
	*rand.Rand
	o    Options
	seen []request // accepted, of this round and of earlier ones
}

func (f *forger) other(r *request) request {
	for {
		if o := f.seen[f.IntN(len(f.seen))]; o.Query != r.Query {
			return o
		}
	}
}

func params(r *request) []signature.Param {
	list, err := signature.ParseQuery(r.Query)
	if err != nil {
		panic(err) // of an accepted request
	}
	return list
}

func get(r *request, name string) string {
	for _, p := range params(r) {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// with replaces a parameter where it stands; the rest of the query stays byte by byte.
func with(r *request, name, value string) bool {
	pieces := strings.Split(r.Query, "&")
	for i, piece := range pieces {
		if n, v, _ := strings.Cut(piece, "="); n == name {
			pieces[i] = n + "=" + signature.Escape(value)
			r.Query = strings.Join(pieces, "&")
			return v != signature.Escape(value)
		}
	}
	return false
}

// piece puts what pick makes of a parameter in its place.
func piece(r *request, name string, pick func(string) string) bool {
	pieces := strings.Split(r.Query, "&")
	for i, p := range pieces {
		if n, _, _ := strings.Cut(p, "="); n == name {
			pieces[i] = pick(p)
			r.Query = strings.Join(pieces, "&")
			return pieces[i] != p
		}
	}
	return false
}

// resign signs what the request now says.
func resign(r *request, secret string) bool {
	return with(r, "sign", signature.Sign(secret, signature.StringToSign(r.Method, r.Path, params(r), r.Body)))
}

func (f *forger) flip(s string) string {
	b := []byte(s)
	b[f.IntN(len(b))] ^= 1 << f.IntN(7)
	return string(b)
}

var common = []string{"app_id", "timestamp", "nonce", "sign"}

func set(name string, codes []int, param string, change func(f *forger, v string) string) kind {
	return kind{name: name, codes: codes, make: func(f *forger, r *request) bool {
		v := get(r, param)
		return with(r, param, change(f, v))
	}}
}

func body(name string, change func(f *forger, b []byte) []byte) kind {
	return kind{name: "body: " + name, codes: []int{wrong}, make: func(f *forger, r *request) bool {
		if len(r.Body) < 2 {
			return false
		}
		before := r.Body
		r.Body = change(f, slices.Clone(before))
		return !bytes.Equal(before, r.Body)
	}}
}

func raw(name string, codes []int, change func(f *forger, r *request) bool) kind {
	return kind{name: name, codes: codes, make: change}
}

func seconds(r *request) int64 {
	n, _ := strconv.ParseInt(get(r, "timestamp")[:10], 10, 64) // ten digits, it was accepted
	return n
}
