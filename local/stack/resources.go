package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"lease-gateway/local/engines"
	"lease-gateway/local/lambdahost"
	"lease-gateway/local/triggers"
)

// instances of a function at the same time, where the template does not limit them.
const defaultConcurrency = 10

func (s *Stack) addresses() addresses {
	return addresses{s.DynamoURL, s.SQSURL, s.secretsURL, s.TongliURL}
}

// DynamoDB is a client of the local tables.
func (s *Stack) DynamoDB() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: engines.Region, BaseEndpoint: &s.DynamoURL, DisableValidateResponseChecksum: true,
		Credentials: credentials.NewStaticCredentialsProvider(engines.AccessKey, engines.AccessKey, ""),
	})
}

// SQS is a client of the local queues.
func (s *Stack) SQS() *sqs.Client {
	return sqs.New(sqs.Options{
		Region: engines.Region, BaseEndpoint: &s.SQSURL,
		Credentials: credentials.NewStaticCredentialsProvider(engines.AccessKey, engines.AccessKey, ""),
	})
}

// createTables leaves tables alone that an earlier run made.
func (s *Stack) createTables(ctx context.Context) error {
	client := s.DynamoDB()
	for _, table := range s.Template.Tables {
		name := *table.Create.TableName
		_, err := client.CreateTable(ctx, table.Create)
		if exists := new(types.ResourceInUseException); errors.As(err, &exists) {
			if err := addIndexes(ctx, client, table.Create); err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		if table.TTLAttribute == "" {
			continue
		}
		_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: &name, TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: &table.TTLAttribute, Enabled: aws.Bool(true),
		}})
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	return nil
}

// addIndexes gives a table of an earlier run the indexes that the template has got since, as a deployment would.
func addIndexes(ctx context.Context, client *dynamodb.Client, wanted *dynamodb.CreateTableInput) error {
	held, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: wanted.TableName})
	if err != nil {
		return err
	}
	for _, index := range wanted.GlobalSecondaryIndexes {
		if slices.ContainsFunc(held.Table.GlobalSecondaryIndexes, func(h types.GlobalSecondaryIndexDescription) bool { return *h.IndexName == *index.IndexName }) {
			continue
		}
		_, err := client.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: wanted.TableName, AttributeDefinitions: wanted.AttributeDefinitions,
			GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{{Create: &types.CreateGlobalSecondaryIndexAction{
				IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection,
			}}}})
		if err != nil {
			return fmt.Errorf("index %s: %w", *index.IndexName, err)
		}
	}
	return nil
}

func (s *Stack) createQueues(ctx context.Context) error {
	client := s.SQS()
	for _, queue := range s.Template.Queues {
		attributes := maps.Clone(queue.Attributes)
		if v := s.options.VisibilityTimeout; v > 0 && queue.DeadLetterARN != "" {
			attributes["VisibilityTimeout"] = strconv.Itoa(int(v / time.Second))
		}
		if _, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(queue.Name), Attributes: attributes}); err != nil {
			return fmt.Errorf("queue %s: %w", queue.Name, err)
		}
	}
	return nil
}

// Keys are the live secrets of a direction as Secrets Manager holds them: both verify, Current signs.
type Keys struct {
	Current  string `json:"current"`
	Previous string `json:"previous,omitempty"`
}

func (k Keys) json() string {
	raw, err := json.Marshal(k)
	if err != nil {
		panic(err) // two strings always marshal
	}
	return string(raw)
}

// functions are the template's, with the addresses that AWS does not need to be told, and their secrets.
func (s *Stack) functions() []lambdahost.Function {
	var list []lambdahost.Function
	for _, f := range s.Template.Functions {
		env := environment(s.options, f, s.addresses())
		for name, value := range f.Env {
			switch {
			case !strings.Contains(value, ":secretsmanager:"):
			case strings.Contains(name, "OUTBOUND"):
				s.Secrets.Put(value, s.options.Outbound.json())
			default:
				s.Secrets.Put(value, s.options.Inbound.json())
			}
		}
		if f.LogFormat != "" {
			env["AWS_LAMBDA_LOG_FORMAT"] = f.LogFormat
		}
		limit := defaultConcurrency
		for _, q := range f.Queues {
			limit = max(limit, q.MaximumConcurrency)
		}
		if f.Reserved > 0 {
			limit = f.Reserved
		}
		list = append(list, lambdahost.Function{
			Name: f.Name, Label: f.Folder, Binary: filepath.Join(s.options.Binaries, f.Folder), Env: env,
			Timeout: f.Timeout, MemoryMB: f.MemoryMB, Limit: limit,
		})
	}
	return list
}

func (s *Stack) logf(function string) func(format string, args ...any) {
	return func(format string, args ...any) {
		fmt.Fprintf(s.options.Log, "%-17s | "+format+"\n", append([]any{function}, args...)...)
	}
}

// Invoker starts functions as the triggers do; the observer is told of it.
func (s *Stack) Invoker() triggers.Invoker {
	if s.options.Observer == nil {
		return s.Host
	}
	return triggers.Told{Invoker: s.Host, Tell: s.options.Observer.Invoked}
}

func (s *Stack) startQueues(ctx context.Context) error {
	client := s.SQS()
	for _, f := range s.Template.Functions {
		for _, source := range f.Queues {
			q := &triggers.Queue{
				Client: client, ARN: source.QueueARN, Region: engines.Region, Function: f.Name,
				BatchSize: source.BatchSize, Concurrency: source.MaximumConcurrency, PartialFailures: source.PartialFailures,
				Invoke: s.Invoker(), Log: s.logf(f.Folder),
			}
			for _, queue := range s.Template.Queues {
				if queue.ARN == source.QueueARN {
					q.URL = s.SQSURL + "/" + engines.AccountID + "/" + queue.Name
				}
			}
			if q.URL == "" {
				return fmt.Errorf("%s is triggered by %s, which the template does not have", f.Name, source.QueueARN)
			}
			if q.Concurrency == 0 {
				q.Concurrency = defaultConcurrency
			}
			s.triggers.Go(func() { q.Run(ctx) })
		}
	}
	return nil
}

// startSchedules gives the template's schedules the local intervals: the poller's, the sweeper's, and the
// nightly push, which is the one with that input. The poller runs at once.
func (s *Stack) startSchedules(ctx context.Context) {
	for _, f := range s.Template.Functions {
		for _, schedule := range f.Schedules {
			every, atStart := s.options.SweepEvery, false
			switch {
			case f.Folder == "park-poller":
				every, atStart = s.options.PollEvery, true
			case strings.Contains(schedule.Input, `"repush"`):
				every = s.options.RepushEvery
			}
			if every <= 0 {
				continue
			}
			run := &triggers.Schedule{Function: f.Name, Every: every, Input: schedule.Input, AtStart: atStart, Invoke: s.Invoker(), Now: time.Now, Log: s.logf(f.Folder)}
			s.triggers.Go(func() { run.Run(ctx) })
		}
	}
}
