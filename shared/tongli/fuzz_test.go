package tongli

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
)

// slowCode is the code of an envelope, by a reading of its own: an object's exact name "code", a number's literal or a string.
func slowCode(body []byte) (string, bool) {
	var object map[string]any
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if !json.Valid(body) || d.Decode(&object) != nil || object == nil {
		return "", false
	}
	names := map[string]bool{}
	d = json.NewDecoder(strings.NewReader(string(body)))
	_, _ = d.Token() // "{"
	for d.More() {
		name, _ := d.Token()
		var value json.RawMessage
		if _ = d.Decode(&value); names[name.(string)] {
			return "", false // given twice: nobody can say which was meant
		}
		names[name.(string)] = true
	}
	switch code := object["code"].(type) {
	case json.Number:
		return string(code), true
	case string:
		return code, code != ""
	}
	return "", false
}

// FuzzClassify: every answer gets one class, the one of the table of 3.4 read row by row, and what is told of it is short and readable.
func FuzzClassify(f *testing.F) {
	for _, s := range []string{``, `{"code":0}`, `{"code":"200"}`, `{"code":200,"data":[]}`, `{"code":42901}`, `{"code":"50001"}`, `{"code":0`, `<html>`, `{"code":40003,"msg":"bad"}`, `{"code":null}`, `{"Code":0}`, `{"code":true}`, `{"code":""}`, `{"code":"40105"}`, `{"code":401010}`,
		`{"code":"\u0030"}`, `{"code":"\"0\""}`, `{"code":"0\""}`, `{"code":1,"code":0}`, `{"code":0.0}`, `{"code":-0}`, `{"code":2e2}`, `{"code":"40101 "}`, `[0]`, `0`, `{"code":40001,"msg":"\ud800\u0000"}`, "{\"code\":1,\"msg\":\"\xff\"}", `{"code":{"code":0}}`} {
		for _, status := range []int{200, 404, 503} {
			f.Add(status, s, "7")
		}
	}
	for _, code := range []string{"40100", "40101", "40104", "40106", "42900", "42901", "50002", "50301", "50302", "199", "201", "-1"} { // the borders of the table
		f.Add(200, `{"code":`+code+`}`, "")
		f.Add(404, `{"code":"`+code+`"}`, "")
	}
	for _, status := range []int{199, 299, 300, 399, 402, 405, 407, 408, 425, 429, 499, 500, 599, 99, 999} {
		f.Add(status, `{"code":"0"}`, "7200")
		f.Add(status, ``, "0")
	}
	f.Add(200, `{"code":"`+strings.Repeat("4", 300)+`","msg":"`+strings.Repeat("园", 300)+`"}`, "7")
	f.Add(401, `{"code":0}`, "Wed, 25 Nov 2026 00:00:00 GMT")
	f.Add(302, ``, "-1")
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		out, told := classify(status, http.Header{"Retry-After": {after}}, []byte(body), time.Unix(1790000000, 0), "the-secret")
		code, enveloped := slowCode([]byte(body))
		ok := status/100 == 2 && status > 0
		var want Class
		switch {
		case status == 401 || ok && (code == "40101" || code == "40102" || code == "40103" || code == "40104" || code == "40105"):
			want = Credentials
		case ok && (code == "0" || code == "200"):
			want = Accepted
		case ok && (!enveloped || code == "42901" || code == "50001" || code == "50301"):
			want = Transient
		case ok:
			want = Refused
		case status < 400 || status >= 500 || status == 403 || status == 408 || status == 425 || status == 429:
			want = Transient
		case (status == 404 || status == 405) && !enveloped:
			want = Transient
		default:
			want = Refused
		}
		if out.Class != want || told != code {
			t.Errorf("%d %q: %s of code %q, want %s of %q", status, body, out.Class, told, want, code)
		}
		if out.RetryAfter < 0 || !utf8.ValidString(out.Detail) || utf8.RuneCountInString(out.Detail) > 260 {
			t.Errorf("retry after %s: %q", out.RetryAfter, out.Detail)
		}
	})
}

// FuzzWhitelistBody: what we send of a list of dates is read back by the contract's own decoder as those dates, sorted, equal ones once.
func FuzzWhitelistBody(f *testing.F) {
	f.Add("2017-01-01 12:00:00", int32(20000), int16(1140), int16(390), int32(19999), int16(0), int16(1440))
	f.Add("\"\\<&>\u2028", int32(20000), int16(1), int16(0), int32(20000), int16(1), int16(1440))
	f.Fuzz(func(t *testing.T, sn string, d1 int32, s1, e1 int16, d2 int32, s2, e2 int16) {
		slot := func(d int32, s, e int16) lease.Slot {
			return lease.Slot{Date: lease.Date(uint32(d) % 2932896), Start: lease.Clock(uint16(s) % 1440), End: lease.Clock(uint16(e) % 1441)}
		}
		slots := []lease.Slot{slot(d1, s1, e1), slot(d2, s2, e2)}
		if !slots[0].Valid() || !slots[1].Valid() || len(lease.Overlapping(slots)) > 0 && slots[0].Compare(slots[1]) != 0 || !utf8.ValidString(sn) {
			return // an order holds no such dates, a park_sn no such bytes
		}
		body := whitelistBody(sn, "苏E88888", slots)
		v, err := envelope.DecodeJSON(body)
		if err != nil || v.Members["park_sn"].Text != sn || len(v.Members) != 3 {
			t.Fatalf("%s: %v", body, err)
		}
		fields := envelope.Read(v)
		read, plate := fields.Slots(), fields.Plate("car_plate_no", true)
		if err := fields.Err(); err != nil || plate != "苏E88888" {
			t.Fatalf("%s: %v", body, err)
		}
		want := lease.SortSlots(slots)
		for i := range max(len(read), len(want)) {
			if len(read) != len(want) || read[i] != want[i] {
				t.Fatalf("%s: %v, want %v", body, read, want)
			}
		}
	})
}
