package template

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// tree turns a YAML node into maps, lists, strings, integers, floats and booleans. The short tags
// (!Ref, !GetAtt, !Sub, !If …) become the long form, {"Ref": …} and {"Fn::Sub": …}.
func tree(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.DocumentNode:
		return tree(n.Content[0])
	case yaml.AliasNode:
		return tree(n.Alias)
	}
	value, err := plain(n)
	if err != nil || !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return value, err
	}
	name := n.Tag[1:]
	switch name {
	case "Ref", "Condition":
		return map[string]any{name: value}, nil
	case "GetAtt":
		if s, ok := value.(string); ok {
			resource, attribute, _ := strings.Cut(s, ".")
			value = []any{resource, attribute}
		}
	}
	return map[string]any{"Fn::" + name: value}, nil
}

func plain(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := tree(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = v
		}
		return m, nil
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := tree(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!int":
			if i, err := strconv.Atoi(n.Value); err == nil {
				return i, nil
			}
		case "!!bool":
			return n.Value == "true", nil
		case "!!null":
			return nil, nil
		}
		return n.Value, nil // everything else stays as written, dates too
	}
	return nil, fmt.Errorf("line %d: unexpected YAML", n.Line)
}

// noValue marks what !Ref AWS::NoValue takes away.
type noValue struct{}

// resolver evaluates intrinsics; see [Values] for what a Ref yields.
type resolver struct {
	values     Values
	parameters map[string]string
	conditions map[string]any
	resources  map[string]map[string]any
}

func (r *resolver) resolve(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 1 {
			for key, argument := range v {
				if key == "Ref" || key == "Condition" || strings.HasPrefix(key, "Fn::") {
					return r.call(key, argument)
				}
			}
		}
		m := make(map[string]any, len(v))
		for key, x := range v {
			resolved, err := r.resolve(x)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			if _, gone := resolved.(noValue); !gone {
				m[key] = resolved
			}
		}
		return m, nil
	case []any:
		list := make([]any, 0, len(v))
		for _, x := range v {
			resolved, err := r.resolve(x)
			if err != nil {
				return nil, err
			}
			if _, gone := resolved.(noValue); !gone {
				list = append(list, resolved)
			}
		}
		return list, nil
	}
	return v, nil
}

func (r *resolver) call(function string, argument any) (any, error) {
	switch function {
	case "Ref":
		return r.ref(text(argument))
	case "Condition":
		return r.condition(text(argument))
	case "Fn::If":
		branches, ok := argument.([]any)
		if !ok || len(branches) != 3 {
			return nil, fmt.Errorf("!If needs a condition and two values")
		}
		holds, err := r.condition(text(branches[0]))
		if err != nil {
			return nil, err
		}
		if holds {
			return r.resolve(branches[1])
		}
		return r.resolve(branches[2])
	case "Fn::Sub":
		return r.sub(argument)
	}
	resolved, err := r.resolve(argument)
	if err != nil {
		return nil, err
	}
	list, _ := resolved.([]any)
	switch function {
	case "Fn::GetAtt":
		if len(list) == 2 {
			return r.attribute(text(list[0]), text(list[1]))
		}
	case "Fn::Join":
		if len(list) == 2 {
			if parts, ok := list[1].([]any); ok {
				texts := make([]string, len(parts))
				for i, p := range parts {
					texts[i] = text(p)
				}
				return strings.Join(texts, text(list[0])), nil
			}
		}
	case "Fn::Equals":
		if len(list) == 2 {
			return text(list[0]) == text(list[1]), nil
		}
	case "Fn::Not":
		if len(list) == 1 {
			return list[0] != true, nil
		}
	case "Fn::And", "Fn::Or":
		for _, x := range list {
			if (x == true) == (function == "Fn::Or") {
				return x == true, nil
			}
		}
		return function == "Fn::And", nil
	}
	return nil, fmt.Errorf("%s: not understood here: %v", function, argument)
}

func (r *resolver) condition(name string) (bool, error) {
	expression, ok := r.conditions[name]
	if !ok {
		return false, fmt.Errorf("condition %s is not defined", name)
	}
	v, err := r.resolve(expression)
	if err != nil {
		return false, fmt.Errorf("condition %s: %w", name, err)
	}
	holds, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("condition %s is %v, neither true nor false", name, v)
	}
	return holds, nil
}

var subVariable = regexp.MustCompile(`\$\{[^}]*\}`)

func (r *resolver) sub(argument any) (any, error) {
	format, own := argument, map[string]any{}
	if list, ok := argument.([]any); ok && len(list) == 2 {
		format = list[0]
		own, _ = list[1].(map[string]any)
	}
	var failed error
	out := subVariable.ReplaceAllStringFunc(text(format), func(match string) string {
		name := match[2 : len(match)-1]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		var v any
		var err error
		if value, ok := own[name]; ok {
			v, err = r.resolve(value)
		} else if resource, attribute, ok := strings.Cut(name, "."); ok {
			v, err = r.attribute(resource, attribute)
		} else {
			v, err = r.ref(name)
		}
		if err != nil && failed == nil {
			failed = err
		}
		return text(v)
	})
	return out, failed
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}
