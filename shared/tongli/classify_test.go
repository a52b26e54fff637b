package tongli

import (
	"net/http"
	"testing"
	"time"
)

// TestClassify is the table of 3.4.
func TestClassify(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   Class
	}{
		{200, `{"code":0}`, Accepted}, {200, `{"code":"200"}`, Accepted}, {201, `{"code":200}`, Accepted},
		{200, `{"code":42901}`, Transient}, {200, `{"code":"50001"}`, Transient}, {200, `{"code":50301}`, Transient},
		{200, ``, Transient}, {200, `{"code":0`, Transient}, {200, `<html>`, Transient}, {302, ``, Transient},
		{403, `{"code":40003}`, Transient}, {408, ``, Transient}, {425, ``, Transient}, {429, ``, Transient}, {500, ``, Transient}, {503, `{"code":0}`, Transient},
		{404, `not found`, Transient}, {405, ``, Transient}, {404, `{"code":40401}`, Refused}, {405, `{"code":40500}`, Refused},
		{200, `{"code":40003}`, Refused}, {200, `{"code":40106}`, Refused}, {400, ``, Refused}, {422, `{"code":0}`, Refused},
		{404, `{"code":null}`, Transient}, {200, `{"code":null}`, Transient}, {200, `{"Code":0}`, Transient}, {200, `{"code":true}`, Transient}, {200, `{"code":""}`, Transient},
		{200, `{"code":0,"code":0}`, Transient}, {200, `{"code":0}{"code":0}`, Transient}, {200, `{"code":0},`, Transient}, {200, "\ufeff" + `{"code":0}`, Transient},
		{200, `["code",0]`, Transient}, {200, `null`, Transient}, {200, `{"code":0,"data":[}`, Transient}, {200, `{"code":0,"data"}`, Transient},
		{401, ``, Credentials}, {200, `{"code":40101}`, Credentials}, {200, `{"code":"40105"}`, Credentials},
	} {
		out, _ := classify(c.status, http.Header{"Retry-After": {"7"}}, []byte(c.body), time.Unix(0, 0), "the-secret")
		if out.Class != c.want || out.RetryAfter != 7*time.Second {
			t.Errorf("%d %s: %s, retry after %s, want %s", c.status, c.body, out.Class, out.RetryAfter, c.want)
		}
	}
}
