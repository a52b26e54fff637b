package restore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/local/engines/enginetest"
)

func TestMain(m *testing.M) { enginetest.Main(m) }

func table(t *testing.T, db *dynamodb.Client, sortKey string) string {
	t.Helper()
	name := enginetest.Name("restore")
	keys := []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: &sortKey, KeyType: types.KeyTypeRange}}
	var attributes []types.AttributeDefinition
	for _, k := range keys {
		attributes = append(attributes, types.AttributeDefinition{AttributeName: k.AttributeName, AttributeType: types.ScalarAttributeTypeS})
	}
	if _, err := db.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: &name, KeySchema: keys, AttributeDefinitions: attributes, BillingMode: types.BillingModePayPerRequest}); err != nil {
		t.Fatal(err)
	}
	return name
}

func put(t *testing.T, db *dynamodb.Client, table string, n int, value string) {
	t.Helper()
	s := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item{"pk": s(fmt.Sprint("p", n%3)), "sk": s(fmt.Sprint(n)), "v": s(value)}}); err != nil {
		t.Fatal(err)
	}
}

func values(t *testing.T, db *dynamodb.Client, table string) map[string]string {
	t.Helper()
	out, err := db.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, i := range out.Items {
		all[i["sk"].(*types.AttributeValueMemberS).Value] = i["v"].(*types.AttributeValueMemberS).Value
	}
	return all
}

// Of 40 items 10 are lost, 10 are changed and 20 as they were; one is newer than the restored table.
func TestRestore(t *testing.T) {
	url, _ := enginetest.Start(t)
	db := dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &url, DisableValidateResponseChecksum: true, Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
	from, to := table(t, db, "sk"), table(t, db, "sk")
	for n := range 40 {
		put(t, db, from, n, "then")
		switch {
		case n >= 30:
		case n >= 20:
			put(t, db, to, n, "now")
		default:
			put(t, db, to, n, "then")
		}
	}
	put(t, db, to, 99, "newer")
	for _, step := range []struct {
		name                 string
		dry, replace         bool
		want                 Counts
		lost, changed, items string // the value of 35, of 25, and how many there are afterwards
	}{
		{"counting", true, true, Counts{Missing: 10, Different: 10, Equal: 20}, "", "now", "31"},
		{"what is missing", false, false, Counts{Missing: 10, Different: 10, Equal: 20}, "then", "now", "41"},
		{"again", false, false, Counts{Different: 10, Equal: 30}, "then", "now", "41"},
		{"what differs", false, true, Counts{Different: 10, Equal: 30}, "then", "then", "41"},
		{"in the end", false, true, Counts{Equal: 40}, "then", "then", "41"},
	} {
		got, err := Run(t.Context(), db, Options{From: from, To: to, DryRun: step.dry, Replace: step.replace})
		if err != nil || got != step.want {
			t.Errorf("%s: %+v, %v, want %+v", step.name, got, err, step.want)
		}
		v := values(t, db, to)
		if v["35"] != step.lost || v["25"] != step.changed || fmt.Sprint(len(v)) != step.items || v["99"] != "newer" {
			t.Errorf("%s: 35 is %q, 25 is %q, %d items, 99 is %q", step.name, v["35"], v["25"], len(v), v["99"])
		}
	}
	for name, o := range map[string]Options{"itself": {From: to, To: to}, "other keys": {From: from, To: table(t, db, "other")}, "a table that is not there": {From: from, To: "none"}} {
		if _, err := Run(t.Context(), db, o); err == nil || !strings.Contains(err.Error(), "table") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
