package template

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
)

var values = Values{StackName: "lease", Region: "us-east-1", AccountID: "000000000000", QueueBase: "http://q"}

func TestFunction(t *testing.T) {
	tmpl, err := Read("testdata/template.yaml", values)
	if err != nil {
		t.Fatal(err)
	}
	want := []Function{{
		Name: "ThingFunction", Folder: "thing", Timeout: 720 * time.Second, MemoryMB: 256, Reserved: 1, LogFormat: "JSON",
		Env: map[string]string{
			"STAGE": "dev", "TABLE": "lease-OrdersTable", "QUEUE": "http://q/000000000000/lease-push.fifo",
			"SECRET": "arn:aws:secretsmanager:us-east-1:000000000000:secret:InSecret",
			"NAME":   "lease-dev-lease-push.fifo", "KIND": "test",
		},
		Routes:    []Route{{}, {Method: "GET", Path: "/things/{id}"}},
		Queues:    []QueueEvent{{QueueARN: "arn:aws:sqs:us-east-1:000000000000:lease-push.fifo", BatchSize: 7, MaximumConcurrency: 20, PartialFailures: true}},
		Schedules: []Schedule{{Name: "Sweep", Expression: "rate(1 minute)", Input: `{"scheduled_time":"<aws.scheduler.scheduled-time>"}`}},
	}}
	if diff := cmp.Diff(want, tmpl.Functions); diff != "" {
		t.Error(diff)
	}
	if _, ok := tmpl.Function("arn:aws:lambda:us-east-1:1:function:ThingFunction:live"); !ok {
		t.Error("not found by its ARN")
	}
}

func TestParameters(t *testing.T) {
	v := values
	v.Parameters = map[string]string{"Stage": "prod", "Reserved": "0"}
	tmpl, err := Read("testdata/template.yaml", v)
	if err != nil {
		t.Fatal(err)
	}
	f := tmpl.Functions[0]
	if f.Reserved != 0 || f.Env["KIND"] != "production" || len(tmpl.Tables) != 2 {
		t.Errorf("reserved %d, kind %s, %d tables", f.Reserved, f.Env["KIND"], len(tmpl.Tables))
	}
}

func TestTablesAndQueues(t *testing.T) {
	tmpl, err := Read("testdata/template.yaml", values)
	if err != nil {
		t.Fatal(err)
	}
	if len(tmpl.Tables) != 1 {
		t.Fatalf("%d tables", len(tmpl.Tables))
	}
	orders := tmpl.Tables[0]
	index := orders.Create.GlobalSecondaryIndexes[0]
	if *orders.Create.TableName != "lease-OrdersTable" || orders.TTLAttribute != "ttl" || len(orders.Create.AttributeDefinitions) != 4 {
		t.Errorf("table %+v", orders)
	}
	if diff := cmp.Diff([]string{"ns", "le"}, index.Projection.NonKeyAttributes); diff != "" || index.Projection.ProjectionType != types.ProjectionTypeInclude {
		t.Errorf("projection %v %s", index.Projection.ProjectionType, diff)
	}
	if got := aws.ToString(index.KeySchema[1].AttributeName); got != "due" {
		t.Errorf("range key of the index: %s", got)
	}
	want := []Queue{
		{Name: "lease-zdead.fifo", ARN: "arn:aws:sqs:us-east-1:000000000000:lease-zdead.fifo", Attributes: map[string]string{"FifoQueue": "true"}},
		{Name: "lease-push.fifo", ARN: "arn:aws:sqs:us-east-1:000000000000:lease-push.fifo", DeadLetterARN: "arn:aws:sqs:us-east-1:000000000000:lease-zdead.fifo",
			Attributes: map[string]string{"FifoQueue": "true", "VisibilityTimeout": "270",
				"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:lease-zdead.fifo","maxReceiveCount":"5"}`}},
	}
	if diff := cmp.Diff(want, tmpl.Queues); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNotUnderstoodIsSaid(t *testing.T) {
	raw, err := os.ReadFile("testdata/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"!Ref OrdersTable", "!Ref NoTable", "NoTable"},
		{"!If [IsProd, production, test]", "!If [IsNot, production, test]", "IsNot"},
		{"Type: SQS", "Type: Kinesis", "Kinesis"},
		{"Timeout: 720", "Timeout: long", "Timeout"},
	} {
		_, err := Parse([]byte(strings.Replace(string(raw), c.old, c.new, 1)), values)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "ThingFunction") {
			t.Errorf("%s: error %v does not name %s and the function", c.new, err, c.want)
		}
	}
}
