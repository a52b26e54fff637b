// Package doctor tests doctor.sh, which says what a machine lacks before a newcomer finds out one by one.
package doctor

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a PATH with only these programs on it, and links to those of the system that the script itself uses.
func machine(t *testing.T, programs map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/bash\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"bash", "sed", "sort", "head", "df", "awk", "id", "dirname"} {
		if _, ours := programs[name]; ours {
			continue
		}
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return []string{"PATH=" + dir, "HOME=" + dir}
}

func free(t *testing.T) (int, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).Port, l
}

func ask(t *testing.T, env []string) (string, bool) {
	t.Helper()
	var ports []string
	for _, name := range []string{"PORT", "INVOKE_PORT", "CONSOLE_PORT"} {
		port, l := free(t)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		ports = append(ports, fmt.Sprintf("%s=%d", name, port))
	}
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bash, "doctor.sh")
	cmd.Env = append(ports, env...) // the last one counts
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

const (
	go126  = `case "$2" in GOVERSION) echo go1.26.1;; GOTOOLCHAIN) echo auto;; GOPROXY) echo direct;; esac`
	java21 = `echo 'openjdk version "21.0.2" 2024-01-16' >&2`
	nobody = `echo 1000` // id: not root, so nothing is installed for them
)

func TestDoctor(t *testing.T) {
	busy, l := free(t)
	defer l.Close()
	good := map[string]string{"go": go126, "java": java21, "mvn": "true", "php": "true", "node": "true", "python3": "true", "openssl": "true", "curl": "true", "chromium": "true", "docker": "true"}
	with := func(change map[string]string, without ...string) map[string]string {
		all := map[string]string{}
		for name, script := range good {
			all[name] = script
		}
		for name, script := range change {
			all[name] = script
		}
		for _, name := range without {
			delete(all, name)
		}
		return all
	}
	for _, c := range []struct {
		name     string
		programs map[string]string
		env      []string
		runs     bool
		says     string
	}{
		{"everything", good, nil, true, "make run can work"},
		{"no Go", with(nil, "go"), nil, false, "MISSING  Go: install Go 1.26 or later from https://go.dev/dl"},
		{"an old Go that may not fetch", with(map[string]string{"go": `case "$2" in GOVERSION) echo go1.21.0;; GOTOOLCHAIN) echo local;; esac`}), nil, false, "MISSING  Go 1.26 (there is 1.21.0)"},
		{"an old Go that fetches", with(map[string]string{"go": `case "$2" in GOVERSION) echo go1.21.0;; GOTOOLCHAIN) echo auto;; esac`}), nil, true, "which fetches Go 1.26"},
		{"an old Java", with(map[string]string{"java": `echo 'openjdk version "11.0.2"' >&2`}), nil, false, "MISSING  Java 17 (there is 11)"},
		{"no Java, not root", with(nil, "java"), nil, false, "MISSING  openjdk-17-jdk-headless"},
		{"no Java, root with apt-get", with(map[string]string{"id": "echo 0", "apt-get": "true"}, "java"), nil, true, "make run installs them by apt-get"},
		{"a port in use", good, []string{fmt.Sprintf("CONSOLE_PORT=%d", busy)}, false, fmt.Sprintf("MISSING  port %d, for the console: something listens there; end it, or choose another: make run CONSOLE_PORT=", busy)},
		{"a full disk", with(map[string]string{"df": `printf 'Filesystem\n/dev/x 1 1 1024000 1%% /\n'`}), nil, false, "MISSING  disk: 1000 MB"},
		{"modules out of reach", with(map[string]string{"go": `case "$1 $2" in "env GOVERSION") echo go1.26.1;; "env GOPROXY") echo off;; "mod verify") exit 1;; esac`}), nil, false, "MISSING  Go modules"},
		{"no PHP", with(nil, "php"), nil, true, "without  php: install php-cli"},
		{"no browser", with(nil, "chromium"), nil, true, "without  chromium: the console is tested in a browser"},
		{"no Docker", with(nil, "docker"), nil, true, "without  a Docker engine"},
	} {
		programs := c.programs
		if programs["id"] == "" {
			programs = map[string]string{"id": nobody}
			for name, script := range c.programs {
				programs[name] = script
			}
		}
		env := machine(t, programs)
		out, runs := ask(t, append(env, c.env...))
		if runs != c.runs || !strings.Contains(out, c.says) {
			t.Errorf("%s: runs %v, want %v and %q in:\n%s", c.name, runs, c.runs, c.says, out)
		}
	}
}
