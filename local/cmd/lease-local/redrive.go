package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"lease-gateway/local/engines"
	"lease-gateway/local/redrive"
	"lease-gateway/shared/config"
)

// redriveStack moves the dead letters back: of the local stack, or with STACK of that one on AWS, by the SDK's own variables.
func redriveStack(ctx context.Context) error {
	stack := os.Getenv("STACK")
	if stack == "" {
		where, err := running(ctx)
		if err != nil {
			return fmt.Errorf("%w; or set STACK to a stack on AWS", err)
		}
		stack = "lease"
		for name, value := range map[string]string{"AWS_ENDPOINT_URL_SQS": where.SQS, "AWS_REGION": engines.Region, "AWS_ACCESS_KEY_ID": engines.AccessKey,
			"AWS_SECRET_ACCESS_KEY": engines.AccessKey, "AWS_SESSION_TOKEN": ""} {
			if err := os.Setenv(name, value); err != nil {
				return err
			}
		}
	}
	client := sqs.NewFromConfig(config.AWS())
	push, dead, err := redrive.Queues(ctx, client, stack)
	if err != nil {
		return err
	}
	moved, err := redrive.Run(ctx, client, push, dead, say)
	say("%d moved from %s to %s", moved, dead, push)
	return err
}
