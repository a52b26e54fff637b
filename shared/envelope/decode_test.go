package envelope

import (
	"errors"
	"testing"
)

func TestUnreadableJSON(t *testing.T) {
	for _, s := range []string{`{"a":1,"a":2}`, `{"a":[{"b":1,"\u0062":2}]}`, `{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, "\ufeff{}", `{} {}`, `{}x`, `[]`, `{"a":01}`, `{"a":1.}`, `{"a":+1}`, "{\"a\":\"\xff\"}", `{"a":1,}`, `{"a":"\x"}`} {
		if _, err := DecodeJSON([]byte(s)); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{``, `{}`, ` {"a":"\ud83d\ude00","A":-0.5e+3} `, `{"a":{"b":1},"b":{"b":1}}`} {
		if _, err := DecodeJSON([]byte(s)); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}
