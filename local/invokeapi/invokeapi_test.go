package invokeapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lease-gateway/local/lambdahost"
)

// echo answers with what it was sent; "fail" fails.
type echo struct{ invoked chan string }

func (e echo) Has(function string) bool { return function == "EchoFunction" }

func (e echo) Invoke(_ context.Context, _ string, payload []byte) (lambdahost.Result, error) {
	e.invoked <- string(payload)
	r := lambdahost.Result{RequestID: "r1", Payload: payload}
	if string(payload) == `"fail"` {
		r.Error = "Unhandled"
	}
	return r, nil
}

func TestInvoke(t *testing.T) {
	host := echo{invoked: make(chan string, 100)}
	server := httptest.NewServer(Handler(host))
	defer server.Close()
	for _, c := range []struct {
		name, function, kind, payload string
		status                        int
		body, functionError, code     string
	}{
		{"answer", "EchoFunction", "", `{"a":1}`, 200, `{"a":1}`, "", ""},
		{"empty", "EchoFunction", "RequestResponse", ``, 200, `{}`, "", ""},
		{"ARN", "arn:aws:lambda:us-east-1:000000000000:function:EchoFunction:live", "", `1`, 200, `1`, "", ""},
		{"function error", "EchoFunction", "", `"fail"`, 200, `"fail"`, "Unhandled", ""},
		{"event", "EchoFunction", "Event", `2`, 202, ``, "", ""},
		{"unknown", "NoFunction", "", `{}`, 404, "Function not found", "", "ResourceNotFoundException"},
		{"no JSON", "EchoFunction", "", `{`, 400, "parse", "", "InvalidRequestContentException"},
		{"too large", "EchoFunction", "", `"` + strings.Repeat("x", payloadMax) + `"`, 413, "smaller", "", "RequestTooLargeException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/"+c.function+"/invocations", strings.NewReader(c.payload))
			req.Header.Set("X-Amz-Invocation-Type", c.kind)
			w := httptest.NewRecorder()
			server.Config.Handler.ServeHTTP(w, req)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || w.Header().Get("X-Amz-Function-Error") != c.functionError || w.Header().Get("X-Amzn-Errortype") != c.code {
				t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
			}
			if c.status < 300 {
				if got := <-host.invoked; c.payload != "" && got != c.payload {
					t.Errorf("invoked with %s", got)
				}
			}
		})
	}
}
