// Command lease-local is the local side of the Makefile: it runs the stack, plays the demo, signs events, attacks itself, moves dead letters back, and lends engines
// to tests.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"

	"lease-gateway/local/console"
	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/events"
	"lease-gateway/local/stack"
)

const usage = `usage: lease-local run | demo | event NAME | sign | attack | redrive | smoke | restore | engines -- COMMAND…

run      everything on loopback; the variables are in README.md
demo     a lease travels, against a running "run"
event    prints events/NAME.json, freshly signed
sign     prints what is to be signed for METHOD, PATH_, QUERY and BODY, the sign, and a curl
attack   forged, mutated and replayed requests against a stack of its own, or URL=…; none may be let in
redrive  moves the dead letters back to the push queue: of a running "run", or with STACK=… of that stack on AWS
smoke    tries a deployed stage from outside; the variables are in docs/deploy.md
restore  copies a table that point-in-time recovery made back into the stack's own
engines  starts DynamoDB Local and ElasticMQ, runs COMMAND with their addresses, stops them`

func main() {
	if len(os.Args) < 2 {
		fatal(errors.New(usage))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	switch os.Args[1] {
	case "run":
		err = run(ctx)
	case "demo":
		err = demo(ctx)
	case "event":
		err = event(os.Args[2:])
	case "sign":
		err = sign(ctx)
	case "redrive":
		err = redriveStack(ctx)
	case "attack":
		err = attackStack(ctx)
	case "smoke":
		err = smokeTest(ctx)
	case "restore":
		err = restoreTable(ctx)
	case "engines":
		err = withEngines(ctx, os.Args[2:])
	default:
		err = errors.New(usage)
	}
	if err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "lease-local:", err)
	os.Exit(1)
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// settings are the variables of `make run` (README.md, Configuration).
type settings struct {
	Port        int           `env:"PORT" envDefault:"8080"`
	InvokePort  int           `env:"INVOKE_PORT" envDefault:"3001"`
	ConsolePort int           `env:"CONSOLE_PORT" envDefault:"8081"`
	BaseURL     string        `env:"TONGLI_BASE_URL"`
	DataDir     string        `env:"DATA_DIR" envDefault:".data"`
	PollEvery   time.Duration `env:"POLL_EVERY" envDefault:"1m"`
	SweepEvery  time.Duration `env:"SWEEP_EVERY" envDefault:"5s"`
	RepushEvery time.Duration `env:"REPUSH_EVERY"`
	Containers  string        `env:"CONTAINER_ADDRESS"`
}

func run(ctx context.Context) error {
	v, err := env.ParseAs[settings]()
	if err != nil {
		return err
	}
	if v.PollEvery <= 0 || v.SweepEvery <= 0 || v.RepushEvery < 0 {
		return errors.New("POLL_EVERY and SWEEP_EVERY must be durations above 0 (30s, 5m), REPUSH_EVERY too where it is set")
	}
	page := console.New()
	s, err := stack.Start(ctx, stack.Options{Console: page.Pages, Observer: page, Port: v.Port, InvokePort: v.InvokePort, ConsolePort: v.ConsolePort, DataDir: v.DataDir,
		TongliBaseURL: v.BaseURL, PollEvery: v.PollEvery, SweepEvery: v.SweepEvery, RepushEvery: v.RepushEvery,
		Containers: stack.Containers{Address: v.Containers, Ports: stack.SamPorts}, Log: page.Log(os.Stderr), Say: say})
	if err != nil {
		return err
	}
	defer s.Stop()
	if s.Tongli != nil {
		say("Tongli is simulated at %s (whitelist: %s/whitelist)", s.TongliURL, s.TongliURL)
	} else {
		say("Tongli is %s", s.TongliURL)
	}
	say("Lambda Invoke API at %s", s.InvokeURL)
	say("console, to see and to click: %s", s.ConsoleURL)
	if v.Containers != "" {
		say("containers reach the engines at %s, as local/sam-env.json says", v.Containers)
	}
	fmt.Println("ready " + s.URL)
	select {
	case <-ctx.Done():
		say("stopping")
		return nil
	case <-s.Died():
		return errors.New("DynamoDB Local or ElasticMQ has ended unasked: start again (the tables in DATA_DIR are kept)")
	}
}

func event(args []string) error {
	if len(args) != 1 {
		return errors.New("which event? for example NAME=lease-park/new-park")
	}
	root, err := engines.CheckoutRoot()
	if err != nil {
		return err
	}
	raw, err := events.Load(filepath.Join(root, "events"), args[0], time.Now())
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(raw, '\n'))
	return err
}

// withEngines lends one pair of engines to a command, so that not every test package starts its own.
func withEngines(ctx context.Context, args []string) error {
	if len(args) < 2 || args[0] != "--" {
		return errors.New(usage)
	}
	e, err := engines.Start(ctx, engines.Options{Say: say})
	if err != nil {
		return err
	}
	defer e.Stop()
	cmd := exec.CommandContext(ctx, args[1], args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), enginetest.DynamoEnv+"="+e.DynamoURL, enginetest.SQSEnv+"="+e.SQSURL)
	return cmd.Run()
}
