package docstest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"lease-gateway/local/template"
	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

func mustSpec(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := Spec()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheDocumentHasTheRoutesOfTheCode(t *testing.T) {
	documented, err := Operations()
	if err != nil {
		t.Fatal(err)
	}
	var coded []string
	for _, r := range door.Routes {
		coded = append(coded, r.Method+" "+r.Path)
	}
	slices.Sort(coded)
	if diff := cmp.Diff(coded, documented); diff != "" {
		t.Errorf("door.Routes (-), docs/openapi.yaml (+):\n%s", diff)
	}
}

func TestTheDocumentHasTheRoutesOfTheTemplate(t *testing.T) {
	documented, err := Operations()
	if err != nil {
		t.Fatal(err)
	}
	read, err := template.Read(filepath.Join(Root(), "template.yaml"), template.Values{StackName: "docs", Region: "eu-west-1", AccountID: "123456789012"})
	if err != nil {
		t.Fatal(err)
	}
	var deployed []string
	for _, f := range read.Functions {
		for _, r := range f.Routes {
			if r.Key() != "$default" {
				deployed = append(deployed, r.Key())
			}
		}
	}
	slices.Sort(deployed)
	if diff := cmp.Diff(deployed, documented); diff != "" {
		t.Errorf("template.yaml (-), docs/openapi.yaml (+):\n%s", diff)
	}
}

func TestTheDocumentHasOurCallsToTongli(t *testing.T) {
	got := slices.Sorted(maps.Keys(mustSpec(t).Webhooks))
	if diff := cmp.Diff([]string{"api/SynLeaseOrder", "api/leasePark"}, got); diff != "" {
		t.Error(diff)
	}
}

// codesOf collects the codes that a schema admits, over oneOf.
func codesOf(schema *openapi3.SchemaRef) []int {
	var codes []int
	for _, one := range append(openapi3.SchemaRefs{schema}, schema.Value.OneOf...) {
		if code := one.Value.Properties["code"]; code != nil && code.Value.Const != nil {
			if n, err := strconv.Atoi(fmt.Sprint(code.Value.Const)); err == nil {
				codes = append(codes, n)
			}
		}
	}
	return codes
}

// The statuses and codes of all operations are those of the one error table, no more and no fewer. API Gateway's own
// 403 and 429 have no code.
func TestTheDocumentHasTheCodesOfTheErrorTable(t *testing.T) {
	documented := map[string]bool{}
	for path, item := range mustSpec(t).Paths.Map() {
		for method, op := range item.Operations() {
			for status, response := range op.Responses.Map() {
				codes := codesOf(response.Value.Content.Get("application/json").Schema)
				if len(codes) == 0 && status != "403" && status != "429" {
					t.Errorf("%s %s: status %s has no code", method, path, status)
				}
				for _, code := range codes {
					if code != 0 {
						documented[fmt.Sprint(status, " ", code)] = true
					}
				}
			}
			for _, always := range []int{405, 413, 500, 503} {
				if op.Responses.Status(always) == nil {
					t.Errorf("%s %s: status %d is missing", method, path, always)
				}
			}
		}
	}
	coded := map[string]bool{}
	for _, f := range envelope.Faults() {
		coded[fmt.Sprint(f.Status, " ", f.Code)] = true
	}
	if diff := cmp.Diff(coded, documented); diff != "" {
		t.Errorf("envelope.Faults (-), docs/openapi.yaml (+):\n%s", diff)
	}
}

// Every error that the table knows is answered with a body that its schema admits, and no other code's schema does.
func TestEveryErrorBodyIsValid(t *testing.T) {
	fields := []lease.FieldError{{Field: "dates[3]", Reason: "closed"}}
	seen := map[int]bool{}
	for _, err := range []error{
		envelope.ErrSize, envelope.ErrRoute, envelope.ErrMethod, envelope.ErrUnreadable,
		&signature.Malformed{Name: "nonce", Reason: "is missing"}, signature.ErrAppUnknown, signature.ErrWrong, signature.ErrTimestamp, lease.ErrNonceUsed,
		&envelope.ParameterError{Missing: true, Fields: fields}, &envelope.ParameterError{Fields: fields},
		lease.ErrParkUnknown, lease.ErrOrderUnknown, lease.ErrOrderDiffers, lease.ErrOrderOver, &lease.NotLeased{Fields: fields},
		lease.ErrUnavailable, errors.New("a bug"),
	} {
		fault, body := envelope.ErrorBody(err, "request", time.Unix(1790000000, 0))
		seen[fault.Code] = true
		for _, f := range envelope.Faults() {
			verdict := ValidateSchema(fmt.Sprint("Error", f.Code), body)
			if (verdict == nil) != (f.Code == fault.Code) {
				t.Errorf("%v against Error%d: %v: %s", err, f.Code, verdict, body)
			}
		}
	}
	for _, f := range envelope.Faults() {
		if !seen[f.Code] {
			t.Errorf("no error here is answered with %d", f.Code)
		}
	}
}

func TestEveryExampleIsValid(t *testing.T) {
	doc, count := mustSpec(t), 0
	check := func(where string, schema *openapi3.SchemaRef, value any) {
		count++
		body, err := json.Marshal(value)
		if err == nil {
			err = validate(schema.Value, body)
		}
		if err != nil {
			t.Errorf("%s: %v", where, err)
		}
	}
	content := func(where string, content openapi3.Content) {
		for media, m := range content {
			for name, example := range m.Examples {
				check(where+" "+media+" "+name, m.Schema, example.Value.Value)
			}
		}
	}
	operation := func(where string, item *openapi3.PathItem) {
		for method, op := range item.Operations() {
			for _, p := range append(op.Parameters, item.Parameters...) {
				if p.Value.Example != nil {
					check(where+" "+p.Value.Name, p.Value.Schema, p.Value.Example)
				}
			}
			if op.RequestBody != nil {
				content(method+" "+where, op.RequestBody.Value.Content)
			}
			for status, response := range op.Responses.Map() {
				content(method+" "+where+" "+status, response.Value.Content)
			}
		}
	}
	for path, item := range doc.Paths.Map() {
		operation(path, item)
	}
	for name, item := range doc.Webhooks {
		operation(name, item)
	}
	if count < 40 {
		t.Errorf("only %d examples were found", count)
	}
}

func TestValidateAnswer(t *testing.T) {
	done := `{"code":0,"msg":"ok","data":null,"request_id":"r"}`
	for _, row := range []struct {
		name, method, path string
		status             int
		body               string
		good               bool
	}{
		{"a push", "POST", "/lease/park", 200, done, true},
		{"a status that is not documented", "POST", "/lease/park", 201, done, false},
		{"one field more", "POST", "/lease/park", 200, strings.Replace(done, "{", `{"x":1,`, 1), false},
		{"a name twice", "POST", "/lease/park", 200, strings.Replace(done, "{", `{"code":0,`, 1), false},
		{"no request id", "POST", "/lease/park", 200, `{"code":0,"msg":"ok","data":null}`, false},
		{"an error under 200", "POST", "/lease/park", 200, `{"code":50001,"msg":"x","data":null,"request_id":"r"}`, false},
		{"an error code of another status", "POST", "/lease/park", 400, `{"code":40401,"msg":"x","data":null,"request_id":"r"}`, false},
		{"errors are missing", "POST", "/lease/park", 400, `{"code":40002,"msg":"x","data":null,"request_id":"r"}`, false},
		{"errors where none belong", "POST", "/lease/park", 400, `{"code":40001,"msg":"x","data":null,"errors":[{"field":"a","reason":"b"}],"request_id":"r"}`, false},
		{"the clock", "POST", "/lease/park", 401, `{"code":40104,"msg":"x","data":{"server_time":1790000000},"request_id":"r"}`, true},
		{"the clock is missing", "POST", "/lease/park", 401, `{"code":40104,"msg":"x","data":null,"request_id":"r"}`, false},
		{"a path with a parameter", "GET", "/app/orders/A-1", 404, `{"code":40402,"msg":"x","data":null,"request_id":"r"}`, true},
		{"an unknown route", "GET", "/nowhere", 404, `{"code":40400,"msg":"x","data":null,"request_id":"r"}`, true},
		{"an unknown route with another code", "GET", "/nowhere", 404, `{"code":40401,"msg":"x","data":null,"request_id":"r"}`, false},
		{"an unknown method", "PUT", "/lease/park", 405, `{"code":40500,"msg":"x","data":null,"request_id":"r"}`, true},
		{"an unknown method answered as a route", "PUT", "/lease/park", 404, `{"code":40400,"msg":"x","data":null,"request_id":"r"}`, false},
		{"text", "GET", "/lease/order", 200, `ok`, false},
		{"two values", "POST", "/lease/park", 200, done + done, false},
	} {
		if err := ValidateAnswer(row.method, row.path, row.status, []byte(row.body)); (err == nil) != row.good {
			t.Errorf("%s: good should be %t, got %v", row.name, row.good, err)
		}
	}
}
