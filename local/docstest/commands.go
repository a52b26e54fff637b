package docstest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Block is a fenced block of a document: ```Info … ```.
type Block struct{ Info, Text string }

var fence = regexp.MustCompile("(?ms)^```([^\n`]+)\n(.*?)^```$")

// Blocks reads the fenced blocks of docs/<name>.
func Blocks(name string) ([]Block, error) {
	raw, err := os.ReadFile(filepath.Join(Root(), "docs", name))
	if err != nil {
		return nil, err
	}
	var blocks []Block
	for _, m := range fence.FindAllSubmatch(raw, -1) {
		blocks = append(blocks, Block{string(m[1]), string(m[2])})
	}
	return blocks, nil
}

// RunCommands runs the commands of docs/<name> (its blocks marked "sh run") in order in one shell, as a reader who
// pastes them does, in the empty directory dir against baseURL. It returns what they printed.
func RunCommands(name, baseURL, dir string) (string, error) {
	blocks, err := Blocks(name)
	if err != nil {
		return "", err
	}
	return runBlocks(name, blocks, "sh run", dir, "BASE_URL="+baseURL)
}

// runBlocks runs all blocks of a kind in one shell.
func runBlocks(name string, blocks []Block, info, dir, env string) (string, error) {
	script := "set -eu\n"
	for _, b := range blocks {
		if b.Info == info {
			script += b.Text
		}
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		return string(out), fmt.Errorf("the commands of %s: %v: %s", name, err, stderr.String())
	}
	return string(out), nil
}

// CheckCommands runs the commands of docs/<name> and expects what the document promises: the sign of the worked
// example, and an answer with code 0, valid by the schema, to each curl.
func CheckCommands(name, baseURL, dir string) error {
	out, err := RunCommands(name, baseURL, dir)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) < 5 {
		return fmt.Errorf("%s: five lines or more were expected: the sign, then an answer to each call:\n%s", name, out)
	}
	if want := workedSign; lines[0] != want {
		return fmt.Errorf("%s: the worked example gives %s, not %s", name, lines[0], want)
	}
	for i, line := range lines[1:] {
		schema := "OrderPage"
		if i == 0 {
			schema = "Done"
		}
		if err := ValidateSchema(schema, []byte(line)); err != nil {
			return fmt.Errorf("%s: answer %d: %w: %s", name, i+1, err, line)
		}
	}
	return nil
}

// workedSign is the sign of the example that the documents work through, a vector of the contract.
const workedSign = "f2505af7f4d6974e48c10677afda9f7ff2885ba3f4071e8064daffb7e9a0f320"
