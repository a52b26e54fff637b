// Command lease-park is the reference's lease-park.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	reference "lease-gateway-reference"
)

func main() {
	cfg, err := reference.Config(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	store := reference.NewStore(reference.Client(cfg))
	g := &reference.Gateway{Store: store, AppID: os.Getenv("TONGLI_INBOUND_APP_ID"), Secrets: reference.NewSecret(cfg, "TONGLI_INBOUND_SECRET_ARN")}
	lambda.Start(reference.LeasePark(g).Handle)
}
