package signdebug

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf16"

	"lease-gateway/shared/signature"
)

// mistake gives the strings that callers sign who make it.
type mistake struct {
	cause string
	wrong func(r *request, ours string) []string
}

func with(r *request, query string) string {
	return r.method + "\n" + r.path + "\n" + query + "\n" + string(r.body)
}

func withBody(r *request, body string) string {
	return r.method + "\n" + r.path + "\n" + signature.CanonicalQuery(r.params) + "\n" + body
}

// join is CanonicalQuery with another encoder, in the order given unless sorted, without what drop names.
func join(params []signature.Param, encode func(string) string, sorted bool, drop ...string) string {
	var pieces []string
	for _, p := range params {
		if !slices.Contains(drop, p.Name) {
			pieces = append(pieces, encode(p.Name)+"="+encode(p.Value))
		}
	}
	if sorted {
		slices.Sort(pieces)
	}
	return strings.Join(pieces, "&")
}

func replacing(pairs ...string) func(string) string {
	replacer := strings.NewReplacer(pairs...)
	return func(s string) string { return replacer.Replace(signature.Escape(s)) }
}

var common = []string{"app_id", "timestamp", "nonce", "sign_type"}

var mistakes = []mistake{
	{"query_not_sorted", func(r *request, _ string) []string {
		return []string{with(r, join(r.params, signature.Escape, false, "sign"))}
	}},
	{"space_as_plus", func(r *request, _ string) []string {
		return []string{with(r, join(r.params, replacing("%20", "+"), true, "sign")), with(r, join(r.params, replacing("%20", "+", "%2A", "*", "~", "%7E"), true, "sign"))}
	}},
	{"encoding_of_language", func(r *request, _ string) []string {
		return []string{with(r, join(r.params, replacing("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*"), true, "sign")),
			with(r, join(r.params, replacing("~", "%7E"), true, "sign")), with(r, join(r.params, replacing("%2A", "*", "~", "%7E"), true, "sign"))}
	}},
	{"hex_lower_case", func(r *request, _ string) []string {
		return []string{with(r, join(r.params, lowerHex, true, "sign"))}
	}},
	{"encoded_twice", func(r *request, _ string) []string {
		return []string{with(r, join(r.params, func(s string) string { return signature.Escape(signature.Escape(s)) }, true, "sign"))}
	}},
	{"not_encoded", func(r *request, _ string) []string {
		return []string{with(r, join(r.params, func(s string) string { return s }, true, "sign")), with(r, join(r.params, func(s string) string { return s }, false, "sign"))}
	}},
	{"sign_included", func(r *request, _ string) []string {
		return []string{with(r, join(r.params, signature.Escape, true))}
	}},
	{"sign_type_left_out", func(r *request, _ string) []string {
		return []string{with(r, join(r.params, signature.Escape, true, "sign", "sign_type"))}
	}},
	{"common_only", func(r *request, _ string) []string {
		only := slices.DeleteFunc(slices.Clone(r.params), func(p signature.Param) bool { return !slices.Contains(common, p.Name) })
		return []string{with(r, join(only, signature.Escape, true))}
	}},
	{"query_as_on_url", func(r *request, _ string) []string {
		pieces := slices.DeleteFunc(strings.Split(r.rawQuery, "&"), func(p string) bool { return p == "" || strings.HasPrefix(p, "sign=") })
		asIs := strings.Join(pieces, "&")
		slices.Sort(pieces)
		return []string{with(r, asIs), with(r, strings.Join(pieces, "&")), with(r, r.rawQuery)}
	}},
	{"body_in_query", func(r *request, _ string) []string {
		all := slices.Concat(r.params, flat(r.body))
		query := join(all, signature.Escape, true, "sign")
		return []string{r.method + "\n" + r.path + "\n" + query + "\n", with(r, query)}
	}},
	{"last_line_missing", func(r *request, _ string) []string {
		return []string{withBody(r, "")[:len(withBody(r, ""))-1], r.method + "\n" + r.path + "\n" + signature.CanonicalQuery(r.params) + string(r.body)}
	}},
	{"newline_added", func(_ *request, ours string) []string { return []string{ours + "\n", ours + "\r\n"} }},
	{"crlf", func(r *request, ours string) []string {
		return []string{strings.ReplaceAll(ours, "\n", "\r\n"), r.method + "\r\n" + r.path + "\r\n" + signature.CanonicalQuery(r.params) + "\r\n" + string(r.body)}
	}},
	{"newline_literal", func(r *request, _ string) []string {
		return []string{r.method + `\n` + r.path + `\n` + signature.CanonicalQuery(r.params) + `\n` + string(r.body)}
	}},
	{"body_missing", func(r *request, _ string) []string { return []string{withBody(r, "")} }},
	{"body_hash", func(r *request, _ string) []string {
		m, s := md5.Sum(r.body), sha256.Sum256(r.body)
		return []string{withBody(r, hex.EncodeToString(s[:])), withBody(r, hex.EncodeToString(m[:])), withBody(r, base64.StdEncoding.EncodeToString(s[:])),
			withBody(r, base64.StdEncoding.EncodeToString(m[:])), withBody(r, strings.ToUpper(hex.EncodeToString(m[:])))}
	}},
	{"body_base64", func(r *request, _ string) []string {
		return []string{withBody(r, base64.StdEncoding.EncodeToString(r.body))}
	}},
	{"body_reserialised", func(r *request, _ string) []string {
		var all []string
		for _, body := range reserialised(r.body) {
			all = append(all, withBody(r, body))
		}
		return all
	}},
	{"method_case", func(r *request, ours string) []string {
		return []string{strings.ToLower(r.method) + ours[len(r.method):]}
	}},
	{"path_slash", func(r *request, ours string) []string {
		rest := ours[len(r.method)+1+len(r.path):]
		return []string{r.method + "\n" + r.path[1:] + rest, r.method + "\n" + r.path + "/" + rest, r.method + "\n/" + r.path + rest}
	}},
	{"timestamp_unit", func(r *request, _ string) []string {
		other := slices.Clone(r.params)
		for i, p := range other {
			if p.Name == "timestamp" && len(p.Value) == 13 {
				other[i].Value = p.Value[:10]
			} else if p.Name == "timestamp" {
				other[i].Value += "000"
			}
		}
		return []string{with(r, signature.CanonicalQuery(other))}
	}},
}

