package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Table is one AWS::DynamoDB::Table.
type Table struct {
	Create       *dynamodb.CreateTableInput
	TTLAttribute string // empty: none
}

// Queue is one AWS::SQS::Queue.
type Queue struct {
	Name          string
	ARN           string
	DeadLetterARN string            // empty: none
	Attributes    map[string]string // as CreateQueue takes them
}

func (r *resolver) function(id string, globals, properties map[string]any) (Function, error) {
	merged := maps.Clone(globals)
	if merged == nil {
		merged = map[string]any{}
	}
	maps.Copy(merged, properties)
	variables := maps.Clone(child(child(globals, "Environment"), "Variables"))
	if variables == nil {
		variables = map[string]any{}
	}
	maps.Copy(variables, child(child(properties, "Environment"), "Variables"))
	logging := maps.Clone(child(globals, "LoggingConfig"))
	if logging == nil {
		logging = map[string]any{}
	}
	maps.Copy(logging, child(properties, "LoggingConfig"))

	f := Function{Name: id, Folder: path.Base(text(merged["CodeUri"])), LogFormat: text(logging["LogFormat"]), Env: map[string]string{}}
	env, err := r.resolve(variables)
	if err != nil {
		return f, fmt.Errorf("environment: %w", err)
	}
	for name, value := range child(env, "") {
		f.Env[name] = text(value)
	}
	numbers := map[string]*int{"MemorySize": &f.MemoryMB, "ReservedConcurrentExecutions": &f.Reserved}
	var seconds int
	numbers["Timeout"] = &seconds
	for name, into := range numbers {
		value, err := r.resolve(merged[name])
		if err != nil {
			return f, fmt.Errorf("%s: %w", name, err)
		}
		if *into, err = number(value); err != nil {
			return f, fmt.Errorf("%s: %w", name, err)
		}
	}
	if f.Timeout = time.Duration(seconds) * time.Second; f.Timeout == 0 {
		f.Timeout = 3 * time.Second // Lambda's defaults
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = 128
	}
	events := child(merged, "Events")
	for _, name := range sortedKeys(events) {
		event, err := r.resolve(events[name])
		if err != nil {
			return f, fmt.Errorf("event %s: %w", name, err)
		}
		if err := f.addEvent(name, text(child(event, "")["Type"]), child(event, "Properties")); err != nil {
			return f, fmt.Errorf("event %s: %w", name, err)
		}
	}
	return f, nil
}

func (f *Function) addEvent(name, kind string, p map[string]any) error {
	switch kind {
	case "HttpApi":
		f.Routes = append(f.Routes, Route{Method: strings.ToUpper(text(p["Method"])), Path: text(p["Path"])})
	case "SQS":
		e := QueueEvent{QueueARN: text(p["Queue"]), BatchSize: 10}
		if batch, err := number(p["BatchSize"]); err != nil {
			return err
		} else if batch > 0 {
			e.BatchSize = batch
		}
		var err error
		if e.MaximumConcurrency, err = number(child(p, "ScalingConfig")["MaximumConcurrency"]); err != nil {
			return err
		}
		types, _ := p["FunctionResponseTypes"].([]any)
		for _, t := range types {
			e.PartialFailures = e.PartialFailures || t == "ReportBatchItemFailures"
		}
		f.Queues = append(f.Queues, e)
	case "ScheduleV2":
		if text(p["State"]) == "DISABLED" {
			return nil
		}
		f.Schedules = append(f.Schedules, Schedule{Name: name, Expression: text(p["ScheduleExpression"]), Input: text(p["Input"])})
	default:
		return fmt.Errorf("type %q is not understood by the local stack", kind)
	}
	return nil
}

// number reads an integer that may have come through a parameter, as text.
func number(v any) (int, error) {
	switch v := v.(type) {
	case nil, noValue:
		return 0, nil
	case int:
		return v, nil
	case string:
		return strconv.Atoi(v)
	}
	return 0, fmt.Errorf("%v is no integer", v)
}

func table(name string, properties any) Table {
	p := child(properties, "")
	create := &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest, KeySchema: keySchema(p["KeySchema"]),
	}
	for _, a := range list(p["AttributeDefinitions"]) {
		create.AttributeDefinitions = append(create.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(text(a["AttributeName"])), AttributeType: types.ScalarAttributeType(text(a["AttributeType"])),
		})
	}
	for _, g := range list(p["GlobalSecondaryIndexes"]) {
		projection := child(g, "Projection")
		index := types.GlobalSecondaryIndex{
			IndexName: aws.String(text(g["IndexName"])), KeySchema: keySchema(g["KeySchema"]),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(text(projection["ProjectionType"]))},
		}
		names, _ := projection["NonKeyAttributes"].([]any)
		for _, n := range names {
			index.Projection.NonKeyAttributes = append(index.Projection.NonKeyAttributes, text(n))
		}
		create.GlobalSecondaryIndexes = append(create.GlobalSecondaryIndexes, index)
	}
	t := Table{Create: create}
	if ttl := child(p, "TimeToLiveSpecification"); ttl["Enabled"] == true {
		t.TTLAttribute = text(ttl["AttributeName"])
	}
	return t
}

func keySchema(v any) []types.KeySchemaElement {
	var keys []types.KeySchemaElement
	for _, k := range list(v) {
		keys = append(keys, types.KeySchemaElement{AttributeName: aws.String(text(k["AttributeName"])), KeyType: types.KeyType(text(k["KeyType"]))})
	}
	return keys
}

func list(v any) []map[string]any {
	items, _ := v.([]any)
	out := make([]map[string]any, 0, len(items))
	for _, item := range items {
		out = append(out, child(item, ""))
	}
	return out
}

// queueAttributes are the properties that CreateQueue takes under the same name. Encryption and the
// high-throughput mode have no counterpart in ElasticMQ.
var queueAttributes = []string{"FifoQueue", "ContentBasedDeduplication", "VisibilityTimeout", "MessageRetentionPeriod",
	"DelaySeconds", "ReceiveMessageWaitTimeSeconds"}

func queue(name, arn string, properties any) Queue {
	p := child(properties, "")
	q := Queue{Name: name, ARN: arn, Attributes: map[string]string{}}
	for _, attribute := range queueAttributes {
		if value, ok := p[attribute]; ok && value != false { // SQS refuses FifoQueue=false
			q.Attributes[attribute] = text(value)
		}
	}
	if redrive := child(p, "RedrivePolicy"); len(redrive) > 0 {
		q.DeadLetterARN = text(redrive["deadLetterTargetArn"])
		policy, err := json.Marshal(map[string]string{"deadLetterTargetArn": q.DeadLetterARN, "maxReceiveCount": text(redrive["maxReceiveCount"])})
		if err != nil {
			panic(err) // a map of strings always marshals
		}
		q.Attributes["RedrivePolicy"] = string(policy)
	}
	return q
}
