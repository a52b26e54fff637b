// Echo is a function for tests of the host: it does what the event tells it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do     string `json:"do"`
	WaitMS int    `json:"wait_ms"`
}

func handle(ctx context.Context, e event) (any, error) {
	switch e.Do {
	case "panic":
		panic("as asked")
	case "exit":
		os.Exit(3)
	case "error":
		return nil, errors.New("no luck")
	case "large":
		return strings.Repeat("x", 7<<20), nil
	}
	time.Sleep(time.Duration(e.WaitMS) * time.Millisecond)
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	fmt.Println("handled", lc.AwsRequestID)
	return map[string]any{
		"pid": os.Getpid(), "request_id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "left_ms": time.Until(deadline).Milliseconds(),
		"name": lambdacontext.FunctionName, "memory": lambdacontext.MemoryLimitInMB, "given": os.Getenv("GIVEN"), "region": os.Getenv("AWS_REGION"),
	}, nil
}

func main() {
	if os.Getenv("BROKEN_INIT") != "" {
		fmt.Fprintln(os.Stderr, "cannot start like this")
		os.Exit(1)
	}
	lambda.Start(handle)
}
