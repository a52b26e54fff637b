package envelope

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// errSlow is any refusal of a reference: only the verdict is compared.
var errSlow = errors.New("unreadable")

// slowJSON is the contract's section 2 in terms of encoding/json: one object, names unique at every depth, no lone surrogate.
func slowJSON(body []byte) (Value, error) {
	if len(body) == 0 {
		return Value{Kind: Object, Members: map[string]Value{}}, nil
	}
	if !utf8.Valid(body) || !json.Valid(body) || loneSurrogate(string(body)) {
		return Value{}, errSlow
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := slowValue(d, 1)
	if err != nil || v.Kind != Object {
		return Value{}, errSlow
	}
	if _, err := d.Token(); err != io.EOF {
		return Value{}, errSlow
	}
	return v, nil
}

// slowValue reads one value, of a body that is valid JSON.
func slowValue(d *json.Decoder, depth int) (Value, error) {
	token, err := d.Token()
	if err != nil || depth > 32 {
		return Value{}, errSlow
	}
	switch token := token.(type) {
	case nil:
		return Value{}, nil
	case bool:
		return Value{Kind: Bool, Text: strconv.FormatBool(token)}, nil
	case json.Number:
		return Value{Kind: Number, Text: string(token)}, nil
	case string:
		return Value{Kind: String, Text: token}, nil
	}
	if token == json.Delim('[') {
		v := Value{Kind: Array}
		for d.More() {
			item, err := slowValue(d, depth+1)
			if err != nil {
				return Value{}, err
			}
			v.Items = append(v.Items, item)
		}
		_, err := d.Token()
		return v, err
	}
	v := Value{Kind: Object, Members: map[string]Value{}}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return Value{}, err
		}
		member, err := slowValue(d, depth+1)
		if _, twice := v.Members[name.(string)]; twice || err != nil {
			return Value{}, errSlow
		}
		v.Members[name.(string)] = member
	}
	_, err = d.Token()
	return v, err
}

var escapes = regexp.MustCompile(`\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)`)

func loneSurrogate(valid string) bool {
	for _, e := range escapes.FindAllString(valid, -1) {
		if n, err := strconv.ParseUint(strings.TrimPrefix(e, `\u`), 16, 16); len(e) == 6 && err == nil && n >= 0xD800 && n <= 0xDFFF {
			return true
		}
	}
	return false
}

// FuzzDecodeJSON: the same verdict and the same values as the slow reference, whatever the bytes; a refusal is ErrUnreadable and
// repeats little of what was sent.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{``, ` `, `{}`, `[]`, `null`, `{"a":1,"a":2}`, `{"a":[{"b":1,"\u0062":2}]}`, `{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, `{"a":"\ud83d\ude00\\ud800\uFFFD"}`, `{"\ud83d\ude00":1,"😀":2}`,
		"\ufeff{}", `{} {}`, `{}x`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":-0.5e+3,"b":1E400,"c":"\/\b\f\n\r\t"}`, "{\"a\":\"\xff\"}", "{\"a\":\"\x00\x7f\"}", `{"a":1,}`, `{"a":[1,]}`, `{"a":"\x"}`, `{"a":"\u00g0"}`, `{"a":"\u+123"}`,
		`{"dates":[{"date":"2026-11-25","start_time":"19:00","end_time":"06:30"}],"n":null,"t":true,"f":false}`, `{"a":nul}`, `{"a":truex}`, "{\"\u2028\":\"\u00a0\"}\u00a0",
		strings.Repeat(`{"a":`, 31) + `1` + strings.Repeat(`}`, 31), strings.Repeat(`{"a":`, 32) + `1` + strings.Repeat(`}`, 32), `{"a":` + strings.Repeat(`[`, 31) + strings.Repeat(`]`, 31) + `}`, `{"a":` + strings.Repeat(`[`, 32) + strings.Repeat(`]`, 32) + `}`,
		`{"` + strings.Repeat("苏", 100) + `":1,"` + strings.Repeat("苏", 100) + `":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := DecodeJSON(body)
		want, wantErr := slowJSON(body)
		verdict(t, got, err, want, wantErr)
		if err == nil {
			if again, err := DecodeJSON(encode(got)); err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("written and read again: %v %v, was %v", again, err, got)
			}
		}
	})
}

// FuzzDecodeForm: the same for forms, against net/url.
func FuzzDecodeForm(f *testing.F) {
	for _, s := range []string{"", "a=1&b=2", "a=1&a=2", "a=1&%61=2", "a=+%2B&&;=;", "a=%zz", "a=%f", "%ff=1", "\ufeffa=1", "a", "=", "a=\xff", "park_sn=2017-01-01+12%3A00%3A00&car_plate_no=%E8%8B%8FE88888", "a==&b==="} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := DecodeBody("application/x-www-form-urlencoded; charset=UTF-8", body)
		want, wantErr := slowForm(string(body))
		verdict(t, got, err, want, wantErr)
	})
}

func slowForm(body string) (Value, error) {
	v := Value{Kind: Object, Members: map[string]Value{}}
	if strings.HasPrefix(body, "\ufeff") {
		return Value{}, errSlow
	}
	values, err := url.ParseQuery(strings.ReplaceAll(body, ";", "%3B")) // net/url refuses what the contract calls data
	if err != nil {
		return Value{}, errSlow
	}
	for name, list := range values {
		if len(list) != 1 || !utf8.ValidString(name) || !utf8.ValidString(list[0]) {
			return Value{}, errSlow
		}
		v.Members[name] = Value{Kind: String, Text: list[0]}
	}
	return v, nil
}

func verdict(t *testing.T, got Value, err error, want Value, wantErr error) {
	t.Helper()
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%v, the reference says %v", err, wantErr)
	}
	if err != nil {
		if !errors.Is(err, ErrUnreadable) || len(err.Error()) > 400 || !utf8.ValidString(err.Error()) {
			t.Errorf("refused by %q", err)
		}
		if !reflect.DeepEqual(got, Value{}) {
			t.Errorf("refused, and yet %v", got)
		}
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, the reference has %v", got, want)
	}
}

// encode writes a value as JSON.
func encode(v Value) []byte {
	text := func(s string) []byte { b, _ := json.Marshal(s); return b } // a string always marshals
	b := []byte{}
	switch v.Kind {
	case Null:
		return []byte("null")
	case String:
		return text(v.Text)
	case Bool, Number:
		return []byte(v.Text)
	case Array:
		for _, item := range v.Items {
			b = append(append(b, ','), encode(item)...)
		}
		return append(append([]byte("["), bytes.TrimPrefix(b, []byte(","))...), ']')
	}
	for name, member := range v.Members {
		b = append(append(append(append(b, ','), text(name)...), ':'), encode(member)...)
	}
	return append(append([]byte("{"), bytes.TrimPrefix(b, []byte(","))...), '}')
}
