// Package deploy tests the guard rails of deploy.sh, with sam and aws played by scripts that note how they were called.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestGuardRails(t *testing.T) {
	for _, c := range []struct {
		name, stage, answer string
		dirty, noAccount    bool
		says                string
		calls               string
	}{
		{name: "no stage", says: "say which stage"},
		{name: "another stage", stage: "staging", says: "say which stage"},
		{name: "a dirty tree", stage: "dev", answer: "dev", dirty: true, says: "not committed"},
		{name: "no credentials", stage: "dev", answer: "dev", noAccount: true, says: "no credentials"},
		{name: "not confirmed", stage: "prod", answer: "dev", says: "not confirmed"},
		{name: "production", stage: "prod", answer: "prod", says: "https://api.example",
			calls: "sam build --config-env prod\nsam deploy --config-env prod --confirm-changeset --parameter-overrides Stage=prod TongliBaseUrl=https://t.example\n"},
		{name: "dev", stage: "dev", answer: "dev", says: "make smoke",
			calls: "sam build --config-env default\nsam deploy --config-env default --confirm-changeset --parameter-overrides Stage=dev TongliBaseUrl=https://t.example\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo, tools := t.TempDir(), t.TempDir()
			script, err := os.ReadFile("deploy.sh")
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(repo, "local", "deploy", "deploy.sh"), string(script))
			for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "t"}} {
				git := exec.Command("git", args...)
				git.Dir = repo
				if out, err := git.CombinedOutput(); err != nil {
					t.Fatalf("git %v: %v %s", args, err, out)
				}
			}
			if c.dirty {
				write(t, filepath.Join(repo, "new"), "")
			}
			calls := filepath.Join(tools, "calls")
			account := "echo 123456789012"
			if c.noAccount {
				account = "exit 255"
			}
			write(t, filepath.Join(tools, "sam"), "#!/bin/sh\necho sam \"$@\" >>"+calls+"\n")
			write(t, filepath.Join(tools, "aws"), "#!/bin/sh\ncase $1 in sts) "+account+" ;; cloudformation) echo ApiUrl https://api.example ;; esac\n")
			cmd := exec.Command("bash", filepath.Join(repo, "local", "deploy", "deploy.sh"))
			cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "STAGE="+c.stage, "PARAMETERS=TongliBaseUrl=https://t.example")
			cmd.Stdin = strings.NewReader(c.answer + "\n")
			out, err := cmd.CombinedOutput()
			if (err == nil) != (c.calls != "") || !strings.Contains(string(out), c.says) {
				t.Errorf("%v, want %q in:\n%s", err, c.says, out)
			}
			got, _ := os.ReadFile(calls) // absent where nothing was called
			if string(got) != c.calls {
				t.Errorf("called:\n%swant:\n%s", got, c.calls)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
