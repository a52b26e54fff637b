package signature

import (
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// slowQuery decodes a query by net/url's words, pair by pair.
func slowQuery(raw string) (params []Param, ok bool) {
	for _, piece := range strings.Split(raw, "&") {
		if piece == "" {
			continue
		}
		pair := append(strings.SplitN(piece, "=", 2), "")
		name, err1 := url.QueryUnescape(pair[0])
		value, err2 := url.QueryUnescape(pair[1])
		if err1 != nil || err2 != nil || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, false
		}
		params = append(params, Param{name, value})
	}
	return params, true
}

// slowCanonical sorts whole pairs; a NUL, which no encoded text holds, keeps a name apart from a longer one.
func slowCanonical(params []Param) string {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var pairs []string
	for _, p := range params {
		if p.Name != "sign" {
			pairs = append(pairs, escape(p.Name)+"\x00"+escape(p.Value))
		}
	}
	slices.Sort(pairs)
	return strings.ReplaceAll(strings.Join(pairs, "&"), "\x00", "=")
}

func addQueries(f *testing.F) {
	for _, raw := range []string{"", "b=2&a=1&a=0", "x=a+b%2Bc~d*&;=;&&=", "苏=%E8%8B%8F", "a=%zz", "a=%4", "%ff=1", "a=%c3%28", "sign=1&sign=2&Sign=3", "a-=1&a=2&a%00=3", "==&=&&a==b",
		"app_id=tongli&timestamp=1790000000&nonce=0123456789abcdef&sign=00", "app_id=tongli&timestamp=1790000000123&nonce=0123456789abcdef&sign=00&sign_type=HMAC-SHA256&park_sn=2017-01-01+12:00:00"} {
		f.Add(raw)
	}
}

// FuzzCanonicalQuery: a query is read and made canonical as net/url would, in whatever order it came, and canonicalising again
// changes nothing.
func FuzzCanonicalQuery(f *testing.F) {
	addQueries(f)
	f.Fuzz(func(t *testing.T, raw string) {
		params, err := ParseQuery(raw)
		want, ok := slowQuery(raw)
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrQuery) {
			t.Fatalf("%q: %v, want readable %v", raw, err, ok)
		}
		if err != nil {
			return
		}
		if !slices.Equal(params, want) {
			t.Fatalf("%q: %q, want %q", raw, params, want)
		}
		once := CanonicalQuery(params)
		if want := slowCanonical(params); once != want {
			t.Fatalf("canonical %q, want %q", once, want)
		}
		slices.Reverse(params)
		if other := CanonicalQuery(params); other != once {
			t.Errorf("in another order %q, not %q", other, once)
		}
		again, err := ParseQuery(once)
		if err != nil {
			t.Fatalf("%q does not parse: %v", once, err)
		}
		if twice := CanonicalQuery(again); twice != once {
			t.Errorf("not stable: %q then %q", once, twice)
		}
	})
}

// FuzzVerify: a sign that was made for one request lets in exactly those whose method, path, canonical query and body are equal.
func FuzzVerify(f *testing.F) {
	const common = "app_id=tongli&timestamp=1790000000&nonce=0123456789abcdef"
	f.Add("POST", "/lease/park", common, "{}", "POST", "/lease/park", common, "{}")
	f.Add("POST", "/lease/park", common+"&b=2&a=1", "{}", "POST", "/lease/park", "a=1&"+common+"&&b=%32", "{}")
	f.Add("POST", "/lease/park", common, "{}", "GET", "/lease/park", common, "{}")
	f.Add("POST", "/lease/park", common, "{}", "POST", "/lease/order", common, "{}")
	f.Add("POST", "/lease/park", common, "{}", "POST", "/lease/park", common, "{} ")
	f.Add("GET", "/lease/order", common+"&park_sn=P%201", "", "GET", "/lease/order", common+"&park_sn=P+1", "")
	f.Add("GET", "/lease/order", common+"&a=b", "", "GET", "/lease/order", common, "a=b")
	f.Add("GET", "/lease/order", common+"&a", "", "GET", "/lease/order", common+"&a=&sign_type=MD5", "")
	f.Fuzz(func(t *testing.T, method, path, query, body, method2, path2, query2, body2 string) {
		if strings.Contains(method+path+method2+path2, "\n") {
			return // a method and a path are those of a route
		}
		signed, ok1 := slowQuery(query)
		sent, ok2 := slowQuery(query2)
		if !ok1 || !ok2 {
			return
		}
		sent = slices.DeleteFunc(sent, func(p Param) bool { return p.Name == "sign" })
		sign := Sign("secret", StringToSign(method, path, signed, []byte(body)))
		common, err := Verify(method2, path2, append(sent, Param{"sign", sign}), []byte(body2), "tongli", []string{"other", "secret"}, time.Unix(1790000000, 0))
		wellFormed := slowCommon(sent)
		equal := method == method2 && path == path2 && body == body2 && slowCanonical(signed) == slowCanonical(sent)
		switch {
		case !wellFormed:
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("malformed common parameters: %v", err)
			}
		case errors.Is(err, ErrTimestamp), errors.Is(err, ErrAppUnknown):
			if common.AppID == "tongli" && (common.Timestamp.Unix() == 1790000000) {
				t.Errorf("%v for %+v", err, common)
			}
		case equal != (err == nil), err != nil && !errors.Is(err, ErrWrong):
			t.Errorf("equal %v, verdict %v", equal, err)
		}
	})
}

// slowCommon is the contract's bullet on common parameters, sign aside.
func slowCommon(params []Param) bool {
	count := map[string]int{}
	value := map[string]string{}
	for _, p := range params {
		count[p.Name]++
		value[p.Name] = p.Value
	}
	only := func(s, alphabet string) bool { return strings.Trim(s, alphabet) == "" }
	stamp, nonce := value["timestamp"], value["nonce"]
	const digit, letter = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	return count["app_id"] == 1 && value["app_id"] != "" && count["timestamp"] == 1 && count["nonce"] == 1 && count["sign_type"] <= 1 &&
		only(stamp, digit) && (len(stamp) == 10 || len(stamp) == 13) && only(nonce, digit+letter+"_-") && len(nonce) >= 16 && len(nonce) <= 64 &&
		(count["sign_type"] == 0 || value["sign_type"] == "HMAC-SHA256")
}

// TestStringToSignIsRead: method, path, query and body can be told apart in it, so that none can stand for another.
func TestStringToSignIsRead(t *testing.T) {
	params := []Param{{"a\nb", "c\nd"}, {"sign", "x"}}
	got := strings.SplitN(string(StringToSign("POST", "/lease/park", params, []byte("1\n2"))), "\n", 4)
	if want := []string{"POST", "/lease/park", "a%0Ab=c%0Ad", "1\n2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
