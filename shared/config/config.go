// Package config gives the functions their surroundings: the environment (all that is missing named at once), the AWS
// clients, and as many threads as the memory buys processor time for.
package config

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/caarlos0/env/v11"
)

// Load fills a struct of `env:"NAME,required"` fields from the environment. A variable that is missing ends
// the process with a line that names every one that is.
func Load[T any]() T {
	t, err := env.ParseAs[T]()
	if err != nil {
		fmt.Fprintln(os.Stderr, "configuration:", err)
		os.Exit(1)
	}
	// Below 1769 MB a function has less than one processor: a second thread only switches.
	if mb, err := strconv.Atoi(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")); err == nil && mb < 1769 {
		runtime.GOMAXPROCS(1)
	}
	return t
}

// envEndpoints makes a hand-built aws.Config honour AWS_ENDPOINT_URL_<SERVICE>, as the config package would:
// without it every call goes to AWS, whatever the variables say.
type envEndpoints struct{}

func (envEndpoints) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	url := os.Getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(id, " ", "_")))
	return url, url != "", nil
}

// AWS is the configuration of every client: credentials and region of the environment.
func AWS() aws.Config {
	return aws.Config{
		Region: os.Getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			c := aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN")}
			if !c.HasKeys() {
				return c, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
			}
			return c, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = 64
			t.IdleConnTimeout = 30 * time.Second // shorter than what a frozen sandbox may sleep through
		}),
		ConfigSources: []any{envEndpoints{}},
	}
}

// DynamoDB client. Local endpoints answer without a checksum on failed conditions.
func DynamoDB() *dynamodb.Client {
	return dynamodb.NewFromConfig(AWS(), func(o *dynamodb.Options) {
		o.DisableValidateResponseChecksum = os.Getenv("AWS_ENDPOINT_URL_DYNAMODB") != ""
	})
}

// Warm makes calls during start, where a full processor is to be had, so that the first caller does not wait for
// connections, DNS and TLS. It is bounded, and its errors do not matter.
func Warm(calls ...func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for _, call := range calls {
		wg.Go(func() { call(ctx) })
	}
	wg.Wait()
}

// Wait waits for d, or returns the context's error when that ends first.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
