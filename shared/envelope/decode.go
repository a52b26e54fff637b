// Package envelope is what goes over the wire with our callers: bodies and queries in, answers out, and the only
// table from an error to its HTTP status and code (contract, section 2).
package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"lease-gateway/shared/signature"
)

// MaxBody is the largest body that is read, in bytes after base64 is decoded.
const MaxBody = 256 << 10

// maxDepth bounds the nesting of a JSON body; the contract's deepest is three.
const maxDepth = 32

// ErrUnreadable is 40001: the body is no JSON object, no form, not UTF-8, or names something twice.
var ErrUnreadable = errors.New("body unreadable")

// Twice is ErrUnreadable for a name that is given twice. The name is the caller's: it is told to the caller alone, not to the log.
type Twice struct{ Name string }

func (e *Twice) Error() string {
	return fmt.Sprintf("%v: %q is given twice", ErrUnreadable, clip(e.Name))
}
func (e *Twice) Is(target error) bool { return target == ErrUnreadable }

func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnreadable, fmt.Sprintf(format, args...))
}

// Kind of a decoded value.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number // Text holds the literal
	String
	Array
	Object
)

// Value is a decoded JSON value or form field.
type Value struct {
	Kind    Kind
	Text    string
	Items   []Value
	Members map[string]Value
}

// DecodeBody reads a body by its content type: JSON (also without a type) or a form. An empty body is an
// object without members. Every failure is ErrUnreadable.
func DecodeBody(contentType string, body []byte) (Value, error) {
	media := "application/json"
	if contentType != "" {
		m, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			return Value{}, unreadable("Content-Type is malformed")
		}
		if charset, given := params["charset"]; given && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
			return Value{}, unreadable("charset must be utf-8")
		}
		media = m
	}
	switch media {
	case "application/json":
		return DecodeJSON(body)
	case "application/x-www-form-urlencoded":
		params, err := signature.ParseQuery(string(body))
		if err == nil && bytes.HasPrefix(body, []byte("\ufeff")) {
			return Value{}, unreadable("form: begins with a BOM")
		}
		if err != nil {
			return Value{}, unreadable("form: an escape is not valid, or not UTF-8")
		}
		return DecodeParams(params)
	}
	return Value{}, unreadable("Content-Type must be application/json or application/x-www-form-urlencoded")
}

// DecodeParams makes an object of query or form parameters; a name given twice is ErrUnreadable.
func DecodeParams(params []signature.Param) (Value, error) {
	v := Value{Kind: Object, Members: make(map[string]Value, len(params))}
	for _, p := range params {
		if _, twice := v.Members[p.Name]; twice {
			return Value{}, &Twice{p.Name}
		}
		v.Members[p.Name] = Value{Kind: String, Text: p.Value}
	}
	return v, nil
}

// DecodeJSON reads exactly one JSON object in UTF-8 without BOM. Names are unique at every depth,
// escapes name no lone surrogate, nesting is at most 32.
func DecodeJSON(body []byte) (Value, error) {
	if !utf8.Valid(body) {
		return Value{}, unreadable("not UTF-8")
	}
	p := parser{s: string(body)}
	p.space()
	if p.i == len(p.s) && p.i == 0 {
		return Value{Kind: Object, Members: map[string]Value{}}, nil
	}
	if p.i == len(p.s) || p.s[p.i] != '{' {
		return Value{}, unreadable("must be one JSON object")
	}
	v, err := p.value(1)
	if err != nil {
		return Value{}, err
	}
	if p.space(); p.i < len(p.s) {
		return Value{}, unreadable("more than one JSON value (byte %d)", p.i)
	}
	return v, nil
}

type parser struct {
	s string
	i int
}

func (p *parser) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *parser) bad() error { return unreadable("not JSON at byte %d", p.i) }

