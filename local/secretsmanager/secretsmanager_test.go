package secretsmanager

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func TestGetSecretValueWithTheSDK(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:InSecret"
	store := &Store{}
	store.Put(arn, `{"current":"x"}`)
	server := httptest.NewServer(store)
	defer server.Close()
	client := secretsmanager.New(secretsmanager.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	for _, id := range []string{arn, "InSecret"} {
		out, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(id)})
		if err != nil {
			t.Fatal(err)
		}
		if *out.SecretString != `{"current":"x"}` || *out.ARN != arn {
			t.Errorf("%s: %s %s", id, *out.ARN, *out.SecretString)
		}
	}
	_, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("Other")})
	if missing := new(types.ResourceNotFoundException); !errors.As(err, &missing) {
		t.Errorf("an unknown secret: %v", err)
	}
}
