// Command whitelist-sweeper is the Lambda that the schedule runs each minute, and by night for the re-push.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lease-gateway/functions/whitelist-sweeper/whitelistsweeper"
	"lease-gateway/shared/config"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/pushqueue"
	"lease-gateway/shared/telemetry"
)

type environment struct {
	Stage    string `env:"STAGE,required"`
	Orders   string `env:"ORDERS_TABLE,required"`
	Expiring string `env:"EXPIRING_TABLE,required"`
	QueueURL string `env:"PUSH_QUEUE_URL,required"`
}

func main() {
	e := config.Load[environment]()
	store := leasestore.Open(config.DynamoDB(), leasestore.Tables{Orders: e.Orders, Expiring: e.Expiring})
	config.Warm(store.Warm)
	sweeper := &whitelistsweeper.Sweeper{Store: store, Queue: pushqueue.Open(e.QueueURL), Now: time.Now,
		Logger: telemetry.Logger("whitelist-sweeper").With("stage", e.Stage), Metrics: &telemetry.Metrics{Out: os.Stdout, Stage: e.Stage, Now: time.Now}}
	lambda.Start(sweeper.Handle)
}
