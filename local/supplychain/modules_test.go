// Package supplychain holds what the functions link against docs/dependencies.md.
package supplychain

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../"

// What a licence's text says of itself, by the licences that may be linked.
var allowed = map[string]*regexp.Regexp{
	"Apache-2.0": regexp.MustCompile(`Apache License\s+Version 2\.0`),
	"MIT":        regexp.MustCompile(`Permission is hereby granted, free of charge`),
}

func linked(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", "./functions/...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	dirs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			dirs[path] = dir
		}
	}
	return dirs
}

// documented are the table's rows: module to licence.
func documented(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(root + "docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]+\\| (\\S+) \\|$").FindAllStringSubmatch(string(raw), -1) {
		rows[m[1]] = m[2]
	}
	return rows
}

func TestEveryLinkedModuleIsDocumentedAndFree(t *testing.T) {
	dirs, rows := linked(t), documented(t)
	if len(dirs) == 0 {
		t.Fatal("the functions link nothing?")
	}
	for path, dir := range dirs {
		licence, ok := rows[path]
		if !ok {
			t.Errorf("%s is linked and not in docs/dependencies.md", path)
			continue
		}
		pattern := allowed[licence]
		if pattern == nil {
			t.Errorf("%s: %s is not among the licences that may be linked", path, licence)
			continue
		}
		files, _ := filepath.Glob(filepath.Join(dir, "LICENSE*"))
		if !slices.ContainsFunc(files, func(f string) bool { raw, err := os.ReadFile(f); return err == nil && pattern.Match(raw) }) {
			t.Errorf("%s: no LICENSE file of it is %s", path, licence)
		}
	}
	for path := range rows {
		if dirs[path] == "" {
			t.Errorf("%s is in docs/dependencies.md and not linked", path)
		}
	}
}
