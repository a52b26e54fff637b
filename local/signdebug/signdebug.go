// Package signdebug explains signatures, on the local run only: what is to be signed for a request (`make sign`), and where a
// caller's own string to sign, or sign, departs from it and why (POST /debug/signature on the console's port). Nothing of
// it is linked into a function: an answer of the API says which check failed, never what was expected.
package signdebug

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lease-gateway/shared/signature"
)

// Directions of a call.
const (
	Inbound  = "inbound"  // Tongli calls us
	Outbound = "outbound" // we call Tongli
)

// Side is what signs one direction. BaseURL is where its calls go, for the curl.
type Side struct{ AppID, Secret, BaseURL string }

// Debugger knows the local run's two sides.
type Debugger struct {
	Inbound, Outbound Side
	Now               func() time.Time
}

// Question is the body of POST /debug/signature.
type Question struct {
	Direction string `json:"direction"` // inbound (also when empty) or outbound
	Method    string `json:"method"`
	Path      string `json:"path"`  // the contract path, "/lease/order"
	Query     string `json:"query"` // as on the URL, behind the "?", with or without sign
	// Body is the body as text; BodyBase64 in its place carries bytes that are no UTF-8.
	Body       string `json:"body"`
	BodyBase64 string `json:"body_base64"`
	// ContentType is for the curl only: it is not signed. Empty: JSON.
	ContentType string `json:"content_type"`
	// StringToSign is what the caller signed, Sign what came out; each may be empty. Sign defaults to the query's.
	StringToSign       string `json:"string_to_sign"`
	StringToSignBase64 string `json:"string_to_sign_base64"`
	Sign               string `json:"sign"`
}

// Verdicts of an Answer.
const (
	Signed        = "signed"         // nothing to compare was given: this is how to sign it
	Equal         = "equal"          // what was given is what we have
	StringDiffers = "string_differs" // see difference
	SignDiffers   = "sign_differs"   // the string is right, or was not given, and the sign is not
)

// Answer says what we would sign and where the caller departs from it.
type Answer struct {
	Verdict      string      `json:"verdict"`
	Direction    string      `json:"direction"`
	StringToSign string      `json:"string_to_sign"` // ours; bytes that are no UTF-8 become U+FFFD here
	Escaped      string      `json:"escaped"`        // the same, on one line: \n, \t, \xff
	Bytes        int         `json:"bytes"`
	Sign         string      `json:"sign"` // ours
	Query        string      `json:"query"`
	Curl         string      `json:"curl"`
	Difference   *Difference `json:"difference"` // of the strings; null when they are equal or none was given
	Causes       []Cause     `json:"causes"`     // likely ones, the likeliest first; never null
	Problems     []Problem   `json:"problems"`   // what is refused whatever the sign is; never null
}

// Difference is the first byte in which the two strings to sign differ.
type Difference struct {
	Offset int    `json:"offset"` // in bytes, from 0
	Line   int    `json:"line"`   // of the string to sign, from 1
	Part   string `json:"part"`   // method, path, query, body
	Name   string `json:"name"`   // of the parameter, when part is query
	Ours   string `json:"ours"`   // what stands around there, escaped; "" at the end
	Yours  string `json:"yours"`
	Before string `json:"before"` // the bytes before it, which are equal, escaped
}

// Cause is why. Certain means that the very mistake reproduces what the caller sent.
type Cause struct {
	Cause   string `json:"cause"` // a word for programs
	Certain bool   `json:"certain"`
	Hint    string `json:"hint"`
	HintZH  string `json:"hint_zh"`
}

// Problem is a check besides the signature that the request does not pass.
type Problem struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// request is a question, decoded.
type request struct {
	method, path, rawQuery string
	params                 []signature.Param
	body                   []byte
}

func (r *request) text() string {
	return string(signature.StringToSign(r.method, r.path, r.params, r.body))
}

// ErrQuestion is a question that cannot be read; its text is for the caller.
var ErrQuestion = errors.New("the question")

// Explain answers a question. Common parameters that are absent are filled in when there is nothing to compare.
func (d *Debugger) Explain(q Question) (Answer, error) {
	side, other, err := d.sides(q.Direction)
	if err != nil {
		return Answer{}, err
	}
	r, yours, given, err := read(q)
	if err != nil {
		return Answer{}, err
	}
	sign := q.Sign
	for _, p := range r.params {
		if p.Name == "sign" && sign == "" {
			sign = p.Value
		}
	}
	a := Answer{Verdict: Equal, Direction: q.Direction, Causes: []Cause{}, Problems: []Problem{}}
	if a.Direction == "" {
		a.Direction = Inbound
	}
	if !given && sign == "" {
		a.Verdict = Signed
		r.params = fill(r.params, side.AppID, d.Now())
	}
	ours := r.text()
	a.StringToSign, a.Escaped, a.Bytes = strings.ToValidUTF8(ours, "\ufffd"), escaped(ours), len(ours)
	a.Sign = signature.Sign(side.Secret, []byte(ours))
	a.Query = signature.CanonicalQuery(r.params) + "&sign=" + a.Sign
	a.Curl = curl(side.BaseURL, q.ContentType, r, a.Query)
	a.Problems = append(a.Problems, d.problems(&r, side, a.Verdict != Signed, sign)...)
	switch {
	case given && yours != ours:
		a.Verdict = StringDiffers
		a.Difference = difference(ours, yours)
		a.Causes = stringCauses(&r, ours, yours)
	case sign != "" && sign != a.Sign:
		a.Verdict = SignDiffers
		a.Causes = signCauses(&r, ours, sign, side.Secret, other.Secret, given)
	}
	d.redact(&a)
	return a, nil
}

