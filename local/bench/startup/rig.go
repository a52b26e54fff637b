package startup

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"lease-gateway/local/engines"
	"lease-gateway/local/events"
	"lease-gateway/local/lambdahost"
	"lease-gateway/local/secretsmanager"
	"lease-gateway/local/template"
	"lease-gateway/local/tonglisim"
)

const (
	outboundAppID = "chejiajia-demo"
	tongliURL     = "TONGLI_BASE_URL"
)

// Rig is what the functions of one folder need to start: tables and queues of their own on the engines, secrets, all behind TLS.
type Rig struct {
	root, binaries string
	template       *template.Template
	services       *Services
	Tongli         *tonglisim.Sim // behind TLS too
}

// NewRig makes one for the binaries of a folder, which are named as the functions' folders, ours or others with the same environment.
func NewRig(ctx context.Context, root, binaries, dynamoURL, sqsURL string) (*Rig, error) {
	name := "startup-" + strings.ToLower(rand.Text()[:12])
	t, err := template.Read(filepath.Join(root, "template.yaml"), template.Values{StackName: name, Region: engines.Region, AccountID: engines.AccountID, QueueBase: sqsURL})
	if err != nil {
		return nil, err
	}
	login := credentials.NewStaticCredentialsProvider(engines.AccessKey, engines.AccessKey, "")
	db := dynamodb.New(dynamodb.Options{Region: engines.Region, BaseEndpoint: &dynamoURL, Credentials: login, DisableValidateResponseChecksum: true})
	for _, table := range t.Tables {
		if _, err := db.CreateTable(ctx, table.Create); err != nil {
			return nil, fmt.Errorf("table %s: %w", *table.Create.TableName, err)
		}
	}
	queues := sqs.New(sqs.Options{Region: engines.Region, BaseEndpoint: &sqsURL, Credentials: login})
	for _, q := range t.Queues {
		if _, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(q.Name), Attributes: q.Attributes}); err != nil {
			return nil, fmt.Errorf("queue %s: %w", q.Name, err)
		}
	}
	secrets := &secretsmanager.Store{}
	for _, f := range t.Functions {
		for variable, value := range f.Env {
			if strings.Contains(value, ":secretsmanager:") {
				secrets.Put(value, `{"current":"`+events.Secret+`"}`)
			}
			switch variable { // of the committed events
			case "TONGLI_INBOUND_APP_ID":
				f.Env[variable] = "tongli-demo"
			case "TONGLI_OUTBOUND_APP_ID":
				f.Env[variable] = outboundAppID
			case tongliURL:
				delete(f.Env, variable) // the services have it
			}
		}
	}
	dynamo, err := Proxy(dynamoURL)
	if err != nil {
		return nil, err
	}
	queue, err := Proxy(sqsURL)
	if err != nil {
		return nil, err
	}
	tongli := tonglisim.New(tonglisim.Options{AppID: outboundAppID, Secret: events.Secret})
	services, err := ServeTLS(map[string]http.Handler{"AWS_ENDPOINT_URL_DYNAMODB": dynamo, "AWS_ENDPOINT_URL_SQS": queue, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets, tongliURL: tongli})
	if err != nil {
		return nil, err
	}
	r := &Rig{root, binaries, t, services, tongli}
	// A park and an order, placed by the binaries themselves, each in their own layout.
	for _, event := range []string{"lease-park/new-park", "app-order/place-order"} {
		function, _, _ := strings.Cut(event, "/")
		if _, err := Measure(ctx, r.Binary(function, event), nil); err != nil {
			_ = services.Close()
			return nil, err
		}
	}
	return r, nil
}

// Close ends the services; the tables stay.
func (r *Rig) Close() error { return r.services.Close() }

// TongliConnections counts the TLS connections to Tongli so far.
func (r *Rig) TongliConnections() int { return r.services.Connections(tongliURL) }

// Host runs functions of the folder for many invocations, one process of each.
func (r *Rig) Host(ctx context.Context, folders ...string) (*lambdahost.Host, error) {
	var functions []lambdahost.Function
	for _, folder := range folders {
		b := r.Binary(folder, "")
		env := maps.Clone(b.Env)
		for _, v := range r.services.Env() {
			name, value, _ := strings.Cut(v, "=")
			env[name] = value
		}
		functions = append(functions, lambdahost.Function{Name: folder, Binary: b.Path, Env: env, Timeout: timeout, MemoryMB: b.MemoryMB, Limit: 1})
	}
	return lambdahost.Start(ctx, lambdahost.Options{Functions: functions, Region: engines.Region})
}

// Binary is a function with one of the committed events as its first.
func (r *Rig) Binary(function, event string) Binary {
	b := Binary{Path: filepath.Join(r.binaries, function), MemoryMB: 128, Services: r.services}
	if event != "" {
		b.Event = func() ([]byte, error) {
			raw, err := events.Load(filepath.Join(r.root, "events"), event, time.Now())
			// each order is a new one, of another plate: a repeated one is another story
			raw = bytes.Replace(raw, []byte(`\"event-order\"`), fmt.Appendf(nil, `\"event-%s\"`, rand.Text()), 1)
			return bytes.Replace(raw, []byte("E88888"), fmt.Appendf(nil, "E%05d", mathrand.IntN(100_000)), 1), err
		}
	}
	for _, f := range r.template.Functions {
		if f.Folder == function {
			b.Env = f.Env
		}
	}
	return b
}

// Interleave measures each of the binaries n times, in turns, so that what else the machine does meets all alike.
func Interleave(ctx context.Context, n int, quota *Quota, binaries ...Binary) ([][]Result, error) {
	all := make([][]Result, len(binaries))
	for range n {
		for i, b := range binaries {
			r, err := Measure(ctx, b, quota)
			if err != nil {
				return nil, err
			}
			if r.Failed {
				return nil, fmt.Errorf("%s answered with an error: %s", b.Path, r.Payload)
			}
			all[i] = append(all[i], r)
		}
	}
	return all, nil
}

// Spread of a measure over the runs.
type Spread struct{ Quarter, Median, ThreeQuarters time.Duration }

// Of takes one figure of each run.
func Of(runs []Result, figure func(Result) time.Duration) Spread {
	all := make([]time.Duration, len(runs))
	for i, r := range runs {
		all[i] = figure(r)
	}
	slices.Sort(all)
	at := func(percent int) time.Duration { return all[(len(all)-1)*percent/100] }
	return Spread{at(25), at(50), at(75)}
}

func (s Spread) String() string {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }
	return ms(s.Median) + " ms (" + ms(s.Quarter) + " to " + ms(s.ThreeQuarters) + ")"
}
