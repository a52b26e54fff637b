// Package simulation plays the push path under faults: the real handlers of app-order, whitelist-pusher, whitelist-sweeper and
// lease-order, with the real store, queue client and Tongli client, over a simulated DynamoDB, SQS FIFO queue and Tongli. One seed is one
// run; the same seed is the same run to the last step.
//
//	clock.go       one goroutine at a time, in an order that the seed decides, on a clock that only the scheduler moves
//	dice.go        what the seed decides; the fault points are in faults.go
//	dynamo*.go     tables with conditions, a lagging index and replica, and the faults of the network between
//	queue*.go      a FIFO queue with groups, deduplication, visibility timeouts and a dead-letter queue
//	tongli.go      the partner: it applies, refuses, lies, hangs, forgets and answers late
//	lambda.go      instances with clocks of their own, crashes, time limits; eventsource.go hands them the queue's batches
//	deploy.go      a newer version of the binaries, with a layout of items and messages of its own
//	script.go      what the clients do; actors.go does it
//	check*.go      what must hold while it runs and at the end
//	shrink.go      makes a failing run short
//
// Time comes from testing/synctest, so the context deadlines of the real code run on the same clock.
package simulation
