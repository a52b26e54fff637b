// Command park-poller is the Lambda that the schedule runs to complete, correct and verify the parks.
package main

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lease-gateway/functions/park-poller/parkpoller"
	"lease-gateway/shared/config"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/secret"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/tongli"
)

type environment struct {
	Stage     string `env:"STAGE,required"`
	Parks     string `env:"PARKS_TABLE,required"`
	Expiring  string `env:"EXPIRING_TABLE,required"`
	BaseURL   string `env:"TONGLI_BASE_URL,required"`
	AppID     string `env:"TONGLI_OUTBOUND_APP_ID,required"`
	SecretARN string `env:"TONGLI_OUTBOUND_SECRET_ARN,required"`
}

func main() {
	e := config.Load[environment]()
	store := leasestore.Open(config.DynamoDB(), leasestore.Tables{Parks: e.Parks, Expiring: e.Expiring})
	live := secret.New(e.SecretARN)
	config.Warm(store.Warm, func(ctx context.Context) { _, _ = live.Live(ctx, false) })
	poller := &parkpoller.Poller{
		Store:  store,
		Tongli: &tongli.Client{HTTP: tongli.NewHTTPClient(), BaseURL: e.BaseURL, AppID: e.AppID, Secret: live.Current, Now: time.Now},
		Now:    time.Now, Wait: config.Wait,
		Logger: telemetry.Logger("park-poller").With("stage", e.Stage), Metrics: &telemetry.Metrics{Out: os.Stdout, Stage: e.Stage, Now: time.Now},
	}
	lambda.Start(poller.Handle)
}
