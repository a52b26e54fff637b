package templaterules

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// emitted are the metrics that the functions write, each with its unit: every telemetry.Metric{Name: "…", Unit: "…"} of their code, and every call f("…", …)
// of a local function that makes one of its argument.
var emitted = sync.OnceValue(func() map[string]string {
	units := map[string]string{}
	_ = filepath.WalkDir(root+"functions", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		note := func(name, unit string) {
			if other, ok := units[name]; ok && other != unit {
				unit += " and " + other
			}
			units[name] = unit
		}
		makers := map[string]string{} // local functions that make a metric of the name they are given, and its unit
		ast.Inspect(file, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 {
				if f, ok := a.Rhs[0].(*ast.FuncLit); ok {
					ast.Inspect(f, func(n ast.Node) bool {
						if name, unit, ok := metric(n); ok && name == "" {
							makers[fmt.Sprint(a.Lhs[0])] = unit
						}
						return true
					})
				}
			}
			if name, unit, ok := metric(n); ok && name != "" {
				note(name, unit)
			}
			return true
		})
		ast.Inspect(file, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok && len(c.Args) > 0 {
				if unit, ok := makers[fmt.Sprint(c.Fun)]; ok && text(c.Args[0]) != "" {
					note(text(c.Args[0]), unit)
				}
			}
			return true
		})
		return nil
	})
	return units
})

// metric reads a telemetry.Metric literal; its name is "" where it is no literal.
func metric(n ast.Node) (name, unit string, ok bool) {
	c, ok := n.(*ast.CompositeLit)
	if !ok {
		return "", "", false
	}
	if s, ok := c.Type.(*ast.SelectorExpr); c.Type != nil && (!ok || fmt.Sprint(s.X) != "telemetry" || s.Sel.Name != "Metric") {
		return "", "", false
	}
	fields := map[string]ast.Expr{}
	for _, e := range c.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			fields[fmt.Sprint(kv.Key)] = kv.Value
		}
	}
	// within a list of them the type is left out
	return text(fields["Name"]), text(fields["Unit"]), fields["Name"] != nil && fields["Unit"] != nil && fields["Value"] != nil
}

func text(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, _ := strconv.Unquote(l.Value)
		return s
	}
	return ""
}

// TestMetricsOfTheCode pins what is written, since alarms, dashboards and people outside this repository know the names.
func TestMetricsOfTheCode(t *testing.T) {
	want := map[string]string{
		"Delivered": "Count", "PushLatencyMs": "Milliseconds", "PushRefused": "Count", "Retried": "Count",
		"OldestDueAgeSeconds": "Seconds", "DueSoonUndelivered": "Count", "BreakerOpen": "Count",
		"LastCompleteSweepAgeSeconds": "Seconds", "GuardFired": "Count", "CorrectionShare": "Percent", "ParksWithdrawn": "Count",
	}
	got := emitted()
	for name, unit := range want {
		if got[name] != unit {
			t.Errorf("%s: unit %q, want %s", name, got[name], unit)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if unit := got[name]; !slices.Contains([]string{"Count", "Seconds", "Milliseconds", "Percent", "Bytes"}, unit) {
			t.Errorf("%s: unit %q is none of CloudWatch's that we use", name, unit)
		}
	}
}

// written reports whether a function writes the metric.
func written(name string) bool { return emitted()[name] != "" }

// otherUnit says what is wrong with an alarm's unit: CloudWatch keeps one series for each unit, and an alarm on another one never fires.
func otherUnit(d document, id string) string {
	unit, name := d.of(id, "Unit"), fmt.Sprint(d.of(id, "MetricName"))
	return when(unit != nil && unit != emitted()[name], "unit %v, the code writes %s in %s", unit, name, emitted()[name])
}

// pushMetrics says which metrics of the push the dashboard does not show.
func pushMetrics(d document) []string {
	body := fmt.Sprint(d.of("Dashboard", "DashboardBody"))
	var wrong []string
	for _, name := range []string{"Delivered", "PushLatencyMs", "PushRefused", "Retried", "OldestDueAgeSeconds", "DueSoonUndelivered", "BreakerOpen"} {
		if !strings.Contains(body, `["LeaseGateway","`+name+`"`) {
			wrong = append(wrong, name)
		}
	}
	return wrong
}
