package attack

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lease-gateway/shared/signature"
)

// kind is one way to forge. make changes a request that was accepted; it returns false where the kind does not fit that one.
type kind struct {
	name  string
	far   bool  // not one change away from an accepted request
	codes []int // what may be answered; anything else is let in, or broken
	make  func(f *forger, r *request) bool
}

// The gateway's own words, an unknown route, and each check of the contract's order.
const (
	own, route, method                                 = -1, 40400, 40500
	malformed, unknownApp, wrong, timestamp, usedNonce = 40101, 40102, 40103, 40104, 40105
)

// kinds lists every way to forge that o knows enough for.
func kinds(o Options) []kind {
	replay, bad, sign := []int{usedNonce}, []int{malformed}, []int{wrong}
	all := []kind{
		raw("replay: as it was", replay, func(*forger, *request) bool { return true }),
		raw("replay: parameters in another order", replay, func(f *forger, r *request) bool {
			pieces := strings.Split(r.Query, "&")
			f.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
			before := r.Query
			r.Query = strings.Join(pieces, "&")
			return before != r.Query
		}),
		raw("replay: a letter escaped", replay, func(f *forger, r *request) bool {
			return piece(r, common[f.IntN(4)], func(p string) string { return p[:len(p)-1] + fmt.Sprintf("%%%02x", p[len(p)-1]) })
		}),
		raw("replay: empty pieces", replay, func(_ *forger, r *request) bool { r.Query = "&&" + r.Query + "&"; return true }),
		raw("replay: another Content-Type", replay, func(_ *forger, r *request) bool { r.Headers = []string{"Content-Type: text/plain"}; return true }),
		raw("replay: headers of a proxy", replay, func(f *forger, r *request) bool {
			r.Headers = append(slices.Clone(r.Headers), []string{"X-HTTP-Method-Override: GET", "X-Forwarded-For: 127.0.0.1", "X-Original-URL: /app/orders", "Authorization: Bearer x", "Cookie: a=b",
				"X-Amzn-Request-Context: {}", "Forwarded: for=127.0.0.1;host=x"}[f.IntN(7)])
			return true
		}),
		raw("replay: chunked", replay, func(_ *forger, r *request) bool { r.Chunked = true; return len(r.Body) > 0 }),
		raw("replay: path escaped", replay, func(_ *forger, r *request) bool { r.Path = "/%6c" + r.Path[2:]; return true }),
		raw("two lengths", []int{own}, func(_ *forger, r *request) bool {
			r.Headers = append(slices.Clone(r.Headers), "Content-Length: 1")
			return len(r.Body) != 1
		}),
		raw("length and chunks, another request behind", []int{own, malformed, wrong, usedNonce}, func(f *forger, r *request) bool {
			o := f.other(r)
			r.Chunked, r.Rest = true, string(o.bytes("127.0.0.1"))
			r.Headers = append(slices.Clone(r.Headers), "Content-Length: 4")
			return len(r.Body) > 0
		}),
		raw("a bit of the target", []int{own, route, method, malformed, unknownApp, wrong, timestamp, usedNonce}, func(f *forger, r *request) bool {
			at := f.IntN(len(r.Query))
			b := []byte(r.Query)
			b[at] ^= 1 << f.IntN(7)
			r.Query = string(b)
			return true
		}),
		set("sign: a bit", sign, "sign", (*forger).flip),
		set("sign: a digit", sign, "sign", func(f *forger, v string) string {
			at := f.IntN(len(v))
			return v[:at] + strings.ReplaceAll("0123456789abcdef", v[at:at+1], "")[f.IntN(15):][:1] + v[at+1:]
		}),
		set("sign: upper case", sign, "sign", func(_ *forger, v string) string { return strings.ToUpper(v) }),
		set("sign: cut", sign, "sign", func(f *forger, v string) string { return v[:1+f.IntN(63)] }),
		set("sign: longer", sign, "sign", func(f *forger, v string) string { return v + v[:1+f.IntN(8)] }),
		set("sign: a space", sign, "sign", func(f *forger, v string) string { return []string{" " + v, v + " ", v + "\x00", v + "\n"}[f.IntN(4)] }),
		raw("sign: another request's", sign, func(f *forger, r *request) bool { o := f.other(r); return with(r, "sign", get(&o, "sign")) }),
		raw("sign: name in another case", bad, func(_ *forger, r *request) bool {
			return piece(r, "sign", func(p string) string { return "S" + p[1:] })
		}),
		raw("common: one missing", bad, func(f *forger, r *request) bool {
			return piece(r, common[f.IntN(4)], func(string) string { return "" })
		}),
		raw("common: one empty", bad, func(f *forger, r *request) bool { return with(r, common[f.IntN(4)], "") }),
		raw("common: one twice", bad, func(f *forger, r *request) bool {
			return piece(r, common[f.IntN(4)], func(p string) string { return p + "&" + p })
		}),
		raw("sign_type: another", bad, func(f *forger, r *request) bool {
			r.Query += "&sign_type=" + []string{"MD5", "none", "hmac-sha256", "HMAC-SHA1", ""}[f.IntN(5)]
			return true
		}),
		raw("sign_type: added", sign, func(_ *forger, r *request) bool { r.Query += "&sign_type=HMAC-SHA256"; return true }),
		set("nonce: a character", sign, "nonce", func(f *forger, v string) string { at := f.IntN(len(v)); return v[:at] + "Z" + v[at+1:] }),
		set("nonce: a fresh one", sign, "nonce", func(*forger, string) string { return signature.NewNonce() }),
		set("nonce: not in its alphabet", bad, "nonce", func(_ *forger, v string) string { return v[1:] + "." }),
		set("nonce: length", bad, "nonce", func(f *forger, v string) string { return strings.Repeat(v, 3)[:[]int{15, 65, 96}[f.IntN(3)]] }),
		raw("nonce: another request's", sign, func(f *forger, r *request) bool { o := f.other(r); return with(r, "nonce", get(&o, "nonce")) }),
		raw("timestamp: a second", sign, func(f *forger, r *request) bool {
			return with(r, "timestamp", strconv.FormatInt(seconds(r)+int64(f.IntN(2)*2-1), 10))
		}),
		raw("timestamp: milliseconds", sign, func(_ *forger, r *request) bool {
			return len(get(r, "timestamp")) == 10 && with(r, "timestamp", strconv.FormatInt(seconds(r)*1000, 10))
		}),
		raw("timestamp: at the border", []int{wrong, timestamp}, func(f *forger, r *request) bool {
			return with(r, "timestamp", strconv.FormatInt(time.Now().Unix()+int64([]int{-301, -300, 300, 301}[f.IntN(4)]), 10))
		}),
		raw("timestamp: far off", []int{timestamp}, func(f *forger, r *request) bool { return with(r, "timestamp", strconv.Itoa(1000000000+f.IntN(1e8))) }),
		set("timestamp: other digits", bad, "timestamp", func(f *forger, v string) string {
			return []string{v + "0", v[1:], "+" + v[1:], "-" + v[1:], "１" + v[1:], v[:9] + "e"}[f.IntN(6)]
		}),
		set("app_id: another", []int{unknownApp}, "app_id", func(f *forger, v string) string {
			return []string{"chejiajia-demo", strings.ToUpper(v), v + " ", v + "\x00", v[1:], "admin"}[f.IntN(6)]
		}),
		raw("method: GET for POST and back", []int{wrong, method}, func(_ *forger, r *request) bool {
			r.Method = map[string]string{"GET": "POST", "POST": "GET"}[r.Method]
			return true
		}),
		raw("method: another", []int{method, route, own}, func(f *forger, r *request) bool {
			r.Method = []string{"PUT", "DELETE", "PATCH", "OPTIONS", "post", "PROPFIND"}[f.IntN(6)]
			return true
		}),
		raw("path: the other one", []int{wrong, method}, func(_ *forger, r *request) bool {
			r.Path = map[string]string{"/lease/park": "/lease/order", "/lease/order": "/lease/park"}[r.Path]
			return true
		}),
		raw("path: a variant", []int{route, method, own}, func(f *forger, r *request) bool {
			r.Path = []string{"/" + r.Path, r.Path + "/", "/Lease" + r.Path[6:], "/prod" + r.Path, "/." + r.Path, r.Path + "/../park", r.Path + "%00", r.Path + "%0A", r.Path + ";x", strings.Replace(r.Path[1:], "/", "%2F", 1)}[f.IntN(10)]
			return true
		}),
		raw("query: a parameter added", sign, func(f *forger, r *request) bool {
			r.Query += []string{"&x=1", "&park_sn=P", "&limit=10000", "&=", "&Sign=0", "&sign%00=1"}[f.IntN(6)]
			return true
		}),
		raw("query: a business parameter", sign, func(f *forger, r *request) bool {
			return piece(r, "park_sn", func(p string) string { return []string{"", p + "0", p + "&" + p, "P" + p[1:]}[f.IntN(4)] })
		}),
		raw("query: an escape that is none", bad, func(f *forger, r *request) bool {
			r.Query += []string{"&x=%zz", "&x=%4", "&%=", "&x=%ff", "&x=%c0%80"}[f.IntN(5)]
			return true
		}),
		body("a bit", func(f *forger, b []byte) []byte { return []byte(f.flip(string(b))) }),
		body("a byte more", func(f *forger, b []byte) []byte { return slices.Insert(b, f.IntN(len(b)+1), byte(f.IntN(256))) }),
		body("a byte less", func(f *forger, b []byte) []byte { at := f.IntN(len(b)); return slices.Delete(b, at, at+1) }),
		body("two bytes swapped", func(f *forger, b []byte) []byte { at := f.IntN(len(b) - 1); b[at], b[at+1] = b[at+1], b[at]; return b }),
		body("white space", func(f *forger, b []byte) []byte { return append(b, " \n\t\r\n"[f.IntN(4)]) }),
		body("a BOM", func(_ *forger, b []byte) []byte { return append([]byte("\ufeff"), b...) }),
		body("dropped", func(*forger, []byte) []byte { return nil }),
		body("another park", func(f *forger, b []byte) []byte { return bytes.Replace(b, []byte("attack-"), []byte("forged-"), 1) }),
		body("another price", func(f *forger, b []byte) []byte { return bytes.Replace(b, []byte("150"), []byte("1"), 1) }),
		body("an escape for a letter", func(_ *forger, b []byte) []byte {
			return bytes.Replace(b, []byte(`"park_sn"`), []byte(`"\u0070ark_sn"`), 1)
		}),
		raw("body: another request's", []int{wrong}, func(f *forger, r *request) bool {
			o := f.other(r)
			before := r.Body
			r.Body = o.Body
			return !bytes.Equal(before, o.Body)
		}),
		raw("direction: our calls' app_id, signed anew", []int{unknownApp}, func(f *forger, r *request) bool {
			return with(r, "app_id", "chejiajia-demo") && with(r, "nonce", signature.NewNonce()) && resign(r, f.o.Secret)
		}),
		raw("late: signed truly, sent later", []int{timestamp}, func(f *forger, r *request) bool {
			off := int64(301 + f.IntN(1000))
			if f.IntN(2) == 0 {
				off = -off - 60 // the clock moves towards it while it travels
			}
			return with(r, "nonce", signature.NewNonce()) && with(r, "timestamp", strconv.FormatInt(time.Now().Unix()-off, 10)) && resign(r, f.o.Secret)
		}),
		{"guess: a secret", true, sign, func(f *forger, r *request) bool {
			return with(r, "nonce", signature.NewNonce()) && resign(r, []string{"", "secret", "password", get(r, "app_id"), f.flip(f.o.Secret), f.o.Secret + " ", f.o.Secret[1:]}[f.IntN(7)])
		}},
		{"guess: MD5 for HMAC-SHA256", true, sign, func(f *forger, r *request) bool {
			mac := hmac.New(md5.New, []byte(f.o.Secret))
			mac.Write(signature.StringToSign(r.Method, r.Path, params(r), r.Body))
			return with(r, "sign", hex.EncodeToString(mac.Sum(nil)))
		}},
		{"garbage: common parameters out of nothing", true, []int{wrong}, func(f *forger, r *request) bool {
			r.Query = fmt.Sprintf("app_id=%s&timestamp=%d&nonce=%s&sign=%s", url.QueryEscape(f.o.AppID), time.Now().Unix(), signature.NewNonce(), signature.NewNonce()+signature.NewNonce())
			return true
		}},
		{"garbage: a query of any bytes", true, []int{own, malformed}, func(f *forger, r *request) bool {
			b := make([]byte, 1+f.IntN(200))
			for i := range b {
				b[i] = byte('!' + f.IntN(94))
			}
			r.Query = string(b)
			return true
		}},
		{"garbage: no query", true, bad, func(_ *forger, r *request) bool { r.Query = ""; return true }},
		{"garbage: an unknown route", true, []int{route}, func(f *forger, r *request) bool {
			r.Path = []string{"/", "/lease", "/lease/parks", "/admin", "/debug/signature", "/.env", "/app", "/api/SynLeaseOrder"}[f.IntN(8)]
			return true
		}},
	}
	if o.Outbound != "" && o.Outbound != o.Secret {
		all = append(all, raw("direction: our calls' secret", sign, func(f *forger, r *request) bool {
			return with(r, "nonce", signature.NewNonce()) && resign(r, f.o.Outbound)
		}))
	}
	return all
}
