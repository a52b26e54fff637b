// Package stack ties the local stack together: the engines, the functions of the template with their
// triggers, the gateway, the Invoke API, the secrets and the Tongli simulator. `make run` and the
// end-to-end tests start the same one.
package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"lease-gateway/local/engines"
	"lease-gateway/local/gateway"
	"lease-gateway/local/invokeapi"
	"lease-gateway/local/lambdahost"
	"lease-gateway/local/loopback"
	"lease-gateway/local/secretsmanager"
	"lease-gateway/local/signdebug"
	"lease-gateway/local/template"
	"lease-gateway/local/tonglisim"
	"lease-gateway/local/triggers"
)

// What both sides use locally (contract, section 5).
const (
	InboundAppID  = "tongli-demo"
	OutboundAppID = "chejiajia-demo"
	Secret        = "demo-secret-not-for-production"
)

const defaultName = "lease"

// Options of Start. The zero value is a stack on free ports, in memory, whose schedules never fire.
type Options struct {
	Root        string // the checkout, with template.yaml; empty: found from the working directory
	Binaries    string // one file for each function, named as its folder; empty: .build of the checkout
	DataDir     string // where the tables lie; empty: in memory
	Port        int    // of the API; 0: a free one, also below
	InvokePort  int
	ConsolePort int
	Console     func(*Stack) http.Handler // what CONSOLE_PORT serves besides /healthz and /stack.json; nil: nothing. An io.Closer is closed by Stop
	Observer    Observer                  // nil: nobody looks on

	Inbound, Outbound Keys // of the two directions; zero: Secret for both

	TongliBaseURL string            // a Tongli to talk to; empty: the simulator
	Tongli        tonglisim.Options // of the simulator; app_id, secret and clock are filled in

	PollEvery, SweepEvery, RepushEvery time.Duration                    // 0: never by itself
	VisibilityTimeout                  time.Duration                    // of the push queue; 0: the template's
	Env                                map[string]string                // set in each function that has it in the template
	Containers                         Containers                       // a way in for them
	Engines                            *engines.Engines                 // already running ones, not stopped by this stack
	Name                               string                           // in front of table and queue names; empty: lease
	Log                                io.Writer                        // the functions' lines; nil: none
	Say                                func(format string, args ...any) // progress; nil: silent
}

// Stack is a running stack.
type Stack struct {
	URL        string // of the API
	InvokeURL  string
	ConsoleURL string
	TongliURL  string
	DynamoURL  string
	SQSURL     string
	Template   *template.Template
	Tongli     *tonglisim.Sim // nil with a TongliBaseURL
	Secrets    *secretsmanager.Store
	Host       *lambdahost.Host

	options    Options
	engines    *engines.Engines
	servers    []*http.Server
	listeners  []net.Listener
	ways       Ports
	secretsURL string
	triggers   sync.WaitGroup
	cancel     context.CancelFunc
	lock       *os.File
	stopOnce   sync.Once
}

// Observer is told what passes between the parts of the stack. It must not block and must not change anything.
type Observer interface {
	API(gateway http.Handler) http.Handler // stands between the API's port and the gateway
	Tongli(tonglisim.Call)                 // a call that the simulator answered
	Invoked(triggers.Invocation)           // a function that a queue or a schedule started has ended
}

// lineWriter lets the host and the triggers write to one log.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// Start starts everything and returns when it answers. ctx bounds the start only.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	if o.Name == "" {
		o.Name = defaultName
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	o.Log = &lineWriter{w: o.Log}
	if o.Root == "" {
		root, err := engines.CheckoutRoot()
		if err != nil {
			return nil, err
		}
		o.Root = root
	}
	if o.Binaries == "" {
		o.Binaries = filepath.Join(o.Root, ".build")
	}
	for _, keys := range []*Keys{&o.Inbound, &o.Outbound} {
		if keys.Current == "" {
			keys.Current = Secret
		}
	}
	s := &Stack{options: o, Secrets: &secretsmanager.Store{}}
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	o := s.options
	// The ports come first: a port in use is said at once.
	ports := make(map[string]net.Listener)
	defer func() {
		for _, l := range ports { // those that no server has taken over
			_ = l.Close()
		}
	}()
	for _, p := range []struct {
		variable string
		port     int
	}{{"PORT", o.Port}, {"INVOKE_PORT", o.InvokePort}, {"CONSOLE_PORT", o.ConsolePort}, {"", 0}, {"secrets", 0}} {
		l, err := listen(p.variable, p.port)
		if err != nil {
			return err
		}
		ports[p.variable] = l
	}
	if err := s.startEngines(ctx); err != nil {
		return err
	}
	serve := func(variable string, server *http.Server) string {
		l := ports[variable]
		delete(ports, variable)
		s.servers = append(s.servers, server)
		go func() { _ = server.Serve(l) }() // ends with Stop
		return "http://" + l.Addr().String()
	}
	plain := func(h http.Handler) *http.Server {
		return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	}
	if s.TongliURL = strings.TrimRight(o.TongliBaseURL, "/"); s.TongliURL == "" {
		o.Tongli.AppID, o.Tongli.Secret = OutboundAppID, o.Outbound.Current
		if told := o.Tongli.OnCall; o.Observer != nil {
			o.Tongli.OnCall = func(call tonglisim.Call) {
				if o.Observer.Tongli(call); told != nil {
					told(call)
				}
			}
		}
		s.Tongli = tonglisim.New(o.Tongli)
		s.TongliURL = serve("", plain(s.Tongli))
	}
	s.secretsURL = serve("secrets", plain(s.Secrets))
	t, err := readTemplate(o, s.addresses())
	if err != nil {
		return err
	}
	s.Template = t
	if err := s.openWays(); err != nil {
		return err
	}
	o.Say("creating %d tables and %d queues", len(s.Template.Tables), len(s.Template.Queues))
	if err := s.createTables(ctx); err != nil {
		return err
	}
	if err := s.createQueues(ctx); err != nil {
		return err
	}
	o.Say("starting %d functions", len(s.Template.Functions))
	host, err := lambdahost.Start(ctx, lambdahost.Options{Functions: s.functions(), Region: engines.Region, Log: o.Log})
	if err != nil {
		return err
	}
	s.Host = host
	runCtx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	if err := s.startQueues(runCtx); err != nil {
		return err
	}
	api := http.Handler(gateway.New(s.Template, host, time.Now))
	if o.Observer != nil {
		api = o.Observer.API(api)
	}
	s.URL = serve("PORT", gateway.Server(api))
	s.InvokeURL = serve("INVOKE_PORT", plain(invokeapi.Handler(host)))
	console, closeConsole := s.console()
	consoleServer := plain(console)
	consoleServer.RegisterOnShutdown(closeConsole) // its streams never end by themselves
	s.ConsoleURL = serve("CONSOLE_PORT", consoleServer)
	if err := s.probe(ctx); err != nil {
		return err
	}
	s.startSchedules(runCtx)
	return nil
}

