package signdebug

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"lease-gateway/shared/signature"
)

func cause(name string, certain bool) []Cause {
	return []Cause{{name, certain, hints[name][0], hints[name][1]}}
}

// stringCauses says why the caller's string differs: a mistake that gives exactly it, else what the first difference tells.
func stringCauses(r *request, ours, yours string) []Cause {
	for _, m := range mistakes {
		if slices.Contains(m.wrong(r, ours), yours) {
			return cause(m.cause, true)
		}
	}
	method, path, query, body, complete := parts(yours)
	_, _, ourQuery, ourBody, _ := parts(ours)
	switch {
	case strings.Contains(yours, `\n`) && !complete:
		return cause("newline_literal", false)
	case strings.Contains(yours, "\r\n") && !strings.Contains(ours, "\r\n"):
		return cause("crlf", false)
	case method != r.method:
		if strings.EqualFold(method, r.method) {
			return cause("method_case", false)
		}
		return cause("method_differs", false)
	case path != r.path:
		if strings.Trim(path, "/") == strings.Trim(r.path, "/") {
			return cause("path_slash", false)
		}
		if strings.Contains(path, r.path) {
			return cause("path_with_host", false)
		}
		return cause("path_differs", false)
	case query != ourQuery:
		return cause(queryCause(ourQuery, query), false)
	case !complete:
		return cause("last_line_missing", false)
	}
	return cause(bodyCause(ourBody, body), false)
}

func queryCause(ours, yours string) string {
	want, err1 := signature.ParseQuery(ours)
	got, err2 := signature.ParseQuery(yours)
	if err1 != nil || err2 != nil {
		return "encoding_differs"
	}
	for _, p := range got {
		if p.Name == "sign" {
			return "sign_included"
		}
		if !has(want, p.Name) {
			return "parameter_added"
		}
	}
	for _, p := range want {
		if !has(got, p.Name) {
			return "parameter_missing"
		}
		for _, q := range got {
			if q.Name != p.Name || q.Value == p.Value || slices.Contains(want, q) {
				continue
			}
			switch {
			case p.Name == "timestamp" && len(p.Value) != len(q.Value) && p.Value[:min(10, len(p.Value))] == q.Value[:min(10, len(q.Value))]:
				return "timestamp_unit"
			case p.Name == "timestamp" || p.Name == "nonce":
				return "another_request"
			}
			if again, err := signature.ParseQuery("v=" + q.Value); err == nil && again[0].Value == p.Value {
				return "encoded_twice"
			}
			return "value_differs"
		}
	}
	if canonical := signature.CanonicalQuery(got); canonical == ours && join(got, signature.Escape, false) == yours {
		return "query_not_sorted"
	}
	return "encoding_differs"
}

func bodyCause(ours, yours string) string {
	const bom = "\ufeff"
	var a, b any
	switch {
	case !utf8.ValidString(yours) || !utf8.ValidString(ours):
		return "charset"
	case strings.TrimPrefix(ours, bom) == strings.TrimPrefix(yours, bom):
		return "body_bom"
	case strings.TrimSpace(ours) == strings.TrimSpace(yours):
		return "body_white_space"
	case yours == "":
		return "body_missing"
	case json.Unmarshal([]byte(ours), &a) == nil && json.Unmarshal([]byte(yours), &b) == nil && reflect.DeepEqual(a, b):
		return "body_reserialised"
	}
	return "body_differs"
}

// digests are the ways in which a sign over a text comes out wrong.
func digests(secret, other, text string) map[string][]string {
	mac := func(h func() hash.Hash, key, text string) []byte {
		m := hmac.New(h, []byte(key))
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	plain := func(h hash.Hash, text string) string {
		h.Write([]byte(text))
		return hex.EncodeToString(h.Sum(nil))
	}
	right := mac(sha256.New, secret, text)
	all := map[string][]string{
		"sign_upper_case":      {strings.ToUpper(hex.EncodeToString(right))},
		"sign_base64":          {base64.StdEncoding.EncodeToString(right), base64.RawURLEncoding.EncodeToString(right), base64.URLEncoding.EncodeToString(right)},
		"hmac_other_hash":      {hex.EncodeToString(mac(md5.New, secret, text)), hex.EncodeToString(mac(sha1.New, secret, text)), hex.EncodeToString(mac(sha512.New, secret, text))},
		"key_and_text_swapped": {hex.EncodeToString(mac(sha256.New, text, secret))},
		"secret_white_space":   {hex.EncodeToString(mac(sha256.New, secret+"\n", text)), hex.EncodeToString(mac(sha256.New, secret+" ", text)), hex.EncodeToString(mac(sha256.New, " "+secret, text)), hex.EncodeToString(mac(sha256.New, secret+"\r\n", text))},
	}
	for _, t := range []string{text + secret, secret + text, text, secret + text + secret, text + "&key=" + secret} {
		all["not_hmac"] = append(all["not_hmac"], plain(sha256.New(), t), plain(md5.New(), t), strings.ToUpper(plain(md5.New(), t)))
	}
	if key, err := hex.DecodeString(secret); err == nil {
		all["secret_decoded"] = append(all["secret_decoded"], hex.EncodeToString(mac(sha256.New, string(key), text)))
	}
	if key, err := base64.StdEncoding.DecodeString(secret); err == nil {
		all["secret_decoded"] = append(all["secret_decoded"], hex.EncodeToString(mac(sha256.New, string(key), text)))
	}
	if other != secret {
		all["secret_direction"] = []string{hex.EncodeToString(mac(sha256.New, other, text))}
	}
	return all
}

// signCauses says why a sign is wrong. Without the caller's string, the mistakes in it are tried too.
func signCauses(r *request, ours, sign, secret, other string, stringGiven bool) []Cause {
	for name, signs := range digests(secret, other, ours) {
		if slices.Contains(signs, strings.TrimSpace(sign)) {
			return cause(name, true)
		}
	}
	if stringGiven {
		return cause("secret_wrong", false)
	}
	for _, m := range mistakes {
		for _, text := range m.wrong(r, ours) {
			if strings.EqualFold(signature.Sign(secret, []byte(text)), sign) {
				return cause(m.cause, true)
			}
		}
	}
	return cause("unknown", false)
}
