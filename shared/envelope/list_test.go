package envelope_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lease-gateway/shared/envelope"
)

// response is what API Gateway reads (payload 2.0).
type response struct {
	StatusCode      int
	Headers         map[string]string
	Body            string
	IsBase64Encoded bool
}

// bodyOf reads a response as API Gateway and then the caller would.
func bodyOf(t interface{ Fatal(...any) }, out []byte) (response, []byte) {
	var r response
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err, string(out))
	}
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		raw, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if body, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	return r, body
}

// A list that is written by hand reads like one that encoding/json has written, whether compressed or not.
func TestListIsWhatMarshallingWrites(t *testing.T) {
	type row struct {
		A string `json:"a"`
		B string `json:"b"`
	}
	word := rapid.StringMatching(`[0-9A-Z苏京警:#-]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row { return row{word.Draw(t, "a"), word.Draw(t, "b")} }), 0, 60).Draw(t, "rows")
		page := &envelope.Page{Page: rapid.IntRange(0, 3).Draw(t, "page"), Limit: rapid.IntRange(1, 10_000).Draw(t, "limit"), HasMore: rapid.Bool().Draw(t, "more"),
			NextCursor: rapid.StringMatching(`[A-Za-z0-9_-]{0,80}`).Draw(t, "cursor"), SearchedM: rapid.IntRange(0, 1).Draw(t, "searched")}
		id := rapid.OneOf(rapid.StringMatching(`[a-f0-9-]{36}`), rapid.String()).Draw(t, "request id")
		gz := rapid.Bool().Draw(t, "gzip")

		list := envelope.NewList(gz, rapid.IntRange(0, 4000).Draw(t, "room"))
		quote := `"`
		if list.Escaped() {
			quote = `\"`
		}
		for i, r := range rows {
			if i > 0 {
				list.Rows = append(list.Rows, ',')
			}
			list.Rows = append(list.Rows, strings.ReplaceAll(`{"a":"`+r.A+`","b":"`+r.B+`"}`, `"`, quote)...)
		}
		out, err := envelope.Answer{List: list, Page: page}.Append(nil, id, gz)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := envelope.Answer{Data: rows, Page: page}.Append(nil, id, false)
		if err != nil {
			t.Fatal(err)
		}
		r, body := bodyOf(t, out)
		if _, want := bodyOf(t, plain); string(body) != string(want) {
			t.Fatalf("\n got %s\nwant %s", body, want)
		}
		if wantZip := gz && len(body) >= 1024; r.IsBase64Encoded != wantZip || (r.Headers["content-encoding"] == "gzip") != wantZip || r.StatusCode != 200 {
			t.Fatalf("%d bytes, gzip %v: %v, base64 %v", len(body), gz, r.Headers, r.IsBase64Encoded)
		}
	})
}

// An answer that is not a list is compressed too when it is long and the caller accepts it.
func TestLongAnswersAreCompressed(t *testing.T) {
	for _, c := range []struct {
		gz     bool
		length int
		status int
		zipped bool
	}{{true, 2000, 0, true}, {true, 100, 0, false}, {false, 2000, 0, false}, {true, 2000, 201, false}} {
		data := strings.Repeat(`园区"\`+"\n\x01", c.length/10)
		out, err := envelope.Answer{Data: data, Status: c.status}.Append([]byte{}, "r", c.gz)
		if err != nil {
			t.Fatal(err)
		}
		r, body := bodyOf(t, out)
		var envelope struct{ Data string }
		if err := json.Unmarshal(body, &envelope); err != nil || envelope.Data != data || r.IsBase64Encoded != c.zipped {
			t.Errorf("%+v: %v, base64 %v, %d bytes", c, err, r.IsBase64Encoded, len(body))
		}
	}
}
