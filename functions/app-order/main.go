// Command app-order is the Lambda behind app/orders.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/shared/config"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/pushqueue"
	"lease-gateway/shared/telemetry"
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
	queue := pushqueue.Open(e.QueueURL)
	config.Warm(store.Warm, queue.Warm, func(context.Context) { lease.Prepare() })
	orders := &apporder.Orders{Store: store, Queue: queue, Logger: logger}
	d := &door.Door{Handle: orders.Handle, Now: time.Now, Units: store.Units, Logger: logger}
	config.Warm(func(ctx context.Context) {
		d.Rehearse(ctx, "POST", "/app/orders", "", `{"order_id":"W","park_sn":"W","car_plate_no":"苏E00000","dates":[{"date":"2026-01-01","start_time":"00:00","end_time":"24:00"}]}`)
	})
	lambda.Start(d)
}
