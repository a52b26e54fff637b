// Command whitelist-pusher is the Lambda behind the push queue.
package main

import (
	"context"
	"math/rand/v2"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lease-gateway/functions/whitelist-pusher/whitelistpusher"
	"lease-gateway/shared/config"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/secret"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

type environment struct {
	Stage     string `env:"STAGE,required"`
	Orders    string `env:"ORDERS_TABLE,required"`
	Expiring  string `env:"EXPIRING_TABLE,required"`
	BaseURL   string `env:"TONGLI_BASE_URL,required"`
	AppID     string `env:"TONGLI_OUTBOUND_APP_ID,required"`
	SecretARN string `env:"TONGLI_OUTBOUND_SECRET_ARN,required"`
}

func main() {
	e := config.Load[environment]()
	store := leasestore.Open(config.DynamoDB(), leasestore.Tables{Orders: e.Orders, Expiring: e.Expiring})
	live := secret.New(e.SecretARN)
	config.Warm(store.Warm, func(ctx context.Context) { _, _ = live.Live(ctx, false) })
	pusher := &whitelistpusher.Pusher{
		Store:   store,
		Tongli:  &tongli.Client{HTTP: tongli.NewHTTPClient(), BaseURL: e.BaseURL, AppID: e.AppID, Secret: live.Current, Now: time.Now},
		Breaker: &whitelist.Breaker{Store: store, Now: time.Now},
		Now:     time.Now, Wait: config.Wait, Jitter: func() float64 { return 2*rand.Float64() - 1 },
		Logger: telemetry.Logger("whitelist-pusher").With("stage", e.Stage), Metrics: &telemetry.Metrics{Out: os.Stdout, Stage: e.Stage, Now: time.Now},
	}
	lambda.Start(pusher.Handle)
}
