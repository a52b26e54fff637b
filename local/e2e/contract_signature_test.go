package e2e

import (
	"strconv"
	"strings"
	"time"

	"lease-gateway/local/stack"
	"lease-gateway/shared/signature"
)

func stamp(off time.Duration) change {
	return func(r *request) { r.stamp = strconv.FormatInt(time.Now().Add(off).Unix(), 10) }
}

func nonce(n string) change    { return func(r *request) { r.nonce = n } }
func leaveOut(n string) change { return func(r *request) { r.leaveOut = n } }
func also(n, v string) change {
	return func(r *request) { r.common = append(r.common, signature.Param{Name: n, Value: v}) }
}
func timestamp(s string) change { return func(r *request) { r.stamp = s } }

// text signs another string than the right one.
func text(f func(string) string) change { return func(r *request) { r.text = f } }

func swap(from, to string) change {
	return text(func(s string) string {
		if !strings.Contains(s, from) {
			panic("the string to sign has no " + from)
		}
		return strings.Replace(s, from, to, 1)
	})
}

// sign changes the sign that goes out.
func sign(f func(string) string) change {
	return after(func(w *wire) {
		before, s, _ := strings.Cut(w.query, "sign=")
		w.query = before + "sign=" + f(s)
	})
}

var signatureRows = []row{
	// accepted
	{"as it is", list, none, 200, 0, ""},
	{"a POST as it is", listByPost, none, 200, 0, ""},
	{"timestamp in milliseconds", list, func(r *request) { r.stamp = strconv.FormatInt(time.Now().UnixMilli(), 10) }, 200, 0, ""},
	{"timestamp 290 s ago", list, stamp(-290 * time.Second), 200, 0, ""},
	{"timestamp 290 s ahead", list, stamp(290 * time.Second), 200, 0, ""},
	{"sign_type", list, also("sign_type", "HMAC-SHA256"), 200, 0, ""},
	{"a parameter that we do not know, signed", list, again("x", "a b+c~d*&=苏"), 200, 0, ""},
	{"a parameter of a POST's query, signed", listByPost, again("x", "1"), 200, 0, ""},
	{"a name without a value", list, again("flag", ""), 200, 0, ""},
	{"nonce of 16", list, nonce("0123456789abcdef"), 200, 0, ""},
	{"nonce of 64, every kind of character", list, nonce("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"), 200, 0, ""},
	{"plus for a space on the URL", list, all(again("x", "a b"), replace("a%20b", "a+b")), 200, 0, ""},
	{"lower-case escapes on the URL", list, all(again("x", "a:b"), replace("%3A", "%3a")), 200, 0, ""},
	{"escapes that are not needed on the URL", list, replace("park_sn=P1", "park_sn=%501"), 200, 0, ""},
	{"the parameters in another order on the URL", list, after(func(w *wire) {
		pieces := strings.Split(w.query, "&")
		w.query = strings.Join(append(pieces[2:], pieces[:2]...), "&")
	}), 200, 0, ""},
	{"empty pieces on the URL", list, replace("&", "&&&"), 200, 0, ""},
	{"an ampersand at the end of the URL", list, after(func(w *wire) { w.query += "&" }), 200, 0, ""},
	{"a name without = on the URL", list, all(again("flag", ""), replace("flag=", "flag")), 200, 0, ""},
	{"semicolons are data", list, all(again("x", "1;y=2"), replace("1%3By%3D2", "1;y%3D2")), 200, 0, ""},
	{"the content type is not signed", listByPost, media("application/json; charset=UTF-8"), 200, 0, ""},

	// 40101
	{"no app_id", list, leaveOut("app_id"), 401, 40101, ""},
	{"no timestamp", list, leaveOut("timestamp"), 401, 40101, ""},
	{"no nonce", list, leaveOut("nonce"), 401, 40101, ""},
	{"no sign", list, leaveOut("sign"), 401, 40101, ""},
	{"nothing at all", list, after(func(w *wire) { w.query = "" }), 401, 40101, ""},
	{"app_id empty", list, func(r *request) { r.appID = "" }, 401, 40101, ""},
	{"sign empty", list, sign(func(string) string { return "" }), 401, 40101, ""},
	{"app_id twice", list, also("app_id", stack.InboundAppID), 401, 40101, ""},
	{"timestamp twice", list, also("timestamp", "1790000000"), 401, 40101, ""},
	{"nonce twice", list, also("nonce", "0123456789abcdef0"), 401, 40101, ""},
	{"sign twice", list, after(func(w *wire) { w.query += "&sign=" + strings.Repeat("0", 64) }), 401, 40101, ""},
	{"sign_type twice", list, all(also("sign_type", "HMAC-SHA256"), also("sign_type", "HMAC-SHA256")), 401, 40101, ""},
	{"nonce of 15", list, nonce("0123456789abcde"), 401, 40101, ""},
	{"nonce of 65", list, nonce(strings.Repeat("a", 65)), 401, 40101, ""},
	{"nonce with a dot", list, nonce("0123456789abcde."), 401, 40101, ""},
	{"nonce with a space", list, nonce("0123456789 abcdef"), 401, 40101, ""},
	{"nonce in full-width digits", list, nonce("０１２３４５６７８９abcdef"), 401, 40101, ""},
	{"timestamp of 9 digits", list, timestamp("179000000"), 401, 40101, ""},
	{"timestamp of 11 digits", list, timestamp("17900000000"), 401, 40101, ""},
	{"timestamp of 12 digits", list, timestamp("179000000012"), 401, 40101, ""},
	{"timestamp with a sign", list, timestamp("+179000000"), 401, 40101, ""},
	{"timestamp negative", list, timestamp("-179000000"), 401, 40101, ""},
	{"timestamp with a fraction", list, timestamp("1790000.00"), 401, 40101, ""},
	{"timestamp as a date", list, timestamp("2026-12-01"), 401, 40101, ""},
	{"timestamp in full-width digits", list, timestamp("１７９００００００１"), 401, 40101, ""},
	{"sign_type MD5", list, also("sign_type", "MD5"), 401, 40101, ""},
	{"sign_type in lower case", list, also("sign_type", "hmac-sha256"), 401, 40101, ""},
	{"sign_type empty", list, also("sign_type", ""), 401, 40101, ""},
	{"an escape that is none", list, replace("P1", "P1%zz"), 401, 40101, ""},
	{"half an escape", list, after(func(w *wire) { w.query += "&x=%4" }), 401, 40101, ""},
	{"an escape that is not UTF-8", list, after(func(w *wire) { w.query += "&x=%ff" }), 401, 40101, ""},
	{"an escaped surrogate", list, after(func(w *wire) { w.query += "&x=%ED%A0%80" }), 401, 40101, ""},
	{"the common parameters in the body", listByPost, after(func(w *wire) {
		w.body, w.query = `{"park_sn":"P1","`+strings.NewReplacer("=", `":"`, "&", `","`).Replace(w.query)+`"}`, ""
	}), 401, 40101, ""},
	{"App_id", list, after(func(w *wire) { w.query = strings.Replace(w.query, "app_id", "App_id", 1) }), 401, 40101, ""},

	// 40104 before 40102 before 40103
	{"timestamp 310 s ago", list, stamp(-310 * time.Second), 401, 40104, ""},
	{"timestamp 310 s ahead", list, stamp(310 * time.Second), 401, 40104, ""},
	{"timestamp of 1970", list, timestamp("0000000000"), 401, 40104, ""},
	{"milliseconds of an hour ago", list, func(r *request) { r.stamp = strconv.FormatInt(time.Now().Add(-time.Hour).UnixMilli(), 10) }, 401, 40104, ""},
	{"late, of a stranger, with a wrong sign", list, all(stamp(-time.Hour), func(r *request) { r.appID, r.secret = "stranger", "x" }), 401, 40104, ""},
	{"app_id of a stranger", list, func(r *request) { r.appID = "stranger" }, 401, 40102, ""},
	{"app_id of the other direction", list, func(r *request) { r.appID = stack.OutboundAppID }, 401, 40102, ""},
	{"app_id in upper case", list, func(r *request) { r.appID = strings.ToUpper(stack.InboundAppID) }, 401, 40102, ""},
	{"app_id with a space behind", list, func(r *request) { r.appID += " " }, 401, 40102, ""},
	{"a stranger with a wrong sign", list, func(r *request) { r.appID, r.secret = "stranger", "x" }, 401, 40102, ""},

	// 40103
	{"another secret", list, func(r *request) { r.secret = "another" }, 401, 40103, ""},
	{"an empty secret", list, func(r *request) { r.secret = "" }, 401, 40103, ""},
	{"a bit of the sign", list, sign(func(s string) string { return string(s[0]^1) + s[1:] }), 401, 40103, ""},
	{"sign in upper case", list, sign(func(s string) string { return strings.ToUpper(s) }), 401, 40103, ""},
	{"sign one digit short", list, sign(func(s string) string { return s[1:] }), 401, 40103, ""},
	{"sign one digit long", list, sign(func(s string) string { return s + "0" }), 401, 40103, ""},
	{"sign of no hex", list, sign(func(string) string { return strings.Repeat("z", 64) }), 401, 40103, ""},
	{"sign with a space behind", list, sign(func(s string) string { return s + "+" }), 401, 40103, ""},
	{"sign of nothing", list, text(func(string) string { return "" }), 401, 40103, ""},
	{"a parameter changed", list, replace("park_sn=P1", "park_sn=P2"), 401, 40103, ""},
	{"a parameter added", list, after(func(w *wire) { w.query += "&page=2" }), 401, 40103, ""},
	{"a parameter left out", list, all(again("page", "1"), replace("page=1", "")), 401, 40103, ""},
	{"a parameter given twice after signing", list, after(func(w *wire) { w.query = "park_sn=P1&" + w.query }), 401, 40103, ""},
	{"a space that became two", list, all(again("x", "a b"), replace("a%20b", "a++b")), 401, 40103, ""},
	{"encoded twice on the URL", list, all(again("x", "a:b"), replace("%3A", "%253A")), 401, 40103, ""},
	{"the method of another call", list, text(func(s string) string { return "POST" + strings.TrimPrefix(s, "GET") }), 401, 40103, ""},
	{"the method in lower case", list, text(func(s string) string { return "get" + strings.TrimPrefix(s, "GET") }), 401, 40103, ""},
	{"the path of another call", list, swap("/lease/order", "/lease/park"), 401, 40103, ""},
	{"the path without its slash", list, swap("/lease/order", "lease/order"), 401, 40103, ""},
	{"the path with a stage", list, swap("/lease/order", "/prod/lease/order"), 401, 40103, ""},
	{"the path with a slash behind", list, swap("/lease/order", "/lease/order/"), 401, 40103, ""},
	{"not sorted", list, swap("app_id=tongli-demo&nonce", "nonce"), 401, 40103, ""},
	{"a space signed as plus", list, all(again("x", "a b"), swap("%20", "+")), 401, 40103, ""},
	{"lower-case escapes signed", list, all(again("x", "a:b"), swap("%3A", "%3a")), 401, 40103, ""},
	{"a tilde signed as an escape", list, all(again("x", "~"), swap("x=~", "x=%7E")), 401, 40103, ""},
	{"the last line feed left out", list, text(func(s string) string { return strings.TrimSuffix(s, "\n") }), 401, 40103, ""},
	{"a line feed too many", list, text(func(s string) string { return s + "\n" }), 401, 40103, ""},
	{"lines of CR LF", list, text(func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }), 401, 40103, ""},
	{"sign_type not signed", list, all(also("sign_type", "HMAC-SHA256"), swap("&sign_type=HMAC-SHA256", "")), 401, 40103, ""},
	{"a byte of the body", listByPost, after(func(w *wire) { w.body = strings.Replace(w.body, "P1", "P2", 1) }), 401, 40103, ""},
	{"a space behind the body", listByPost, after(func(w *wire) { w.body += " " }), 401, 40103, ""},
	{"the body serialised anew", listByPost, after(func(w *wire) { w.body = `{"park_sn": "P1"}` }), 401, 40103, ""},
	{"no body where one was signed", listByPost, after(func(w *wire) { w.body = "" }), 401, 40103, ""},
	{"a body where none was signed", listByPost, all(as(""), after(func(w *wire) { w.body = `{"park_sn":"P1"}` })), 401, 40103, ""},
	{"another call's sign", listByPost, after(func(w *wire) {
		other := push()
		text := signature.StringToSign(other.method, other.path, []signature.Param{{Name: "app_id", Value: other.appID}, {Name: "timestamp", Value: other.stamp}, {Name: "nonce", Value: other.nonce}}, []byte(other.body))
		w.query = w.query[:strings.Index(w.query, "sign=")] + "sign=" + signature.Sign(other.secret, text)
	}), 401, 40103, ""},
	{"the sign of a GET on a POST", list, after(func(w *wire) { w.method = "POST" }), 401, 40103, ""},

	// 40105, and only after a valid signature
	{"a nonce used before", list, nonce("0123456789abcdef"), 401, 40105, ""},
	{"a nonce used before, in another call", listByPost, nonce("0123456789abcdef"), 401, 40105, ""},
	{"a nonce used before with a wrong sign", list, all(nonce("0123456789abcdef"), func(r *request) { r.secret = "x" }), 401, 40103, ""},
	{"a wrong sign takes no nonce", list, all(nonce("a-nonce-to-be-kept"), func(r *request) { r.secret = "x" }), 401, 40103, ""},
	{"so it is still free", list, nonce("a-nonce-to-be-kept"), 200, 0, ""},
	{"nonces tell case apart", list, nonce("A-nonce-to-be-kept"), 200, 0, ""},
	{"a bad request takes its nonce", listByPost, all(nonce("of-a-bad-request-"), as(`{`)), 400, 40001, ""},
	{"so it is used", listByPost, nonce("of-a-bad-request-"), 401, 40105, ""},

	// the signature comes before what it protects
	{"a wrong sign and a body that is no JSON", listByPost, all(as(`{`), func(r *request) { r.secret = "x" }), 401, 40103, ""},
	{"a wrong sign and an unknown park", list, all(param("park_sn", "none"), func(r *request) { r.secret = "x" }), 401, 40103, ""},
}
