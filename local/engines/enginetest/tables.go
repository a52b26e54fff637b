package enginetest

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/local/engines"
	"lease-gateway/local/template"
	"lease-gateway/shared/leasestore"
)

// Client is a client of the engine.
func Client(t testing.TB) *dynamodb.Client {
	t.Helper()
	url, _ := Start(t)
	return dynamodb.New(dynamodb.Options{Region: engines.Region, BaseEndpoint: &url, DisableValidateResponseChecksum: true,
		Credentials: credentials.NewStaticCredentialsProvider(engines.AccessKey, engines.AccessKey, "")})
}

// Tables makes the template's own tables, under names of this test, on the real engine.
func Tables(t testing.TB) (*dynamodb.Client, leasestore.Tables) {
	t.Helper()
	root, err := engines.CheckoutRoot()
	if err != nil {
		t.Fatal(err)
	}
	db, name := Client(t), Name("test")
	tmpl, err := template.Read(filepath.Join(root, "template.yaml"), template.Values{StackName: name, Region: engines.Region, AccountID: engines.AccountID, QueueBase: "http://127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tmpl.Tables {
		if _, err := db.CreateTable(t.Context(), table.Create); err != nil {
			t.Fatal(err)
		}
	}
	return db, leasestore.Tables{Parks: name + "-ParksTable", Orders: name + "-OrdersTable", Expiring: name + "-ExpiringTable"}
}
