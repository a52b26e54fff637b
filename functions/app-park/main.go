// Command app-park is the Lambda behind app/park, app/parks and app/quote.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lease-gateway/functions/app-park/apppark"
	"lease-gateway/shared/config"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/telemetry"
)

type environment struct {
	Stage string `env:"STAGE,required"`
	Parks string `env:"PARKS_TABLE,required"`
}

func main() {
	e := config.Load[environment]()
	store := leasestore.Open(config.DynamoDB(), leasestore.Tables{Parks: e.Parks})
	config.Warm(store.Warm, func(context.Context) { lease.Prepare() })
	d := &door.Door{Handle: apppark.Handle(store), Now: time.Now, Units: store.Units, Logger: telemetry.Logger("app-park").With("stage", e.Stage)}
	config.Warm(func(ctx context.Context) { d.Rehearse(ctx, "GET", "/app/park", "park_sn=W", "") })
	lambda.Start(d)
}
