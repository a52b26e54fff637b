package startup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compile builds packages of the checkout for this machine as the Makefile builds functions.
func compile(ctx context.Context, root, out, packages string, more ...string) error {
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out}, more...)
	cmd := exec.CommandContext(ctx, "go", append(args, packages)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", packages, err, said)
	}
	return nil
}

// Hello builds the hello-world into a folder.
func Hello(ctx context.Context, root, folder string) (file string, err error) {
	file = filepath.Join(folder, "hello")
	return file, compile(ctx, root, file, "./local/bench/startup/hello")
}

// warmUp is where the warm-up calls are made. An overlay lets it return at once, so that what is left is the init without them, exactly.
const (
	warmUpFile = "shared/config/config.go"
	warmUp     = "func Warm(calls ...func(context.Context)) {\n"
)

// WithoutWarmUp builds the functions, as they are but for the warm-up calls, into a new folder below dir.
func WithoutWarmUp(ctx context.Context, root, dir string) (folder string, err error) {
	if root, err = filepath.Abs(root); err != nil {
		return "", err
	}
	file := filepath.Join(root, warmUpFile)
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(source), warmUp) {
		return "", fmt.Errorf("%s has no %q", warmUpFile, strings.TrimSpace(warmUp))
	}
	changed, overlay, folder := filepath.Join(dir, "config.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "cold")
	raw, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err == nil {
		err = errors.Join(os.WriteFile(changed, []byte(strings.Replace(string(source), warmUp, warmUp+"\treturn\n", 1)), 0o644), os.WriteFile(overlay, raw, 0o644), os.Mkdir(folder, 0o755))
	}
	if err != nil {
		return "", err
	}
	return folder, compile(ctx, root, folder, "./functions/...", "-overlay", overlay)
}
