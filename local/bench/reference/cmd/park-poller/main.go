// Command park-poller is the reference's park-poller.
package main

import (
	"context"
	"log"

	"github.com/aws/aws-lambda-go/lambda"

	reference "lease-gateway-reference"
)

func main() {
	cfg, err := reference.Config(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	store := reference.NewStore(reference.Client(cfg))
	tongli := reference.NewTongli(reference.NewSecret(cfg, "TONGLI_OUTBOUND_SECRET_ARN"))
	lambda.Start((&reference.Poller{Store: store, Tongli: tongli}).Handle)
}
