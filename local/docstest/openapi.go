// Package docstest holds the documents against the code: docs/openapi.yaml, the examples and commands of the two
// api documents, and the signing samples. Other tests use it to hold each answer against the schema
// ([ValidateAnswer]) and to have our calls to Tongli verified by code that is not ours ([VerifyWithPython]).
package docstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Root is the top of the checkout: the nearest directory upwards that holds go.mod.
var Root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod upwards of the working directory")
		}
	}
	panic(err)
})

// Spec is docs/openapi.yaml, loaded and validated once.
var Spec = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(Root(), "docs", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	// examples are for TestEveryExampleIsValid: this walk would read them by the rules of OpenAPI 3.0
	return doc, doc.Validate(context.Background(), openapi3.DisableExamplesValidation())
})

// Operations lists what the document's paths offer, as "GET /lease/order", sorted.
func Operations() ([]string, error) {
	doc, err := Spec()
	if err != nil {
		return nil, err
	}
	var all []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			all = append(all, method+" "+path)
		}
	}
	slices.Sort(all)
	return all, nil
}

// ValidateAnswer holds one answer of the gateway against docs/openapi.yaml. path is the request's path without
// stage and query. A path or method that the document does not have must be answered by 40400, 40500 or, where the
// body is too large, 41301.
func ValidateAnswer(method, path string, status int, body []byte) error {
	doc, err := Spec()
	if err != nil {
		return err
	}
	schema, err := answerSchema(doc, method, path, status)
	if err != nil {
		return fmt.Errorf("%s %s: %w: %.300s", method, path, err, body)
	}
	if err := validate(schema, body); err != nil {
		return fmt.Errorf("%s %s, status %d: %w: %.300s", method, path, status, err, body)
	}
	return nil
}

func answerSchema(doc *openapi3.T, method, path string, status int) (*openapi3.Schema, error) {
	item := pathItem(doc, path)
	if item == nil {
		return refusal(doc, status, map[int]string{404: "Error40400", 413: "Error41301"}, "an unknown route")
	}
	op := item.GetOperation(method)
	if op == nil {
		return refusal(doc, status, map[int]string{405: "Error40500", 413: "Error41301"}, "an unknown method")
	}
	return mediaSchema(op.Responses.Value(strconv.Itoa(status)), status)
}

func refusal(doc *openapi3.T, status int, names map[int]string, what string) (*openapi3.Schema, error) {
	if name, ok := names[status]; ok {
		return doc.Components.Schemas[name].Value, nil
	}
	return nil, fmt.Errorf("status %d to %s", status, what)
}

func mediaSchema(response *openapi3.ResponseRef, status int) (*openapi3.Schema, error) {
	if response == nil {
		return nil, fmt.Errorf("status %d is not documented", status)
	}
	media := response.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil, fmt.Errorf("status %d has no JSON in the document", status)
	}
	return media.Schema.Value, nil
}

// pathItem finds the path, literal ones before those with parameters; nil where there is none.
func pathItem(doc *openapi3.T, path string) *openapi3.PathItem {
	if item := doc.Paths.Value(path); item != nil && !strings.Contains(path, "{") {
		return item
	}
	parts := strings.Split(path, "/")
	for template, item := range doc.Paths.Map() {
		want := strings.Split(template, "/")
		if strings.Contains(template, "{") && slices.EqualFunc(want, parts, func(w, p string) bool {
			return w == p || strings.HasPrefix(w, "{") && p != ""
		}) {
			return item
		}
	}
	return nil
}

// ValidateCall holds the body of a call that we make to Tongli against the document. name is the contract path
// without its leading slash, "api/SynLeaseOrder".
func ValidateCall(name string, body []byte) error {
	doc, err := Spec()
	if err != nil {
		return err
	}
	hook := doc.Webhooks[name]
	if hook == nil {
		return fmt.Errorf("the document has no webhook %q", name)
	}
	if err := validate(hook.Post.RequestBody.Value.Content.Get("application/json").Schema.Value, body); err != nil {
		return fmt.Errorf("%s: %w: %.300s", name, err, body)
	}
	return nil
}

// ValidateSchema holds a JSON value against a named schema of the document.
func ValidateSchema(name string, body []byte) error {
	doc, err := Spec()
	if err != nil {
		return err
	}
	ref := doc.Components.Schemas[name]
	if ref == nil {
		return fmt.Errorf("the document has no schema %q", name)
	}
	return validate(ref.Value, body)
}

// validate reads exactly one JSON value whose names are unique, and holds it against the schema.
func validate(schema *openapi3.Schema, body []byte) error {
	if err := unique(body); err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	compiled, err := compile(schema)
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}

var compiled sync.Map // *openapi3.Schema to *jsonschema.Schema

// compile makes a validator of JSON Schema 2020-12, which OpenAPI 3.1 means. kin-openapi reads the document and its
// structure well, but falls back to the rules of 3.0 for some schemas ({} refuses null), and says nothing.
func compile(schema *openapi3.Schema) (*jsonschema.Schema, error) {
	if known, ok := compiled.Load(schema); ok {
		return known.(*jsonschema.Schema), nil
	}
	doc, err := Spec()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(map[string]any{"components": map[string]any{"schemas": doc.Components.Schemas}, "it": schema})
	if err != nil {
		return nil, err
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", root); err != nil {
		return nil, err
	}
	validator, err := compiler.Compile("openapi.json#/it")
	if err == nil {
		compiled.Store(schema, validator)
	}
	return validator, err
}

// unique reports a name that stands twice in one object, which json.Unmarshal passes over.
func unique(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	type level struct {
		names  map[string]bool // nil for an array
		isName bool            // the next token is a name
	}
	var stack []level
	for {
		token, err := decoder.Token()
		if err != nil {
			if len(stack) == 0 {
				return nil // the end, or an error that Unmarshal reports
			}
			return err
		}
		if top := len(stack) - 1; top >= 0 && stack[top].names != nil && token != json.Delim('}') {
			if stack[top].isName {
				name, _ := token.(string)
				if stack[top].names[name] {
					return fmt.Errorf("%q stands twice in one object", name)
				}
				stack[top].names[name] = true
			}
			stack[top].isName = !stack[top].isName
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}, isName: true})
		case json.Delim('['):
			stack = append(stack, level{})
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
		}
	}
}
