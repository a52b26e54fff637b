// Command app-order is the reference's app-order.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	reference "lease-gateway-reference"
)

func main() {
	cfg, err := reference.Config(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	store := reference.NewStore(reference.Client(cfg))
	g := &reference.Gateway{Store: store}
	lambda.Start(reference.AppOrder(g, sqs.NewFromConfig(cfg)).Handle)
}
