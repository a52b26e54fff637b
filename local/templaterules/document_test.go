// Package templaterules holds template.yaml against the rules that no linter knows.
package templaterules

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const root = "../../"

// document is template.yaml: maps, lists and scalars; a short intrinsic such as !Ref X is the text "!Ref X", or
// a map with the one key "!If" where it takes a list.
type document map[string]any

func load(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(root + "template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func parse(t *testing.T, raw string) document {
	t.Helper()
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(raw), &node); err != nil {
		t.Fatal(err)
	}
	return document(plain(t, node.Content[0]).(map[string]any))
}

func plain(t *testing.T, n *yaml.Node) any {
	t.Helper()
	intrinsic := ""
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		intrinsic = n.Tag
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, plain(t, c))
		}
		if intrinsic != "" {
			return map[string]any{intrinsic: list}
		}
		return list
	}
	if intrinsic != "" {
		return intrinsic + " " + n.Value
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// at follows keys through maps; nil where one is absent.
func at(v any, keys ...string) any {
	for _, k := range keys {
		switch m := v.(type) {
		case document:
			v = m[k]
		case map[string]any:
			v = m[k]
		default:
			return nil
		}
	}
	return v
}

func (d document) of(id string, keys ...string) any {
	return at(d, append([]string{"Resources", id, "Properties"}, keys...)...)
}

// ids are the resources of a type, sorted.
func (d document) ids(kind string) []string {
	var ids []string
	resources, _ := d["Resources"].(map[string]any)
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		if at(resources[id], "Type") == kind {
			ids = append(ids, id)
		}
	}
	return ids
}

func (d document) functions() []string { return d.ids("AWS::Serverless::Function") }

// folder of a function: functions/lease-park/ is lease-park.
func (d document) folder(id string) string {
	s, _ := d.of(id, "CodeUri").(string)
	return strings.Trim(strings.TrimPrefix(s, "functions/"), "/")
}

// timeout in seconds, of the function or else of the globals.
func (d document) timeout(id string) int {
	if n, ok := d.of(id, "Timeout").(int); ok {
		return n
	}
	n, _ := at(d, "Globals", "Function", "Timeout").(int)
	return n
}

type event struct {
	function, name, kind string
	properties           map[string]any
}

func (d document) events(kind string) []event {
	var found []event
	for _, id := range d.functions() {
		all, _ := d.of(id, "Events").(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if at(all[name], "Type") == kind {
				p, _ := at(all[name], "Properties").(map[string]any)
				found = append(found, event{id, name, kind, p})
			}
		}
	}
	return found
}

// statements are the Allow and Deny statements anywhere below v.
func statements(v any) []map[string]any {
	var found []map[string]any
	switch x := v.(type) {
	case map[string]any:
		if x["Effect"] != nil {
			return []map[string]any{x}
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			found = append(found, statements(x[k])...)
		}
	case []any:
		for _, e := range x {
			found = append(found, statements(e)...)
		}
	}
	return found
}

// allows are what a function's own policies, or its own role, let it do.
func (d document) allows(function string) []map[string]any {
	all := statements(d.of(function, "Policies"))
	if role, ok := d.of(function, "Role").(string); ok {
		id := strings.TrimSuffix(strings.TrimPrefix(role, "!GetAtt "), ".Arn")
		all = append(all, statements(d.of(id, "Policies"))...)
	}
	return all
}

func words(v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	var out []string
	list, _ := v.([]any)
	for _, e := range list {
		out = append(out, fmt.Sprint(e))
	}
	return out
}
