// Command caller is a function for the tests: one call during init, 20 ms of processor time in the handler.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"syscall"

	"github.com/aws/aws-lambda-go/lambda"
)

func used() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // of this process: cannot fail
	return u.Utime.Nano() + u.Stime.Nano()
}

func main() {
	resp, err := http.Get(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	lambda.Start(func(context.Context) (string, error) {
		for from := used(); used()-from < 20e6; {
		}
		return fmt.Sprintf("%s: %d", os.Getenv("GREETING"), resp.StatusCode), nil
	})
}
