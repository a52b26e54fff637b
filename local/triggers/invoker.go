package triggers

import (
	"context"
	"time"

	"lease-gateway/local/lambdahost"
)

// Invoker runs a function and waits for its answer.
type Invoker interface {
	Invoke(ctx context.Context, function string, payload []byte) (lambdahost.Result, error)
}

// Invocation is a run of a function that has ended.
type Invocation struct {
	Function     string
	Payload      []byte
	Result       lambdahost.Result
	Err          error // it could not be run
	Began, Ended time.Time
}

// Told is an Invoker that tells of each invocation after it ended.
type Told struct {
	Invoker
	Tell func(Invocation)
}

// Invoke passes on to the Invoker.
func (t Told) Invoke(ctx context.Context, function string, payload []byte) (lambdahost.Result, error) {
	began := time.Now()
	result, err := t.Invoker.Invoke(ctx, function, payload)
	t.Tell(Invocation{function, payload, result, err, began, time.Now()})
	return result, err
}