func lowerHex(s string) string {
	b := []byte(signature.Escape(s))
	for i := range b {
		if b[i] == '%' {
			copy(b[i:i+3], bytes.ToLower(b[i:i+3]))
		}
	}
	return string(b)
}

// flat are the parameters of a body that is a form, or a JSON object of strings and numbers.
func flat(body []byte) []signature.Param {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		params, err := signature.ParseQuery(string(body))
		if err != nil || !bytes.Contains(body, []byte("=")) {
			return nil
		}
		return params
	}
	var params []signature.Param
	for name, raw := range object {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		params = append(params, signature.Param{Name: name, Value: text})
	}
	return params
}

// reserialised is a JSON body as usual libraries write it again.
func reserialised(body []byte) []string {
	var compact bytes.Buffer
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if json.Compact(&compact, body) != nil || decoder.Decode(&value) != nil {
		return nil
	}
	sorted, _ := json.Marshal(value) // it was decoded from JSON
	all := []string{compact.String(), string(sorted)}
	for _, s := range slices.Clone(all) {
		all = append(all, strings.ReplaceAll(s, "/", `\/`), ascii(s), strings.ReplaceAll(ascii(s), "/", `\/`), spaced(s), ascii(spaced(s)))
	}
	return all
}

// ascii writes what is not ASCII as \u escapes.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			b.WriteString(`\u` + hex.EncodeToString([]byte{byte(unit >> 8), byte(unit)}))
		}
	}
	return b.String()
}

// spaced puts a space behind each colon and comma outside of strings, as Python does.
func spaced(s string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		switch {
		case s[i] == '\\' && inside && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == '"':
			inside = !inside
		case !inside && (s[i] == ':' || s[i] == ','):
			b.WriteByte(' ')
		}
	}
	return b.String()
}