// listen names the port in use and the variable that moves it.
func listen(variable string, port int) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d is in use: end what listens there, or set %s to another one (make run %s=%d)", port, variable, variable, port+100)
	}
	return l, err
}

func (s *Stack) startEngines(ctx context.Context) error {
	o := s.options
	if o.Engines != nil {
		s.DynamoURL, s.SQSURL = o.Engines.DynamoURL, o.Engines.SQSURL
		return nil
	}
	dataDir := ""
	if o.DataDir != "" {
		if err := s.lockData(); err != nil {
			return err
		}
		dataDir = filepath.Join(o.DataDir, "dynamodb")
	}
	o.Say("starting DynamoDB Local and ElasticMQ")
	e, err := engines.Start(ctx, engines.Options{DataDir: dataDir, Say: o.Say})
	if err != nil {
		return err
	}
	s.engines, s.DynamoURL, s.SQSURL = e, e.DynamoURL, e.SQSURL
	return nil
}

// lockData keeps a second stack off the same tables; the lock ends with the process, however it ends.
func (s *Stack) lockData() error {
	dir, err := filepath.Abs(s.options.DataDir)
	if err != nil {
		return err
	}
	s.options.DataDir = dir
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("DATA_DIR: %w", err)
	}
	if s.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return fmt.Errorf("DATA_DIR: %w", err)
	}
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("the tables in %s are in use by another stack: end it, or set DATA_DIR to another directory", dir)
	}
	return nil
}

// probe asks the API once through the whole way: gateway, host, function.
func (s *Stack) probe(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the API does not answer: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return fmt.Errorf("the API does not answer: %w", err)
	}
	if resp.StatusCode != http.StatusNotFound {
		return fmt.Errorf("the API answers an unknown route with %d instead of 404", resp.StatusCode)
	}
	return nil
}

// console serves CONSOLE_PORT. /stack.json tells where everything is, for `make demo` and the console.
func (s *Stack) console() (handler http.Handler, closed func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /stack.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{ // a reader that is gone needs no answer
			"api": s.URL, "invoke": s.InvokeURL, "console": s.ConsoleURL, "tongli": s.TongliURL, "simulator": s.Tongli != nil,
			"dynamodb": s.DynamoURL, "sqs": s.SQSURL,
		})
	})
	mux.Handle("POST /debug/signature", Signatures(s.URL, s.TongliURL))
	closed = func() {}
	if s.options.Console != nil {
		pages := s.options.Console(s)
		mux.Handle("/", pages)
		if c, ok := pages.(io.Closer); ok {
			closed = func() { _ = c.Close() }
		}
	}
	return loopback.Guard(mux), closed
}

// Signatures explains signatures by what both sides use locally.
func Signatures(apiURL, tongliURL string) *signdebug.Debugger {
	return &signdebug.Debugger{Inbound: signdebug.Side{AppID: InboundAppID, Secret: Secret, BaseURL: apiURL},
		Outbound: signdebug.Side{AppID: OutboundAppID, Secret: Secret, BaseURL: tongliURL}, Now: time.Now}
}

// Died is closed when an engine has ended; nil with engines from outside.
func (s *Stack) Died() <-chan struct{} {
	if s.engines == nil {
		return nil
	}
	return s.engines.Died()
}

// Stop ends everything within ten seconds: no process is left and every port is free when it returns.
func (s *Stack) Stop() {
	s.stopOnce.Do(s.stop)
}

func (s *Stack) stop() {
	if s.cancel != nil {
		s.cancel() // no new batches and runs
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for _, server := range s.servers {
		if s.Tongli != nil && server.Handler == http.Handler(s.Tongli) {
			continue // the functions still talk to it
		}
		all.Go(func() {
			if err := server.Shutdown(ctx); err != nil {
				_ = server.Close()
			}
		})
	}
	if s.Host != nil {
		s.Host.Stop(3 * time.Second)
	}
	all.Wait()
	s.triggers.Wait()
	for _, server := range s.servers {
		_ = server.Close()
	}
	for _, l := range s.listeners {
		_ = l.Close()
	}
	if s.engines != nil {
		s.engines.Stop()
	}
	if s.lock != nil {
		_ = s.lock.Close()
	}
}
