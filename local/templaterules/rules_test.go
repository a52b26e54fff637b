package templaterules

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rule is what must hold of template.yaml. broken is what is wrong, empty when nothing is; from and to are a small
// patch of the template on which this rule must find something.
type rule struct {
	name, reason string
	broken       func(d document) []string
	from, to     string
}

var allRules = slices.Concat(rules, alarmRules)

func TestTemplate(t *testing.T) {
	d := parse(t, load(t))
	for _, r := range allRules {
		for _, wrong := range r.broken(d) {
			t.Errorf("%s: %s (%s)", r.name, wrong, r.reason)
		}
	}
}

// Each rule can fail: on the template with its patch it finds something.
func TestEachRuleFailsOnABrokenTemplate(t *testing.T) {
	raw := load(t)
	seen := map[string]bool{}
	for _, r := range allRules {
		if seen[r.name] {
			t.Errorf("two rules have the name %q", r.name)
		}
		seen[r.name] = true
		patched := strings.Replace(raw, r.from, r.to, 1)
		if patched == raw {
			t.Errorf("%s: its patch changes nothing: %q", r.name, r.from)
			continue
		}
		if len(r.broken(parse(t, patched))) == 0 {
			t.Errorf("%s: finds nothing wrong after %q became %q", r.name, r.from, r.to)
		}
	}
	if len(allRules) < 30 {
		t.Errorf("%d rules, at least 30 are wanted", len(allRules))
	}
}

// is reports where the value at the end of keys differs from want.
func is(want any, id string, keys ...string) func(document) []string {
	return func(d document) []string {
		if got := d.of(id, keys...); fmt.Sprint(got) != fmt.Sprint(want) {
			return []string{fmt.Sprintf("%s.%s is %v, not %v", id, strings.Join(keys, "."), got, want)}
		}
		return nil
	}
}

// each gathers what one finds wrong of every id; an empty list of ids is wrong too.
func each(ids func(document) []string, one func(d document, id string) string) func(document) []string {
	return func(d document) []string {
		all := ids(d)
		if len(all) == 0 {
			return []string{"there is none to look at"}
		}
		var wrong []string
		for _, id := range all {
			if w := one(d, id); w != "" {
				wrong = append(wrong, id+": "+w)
			}
		}
		return wrong
	}
}

func kind(k string) func(document) []string {
	return func(d document) []string { return d.ids(k) }
}

func when(bad bool, format string, args ...any) string {
	if bad {
		return fmt.Sprintf(format, args...)
	}
	return ""
}

// strip makes a list of what is wrong, empty where nothing is.
func strip(wrong string) []string {
	if wrong == "" {
		return nil
	}
	return []string{wrong}
}

var apiFunctions = []string{"AppOrderFunction", "AppParkFunction", "LeaseOrderFunction", "LeaseParkFunction", "UnknownRouteFunction"}

func api(document) []string { return apiFunctions }

func differ(what string, got, want []string) []string {
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return []string{fmt.Sprintf("%s: template %v, code %v", what, got, want)}
	}
	return nil
}

var (
	required = regexp.MustCompile(`env:"([A-Z_]+),required"`)
	anchor   = regexp.MustCompile(`docs/runbook\.md#([a-z]+)$`)
)

func mainOf(folder string) string {
	raw, _ := os.ReadFile(root + "functions/" + folder + "/main.go")
	return string(raw)
}

// environment of a function in the template, with the global one.
func environment(d document, id string) []string {
	own, _ := d.of(id, "Environment", "Variables").(map[string]any)
	global, _ := at(d, "Globals", "Function", "Environment", "Variables").(map[string]any)
	return slices.Concat(slices.Collect(maps.Keys(own)), slices.Collect(maps.Keys(global)))
}

func variables(d document, id string) []string {
	wanted := []string{}
	for _, m := range required.FindAllStringSubmatch(mainOf(d.folder(id)), -1) {
		wanted = append(wanted, m[1])
	}
	named := slices.DeleteFunc(environment(d, id), func(v string) bool { return strings.HasPrefix(v, "AWS_ENDPOINT_URL_") })
	return differ(id, named, wanted)
}

func endpoints(d document, id string) []string {
	wanted, code := []string{}, mainOf(d.folder(id))
	for word, name := range map[string]string{"config.DynamoDB(": "DYNAMODB", "pushqueue.Open(": "SQS", "_SECRET_ARN": "SECRETS_MANAGER"} {
		if strings.Contains(code, word) {
			wanted = append(wanted, "AWS_ENDPOINT_URL_"+name)
		}
	}
	named := slices.DeleteFunc(environment(d, id), func(v string) bool { return !strings.HasPrefix(v, "AWS_ENDPOINT_URL_") })
	return differ(id, named, wanted)
}

func runbook(d document) []string {
	raw, _ := os.ReadFile(root + "docs/runbook.md")
	var sections []string
	for line := range strings.Lines(string(raw)) {
		if title, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			sections = append(sections, title)
		}
	}
	return differ("alarms and sections of docs/runbook.md", d.ids("AWS::CloudWatch::Alarm"), sections)
}

func openapi(d document) []string {
	raw, _ := os.ReadFile(root + "docs/openapi.yaml")
	var inDocument []string
	path, inPaths := "", false
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "paths:":
			inPaths = true
		case inPaths && line != "" && line[0] != ' ' && line[0] != '#':
			inPaths = false
		case inPaths && strings.HasPrefix(line, "  /"):
			path = strings.TrimSuffix(strings.TrimSpace(line), ":")
		case inPaths && slices.Contains([]string{"    get:", "    post:", "    delete:", "    put:"}, line):
			inDocument = append(inDocument, strings.ToUpper(strings.Trim(line, " :"))+" "+path)
		}
	}
	var routes []string
	for _, e := range d.events("HttpApi") {
		if e.properties["Path"] != nil {
			routes = append(routes, fmt.Sprintf("%v %v", e.properties["Method"], e.properties["Path"]))
		}
	}
	return differ("routes and docs/openapi.yaml", routes, inDocument)
}
