package e2e

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"lease-gateway/local/engines"
)

// TestImportsGoOneWay: functions → shared → lease; functions never import each other; nobody imports local; the domain stands on the
// standard library alone. Tests may import what they drive.
func TestImportsGoOneWay(t *testing.T) {
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && file != root {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return err
		}
		rel, _ := filepath.Rel(root, file)
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			seen++
			if reason := forbidden(filepath.ToSlash(filepath.Dir(rel)), path); reason != "" {
				t.Errorf("%s imports %s: %s", rel, path, reason)
			}
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Fatalf("%d imports read: %v", seen, err)
	}
}

func forbidden(dir, path string) string {
	const module = "lease-gateway/"
	part := func(s string, n int) string {
		return strings.Join(strings.SplitN(s, "/", n+1)[:min(n, strings.Count(s, "/")+1)], "/")
	}
	switch {
	case strings.HasPrefix(path, module+"local") && !strings.HasPrefix(dir, "local"):
		return "nobody imports local"
	case dir == "shared/lease" && strings.Contains(path, "."), dir == "shared/lease" && strings.HasPrefix(path, module):
		return "the domain uses the standard library only"
	case strings.HasPrefix(path, module+"functions/") && strings.HasPrefix(dir, "functions/") && part(strings.TrimPrefix(path, module), 2) != part(dir, 2):
		return "functions never import each other"
	case strings.HasPrefix(path, module+"functions/") && strings.HasPrefix(dir, "shared"):
		return "shared knows no function"
	}
	return ""
}

// TestForbidden shows that the rule can fail.
func TestForbidden(t *testing.T) {
	for _, c := range [][2]string{
		{"functions/app-park/apppark", "lease-gateway/local/stack"},
		{"functions/app-park/apppark", "lease-gateway/functions/app-order/apporder"},
		{"shared/lease", "github.com/aws/aws-sdk-go-v2/aws"},
		{"shared/lease", "lease-gateway/shared/envelope"},
		{"shared/door", "lease-gateway/functions/app-order/apporder"},
	} {
		if forbidden(c[0], c[1]) == "" {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
	if reason := forbidden("functions/app-park", "lease-gateway/functions/app-park/apppark"); reason != "" {
		t.Error(reason)
	}
}