func (p *parser) value(depth int) (Value, error) {
	p.space()
	if depth > maxDepth {
		return Value{}, unreadable("nested deeper than %d", maxDepth)
	}
	if p.i == len(p.s) {
		return Value{}, p.bad()
	}
	switch c := p.s[p.i]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		text, err := p.text()
		return Value{Kind: String, Text: text}, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for word, v := range map[string]Value{"null": {}, "true": {Kind: Bool, Text: "true"}, "false": {Kind: Bool, Text: "false"}} {
		if strings.HasPrefix(p.s[p.i:], word) {
			p.i += len(word)
			return v, nil
		}
	}
	return Value{}, p.bad()
}

// next moves over c, after white space.
func (p *parser) next(c byte) bool {
	if p.space(); p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *parser) object(depth int) (Value, error) {
	v := Value{Kind: Object, Members: map[string]Value{}}
	p.i++
	if p.next('}') {
		return v, nil
	}
	for {
		if p.space(); p.i == len(p.s) || p.s[p.i] != '"' {
			return Value{}, p.bad()
		}
		name, err := p.text()
		if err != nil {
			return Value{}, err
		}
		if _, twice := v.Members[name]; twice {
			return Value{}, &Twice{name}
		}
		if !p.next(':') {
			return Value{}, p.bad()
		}
		if v.Members[name], err = p.value(depth + 1); err != nil {
			return Value{}, err
		}
		if p.next('}') {
			return v, nil
		}
		if !p.next(',') {
			return Value{}, p.bad()
		}
	}
}

func (p *parser) array(depth int) (Value, error) {
	v := Value{Kind: Array}
	p.i++
	if p.next(']') {
		return v, nil
	}
	for {
		item, err := p.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.Items = append(v.Items, item)
		if p.next(']') {
			return v, nil
		}
		if !p.next(',') {
			return Value{}, p.bad()
		}
	}
}

func (p *parser) number() (Value, error) {
	start := p.i
	digits := func() bool {
		from := p.i
		for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
			p.i++
		}
		return p.i > from
	}
	if p.s[p.i] == '-' {
		p.i++
	}
	if p.i < len(p.s) && p.s[p.i] == '0' {
		p.i++
	} else if !digits() {
		return Value{}, p.bad()
	}
	if p.i < len(p.s) && p.s[p.i] == '.' {
		if p.i++; !digits() {
			return Value{}, p.bad()
		}
	}
	if p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		if p.i++; p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		if !digits() {
			return Value{}, p.bad()
		}
	}
	return Value{Kind: Number, Text: p.s[start:p.i]}, nil
}

func (p *parser) text() (string, error) {
	p.i++
	start := p.i
	for p.i < len(p.s) && p.s[p.i] != '"' && p.s[p.i] != '\\' && p.s[p.i] >= ' ' {
		p.i++
	}
	if p.i < len(p.s) && p.s[p.i] == '"' {
		p.i++
		return p.s[start : p.i-1], nil
	}
	b := []byte(p.s[start:p.i])
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			return string(b), nil
		case c < ' ':
			return "", p.bad()
		case c != '\\':
			b = append(b, c)
			p.i++
			continue
		}
		if p.i+1 >= len(p.s) {
			return "", p.bad()
		}
		esc := p.s[p.i+1]
		if at := strings.IndexByte(`"\/bfnrt`, esc); at >= 0 {
			b = append(b, "\"\\/\b\f\n\r\t"[at])
			p.i += 2
			continue
		}
		r, ok := p.unicode()
		if !ok {
			return "", p.bad()
		}
		if utf16.IsSurrogate(r) {
			low, ok := p.unicode()
			if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
				return "", unreadable("a lone surrogate at byte %d", p.i)
			}
		}
		b = utf8.AppendRune(b, r)
	}
	return "", p.bad()
}

func (p *parser) unicode() (rune, bool) {
	if p.i+6 > len(p.s) || p.s[p.i] != '\\' || p.s[p.i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(p.s[p.i+2:p.i+6], 16, 32)
	if err != nil {
		return 0, false
	}
	p.i += 6
	return rune(n), true
}

// clip bounds what of the caller's bytes an answer repeats.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
