package e2e

import (
	"fmt"
	"strings"
)

const form = "application/x-www-form-urlencoded"

// sending changes the whole body and how it is read.
func sending(contentType, body string) change { return all(media(contentType), as(body)) }

var decodingRows = []row{
	{"JSON without a content type", listByPost, media(""), 200, 0, ""},
	{"JSON with a charset in capitals", listByPost, media("application/json; charset=UTF-8"), 200, 0, ""},
	{"JSON with charset utf8", listByPost, media("application/json; charset=utf8"), 200, 0, ""},
	{"the media type in capitals", listByPost, media("APPLICATION/JSON"), 200, 0, ""},
	{"a form", listByForm, none, 200, 0, ""},
	{"a form with a charset", listByForm, media(form + "; charset=utf-8"), 200, 0, ""},
	{"white space around the object", listByPost, as(" \t\r\n{ \"park_sn\" : \"P1\" } \n"), 200, 0, ""},
	{"escapes in a name", listByPost, as(`{"p\u0061rk_sn":"P1"}`), 200, 0, ""},
	{"escapes in a value", listByPost, as(`{"park_sn":"\u0050\u0031"}`), 200, 0, ""},
	{"a pair of surrogates", listByPost, as(`{"park_sn":"P1","x":"\ud83d\ude00"}`), 200, 0, ""},
	{"an unknown name", listByPost, field("unknown", `{"a":[1,2,{"b":null}]}`), 200, 0, ""},
	{"a name in other case beside the right one", listByPost, field("Park_sn", `5`), 200, 0, ""},
	{"nesting of 32", listByPost, field("x", strings.Repeat("[", 31)+strings.Repeat("]", 31)), 200, 0, ""},
	{"a number with an exponent under an unknown name", listByPost, field("x", `-1.5e-300`), 200, 0, ""},
	{"a form with plus and escapes", listByForm, as("park_sn=2017-01-01+12%3A00%3A00"), 200, 0, ""},
	{"a form with empty pieces", listByForm, as("&&park_sn=P1&&"), 200, 0, ""},
	{"null counts as absent", listByPost, field("limit", `null`), 200, 0, ""},
	{"an empty string counts as absent", listByPost, field("limit", `""`), 200, 0, ""},
	{"white space counts as absent", listByPost, field("limit", `" \u3000\t"`), 200, 0, ""},
	{"strings are trimmed of Unicode white space", listByPost, field("park_sn", `"\u3000 P1\u00a0"`), 200, 0, ""},
	{"business parameters of a POST's query are not read", listByPost, all(as(`{"park_sn":"P1","limit":1}`), again("limit", "x")), 200, 0, ""},
	{"the body of a GET is not read", list, as(`{"park_sn":`), 200, 0, ""},
	{"a form's body of a GET is not read", list, sending(form, "park_sn=P2"), 200, 0, ""},

	{"no body", listByPost, as(""), 400, 40002, "park_sn"},
	{"an empty object", listByPost, as("{}"), 400, 40002, "park_sn"},
	{"an empty form", listByForm, as(""), 400, 40002, "park_sn"},
	{"a name in another case", listByPost, as(`{"Park_sn":"P1"}`), 400, 40002, "park_sn"},
	{"a name with a space", listByPost, as(`{"park_sn ":"P1"}`), 400, 40002, "park_sn"},
	{"a required null", listByPost, field("park_sn", "null"), 400, 40002, "park_sn"},
	{"a required empty string", listByPost, field("park_sn", `""`), 400, 40002, "park_sn"},
	{"a required string of white space", listByPost, field("park_sn", `"　"`), 400, 40002, "park_sn"},
	{"parameters of a POST in the query only", listByPost, all(as("{}"), again("park_sn", "P1")), 400, 40002, "park_sn"},
	{"parameters of a GET in the body only", list, all(param("park_sn", "-"), as(`{"park_sn":"P1"}`)), 400, 40002, "park_sn"},

	{"cut off", listByPost, as(`{"park_sn":"P1"`), 400, 40001, ""},
	{"white space alone", listByPost, as(" "), 400, 40001, ""},
	{"a list", listByPost, as(`[{"park_sn":"P1"}]`), 400, 40001, ""},
	{"a string", listByPost, as(`"park_sn"`), 400, 40001, ""},
	{"null", listByPost, as(`null`), 400, 40001, ""},
	{"two objects", listByPost, as(`{"park_sn":"P1"}{}`), 400, 40001, ""},
	{"two objects on two lines", listByPost, as("{\"park_sn\":\"P1\"}\n{}"), 400, 40001, ""},
	{"rubbish behind the object", listByPost, as(`{"park_sn":"P1"}x`), 400, 40001, ""},
	{"a NUL behind the object", listByPost, as("{\"park_sn\":\"P1\"}\x00"), 400, 40001, ""},
	{"a comma too many", listByPost, as(`{"park_sn":"P1",}`), 400, 40001, ""},
	{"single quotes", listByPost, as(`{'park_sn':'P1'}`), 400, 40001, ""},
	{"a name without quotes", listByPost, as(`{park_sn:"P1"}`), 400, 40001, ""},
	{"a comment", listByPost, as(`{"park_sn":"P1"/*x*/}`), 400, 40001, ""},
	{"a literal that JSON has not", listByPost, as(`{"park_sn":"P1","x":NaN}`), 400, 40001, ""},
	{"True", listByPost, as(`{"park_sn":"P1","x":True}`), 400, 40001, ""},
	{"a leading zero", listByPost, as(`{"park_sn":"P1","limit":01}`), 400, 40001, ""},
	{"a leading plus", listByPost, as(`{"park_sn":"P1","limit":+1}`), 400, 40001, ""},
	{"a hex number", listByPost, as(`{"park_sn":"P1","limit":0x1}`), 400, 40001, ""},
	{"a line feed in a string", listByPost, as("{\"park_sn\":\"P1\n\"}"), 400, 40001, ""},
	{"an escape that JSON has not", listByPost, as(`{"park_sn":"\x50"}`), 400, 40001, ""},
	{"an escape cut off", listByPost, as(`{"park_sn":"\u00"}`), 400, 40001, ""},
	{"a BOM", listByPost, as("\ufeff" + `{"park_sn":"P1"}`), 400, 40001, ""},
	{"bytes that are not UTF-8", listByPost, as("{\"park_sn\":\"P1\",\"x\":\"\xff\"}"), 400, 40001, ""},
	{"GBK", listByPost, as("{\"park_sn\":\"P1\",\"x\":\"\xcb\xd5\"}"), 400, 40001, ""},
	{"an encoded surrogate", listByPost, as("{\"park_sn\":\"P1\",\"x\":\"\xed\xa0\x80\"}"), 400, 40001, ""},
	{"a high surrogate alone", listByPost, as(`{"park_sn":"P1","x":"\ud83d"}`), 400, 40001, ""},
	{"a low surrogate alone", listByPost, as(`{"park_sn":"P1","x":"\ude00"}`), 400, 40001, ""},
	{"surrogates in the wrong order", listByPost, as(`{"park_sn":"P1","x":"\ude00\ud83d"}`), 400, 40001, ""},
	{"a surrogate in a name", listByPost, as(`{"park_sn":"P1","\ud83d":1}`), 400, 40001, ""},
	{"a name twice", listByPost, as(`{"park_sn":"P1","park_sn":"P1"}`), 400, 40001, ""},
	{"an unknown name twice", listByPost, as(`{"park_sn":"P1","x":1,"x":1}`), 400, 40001, ""},
	{"a name twice, once escaped", listByPost, as(`{"park_sn":"P1","p\u0061rk_sn":"P1"}`), 400, 40001, ""},
	{"a name twice, deep down", listByPost, as(`{"park_sn":"P1","x":[{"y":{"z":1,"z":2}}]}`), 400, 40001, ""},
	{"nesting of 33", listByPost, field("x", strings.Repeat("[", 32)+strings.Repeat("]", 32)), 400, 40001, ""},
	{"nesting of 10,000", listByPost, func(r *request) { r.body = `{"x":` + strings.Repeat("[", 10_000) }, 400, 40001, ""},
	{"a form named JSON", listByForm, media("application/json"), 400, 40001, ""},
	{"JSON named a form names nothing that is required", listByPost, media(form), 400, 40002, "park_sn"},
	{"a name twice in a form", listByForm, as("park_sn=P1&park_sn=P1"), 400, 40001, ""},
	{"a name twice in a form, once escaped", listByForm, as("park_sn=P1&park%5Fsn=P1"), 400, 40001, ""},
	{"an escape in a form that is none", listByForm, as("park_sn=P1%zz"), 400, 40001, ""},
	{"a form that is not UTF-8", listByForm, as("park_sn=%cb%d5"), 400, 40001, ""},
	{"a form with a BOM", listByForm, as("\ufeffpark_sn=P1"), 400, 40001, ""},
	{"a name twice in the query of a GET", list, again("park_sn", "P1"), 400, 40001, ""},
	{"an unknown name twice in the query of a GET", list, all(again("x", "1"), again("x", "2")), 400, 40001, ""},
	{"a name twice in the query of a POST is signed and not read", listByPost, all(again("x", "1"), again("x", "2")), 200, 0, ""},
	{"XML", listByPost, sending("application/xml", "<park_sn>P1</park_sn>"), 400, 40001, ""},
	{"plain text", listByPost, media("text/plain"), 400, 40001, ""},
	{"multipart", listByPost, media("multipart/form-data; boundary=x"), 400, 40001, ""},
	{"JSON in GBK", listByPost, media("application/json; charset=gbk"), 400, 40001, ""},
	{"a form in GB2312", listByForm, media(form + "; charset=gb2312"), 400, 40001, ""},
	{"application/problem+json", listByPost, media("application/problem+json"), 400, 40001, ""},
	{"a content type that is none", listByPost, media("json"), 400, 40001, ""},
	{"a content type cut off", listByPost, media("application/json; charset"), 400, 40001, ""},

	{"256 KiB exactly", listByPost, as(padded(256 << 10)), 200, 0, ""},
	{"256 KiB and a byte", listByPost, as(padded(256<<10 + 1)), 413, 41301, ""},
	{"256 KiB of a form, which comes in base64", listByForm, as("park_sn=P1&x=" + strings.Repeat("x", 256<<10-13)), 200, 0, ""},
	{"256 KiB of a form and a byte", listByForm, as("park_sn=P1&x=" + strings.Repeat("x", 256<<10-12)), 413, 41301, ""},
	{"256 KiB of keys", listByPost, as(keys(256 << 10)), 200, 0, ""},
	{"a number of 200,000 digits", listByPost, field("limit", strings.Repeat("9", 200_000)), 400, 40003, "limit"},
	{"a number of 200,000 digits under an unknown name", listByPost, field("x", strings.Repeat("9", 200_000)), 200, 0, ""},
}

// padded is a good body of n bytes.
func padded(n int) string {
	return `{"park_sn":"P1"` + strings.Repeat(" ", n-len(`{"park_sn":"P1"}`)) + "}"
}

// keys is a good body of nearly n bytes that is made of names.
func keys(n int) string {
	var b strings.Builder
	b.WriteString(`{"park_sn":"P1"`)
	for i := 0; b.Len() < n-20; i++ {
		fmt.Fprintf(&b, `,"%x":0`, i)
	}
	return b.String() + "}"
}
