package docstest

import (
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"lease-gateway/shared/signature"
)

// Sample is one of the programs in docs/signing.
type Sample struct {
	Name    string
	Command []string
	Install string // what to do where the interpreter is missing
}

// Samples are the signing programs of docs/signing, one for each language.
func Samples() []Sample {
	dir := filepath.Join(Root(), "docs", "signing")
	return []Sample{
		{"PHP", []string{"php", filepath.Join(dir, "sign.php")}, "apt-get install -y --no-install-recommends php-cli"},
		{"Java", []string{"java", filepath.Join(dir, "Sign.java")}, "apt-get install -y --no-install-recommends openjdk-17-jdk-headless"},
		{"Python", []string{"python3", filepath.Join(dir, "sign.py")}, "apt-get install -y --no-install-recommends python3"},
		{"Go", []string{"go", "run", filepath.Join(dir, "sign.go")}, "install Go as go.mod names it"},
		{"JavaScript", []string{"node", filepath.Join(dir, "sign.mjs")}, "apt-get install -y --no-install-recommends nodejs"},
	}
}

// Case is one request to sign.
type Case struct {
	Secret, Method, Path string
	Query                []signature.Param
	Body                 []byte
}

func (c *Case) line() string {
	fields := []string{hex.EncodeToString([]byte(c.Secret)), c.Method, c.Path, hex.EncodeToString(c.Body)}
	for _, p := range c.Query {
		fields = append(fields, hex.EncodeToString([]byte(p.Name)), hex.EncodeToString([]byte(p.Value)))
	}
	return strings.Join(fields, "\t") + "\n"
}

// Sign has the sample sign all cases in one process.
func (s *Sample) Sign(cases []Case) ([]string, error) {
	var in strings.Builder
	for i := range cases {
		in.WriteString(cases[i].line())
	}
	signs, err := s.run(in.String())
	if err == nil && len(signs) != len(cases) {
		err = fmt.Errorf("%s answered %d lines to %d cases", s.Name, len(signs), len(cases))
	}
	return signs, err
}

func (s *Sample) run(input string, args ...string) ([]string, error) {
	if _, err := exec.LookPath(s.Command[0]); err != nil {
		return nil, fmt.Errorf("%s is not installed: %s", s.Command[0], s.Install)
	}
	var stderr strings.Builder
	cmd := exec.Command(s.Command[0], append(s.Command[1:len(s.Command):len(s.Command)], args...)...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", s.Name, err, stderr.String())
	}
	return strings.Fields(string(out)), nil
}

// VerifyWithPython has a captured request verified by docs/signing/sign.py, as Tongli would, and not by our own
// code. path is the contract path ("/api/SynLeaseOrder"), rawQuery the query string as received.
func VerifyWithPython(secret, method, path, rawQuery string, body []byte) error {
	for _, s := range Samples() {
		if s.Name != "Python" {
			continue
		}
		line := strings.Join([]string{hex.EncodeToString([]byte(secret)), method, path, hex.EncodeToString(body), hex.EncodeToString([]byte(rawQuery))}, "\t")
		verdict, err := s.run(line+"\n", "verify")
		if err != nil {
			return err
		}
		if len(verdict) != 1 || verdict[0] != "ok" {
			return fmt.Errorf("%s %s?%s: the Python sample says %v", method, path, rawQuery, verdict)
		}
	}
	return nil
}
