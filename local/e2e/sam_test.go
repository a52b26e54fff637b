package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"lease-gateway/local/engines"
	"lease-gateway/local/process"
	"lease-gateway/local/stack"
)

// With LEASE_SAM (the sam command) the same tests call the functions in SAM's containers: the API is `sam local start-api`
// instead of the local gateway, the Invoke API is `sam local invoke`. LEASE_SAM_TEMPLATE is the template that `sam build`
// wrote, CONTAINER_ADDRESS where containers reach this machine, docker0 if nothing else is said.
var (
	samCommand  = os.Getenv("LEASE_SAM")
	samTemplate = os.Getenv("LEASE_SAM_TEMPLATE")
)

func samContainers() stack.Containers {
	if samCommand == "" {
		return stack.Containers{}
	}
	return stack.Containers{Address: cmp.Or(os.Getenv("CONTAINER_ADDRESS"), "docker0")}
}

// samAnswers are the rows of TestContract that SAM's emulation decides by itself, where API Gateway and the local gateway ask the function.
var samAnswers = map[string]string{
	"read, an id with an escaped slash":          "it decodes the path before it looks for the route",
	"a slash behind":                             "it takes the path with a slash behind for the route without",
	"two slashes in front":                       "it takes two slashes for one",
	"an unknown path with a method that is none": "it refuses methods that it does not know",
}

// leftOut says why a request cannot be tried against containers; "" where it can.
func leftOut(name, body string) string {
	switch {
	case samCommand == "":
		return ""
	case !utf8.ValidString(body):
		return "sam local start-api answers a body that is not UTF-8 with 502"
	case samAnswers[name] != "":
		return "sam local start-api: " + samAnswers[name]
	}
	return ""
}

// patience is longer with containers: the bounds are promises of our own code, not of SAM's emulation.
func patience(d time.Duration) time.Duration {
	if samCommand != "" {
		return 5 * d
	}
	return d
}

// sam is `sam local …` with the environment of the stack's functions, as samconfig.toml has it for this machine.
func sam(t testing.TB, s *stack.Stack, subcommand string, args ...string) *exec.Cmd {
	t.Helper()
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	env, err := s.SamEnv()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sam-env.json")
	if err := os.WriteFile(file, env, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(samCommand, append([]string{"local", subcommand, "--template", samTemplate, "--config-file", filepath.Join(root, "samconfig.toml"),
		"--config-env", "local", "--env-vars", file}, args...)...)
	cmd.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0")
	return cmd
}

// startAPI puts `sam local start-api` in front of the stack's functions and returns its address.
func startAPI(t testing.TB, s *stack.Stack) string {
	t.Helper()
	port, err := engines.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	cmd := sam(t, s, "start-api", "--port", strconv.Itoa(port))
	cmd.Stdout, cmd.Stderr = log, log
	p, err := process.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Stop(time.Minute) // it removes its containers
		if t.Failed() {
			t.Log(tail(log.String(), 4000))
		}
	})
	url := "http://127.0.0.1:" + strconv.Itoa(port)
	eventually(t, 2*time.Minute, "sam local start-api answers", func() bool {
		select {
		case <-p.Done():
			t.Fatalf("sam local start-api ended: %s", log.String())
		default:
		}
		resp, err := http.Get(url + "/")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusNotFound
	})
	return url
}

// samInvoke runs a function once in a container of its own. SAM exits with 0 whatever the function says: an error is in its answer.
func samInvoke(t *testing.T, s *stack.Stack, function, payload string) (body string, failed bool) {
	t.Helper()
	for range 2 { // the emulator loses one cold start in 150 to a race of its own
		cmd := sam(t, s, "invoke", function, "--event", "-")
		cmd.Stdin = strings.NewReader(payload)
		log := &bytes.Buffer{}
		cmd.Stderr = log
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("sam local invoke: %v\n%s", err, tail(log.String(), 4000))
		}
		if body = strings.TrimSpace(string(out)); body != "" {
			break
		}
		t.Logf("no answer: %s", tail(log.String(), 1000))
	}
	var fault struct {
		Message *string `json:"errorMessage"`
	}
	_ = json.Unmarshal([]byte(body), &fault) // an answer that is no object is no fault
	return body, fault.Message != nil
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
