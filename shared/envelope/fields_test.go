package envelope

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func read(t interface{ Fatalf(string, ...any) }, body string) *Fields {
	v, err := DecodeJSON([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return Read(v)
}

// bad lists the names of the bad fields, and whether one is missing.
func bad(f *Fields) (string, bool) {
	var e *ParameterError
	if !errors.As(f.Err(), &e) {
		return "", false
	}
	var names []string
	for _, field := range e.Fields {
		names = append(names, field.Field)
	}
	return strings.Join(names, " "), e.Missing
}

// TestInt: JSON integers and strings of ASCII digits with an optional minus; nothing else is coerced.
func TestInt(t *testing.T) {
	for value, want := range map[string]int64{`1`: 1, `"1"`: 1, `"01"`: 1, `" 7 "`: 7, `-5`: -5, `"-5"`: -5, `"-0"`: 0, `-0`: 0, `9`: 9, `null`: 42, `""`: 42, `"　"`: 42} {
		f := read(t, `{"n":`+value+`}`)
		if got := f.Int("n", false, -5, 9, 42); got != want || f.Err() != nil {
			t.Errorf("%s: %d, %v", value, got, f.Err())
		}
	}
	for _, value := range []string{`1.0`, `1e2`, `"+1"`, `"1.0"`, `"1e2"`, `true`, `"true"`, `[1]`, `{}`, `"0x1"`, `"１"`, `"1 0"`, `"-"`, `"--1"`, `10`, `-6`, `99999999999999999999`, `-99999999999999999999`, `"99999999999999999999"`} {
		f := read(t, `{"n":`+value+`}`)
		if got := f.Int("n", false, -5, 9, 42); got != 42 {
			t.Errorf("%s: %d", value, got)
		}
		if names, missing := bad(f); names != "n" || missing {
			t.Errorf("%s: %q %t", value, names, missing)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n, low, high := rapid.Int64().Draw(t, "n"), rapid.Int64().Draw(t, "low"), rapid.Int64().Draw(t, "high")
		literal := strconv.FormatInt(n, 10)
		if rapid.Bool().Draw(t, "as a string") {
			literal = `"` + literal + `"`
		}
		f := read(t, `{"n":`+literal+`}`)
		got := f.Int("n", true, low, high, 0)
		if inside := n >= low && n <= high; inside != (f.Err() == nil) || inside && got != n {
			t.Fatalf("%d in %d to %d: %d, %v", n, low, high, got, f.Err())
		}
	})
}

func TestAtLeast(t *testing.T) {
	for value, want := range map[string]int64{`1`: 1, `"10000001"`: 10000001, `9223372036854775807`: math.MaxInt64, `9223372036854775808`: math.MaxInt64, `"99999999999999999999999"`: math.MaxInt64, `null`: 3} {
		f := read(t, `{"n":`+value+`}`)
		if got := f.AtLeast("n", 1, 3); got != want || f.Err() != nil {
			t.Errorf("%s: %d, %v", value, got, f.Err())
		}
	}
	for _, value := range []string{`0`, `-1`, `-99999999999999999999`, `1.5`, `"x"`} {
		f := read(t, `{"n":`+value+`}`)
		got := f.AtLeast("n", 1, 3)
		if names, missing := bad(f); got != 3 || names != "n" || missing {
			t.Errorf("%s: %d, %q %t", value, got, names, missing)
		}
	}
}

// TestAbsence: null and "" count as absent, and so does what trimming leaves nothing of; false and 0 do not.
func TestAbsence(t *testing.T) {
	for value, absent := range map[string]bool{`null`: true, `""`: true, `" "`: true, `"\u3000\u00a0\u2003\n"`: true, `0`: false, `false`: false, `[]`: false, `{}`: false, `"0"`: false, `"\u200b"`: false} {
		f := read(t, `{"n":`+value+`}`)
		if f.Has("n") == absent {
			t.Errorf("%s: absent should be %t", value, absent)
		}
		f.Text("n", true, 10, false)
		if _, missing := bad(f); missing != absent {
			t.Errorf("%s: missing %t", value, missing)
		}
	}
}

// TestText counts characters, trims Unicode white space, and takes printable ones only where asked.
func TestText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune(" \u3000\t\x00园a")))).Draw(t, "text")
		most, printable := rapid.IntRange(1, 10).Draw(t, "most"), rapid.Bool().Draw(t, "printable")
		f := Read(Value{Kind: Object, Members: map[string]Value{"n": {Kind: String, Text: text}}})
		got := f.Text("n", true, most, printable)
		want := strings.TrimFunc(text, unicode.IsSpace)
		n := len([]rune(want))
		good := n >= 1 && n <= most && (!printable || !strings.ContainsFunc(want, func(r rune) bool { return !unicode.IsPrint(r) }))
		if good != (f.Err() == nil) || good && got != want || !good && got != "" {
			t.Fatalf("%q, at most %d: %q, %v", text, most, got, f.Err())
		}
	})
}

// TestEveryBadFieldIsNamed by its path, once, in the order of reading, those of a slot by its index.
func TestEveryBadFieldIsNamed(t *testing.T) {
	slot := `{"date":"2026-12-01","start_time":"19:00","end_time":"06:30"}`
	for body, want := range map[string]string{
		`{"dates":[` + slot + `]}`: "",
		`{}`:                       "dates",
		`{"dates":{}}`:             "dates",
		`{"dates":[` + slot + `,5,{"date":"x"},{"date":"2026-12-01","start_time":"24:00","end_time":"24:01"}]}`: "dates[1] dates[2].date dates[2].start_time dates[2].end_time dates[3].start_time dates[3].end_time",
		`{"dates":[` + slot + `,` + slot + `,{"date":"2026-12-02","start_time":"06:00","end_time":"06:31"}]}`:   "dates[1] dates[2]",
		`{"dates":[` + slot + `,{"date":"2026-12-02","start_time":"06:30","end_time":"07:00"}]}`:                "",
	} {
		f := read(t, body)
		f.Slots()
		if names, _ := bad(f); names != want {
			t.Errorf("%s: %q, want %q", body, names, want)
		}
	}
	f := read(t, `{"longitude":"1","is_sat":true}`)
	f.Park()
	if names, missing := bad(f); names != "park_sn park_name deadline start_time end_time is_sat is_sun is_holiday price start_price holiday_price latitude" || !missing {
		t.Errorf("%q %t", names, missing)
	}
}
