package docstest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lease-gateway/local/signdebug"
	"lease-gateway/local/stack"
)

// TestTheDebuggerOfTheDocuments runs the documents' question to the signature debugger; the answer is what they say.
func TestTheDebuggerOfTheDocuments(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("POST /debug/signature", stack.Signatures("http://127.0.0.1:8080", "http://127.0.0.1:9000"))
	console := httptest.NewServer(mux)
	defer console.Close()
	for _, name := range documents {
		out, err := runBlocks(name, blocksOf(t, name), "sh debug", t.TempDir(), "CONSOLE_URL="+console.URL)
		if err != nil {
			t.Fatal(err)
		}
		var a signdebug.Answer
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		d := a.Difference
		if a.Verdict != signdebug.StringDiffers || a.Sign != workedSign || d == nil || d.Offset != 58 || d.Line != 3 || d.Name != "car_plate_no" ||
			len(a.Causes) != 1 || a.Causes[0].Cause != "space_as_plus" || !a.Causes[0].Certain || len(a.Problems) != 1 || a.Problems[0].Code != 40104 {
			t.Errorf("%s: %s", name, out)
		}
		raw, err := os.ReadFile(filepath.Join(Root(), "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"`offset` 58", "`space_as_plus`", "make sign METHOD=POST PATH_=/lease/park", "CONSOLE_PORT"} {
			if !strings.Contains(string(raw), word) {
				t.Errorf("%s does not say %q", name, word)
			}
		}
	}
}
