package stack

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"

	"lease-gateway/local/engines"
	"lease-gateway/local/template"
)

// Containers opens a way for the containers of `sam local`, which cannot reach this machine's loopback.
type Containers struct {
	Address string // of this machine, at which they reach it, or the interface that has it: docker0; empty: no way in
	Ports   Ports  // where they find what; the zero value: free ones
}

// Ports on Containers.Address.
type Ports struct{ DynamoDB, SQS, SecretsManager, Tongli int }

// SamPorts are those of local/sam-env.json.
var SamPorts = Ports{DynamoDB: 8000, SQS: 9324, SecretsManager: 8082, Tongli: 8083}

// containerHost is what this machine is called in a container: samconfig.toml, add_host.
const containerHost = "host.docker.internal"

// addresses of what the functions talk to.
type addresses struct{ dynamo, sqs, secrets, tongli string }

func (p Ports) addresses() addresses {
	at := func(port int) string { return "http://" + containerHost + ":" + strconv.Itoa(port) }
	return addresses{at(p.DynamoDB), at(p.SQS), at(p.SecretsManager), at(p.Tongli)}
}

// SamEnv is what `sam local --env-vars` reads: each function's variables, with addresses that containers reach.
func (s *Stack) SamEnv() ([]byte, error) {
	a := s.ways.addresses()
	if !isLoopback(s.TongliURL) {
		a.tongli = s.TongliURL
	}
	return samEnv(s.options, a)
}

func samEnv(o Options, a addresses) ([]byte, error) {
	t, err := readTemplate(o, a)
	if err != nil {
		return nil, err
	}
	functions := map[string]map[string]string{}
	for _, f := range t.Functions {
		functions[f.Name] = environment(o, f, a)
	}
	raw, err := json.MarshalIndent(functions, "", "  ")
	return append(raw, '\n'), err
}

func readTemplate(o Options, a addresses) (*template.Template, error) {
	return template.Read(filepath.Join(o.Root, "template.yaml"), template.Values{
		StackName: o.Name, Region: engines.Region, AccountID: engines.AccountID, QueueBase: a.sqs,
		Parameters: map[string]string{"TongliBaseUrl": a.tongli, "TongliInboundAppId": InboundAppID, "TongliOutboundAppId": OutboundAppID},
	})
}

// environment is the template's, with what the options set in it, and the addresses that AWS does not need to be told.
func environment(o Options, f template.Function, a addresses) map[string]string {
	env := maps.Clone(f.Env)
	for name, value := range o.Env {
		if _, named := env[name]; named {
			env[name] = value
		}
	}
	env["AWS_ENDPOINT_URL_DYNAMODB"], env["AWS_ENDPOINT_URL_SQS"], env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = a.dynamo, a.sqs, a.secrets
	return env
}

// openWays listens on the containers' address and passes on what comes.
func (s *Stack) openWays() error {
	c := s.options.Containers
	if c.Address == "" {
		return nil
	}
	address, err := addressOf(c.Address)
	if err != nil {
		return err
	}
	s.ways = c.Ports
	for _, way := range []struct {
		port   *int
		target string
	}{{&s.ways.DynamoDB, s.DynamoURL}, {&s.ways.SQS, s.SQSURL}, {&s.ways.SecretsManager, s.secretsURL}, {&s.ways.Tongli, s.TongliURL}} {
		if !isLoopback(way.target) {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(*way.port)))
		if err != nil {
			return fmt.Errorf("CONTAINER_ADDRESS: %w", err)
		}
		*way.port = l.Addr().(*net.TCPAddr).Port
		s.listeners = append(s.listeners, l)
		target, _ := url.Parse(way.target) // isLoopback has read it
		go forward(l, target.Host)
	}
	return nil
}

// addressOf an interface of this machine, or an address as it is.
func addressOf(name string) (string, error) {
	if net.ParseIP(name) != nil {
		return name, nil
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		return "", fmt.Errorf("CONTAINER_ADDRESS: %s is no address and no interface of this machine; docker0 is Docker's, with Docker Desktop take 127.0.0.1", name)
	}
	all, err := i.Addrs()
	if err != nil {
		return "", fmt.Errorf("CONTAINER_ADDRESS: %w", err)
	}
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
			return ip.IP.String(), nil
		}
	}
	return "", fmt.Errorf("CONTAINER_ADDRESS: %s has no IPv4 address", name)
}

func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// forward joins each connection of l with one to target, until l is closed.
func forward(l net.Listener, target string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer in.Close()
			out, err := net.Dial("tcp", target)
			if err != nil {
				return // the caller sees its connection close
			}
			defer out.Close()
			var both sync.WaitGroup
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from) // a side that is gone ends its direction
				_ = to.(*net.TCPConn).CloseWrite()
			}
			both.Go(func() { pass(out, in) })
			both.Go(func() { pass(in, out) })
			both.Wait()
		}()
	}
}
