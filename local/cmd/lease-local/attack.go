package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/caarlos0/env/v11"

	"lease-gateway/local/attack"
	"lease-gateway/local/stack"
)

// attackSettings are the variables of `make attack`.
type attackSettings struct {
	URL         string `env:"URL"`
	AppID       string `env:"TONGLI_INBOUND_APP_ID" envDefault:"tongli-demo"`
	Secret      string `env:"TONGLI_INBOUND_SECRET" envDefault:"demo-secret-not-for-production"`
	Requests    int    `env:"REQUESTS" envDefault:"100000"`
	Connections int    `env:"CONNECTIONS" envDefault:"8"`
	Seed        uint64 `env:"SEED"`
}

const (
	heavyWithin = time.Second
	slowWithin  = 45 * time.Second // the gateway gives headers 10 s and a body 30 s, API Gateway about as much
	slowEach    = 20               // connections of each kind
)

// attackStack sends forged requests to a stack of its own, whose tables and memory it looks into, or to the one at URL. The accepted requests in between write parks
// named attack-…, so URL must be no stage that drivers use.
func attackStack(ctx context.Context) error {
	v, err := env.ParseAs[attackSettings]()
	if err != nil {
		return err
	}
	if v.Requests < 1 || v.Connections < 2 {
		return errors.New("REQUESTS must be at least 1, CONNECTIONS at least 2: some requests are sent twice at the same moment")
	}
	if v.Seed == 0 {
		v.Seed = uint64(time.Now().UnixNano())
	}
	o := attack.Options{URL: v.URL, AppID: v.AppID, Secret: v.Secret, Requests: v.Requests, Connections: v.Connections, Seed: v.Seed}
	var s *stack.Stack
	if o.URL == "" {
		inbound, outbound := stack.Keys{Current: rand.Text(), Previous: rand.Text()}, stack.Keys{Current: rand.Text()}
		if s, err = stack.Start(ctx, stack.Options{Inbound: inbound, Outbound: outbound, Say: say}); err != nil {
			return err
		}
		defer s.Stop()
		o.URL, o.AppID, o.Secret, o.Outbound = s.URL, stack.InboundAppID, inbound.Current, outbound.Current
	}
	fmt.Printf("%d requests to %s over %d connections, SEED=%d\n", o.Requests, o.URL, o.Connections, o.Seed)
	before, err := family(s)
	if err != nil {
		return err
	}
	report, err := attack.Run(ctx, o)
	if err != nil {
		return err
	}
	if s != nil {
		var tables []string
		for _, t := range s.Template.Tables {
			tables = append(tables, *t.Create.TableName)
		}
		if err := report.Inside(ctx, s.DynamoDB(), tables); err != nil {
			return err
		}
	}
	report.Print(os.Stdout)
	finds := report.Finds
	finds = append(finds, tellHeavy(ctx, o)...)
	finds = append(finds, tellSlow(ctx, o)...)
	debug.FreeOSMemory() // what the attack itself has left behind
	after, err := family(s)
	if err != nil {
		return err
	}
	if s != nil {
		limits := map[string]int64{}
		for _, f := range s.Template.Functions {
			limits[f.Folder] = int64(f.MemoryMB) << 20
		}
		finds = append(finds, attack.Bounded(os.Stdout, before, after, limits, os.Getpid())...)
	} else {
		fmt.Println("memory and tables were not looked at: the stack is another's")
	}
	if err := attack.Well(o); err != nil {
		finds = append(finds, err.Error())
	} else {
		fmt.Println("afterwards: good requests of each shape answer 0")
	}
	if len(finds) > 0 {
		for _, f := range finds[:min(len(finds), 20)] {
			fmt.Println("FIND:", f)
		}
		return fmt.Errorf("%d finds", len(finds))
	}
	fmt.Println("none was let in")
	return nil
}

// family is this process with the functions and engines that it started; nil where the stack is another's.
func family(s *stack.Stack) ([]attack.Process, error) {
	if s == nil {
		return nil, nil
	}
	return attack.Family(os.Getpid())
}

func tellHeavy(ctx context.Context, o attack.Options) []string {
	took, finds, err := attack.Heavy(ctx, o)
	if err != nil {
		finds = append(finds, err.Error())
	}
	for _, w := range attack.Weights() {
		fmt.Printf("%-52s %8d bytes %6d ms\n", w.Name, len(w.Body), took[w.Name].Milliseconds())
		if took[w.Name] > heavyWithin {
			finds = append(finds, fmt.Sprintf("%s: answered after %s", w.Name, took[w.Name]))
		}
	}
	return finds
}

func tellSlow(ctx context.Context, o attack.Options) []string {
	headers, body, err := attack.Slow(ctx, o, slowEach, slowWithin)
	fmt.Printf("a byte a second over %d connections: headers cut off after %.1f s at the latest, bodies after %.1f s\n", 2*slowEach, headers.Seconds(), body.Seconds())
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}
