// Command lease-order is the Lambda behind GET and POST lease/order.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lease-gateway/functions/lease-order/leaseorder"
	"lease-gateway/shared/config"
	"lease-gateway/shared/door"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/secret"
	"lease-gateway/shared/telemetry"
)

type environment struct {
	Stage     string `env:"STAGE,required"`
	Parks     string `env:"PARKS_TABLE,required"`
	Orders    string `env:"ORDERS_TABLE,required"`
	Expiring  string `env:"EXPIRING_TABLE,required"`
	AppID     string `env:"TONGLI_INBOUND_APP_ID,required"`
	SecretARN string `env:"TONGLI_INBOUND_SECRET_ARN,required"`
}

func main() {
	e := config.Load[environment]()
	store := leasestore.Open(config.DynamoDB(), leasestore.Tables{Parks: e.Parks, Orders: e.Orders, Expiring: e.Expiring})
	live := secret.New(e.SecretARN)
	config.Warm(store.Warm, func(ctx context.Context) { _, _ = live.Live(ctx, false) })
	d := &door.Door{
		Signed: &door.Signed{AppID: e.AppID, Secrets: live, Nonces: store},
		Handle: leaseorder.Handle(store, live), Now: time.Now, Units: store.Units,
		Logger: telemetry.Logger("lease-order").With("stage", e.Stage),
	}
	config.Warm(func(ctx context.Context) { d.Rehearse(ctx, "GET", "/lease/order", "park_sn=W", "") })
	lambda.Start(d)
}
