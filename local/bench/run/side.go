package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/local/bench/startup"
	"lease-gateway/local/engines"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/signature"
)

// side is ours or the reference: the whole local stack over its binaries, tables and queues of its own, and a meter in front of DynamoDB.
type side struct {
	*stack.Stack
	name  string // "ours" or "reference"
	meter *meter
	db    *dynamodb.Client // past the meter
	dir   string
}

// setting is what both sides share.
type setting struct {
	root, dynamo, sqs string
}

type sideOptions struct {
	tongli  string // of a Tongli that is there already; "": a simulator
	sim     tonglisim.Options
	godebug string // GODEBUG of the functions
	log     io.Writer
}

const (
	ours      = "ours"
	reference = "reference"
)

// start starts one side. What the reference does not have is ours: nothing of it is measured.
func (e setting) start(ctx context.Context, name string, o sideOptions) (*side, error) {
	s := &side{name: name}
	var err error
	if s.dir, err = os.MkdirTemp("", "bench-"+name); err != nil {
		return nil, err
	}
	if err := e.binaries(s.dir, name, o.godebug); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	if s.meter, err = newMeter(e.dynamo); err != nil {
		return nil, err
	}
	s.db = dynamodb.New(dynamodb.Options{Region: engines.Region, BaseEndpoint: &e.dynamo, DisableValidateResponseChecksum: true,
		Credentials: credentials.NewStaticCredentialsProvider(engines.AccessKey, engines.AccessKey, "")})
	s.Stack, err = stack.Start(ctx, stack.Options{Root: e.root, Binaries: s.dir, Engines: &engines.Engines{DynamoURL: s.meter.URL, SQSURL: e.sqs},
		Name: "bench-" + name + "-" + strings.ToLower(rand.Text()[:8]), TongliBaseURL: o.tongli, Tongli: o.sim, Log: o.log})
	if err != nil {
		s.meter.Close()
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

// binaries lays out a folder with a starter for each function.
func (e setting) binaries(dir, name, godebug string) error {
	all, err := filepath.Glob(filepath.Join(e.root, "functions", "*"))
	if err != nil {
		return err
	}
	for _, f := range all {
		function := filepath.Base(f)
		path := filepath.Join(e.root, ".build", function)
		if other := filepath.Join(e.root, ".build", "reference", function); name == reference {
			if _, err := os.Stat(other); err == nil {
				path = other
			}
		}
		if godebug == "" {
			err = os.Symlink(path, filepath.Join(dir, function))
		} else {
			err = os.WriteFile(filepath.Join(dir, function), fmt.Appendf(nil, "#!/bin/sh\nGODEBUG=%s exec '%s'\n", godebug, path), 0o755)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stop ends the functions and deletes the tables: a million rows are no small thing to leave behind.
func (s *side) stop() {
	s.Stack.Stop()
	for _, table := range s.Template.Tables {
		_, _ = s.db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: table.Create.TableName})
	}
	s.meter.Close()
	_ = os.RemoveAll(s.dir)
}

// both starts the two sides.
func (e setting) both(ctx context.Context, o sideOptions) (sides [2]*side, stop func(), err error) {
	for i, name := range []string{ours, reference} {
		if sides[i], err = e.start(ctx, name, o); err != nil {
			if i > 0 {
				sides[0].stop()
			}
			return sides, nil, err
		}
	}
	return sides, func() { sides[0].stop(); sides[1].stop() }, nil
}

// table is the full name of one of the template's tables: "OrdersTable".
func (s *side) table(name string) string {
	for _, t := range s.Template.Tables {
		if strings.HasSuffix(*t.Create.TableName, "-"+name) {
			return *t.Create.TableName
		}
	}
	return ""
}

// answer of a function behind the gateway.
type answer struct {
	Status int
	Body   struct {
		Code    int
		Msg     string
		Data    json.RawMessage
		Errors  []struct{ Field string }
		Page    int
		Limit   int
		HasMore bool `json:"has_more"`
	}
}

func readAnswer(payload []byte) (a answer, err error) {
	var response struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(payload, &response); err != nil {
		return a, err
	}
	a.Status = response.StatusCode
	return a, json.Unmarshal([]byte(response.Body), &a.Body)
}

// call is one request; signed ones are signed when they are made, since a nonce is good once.
type call struct {
	function, method, path, body string
	params                       []signature.Param
	signed                       bool
	secret                       string // "": the right one
	at                           time.Duration
}

func (c call) event() ([]byte, error) {
	raw := ""
	if c.signed {
		secret := c.secret
		if secret == "" {
			secret = stack.Secret
		}
		raw = signature.Query(stack.InboundAppID, secret, c.method, c.path, c.params, []byte(c.body), time.Now().Add(c.at), "")
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, err
	}
	single := map[string]string{}
	for name := range query {
		single[name] = query.Get(name)
	}
	return json.Marshal(map[string]any{"version": "2.0", "routeKey": c.method + " " + c.path, "rawPath": c.path, "rawQueryString": raw, "queryStringParameters": single,
		"headers": map[string]string{"content-type": "application/json"}, "body": c.body,
		"requestContext": map[string]any{"requestId": "bench", "http": map[string]string{"method": c.method, "path": c.path}}})
}

// do makes a request and returns the answer as the function gave it.
func (s *side) do(ctx context.Context, c call) ([]byte, error) {
	event, err := c.event()
	if err != nil {
		return nil, err
	}
	return s.invoke(ctx, c.function, event)
}

func (s *side) invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	r, err := s.Host.Invoke(ctx, function, event)
	if err == nil && r.Error != "" {
		err = fmt.Errorf("%s, %s: %s", s.name, function, r.Payload)
	}
	return r.Payload, err
}

// must makes a request that is to succeed.
func (s *side) must(ctx context.Context, c call) (answer, error) {
	payload, err := s.do(ctx, c)
	if err != nil {
		return answer{}, err
	}
	a, err := readAnswer(payload)
	if err == nil && a.Body.Code != 0 {
		err = fmt.Errorf("%s, %s %s: %d %s", s.name, c.method, c.path, a.Body.Code, a.Body.Msg)
	}
	return a, err
}

// cpu is the processor time that a function's processes have had.
func (s *side) cpu(function string) (total time.Duration, err error) {
	for _, pid := range s.Host.Pids(function) {
		t, err := startup.ProcessCPU(pid)
		if err != nil {
			return 0, err
		}
		total += t
	}
	return total, nil
}

const (
	leasePark  = "LeaseParkFunction"
	leaseOrder = "LeaseOrderFunction"
	appOrder   = "AppOrderFunction"
	poller     = "ParkPollerFunction"
)

func pushOf(park string) call {
	return call{function: leasePark, method: "POST", path: "/lease/park", body: park, signed: true}
}

func pageOf(params ...string) call {
	c := call{function: leaseOrder, method: "GET", path: "/lease/order", signed: true}
	for i := 0; i+1 < len(params); i += 2 {
		c.params = append(c.params, signature.Param{Name: params[i], Value: params[i+1]})
	}
	return c
}

func orderOf(body string) call {
	return call{function: appOrder, method: "POST", path: "/app/orders", body: body}
}

func parkBody(sn string) string {
	return fmt.Sprintf(`{"park_sn":%q,"park_name":"园区停车场","deadline":"2027-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":1,"is_holiday":0,"price":150,"start_price":300,"holiday_price":2000,"longitude":"120.619585","latitude":"31.299379"}`, sn)
}

// orderBody leases the nights of the given days from today.
func orderBody(id, sn, plate string, nights ...int) string {
	dates := make([]string, len(nights))
	for i, n := range nights {
		dates[i] = fmt.Sprintf(`{"date":%q,"start_time":"19:00","end_time":"06:30"}`, dayFromNow(n))
	}
	return fmt.Sprintf(`{"order_id":%q,"park_sn":%q,"car_plate_no":%q,"dates":[%s]}`, id, sn, plate, strings.Join(dates, ","))
}
