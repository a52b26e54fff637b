package signdebug

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxQuestion is enough for the largest body of the contract, twice and in base64.
const maxQuestion = 2 << 20

// ServeHTTP is POST /debug/signature: a Question in, an Answer out, both JSON. A question that cannot be read
// is 400 with {"error":"…"}.
func (d *Debugger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q Question
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxQuestion))
	decoder.DisallowUnknownFields()
	status, out := http.StatusOK, any(nil)
	if err := decoder.Decode(&q); err != nil {
		status, out = http.StatusBadRequest, map[string]string{"error": d.clean("the question is no JSON object of its fields: " + err.Error())}
	} else if answer, err := d.Explain(q); errors.Is(err, ErrQuestion) {
		status, out = http.StatusBadRequest, map[string]string{"error": err.Error()}
	} else {
		out = answer
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(out) // a reader that is gone needs no answer
}

// curl is the request, ready for a shell.
func curl(baseURL, contentType string, r request, query string) string {
	target := quoted(baseURL + r.path + "?" + query)
	if len(r.body) == 0 {
		if r.method == http.MethodGet {
			return "curl -sS " + target
		}
		return fmt.Sprintf("curl -sS -X %s %s", r.method, target)
	}
	if contentType == "" {
		contentType = "application/json"
	}
	head := fmt.Sprintf("curl -sS -X %s -H %s ", r.method, quoted("Content-Type: "+contentType))
	if !utf8.Valid(r.body) || strings.ContainsRune(string(r.body), 0) {
		return "printf %s " + base64.StdEncoding.EncodeToString(r.body) + " | base64 -d | " + head + "--data-binary @- " + target
	}
	return head + "--data-raw " + quoted(string(r.body)) + " " + target
}

// quoted is one word for a POSIX shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
