// Package engines runs the real engines behind the local stack and the tests: DynamoDB Local and
// ElasticMQ (SQS), each on a free port of 127.0.0.1.
package engines

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"lease-gateway/local/process"
)

// What the engines believe to be. Their access key ids must be letters and digits only.
const (
	Region    = "us-east-1"
	AccountID = "000000000000"
	AccessKey = "local"
)

// Options of Start; the zero value is a pair in memory that installs into the checkout's cache.
type Options struct {
	CacheDir string                           // jars; empty: .cache/engines of the checkout
	DataDir  string                           // where DynamoDB Local keeps its tables; empty: in memory
	Say      func(format string, args ...any) // progress, one line a call; nil: silent
}

// Engines is a running pair.
type Engines struct {
	DynamoURL string // http://127.0.0.1:port
	SQSURL    string // http://127.0.0.1:port
	processes []*process.Process
	confDir   string
	died      chan struct{}
	diedOnce  sync.Once
}

const startTimeout = 60 * time.Second

// Start installs the engines if need be, starts both, and returns when they answer.
func Start(ctx context.Context, o Options) (*Engines, error) {
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	if o.CacheDir == "" {
		root, err := CheckoutRoot()
		if err != nil {
			return nil, err
		}
		o.CacheDir = filepath.Join(root, ".cache", "engines")
	}
	if err := install(ctx, o.CacheDir, o.Say); err != nil {
		return nil, err
	}
	confDir, err := os.MkdirTemp("", "lease-engines-")
	if err != nil {
		return nil, err
	}
	e := &Engines{confDir: confDir, died: make(chan struct{})}
	var dynamo, sqs *process.Process
	var dynamoErr, sqsErr error
	var both sync.WaitGroup
	both.Go(func() { dynamo, e.DynamoURL, dynamoErr = retry(ctx, "DynamoDB Local", o.startDynamo) })
	both.Go(func() {
		sqs, e.SQSURL, sqsErr = retry(ctx, "ElasticMQ", func(ctx context.Context, port int) (*process.Process, error) {
			return o.startSQS(ctx, confDir, port)
		})
	})
	both.Wait()
	for _, p := range []*process.Process{dynamo, sqs} {
		if p != nil {
			e.processes = append(e.processes, p)
			go func() {
				<-p.Done()
				e.diedOnce.Do(func() { close(e.died) })
			}()
		}
	}
	if err := errors.Join(dynamoErr, sqsErr); err != nil {
		e.Stop()
		return nil, err
	}
	return e, nil
}

// Died is closed when one of them has ended, by itself or by Stop.
func (e *Engines) Died() <-chan struct{} { return e.died }

// Stop ends both; the port is free and nothing runs when it returns.
func (e *Engines) Stop() {
	var all sync.WaitGroup
	for _, p := range e.processes {
		all.Go(func() { p.Stop(3 * time.Second) })
	}
	all.Wait()
	_ = os.RemoveAll(e.confDir) // a leftover in the temporary directory harms nobody
}

// retry takes another free port when somebody else was quicker to take the first.
func retry(ctx context.Context, name string, start func(context.Context, int) (*process.Process, error)) (*process.Process, string, error) {
	var err error
	for range 3 {
		var port int
		if port, err = FreePort(); err != nil {
			break
		}
		var p *process.Process
		if p, err = start(ctx, port); err == nil {
			return p, "http://127.0.0.1:" + strconv.Itoa(port), nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, "", fmt.Errorf("%s did not start: %w", name, err)
}

// FreePort returns a port of 127.0.0.1 that nobody listens on now.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (o Options) startDynamo(ctx context.Context, port int) (*process.Process, error) {
	dir := filepath.Join(o.CacheDir, "dynamodb")
	args := []string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.library.path=" + dir,
		"-cp", filepath.Join(o.CacheDir, "classes") + string(os.PathListSeparator) + filepath.Join(dir, "*"),
		"LocalDynamo", "-disableTelemetry", "-sharedDb", "-port", strconv.Itoa(port)}
	if o.DataDir == "" {
		args = append(args, "-inMemory")
	} else {
		if err := os.MkdirAll(o.DataDir, 0o755); err != nil {
			return nil, err
		}
		args = append(args, "-dbPath", o.DataDir)
	}
	return startJVM(ctx, args, func(line string) bool { return line == "LISTENING" }, nil)
}

func (o Options) startSQS(ctx context.Context, confDir string, port int) (*process.Process, error) {
	// The port answers before the queues exist, and a stranger may answer on it. A queue that only this
	// process knows shows that it is ours and ready.
	mark := "ready-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	conf := fmt.Sprintf(`include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = %[1]d, context-path = "" }
rest-sqs { enabled = true, bind-hostname = "127.0.0.1", bind-port = %[1]d, sqs-limits = strict }
rest-stats { enabled = false }
generate-node-address = false
queues { %[2]s { } }
aws { region = %[3]s, accountId = %[4]s }
`, port, mark, Region, AccountID)
	file := filepath.Join(confDir, strconv.Itoa(port)+".conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	address := "http://127.0.0.1:" + strconv.Itoa(port)
	args := []string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dconfig.file=" + file,
		"-cp", filepath.Join(o.CacheDir, "elasticmq", "*"), "org.elasticmq.server.Main"}
	p, err := startJVM(ctx, args, nil, func(ctx context.Context) bool {
		return ask(ctx, address, url.Values{"Action": {"GetQueueUrl"}, "QueueName": {mark}, "Version": {"2012-11-05"}})
	})
	if err == nil {
		ask(ctx, address, url.Values{"Action": {"DeleteQueue"}, "QueueUrl": {address + "/" + AccountID + "/" + mark}, "Version": {"2012-11-05"}})
	}
	return p, err
}

// startJVM returns when the process has printed a line that heard accepts, or when answers reports true.
func startJVM(ctx context.Context, args []string, heard func(line string) bool, answers func(context.Context) bool) (*process.Process, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	out := &tail{ready: make(chan struct{}), heard: heard}
	cmd := exec.Command("java", args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), "JAVA_TOOL_OPTIONS=", "AWS_ACCESS_KEY_ID="+AccessKey, "AWS_SECRET_ACCESS_KEY="+AccessKey)
	p, err := process.Start(cmd)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-out.ready:
			return p, nil
		case <-tick.C:
			if answers != nil && answers(ctx) {
				return p, nil
			}
		case <-p.Done():
			return nil, fmt.Errorf("it ended: %s", out.last())
		case <-ctx.Done():
			p.Kill()
			return nil, fmt.Errorf("it did not answer: %w", context.Cause(ctx))
		}
	}
}

func ask(ctx context.Context, address string, form url.Values) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+AccessKey+"/20260101/"+Region+"/sqs/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// tail keeps the last of a JVM's output, for the message when it ends, and watches for a line.
type tail struct {
	heard func(string) bool
	ready chan struct{}
	mu    sync.Mutex
	once  sync.Once
	buf   []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if t.heard != nil {
		for scan := bufio.NewScanner(bytes.NewReader(t.buf)); scan.Scan(); {
			if t.heard(scan.Text()) {
				t.once.Do(func() { close(t.ready) })
				t.heard = nil
				break
			}
		}
	}
	if keep := 4096; len(t.buf) > keep {
		t.buf = append([]byte(nil), t.buf[len(t.buf)-keep:]...)
	}
	return len(b), nil
}

func (t *tail) last() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return lastLines(t.buf, 6)
}

// CheckoutRoot is the directory of go.mod above the working directory.
func CheckoutRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("this must run inside the checkout: no go.mod in the working directory or above it")
		}
		dir = parent
	}
}
