// Command app-order is the Lambda behind app/orders.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/shared/config"
	"lease-gateway/shared/door"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/telemetry"
	"lease-gateway/shared/whitelist"
)

type environment struct {
	Stage    string `env:"STAGE,required"`
	Parks    string `env:"PARKS_TABLE,required"`
	Orders   string `env:"ORDERS_TABLE,required"`
	Expiring string `env:"EXPIRING_TABLE,required"`
	QueueURL string `env:"PUSH_QUEUE_URL,required"`
}

func main() {
	e := config.Load[environment]()
	logger := telemetry.Logger("app-order").With("stage", e.Stage)
	store := leasestore.Open(config.DynamoDB(), leasestore.Tables{Parks: e.Parks, Orders: e.Orders, Expiring: e.Expiring})
	client := config.SQS()
	queue := &whitelist.Queue{Client: client, URL: e.QueueURL}
	config.Warm(store.Warm, func(ctx context.Context) { queue.Warm(ctx, client.GetQueueAttributes) })
	orders := &apporder.Orders{Store: store, Queue: queue, Logger: logger}
	lambda.Start(&door.Door{Handle: orders.Handle, Now: time.Now, Units: store.Units, Logger: logger})
}
