package docstest

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/stack"
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

// The documents' own commands are run against the stack at LEASE_E2E_URL, or against one of our own, of the binaries
// that `make build` left.
func TestTheCommandsOfTheDocuments(t *testing.T) {
	url := os.Getenv("LEASE_E2E_URL")
	if url == "" {
		dynamo, sqs := enginetest.Start(t)
		s, err := stack.Start(t.Context(), stack.Options{Name: enginetest.Name("docs"), Engines: &engines.Engines{DynamoURL: dynamo, SQSURL: sqs}})
		if err != nil {
			t.Fatalf("%v (the binaries come from `make build`)", err)
		}
		defer s.Stop()
		url = s.URL
	}
	for _, name := range documents {
		if err := CheckCommands(name, url, t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}

func TestMain(m *testing.M) { enginetest.Main(m) }
