// Package template reads template.yaml, so that the local stack has the very functions, routes, tables,
// queues and schedules that are deployed. It understands the part of CloudFormation and SAM that the
// template uses and reports what it does not understand.
package template

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Values is what the template does not say itself.
type Values struct {
	StackName  string
	Region     string
	AccountID  string
	QueueBase  string            // a Ref of a queue is QueueBase/<account>/<queue name>
	Parameters map[string]string // instead of the parameters' defaults
}

// Template is what runs: everything resolved.
type Template struct {
	Functions []Function // sorted by name
	Tables    []Table
	Queues    []Queue // dead-letter queues before those that name them
}

// Function is one AWS::Serverless::Function.
type Function struct {
	Name      string // logical id: LeaseParkFunction
	Folder    string // the last element of CodeUri: lease-park
	Timeout   time.Duration
	MemoryMB  int
	Reserved  int // concurrent executions; 0 reserves none
	LogFormat string
	Env       map[string]string
	Routes    []Route
	Queues    []QueueEvent
	Schedules []Schedule
}

// Route is an HttpApi event; the zero Method and Path are $default.
type Route struct{ Method, Path string }

// Key as API Gateway writes it: "POST /lease/park", or "$default".
func (r Route) Key() string {
	if r.Path == "" {
		return "$default"
	}
	return r.Method + " " + r.Path
}

// QueueEvent is an SQS event source.
type QueueEvent struct {
	QueueARN           string
	BatchSize          int
	MaximumConcurrency int  // 0: not limited
	PartialFailures    bool // ReportBatchItemFailures
}

// Schedule is a ScheduleV2 event.
type Schedule struct {
	Name       string // of the event in the function: Sweep
	Expression string // rate(…) or cron(…)
	Input      string
}

// Read reads the file.
func Read(file string, v Values) (*Template, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t, err := Parse(raw, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
}

// Parse resolves a template.
func Parse(raw []byte, v Values) (*Template, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(raw, &node); err != nil {
		return nil, err
	}
	if len(node.Content) == 0 {
		return nil, fmt.Errorf("the template is empty")
	}
	root, err := tree(&node)
	if err != nil {
		return nil, err
	}
	r, err := newResolver(root, v)
	if err != nil {
		return nil, err
	}
	globals := child(child(root, "Globals"), "Function")
	t := &Template{}
	for _, id := range sortedKeys(r.resources) {
		resource := r.resources[id]
		if name := text(resource["Condition"]); name != "" {
			if holds, err := r.condition(name); err != nil || !holds {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		properties := child(resource, "Properties")
		switch text(resource["Type"]) {
		case "AWS::Serverless::Function":
			f, err := r.function(id, globals, properties)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", id, err)
			}
			t.Functions = append(t.Functions, f)
		case "AWS::DynamoDB::Table":
			resolved, err := r.resolve(properties)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", id, err)
			}
			t.Tables = append(t.Tables, table(r.tableName(id), resolved))
		case "AWS::SQS::Queue":
			resolved, err := r.resolve(properties)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", id, err)
			}
			name, err := r.queueName(id)
			if err != nil {
				return nil, err
			}
			t.Queues = append(t.Queues, queue(name, r.arn("sqs", name), resolved))
		}
	}
	slices.SortStableFunc(t.Queues, func(a, b Queue) int { return len(a.DeadLetterARN) - len(b.DeadLetterARN) })
	return t, nil
}

func newResolver(root any, v Values) (*resolver, error) {
	r := &resolver{values: v, parameters: map[string]string{}, resources: map[string]map[string]any{}}
	r.conditions = child(root, "Conditions")
	for name, p := range child(root, "Parameters") {
		value, set := v.Parameters[name]
		if !set {
			value = text(child(p, "")["Default"])
		}
		r.parameters[name] = value
	}
	for id, x := range child(root, "Resources") {
		resource, ok := x.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("resource %s is no mapping", id)
		}
		r.resources[id] = resource
	}
	return r, nil
}

// ref is what CloudFormation's Ref yields, with local addresses.
func (r *resolver) ref(id string) (any, error) {
	switch id {
	case "AWS::NoValue":
		return noValue{}, nil
	case "AWS::StackName":
		return r.values.StackName, nil
	case "AWS::Region":
		return r.values.Region, nil
	case "AWS::AccountId":
		return r.values.AccountID, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	}
	if value, ok := r.parameters[id]; ok {
		return value, nil
	}
	resource, ok := r.resources[id]
	if !ok {
		return nil, fmt.Errorf("!Ref %s: there is no such parameter or resource", id)
	}
	switch text(resource["Type"]) {
	case "AWS::DynamoDB::Table":
		return r.tableName(id), nil
	case "AWS::SQS::Queue":
		name, err := r.queueName(id)
		return r.values.QueueBase + "/" + r.values.AccountID + "/" + name, err
	case "AWS::SecretsManager::Secret":
		return r.arn("secretsmanager", "secret:"+id), nil
	}
	return id, nil
}

func (r *resolver) attribute(id, attribute string) (any, error) {
	resource, ok := r.resources[id]
	if !ok {
		return nil, fmt.Errorf("!GetAtt %s.%s: there is no such resource", id, attribute)
	}
	switch kind := text(resource["Type"]); {
	case kind == "AWS::SQS::Queue" && (attribute == "Arn" || attribute == "QueueName"):
		name, err := r.queueName(id)
		if attribute == "Arn" {
			name = r.arn("sqs", name)
		}
		return name, err
	case kind == "AWS::DynamoDB::Table" && attribute == "Arn":
		return r.arn("dynamodb", "table/"+r.tableName(id)), nil
	case kind == "AWS::Serverless::Function" && attribute == "Arn":
		return r.arn("lambda", "function:"+id), nil
	}
	return r.arn("local", id+"/"+attribute), nil // of no use locally: log groups, roles, versions
}

func (r *resolver) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + r.values.Region + ":" + r.values.AccountID + ":" + rest
}

func (r *resolver) tableName(id string) string { return r.values.StackName + "-" + id }

func (r *resolver) queueName(id string) (string, error) {
	name, err := r.resolve(child(r.resources[id], "Properties")["QueueName"])
	if err != nil || text(name) == "" {
		return r.values.StackName + "-" + id, err
	}
	return text(name), nil
}

// child is v[key] as a mapping, or v itself for an empty key; absent is an empty mapping.
func child(v any, key string) map[string]any {
	m, _ := v.(map[string]any)
	if key != "" {
		m, _ = m[key].(map[string]any)
	}
	return m
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Function by its logical id or ARN, with or without an alias.
func (t *Template) Function(name string) (Function, bool) {
	i := slices.IndexFunc(t.Functions, func(f Function) bool { return f.Name == FunctionName(name) })
	if i < 0 {
		return Function{}, false
	}
	return t.Functions[i], true
}

// FunctionName takes the name out of an ARN and drops a qualifier.
func FunctionName(nameOrARN string) string {
	name := nameOrARN
	if i := strings.Index(name, ":function:"); i >= 0 {
		name = name[i+len(":function:"):]
	}
	name, _, _ = strings.Cut(name, ":")
	return name
}
