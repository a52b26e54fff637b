package docstest

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lease-gateway/shared/envelope"
	"lease-gateway/shared/signature"
)

var documents = []string{"api.zh-CN.md", "api.md"}

func blocksOf(t *testing.T, name string) []Block {
	t.Helper()
	blocks, err := Blocks(name)
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

func TestEveryJSONInTheDocumentsIsValid(t *testing.T) {
	for _, name := range documents {
		count := 0
		for _, b := range blocksOf(t, name) {
			if !strings.HasPrefix(b.Info, "json") {
				continue
			}
			count++
			schema, ok := strings.CutPrefix(b.Info, "json schema=")
			if !ok {
				t.Errorf("%s: a JSON block names no schema:\n%s", name, b.Text)
			} else if err := ValidateSchema(schema, []byte(b.Text)); err != nil {
				t.Errorf("%s: %s: %v\n%s", name, schema, err, b.Text)
			}
		}
		if count < 10 {
			t.Errorf("%s: only %d JSON blocks were found", name, count)
		}
	}
}

// The worked example is recomputed: the string to sign, its bytes and the sign.
func TestTheWorkedExample(t *testing.T) {
	for _, c := range readVectors(t).Cases {
		if c.Sign != workedSign {
			continue
		}
		text := signature.StringToSign(c.Method, c.Path, params(c.Query), []byte(c.Body))
		want := map[string]string{
			"text string_to_sign": string(text) + "\n", // the block's own last line feed
			"text hexdump":        hex.Dump(text),
			"text sign":           signature.Sign(readVectors(t).Secret, text) + "\n",
		}
		for _, name := range documents {
			got := map[string]string{}
			for _, b := range blocksOf(t, name) {
				if _, ok := want[b.Info]; ok {
					got[b.Info] = b.Text
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: want (-), written (+):\n%s", name, diff)
			}
		}
		return
	}
	t.Error("the worked example is no vector")
}

// Both error tables hold every fault, under its status, and nothing else.
func TestTheErrorTablesOfTheDocuments(t *testing.T) {
	want := map[string]bool{}
	for _, f := range envelope.Faults() {
		want[fmt.Sprint(f.Status, " ", f.Code)] = true
	}
	row := regexp.MustCompile(`(?m)^\| ([45]\d\d) \| ([0-9 /]+) \|`)
	for _, name := range documents {
		raw, err := os.ReadFile(filepath.Join(Root(), "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, m := range row.FindAllStringSubmatch(string(raw), -1) {
			for code := range strings.SplitSeq(m[2], " / ") {
				got[m[1]+" "+code] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: envelope.Faults (-), written (+):\n%s", name, diff)
		}
	}
}

func TestTheLinksOfTheDocuments(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)\)`)
	for _, name := range append(slices.Clone(documents), "signing/README.md") {
		raw, err := os.ReadFile(filepath.Join(Root(), "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(raw), -1) {
			if _, err := os.Stat(filepath.Join(Root(), "docs", filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// The documents' own commands are run: against the stack at LEASE_E2E_URL where that is set, else against a server that
// verifies as the gateway does. The end-to-end tests call CheckCommands against the whole stack in any case.
func TestTheCommandsOfTheDocuments(t *testing.T) {
	url := os.Getenv("LEASE_E2E_URL")
	if url == "" {
		server := httptest.NewServer(http.HandlerFunc(verifying))
		defer server.Close()
		url = server.URL
	}
	for _, name := range documents {
		if err := CheckCommands(name, url, t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

// verifying lets in what is signed, and answers a park by Done and a query by two pages.
func verifying(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, max(r.ContentLength, 0))
	_, err := r.Body.Read(body)
	query, qerr := signature.ParseQuery(r.URL.RawQuery)
	if (err != nil && err.Error() != "EOF") || qerr != nil {
		http.Error(w, fmt.Sprint(err, qerr), http.StatusBadRequest)
		return
	}
	if _, err := signature.Verify(r.Method, r.URL.Path, query, body, "tongli-demo", []string{"demo-secret-not-for-production"}, time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	value, err := envelope.DecodeBody(r.Header.Get("Content-Type"), body)
	if r.Method == "GET" {
		value, err = envelope.DecodeParams(query)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fields := envelope.Read(value)
	if r.URL.Path == "/lease/park" {
		fields.Park()
		if fields.Err() == nil {
			fmt.Fprint(w, `{"code":0,"msg":"ok","data":null,"request_id":"r"}`)
		}
		return
	}
	fields.ParkSN(true)
	fields.Plate("car_plate_no", false)
	if fields.Err() != nil {
		http.Error(w, fields.Err().Error(), http.StatusBadRequest)
		return
	}
	next, more := `"b3BhcXVl"`, true
	if fields.Has("cursor") {
		next, more = "null", false
	}
	fmt.Fprintf(w, `{"code":0,"msg":"ok","data":[],"page":1,"limit":1000,"has_more":%t,"next_cursor":%s,"request_id":"r"}`, more, next)
}