func (d *Debugger) sides(direction string) (side, other Side, err error) {
	switch direction {
	case "", Inbound:
		return d.Inbound, d.Outbound, nil
	case Outbound:
		return d.Outbound, d.Inbound, nil
	}
	return side, other, fmt.Errorf("%w: direction must be inbound (Tongli calls us) or outbound (we call Tongli)", ErrQuestion)
}

// read decodes a question; yours is the caller's string to sign, where it is given.
func read(q Question) (r request, yours string, given bool, err error) {
	r = request{method: q.Method, path: q.Path, rawQuery: q.Query, body: []byte(q.Body)}
	if r.method == "" || !strings.HasPrefix(r.path, "/") || strings.ContainsAny(r.path, "?#") {
		return r, "", false, fmt.Errorf("%w: method and path are required; path begins with a slash and has no query: /lease/order", ErrQuestion)
	}
	if q.BodyBase64 != "" {
		if r.body, err = base64.StdEncoding.DecodeString(q.BodyBase64); err != nil || q.Body != "" {
			return r, "", false, fmt.Errorf("%w: body_base64 must be base64, and stands in place of body", ErrQuestion)
		}
	}
	if r.params, err = signature.ParseQuery(q.Query); err != nil {
		return r, "", false, fmt.Errorf("%w: query has an escape that is none (%%zz), or is not UTF-8: it is answered with 40101", ErrQuestion)
	}
	yours = q.StringToSign
	if q.StringToSignBase64 != "" {
		raw, err := base64.StdEncoding.DecodeString(q.StringToSignBase64)
		if err != nil || yours != "" {
			return r, "", false, fmt.Errorf("%w: string_to_sign_base64 must be base64, and stands in place of string_to_sign", ErrQuestion)
		}
		yours = string(raw)
	}
	return r, yours, yours != "", nil
}

// fill adds the common parameters that are absent.
func fill(params []signature.Param, appID string, now time.Time) []signature.Param {
	for _, p := range []signature.Param{{Name: "app_id", Value: appID}, {Name: "timestamp", Value: strconv.FormatInt(now.Unix(), 10)}, {Name: "nonce", Value: signature.NewNonce()}} {
		if !has(params, p.Name) {
			params = append(params, p)
		}
	}
	return params
}

func has(params []signature.Param, name string) bool {
	for _, p := range params {
		if p.Name == name {
			return true
		}
	}
	return false
}

// problems are what the door refuses before it looks at the sign. A sign given beside the query counts as the query's.
func (d *Debugger) problems(r *request, side Side, sent bool, sign string) []Problem {
	if !sent {
		return nil
	}
	params := r.params
	if !has(params, "sign") {
		if sign == "" {
			sign = "-" // its absence is no fault of the string to sign
		}
		params = append(params[:len(params):len(params)], signature.Param{Name: "sign", Value: sign})
	}
	_, err := signature.Verify(r.method, r.path, params, r.body, side.AppID, []string{side.Secret}, d.Now())
	for code, refused := range map[int]error{40101: signature.ErrMalformed, 40104: signature.ErrTimestamp, 40102: signature.ErrAppUnknown} {
		if errors.Is(err, refused) {
			reason := err.Error()
			if code == 40102 {
				reason = "app_id unknown in this direction: here it is " + side.AppID
			}
			return []Problem{{code, reason}}
		}
	}
	return nil
}

// redact takes the secrets out of whatever a caller had put into the request.
func (d *Debugger) redact(a *Answer) {
	texts := []*string{&a.StringToSign, &a.Escaped, &a.Query, &a.Curl}
	if a.Difference != nil {
		texts = append(texts, &a.Difference.Name, &a.Difference.Ours, &a.Difference.Yours, &a.Difference.Before)
	}
	for _, text := range texts {
		*text = d.clean(*text)
	}
}

func (d *Debugger) clean(text string) string {
	for _, secret := range []string{d.Inbound.Secret, d.Outbound.Secret} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[secret]")
		}
	}
	return text
}
