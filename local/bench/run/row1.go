package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// sizes (row 1) builds every function for arm64 as SAM does, and the reference with the same flags.
func sizes(ctx context.Context, e setting) ([]line, error) {
	dir, err := os.MkdirTemp("", "bench-arm64")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	folders, err := filepath.Glob(filepath.Join(e.root, "functions", "*"))
	if err != nil {
		return nil, err
	}
	for _, f := range folders {
		if err := e.make(ctx, "build-"+logical(filepath.Base(f)), "GOARCH=arm64", "ARTIFACTS_DIR="+filepath.Join(dir, "ours", filepath.Base(f))); err != nil {
			return nil, err
		}
	}
	if err := e.make(ctx, "reference", "GOARCH=arm64", "OUT="+filepath.Join(dir, "reference")); err != nil {
		return nil, err
	}
	largest, name, err := largestOf(filepath.Join(dir, "ours", "*", "bootstrap"))
	if err != nil {
		return nil, err
	}
	others, other, err := largestOf(filepath.Join(dir, "reference", "*"))
	if err != nil {
		return nil, err
	}
	return []line{{row: 1, what: "largest of the functions", unit: "MB", ours: sample{largest}, reference: sample{others}, goal: goal{atMost, 8.5},
		note: fmt.Sprintf("%s; reference: %s; 1 MB is 1,000,000 bytes", filepath.Base(filepath.Dir(name)), filepath.Base(other))}}, nil
}

// logical is the name of a function in the template: lease-park is LeaseParkFunction.
func logical(folder string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(folder, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String() + "Function"
}

func (e setting) make(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "make", append([]string{"-s", "-C", e.root}, args...)...)
	for i, a := range args { // make does not make the folder
		if dir, ok := strings.CutPrefix(a, "ARTIFACTS_DIR="); ok && i > 0 {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make %s: %w: %s", args[0], err, out)
	}
	return nil
}

func largestOf(pattern string) (megabytes float64, name string, err error) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return 0, "", fmt.Errorf("%s: no files: %v", pattern, err)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return 0, "", err
		}
		if mb := float64(info.Size()) / 1e6; mb > megabytes {
			megabytes, name = mb, f
		}
	}
	return megabytes, name, nil
}
