// Command unknown-route is the Lambda behind $default: what no other route takes is answered in the same envelope.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lease-gateway/shared/config"
	"lease-gateway/shared/door"
	"lease-gateway/shared/telemetry"
)

type environment struct {
	Stage string `env:"STAGE,required"`
}

func main() {
	e := config.Load[environment]()
	// Without a handler the door answers every known path with 40500 and every other one with 40400.
	lambda.Start(&door.Door{Now: time.Now, Logger: telemetry.Logger("unknown-route").With("stage", e.Stage)})
}
