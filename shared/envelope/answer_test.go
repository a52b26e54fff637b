package envelope

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

// TestTheTable is the contract's table of section 2, error by error, also wrapped.
func TestTheTable(t *testing.T) {
	for _, c := range []struct {
		err          error
		status, code int
	}{
		{ErrSize, 413, 41301}, {ErrRoute, 404, 40400}, {ErrMethod, 405, 40500}, {ErrUnreadable, 400, 40001}, {&Twice{"x"}, 400, 40001},
		{signature.ErrMalformed, 401, 40101}, {&signature.Malformed{Name: "nonce", Reason: "is missing"}, 401, 40101}, {signature.ErrAppUnknown, 401, 40102},
		{signature.ErrWrong, 401, 40103}, {signature.ErrTimestamp, 401, 40104}, {lease.ErrNonceUsed, 401, 40105},
		{&ParameterError{Missing: true}, 400, 40002}, {&ParameterError{}, 400, 40003},
		{lease.ErrParkUnknown, 404, 40401}, {lease.ErrOrderUnknown, 404, 40402}, {lease.ErrOrderDiffers, 409, 40901}, {lease.ErrOrderOver, 409, 40902},
		{lease.ErrNotLeased, 422, 42201}, {&lease.NotLeased{}, 422, 42201}, {lease.ErrUnavailable, 503, 50301}, {context.DeadlineExceeded, 503, 50301},
		{errors.New("a bug"), 500, 50001}, {lease.ErrVersionUnknown, 500, 50001}, {context.Canceled, 500, 50001},
	} {
		for _, err := range []error{c.err, fmt.Errorf("somewhere: %w", c.err)} {
			if f := FaultOf(err); f.Status != c.status || f.Code != c.code || f.Msg == "" {
				t.Errorf("%v: %+v, want %d/%d", err, f, c.status, c.code)
			}
		}
	}
	if f := FaultOf(errors.New("table orders, key 苏E88888")); f.Msg != Internal.Msg {
		t.Errorf("an unknown error is told: %+v", f)
	}
}

func TestErrorBody(t *testing.T) {
	at := time.Unix(1790000000, 0)
	fields := []lease.FieldError{{Field: "dates[3].end_time", Reason: "\"\\\n"}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{ErrRoute, `{"code":40400,"msg":"route unknown","data":null,"request_id":"r"}`},
		{signature.ErrTimestamp, `{"code":40104,"msg":"timestamp is outside ±300 s of data.server_time","data":{"server_time":1790000000},"request_id":"r"}`},
		{&ParameterError{Fields: fields}, `{"code":40003,"msg":"parameters invalid","data":null,"errors":[{"field":"dates[3].end_time","reason":"\"\\\n"}],"request_id":"r"}`},
		{&Twice{"苏\""}, `{"code":40001,"msg":"body unreadable: \"苏\\\"\" is given twice","data":null,"request_id":"r"}`},
	} {
		_, body := ErrorBody(c.err, "r", at)
		want := strings.ReplaceAll(c.want, "\n", `\n`)
		if !json.Valid(body) || c.err == ErrRoute && string(body) != want {
			t.Errorf("%s", body)
		}
		var got, wanted any
		if json.Unmarshal(body, &got) != nil || json.Unmarshal([]byte(want), &wanted) != nil || fmt.Sprint(got) != fmt.Sprint(wanted) {
			t.Errorf("\n got %s\nwant %s", body, want)
		}
	}
}

// response is API Gateway's view of what a function answered.
func response(t interface{ Fatalf(string, ...any) }, out []byte) (status int, headers map[string]string, body []byte) {
	var r struct {
		StatusCode      int
		Headers         map[string]string
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	body = []byte(r.Body)
	if r.IsBase64Encoded {
		raw, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			t.Fatalf("%v", err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%v", err)
		}
		if body, err = io.ReadAll(z); err != nil {
			t.Fatalf("%v", err)
		}
	}
	return r.StatusCode, r.Headers, body
}

// TestAppendResponse: whatever the body is, API Gateway finds the same bytes in the response.
func TestAppendResponse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("\"\\\n\x00\x1f\u2028<&")))).Draw(t, "body")
		status, headers, got := response(t, AppendResponse([]byte{}, 422, map[string]string{"allow": body}, []byte(body)))
		if status != 422 || string(got) != body || headers["allow"] != body && utf8.ValidString(body) || headers["content-type"] != "application/json; charset=utf-8" {
			t.Fatalf("%d %q %q, want %q", status, headers, got, body)
		}
	})
}

// TestCompressedAnswers: the same envelope with and without gzip, which is used from a length on.
func TestCompressedAnswers(t *testing.T) {
	for _, n := range []int{0, 10, gzipFrom, 10 * gzipFrom, 1 << 20} {
		a := Answer{Msg: "完成 \"x\"", Data: strings.Repeat("苏", n/3), Page: &Page{Page: 3, Limit: 5, HasMore: true, NextCursor: `a"b`}}
		plain, err := a.Append(nil, "r", false)
		if err != nil {
			t.Fatal(err)
		}
		zipped, err := a.Append(nil, "r", true)
		if err != nil {
			t.Fatal(err)
		}
		_, _, want := response(t, plain)
		_, headers, got := response(t, zipped)
		if long := len(want) >= gzipFrom; !bytes.Equal(got, want) || long != (headers["content-encoding"] == "gzip") || long && (headers["vary"] == "" || len(zipped) > len(plain)/2) {
			t.Errorf("%d: %v %d bytes, plain %d", n, headers, len(zipped), len(plain))
		}
		if !strings.HasSuffix(string(want), `,"page":3,"limit":5,"has_more":true,"next_cursor":"a\"b","request_id":"r"}`) || !strings.HasPrefix(string(want), `{"code":0,"msg":"完成 \"x\"","data":"`) {
			t.Errorf("%.100s", want)
		}
	}
	if _, err := (Answer{Data: func() {}}).Append(nil, "r", false); err == nil {
		t.Error("data that cannot be marshalled is answered")
	}
}
