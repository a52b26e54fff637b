package parkpoller_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"unicode/utf16"

	"lease-gateway/functions/park-poller/parkpoller"
)

var garbageKinds = []garbage{
	// answers that are none
	{name: "HTML with 200", answer: text("<html>502 Bad Gateway</html>"), reason: parkpoller.PageFailed, says: "page 2: HTTP 200, not an envelope: invalid character '<'"},
	{name: "nothing with 200", answer: text(""), reason: parkpoller.PageFailed, says: "not an envelope: empty"},
	{name: "204", answer: status(204, ""), reason: parkpoller.PageFailed, says: "HTTP 204, not an envelope: empty"},
	{name: "truncated JSON", answer: func(w http.ResponseWriter, good string) { text(good[:len(good)/2])(w, "") }, reason: parkpoller.PageFailed, says: "unexpected EOF"},
	{name: "a trailing comma", answer: edited(`]}`, `],}`), reason: parkpoller.PageFailed, says: "not an envelope: invalid character"},
	{name: "two values", answer: func(w http.ResponseWriter, good string) { text(good+good)(w, "") }, reason: parkpoller.PageFailed, says: "more than one JSON value"},
	{name: "JSONP", answer: func(w http.ResponseWriter, good string) { text("callback("+good+");")(w, "") }, reason: parkpoller.PageFailed, says: "invalid character 'c'"},
	{name: "single quotes", answer: func(w http.ResponseWriter, good string) { text(strings.ReplaceAll(good, `"`, `'`))(w, "") }, reason: parkpoller.PageFailed, says: `invalid character '\''`},
	{name: "NaN", answer: row7(`"price":100`, `"price":NaN`), reason: parkpoller.PageFailed, says: "invalid character 'N'"},
	{name: "a NUL byte", answer: row7("园区", "园\x00区"), reason: parkpoller.PageFailed, says: `invalid character '\x00' in string`},
	{name: "a BOM", answer: func(w http.ResponseWriter, good string) { text("\ufeff"+good)(w, "") }, reason: parkpoller.PageFailed, says: "invalid character 'ï'"},
	{name: "UTF-16", answer: func(w http.ResponseWriter, good string) { text(wide(good))(w, "") }, reason: parkpoller.PageFailed, says: `invalid character '\x00'`},
	{name: "a bare array", answer: text("[" + goodRow + "]"), reason: parkpoller.PageFailed, says: "no JSON object"},
	{name: "50 MB", answer: func(w http.ResponseWriter, good string) { _, _ = io.Copy(w, spaces(50<<20)) }, reason: parkpoller.PageFailed, says: "over 8 MiB"},
	{name: "50 MB of parks", answer: func(w http.ResponseWriter, _ string) { manyRows(w, 50<<20) }, reason: parkpoller.PageFailed, says: "over 8 MiB"},
	{name: "a gzip bomb", answer: func(w http.ResponseWriter, _ string) { status(200, bomb(), "Content-Encoding", "gzip")(w, "") }, reason: parkpoller.PageFailed, says: "over 8 MiB"},
	{name: "gzip that is none", answer: status(200, "good", "Content-Encoding", "gzip"), reason: parkpoller.PageFailed, says: "the answer is no gzip"},
	{name: "gzip cut", answer: status(200, zipped(strings.NewReader(enveloped(goodRow)))[:60], "Content-Encoding", "gzip"), reason: parkpoller.PageFailed, says: "the answer was cut"},
	{name: "nested too deep", answer: text(`{"code":0,"data":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`), reason: parkpoller.PageFailed, says: "exceeded max depth"},
	// HTTP
	{name: "a redirect", answer: status(302, "", "Location", "/elsewhere"), reason: parkpoller.PageFailed, says: "HTTP 302"},
	{name: "a redirect with the page", answer: status(307, "good", "Location", "/api/leasePark"), reason: parkpoller.PageFailed, says: "HTTP 307, code 0"},
	{name: "401", answer: status(401, `{"code":40103,"msg":"sign wrong"}`), reason: parkpoller.PageFailed, says: "HTTP 401, code 40103: sign wrong"},
	{name: "403 of a firewall", answer: status(403, "<html>"), reason: parkpoller.PageFailed, says: "HTTP 403"},
	{name: "404", answer: status(404, "not found"), reason: parkpoller.PageFailed, says: "HTTP 404"},
	{name: "500 with the page", answer: status(500, "good"), reason: parkpoller.PageFailed, says: "HTTP 500, code 0"},
	{name: "the connection dropped", answer: raw(func(string) string { return "" }), reason: parkpoller.PageFailed, says: "the connection broke"},
	{name: "no HTTP", answer: raw(func(string) string { return "220 mail ready\r\n\r\n" }), reason: parkpoller.PageFailed, says: "the connection broke"},
	{name: "a length too long", answer: raw(func(good string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(good)+9, good)
	}), reason: parkpoller.PageFailed, says: "the answer was cut"},
	{name: "a length too short", answer: raw(func(good string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(good)-9, good)
	}), reason: parkpoller.PageFailed, says: "unexpected EOF"},
	{name: "broken chunks", answer: raw(func(good string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + good }), reason: parkpoller.PageFailed, says: "the connection broke"},
	// the envelope
	{name: "no code", answer: edited(`"code":0,`, ``), reason: parkpoller.PageFailed, says: "not an envelope: no code"},
	{name: "code is null", answer: edited(`"code":0`, `"code":null`), reason: parkpoller.PageFailed, says: "not an envelope: no code"},
	{name: "another code", answer: edited(`"code":0,"msg":"ok"`, `"code":"1","msg":"系统繁忙"`), reason: parkpoller.PageFailed, says: "HTTP 200, code 1: 系统繁忙"},
	{name: "code twice", answer: edited(`"code":0`, `"code":500,"code":0`), reason: parkpoller.PageFailed, says: `"code" is given twice`},
	{name: "data twice", answer: edited(`"data":`, `"data":[],"data":`), reason: parkpoller.PageFailed, says: `"data" is given twice`},
	{name: "data is an object", answer: text(`{"code":0,"data":{"list":[` + goodRow + `]}}`), reason: parkpoller.PageFailed, says: "data is no array"},
	{name: "data is null", answer: text(`{"code":0,"data":null}`), reason: parkpoller.PageFailed, says: "data is no array"},
	{name: "data is missing", answer: text(`{"code":0}`), reason: parkpoller.PageFailed, says: "data is no array"},
	{name: "data is JSON in a string", answer: text(`{"code":0,"data":"[]"}`), reason: parkpoller.PageFailed, says: "data is no array"},
	{name: "a negative total", answer: edited(`"code":0`, `"code":0,"total":-1`)},
	{name: "the echo of another page", answer: edited(`"code":0`, `"code":0,"page":7,"limit":3`)},
	// the walk
	{name: "empty", page: func(int) string { return enveloped() }, reason: parkpoller.EmptyList, says: "12 parks held"},
	{name: "only rows without park_sn", page: only(`{"park_name":"x"}`), reason: parkpoller.EmptyList, reject: "park_sn is required"},
	{name: "page is ignored", page: func(int) string { return enveloped(rows(perPage)...) }, reason: parkpoller.PageRepeated, says: "page 2 repeats page 1"},
	{name: "page 1 in another order", page: func(p int) string { return enveloped(rows(perPage)[p%2*3], rows(perPage)[(p+1)%2*3]) }, reason: parkpoller.PageRepeated, says: "page 2 repeats page 1"},
	{name: "endless pages", page: func(p int) string { return enveloped(row(fmt.Sprintf("X%05d", p), 100)) }, reason: parkpoller.Endless, says: "no end"},
	{name: "a page that shifts back: a row is skipped", page: shifted(1), misses: 1},
	{name: "a page that shifts on: a row comes twice", page: shifted(-1)},
	{name: "a park twice with other content", answer: edited(goodRow, goodRow+","+strings.Replace(rows(1)[0], "100", "7", 1)), reason: parkpoller.Contradicted, says: `park_sn "P00000" on page 2`},
	// rows; one whose park_sn can be read counts as seen
	{name: "numbers as strings", answer: row7(`"price":100`, `"price":"100"`)},
	{name: "a price with a fraction", answer: row7(`"price":100`, `"price":1.5`), reject: "price must be an integer"},
	{name: "a price in words", answer: row7(`"price":100`, `"price":"免费"`), reject: "price must be an integer"},
	{name: "a price that overflows", answer: row7(`"price":100`, `"price":99999999999999999999`), reject: "price must be from 0 to 10000000"},
	{name: "a negative price", answer: row7(`"price":100`, `"price":-1`), reject: "price must be from 0 to 10000000"},
	{name: "nulls", answer: row7(`"price":100`, `"price":null,"end_time_2":null`), reject: "price is required"},
	{name: "true for 1", answer: row7(`"is_sat":1`, `"is_sat":true`), reject: "is_sat must be an integer"},
	{name: "a day that is none", answer: row7("2027-12-31", "2027-02-30"), reject: "deadline "},
	{name: "a window without length", answer: row7("08:00", "18:00"), reject: "end_time must differ from start_time"},
	{name: "half a place", answer: row7(`"price":100`, `"price":100,"longitude":"120.5"`), reject: "latitude is required"},
	{name: "a name of 200 characters", answer: row7("园区", strings.Repeat("园", 200)), reject: "park_name must have 1 to 128 characters"},
	{name: "a name twice in a row", answer: row7(`"price":100`, `"price":7,"price":100`), reject: parkpoller.NotStrict},
	{name: "GBK", answer: row7("园区", "\xd4\xb0\xc7\xf8"), reject: parkpoller.NotStrict},
	{name: "a lone surrogate", answer: row7("园区", `\ud800`), reject: parkpoller.NotStrict},
	{name: "a row nested deep", answer: row7(`"price":100`, `"price":100,"more":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)), reject: parkpoller.NotStrict},
	{name: "a row that is a string", answer: edited(goodRow, `"P00006"`), reject: parkpoller.NotObject, misses: 1},
	{name: "a row that is null", answer: edited(goodRow, "null"), reject: parkpoller.NotObject, misses: 1},
	{name: "a row that is an array", answer: edited(goodRow, "["+goodRow+"]"), reject: parkpoller.NotObject, misses: 1},
	{name: "park_sn as a number", answer: row7(`"P00006"`, `6`), reject: "park_sn must be a string", misses: 1},
	{name: "park_sn with a NUL", answer: row7(`"P00006"`, `"P00006\u0000"`), reject: "park_sn must have printable characters only", misses: 1},
	{name: "park_sn of 65 characters", answer: row7("P00006", strings.Repeat("P", 65)), reject: "park_sn must have 1 to 64 characters", misses: 1},
	{name: "park_sn twice in a row", answer: row7(`"park_sn":"P00006"`, `"park_sn":"P99999","park_sn":"P00006"`), reject: parkpoller.NotStrict},
}

// only lists one row, on page 1.
func only(row string) func(int) string {
	return func(page int) string {
		if page == 1 {
			return enveloped(row)
		}
		return enveloped()
	}
}

// shifted is a list that loses (or, negative, gains) so many rows at its head once page 1 is answered.
func shifted(by int) func(int) string {
	return func(page int) string {
		from := min(max(0, (page-1)*perPage), goodParks)
		if page > 1 {
			from = min(from+by, goodParks)
		}
		return enveloped(rows(goodParks)[from:min(from+perPage, goodParks)]...)
	}
}

func spaces(n int64) io.Reader { return io.LimitReader(blank{}, n) }

type blank struct{}

func (blank) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func manyRows(w io.Writer, bytes int) {
	_, _ = io.WriteString(w, `{"code":0,"data":[`)
	for n := 0; n < bytes; n += len(goodRow) + 1 {
		if _, err := io.WriteString(w, goodRow+","); err != nil {
			return // enough for the reader
		}
	}
	_, _ = io.WriteString(w, goodRow+"]}")
}

// bomb is fifty kilobytes that become fifty megabytes.
var bomb = sync.OnceValue(func() string { return zipped(spaces(50 << 20)) })

func zipped(r io.Reader) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.Copy(w, r)
	_ = w.Close()
	return b.String()
}

func wide(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u>>8), byte(u))
	}
	return string(b)
}
