package e2e

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/local/attack"
	"lease-gateway/local/stack"
)

// TestAttack is the short form of `make attack`: 2,000 forged requests and the heavy ones; none is let in, none leaves anything in the
// store, no function needs more memory than it has, and both live secrets go on verifying.
func TestAttack(t *testing.T) {
	inbound := stack.Keys{Current: "the-secret-that-signs-now", Previous: "the-secret-of-last-month"}
	s := startStack(t, stack.Options{Inbound: inbound, Outbound: stack.Keys{Current: "the-secret-of-our-calls"}})
	o := attack.Options{URL: s.URL, AppID: stack.InboundAppID, Secret: inbound.Current, Outbound: "the-secret-of-our-calls", Requests: 2000, Connections: 6, Seed: 1}
	report, err := attack.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for _, table := range s.Template.Tables {
		tables = append(tables, *table.Create.TableName)
	}
	inside := func() (finds []string) {
		t.Helper()
		again := *report
		if err := again.Inside(context.WithoutCancel(t.Context()), s.DynamoDB(), tables); err != nil {
			t.Fatal(err)
		}
		return again.Finds
	}
	if finds := inside(); len(finds) > 0 || report.Sent < 2000 {
		var out strings.Builder
		report.Print(&out)
		t.Errorf("%s\n%s", out.String(), strings.Join(finds, "\n"))
	}
	took, finds, err := attack.Heavy(t.Context(), o)
	if err != nil || len(finds) > 0 {
		t.Errorf("%v %q %v", err, finds, took)
	}
	family, err := attack.Family(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	limits := map[string]int64{}
	for _, f := range s.Template.Functions {
		limits[f.Folder] = int64(f.MemoryMB) << 20
	}
	var memory strings.Builder
	finds = attack.Bounded(&memory, nil, family, limits, 0)
	if strings.Count(memory.String(), "lease-park ") == 0 || len(finds) > 0 {
		t.Errorf("%s%q", memory.String(), finds)
	}
	for _, o.Secret = range []string{inbound.Current, inbound.Previous} {
		if err := attack.Well(o); err != nil {
			t.Error(err)
		}
	}
	// what a verifier would leave behind that writes before it has verified
	for _, key := range [][2]string{{"N#" + stack.InboundAppID, "a-nonce-of-nobody"}, {"P#attack-forged", "-"}, {"I#o-1", "I"}} {
		table := map[byte]string{'N': "ExpiringTable", 'P': "ParksTable", 'I': "OrdersTable"}[key[0][0]]
		for _, name := range tables {
			if !strings.HasSuffix(name, table) {
				continue
			}
			item := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: key[0]}, "sk": &types.AttributeValueMemberS{Value: key[1]}}
			if _, err := s.DynamoDB().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(name), Item: item}); err != nil {
				t.Fatal(err)
			}
		}
		if finds := strings.Join(inside(), "\n"); !strings.Contains(finds, key[0]) {
			t.Errorf("%s is not found: %s", key[0], finds)
		}
	}
}
