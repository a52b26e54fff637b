package reference

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Config is the SDK's default configuration.
func Config(ctx context.Context) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx)
}

// Client of DynamoDB. Local endpoints answer without a checksum on failed conditions.
func Client(cfg aws.Config) *dynamodb.Client {
	return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.DisableValidateResponseChecksum = os.Getenv("AWS_ENDPOINT_URL_DYNAMODB") != ""
	})
}

// DynamoDB is what the store asks of the SDK's client.
type DynamoDB interface {
	dynamodb.QueryAPIClient
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Store keeps parks and orders.
type Store struct {
	DB                      DynamoDB
	parks, orders, expiring string
}

// NewStore uses the tables that the environment names.
func NewStore(db DynamoDB) *Store {
	return &Store{DB: db, parks: os.Getenv("PARKS_TABLE"), orders: os.Getenv("ORDERS_TABLE"), expiring: os.Getenv("EXPIRING_TABLE")}
}

// nonce is kept until no timestamp that came with it is good any more.
type nonce struct {
	PK      string `dynamodbav:"pk"`
	SK      string `dynamodbav:"sk"`
	Expires int64  `dynamodbav:"ttl"`
}

// ClaimNonce takes a nonce once.
func (s *Store) ClaimNonce(ctx context.Context, appID, value string, until time.Time) error {
	item, err := attributevalue.MarshalMap(nonce{"NONCE#" + appID, value, until.Unix()})
	if err != nil {
		return err
	}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.expiring, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)")})
	if failed(err) {
		return errNonceUsed
	}
	return err
}

// failed reports whether a condition was not met.
func failed(err error) bool {
	var condition *types.ConditionalCheckFailedException
	return errors.As(err, &condition)
}

// get reads one item; found is false when there is none.
func get[T any](ctx context.Context, db DynamoDB, table string, key map[string]string) (value T, found bool, err error) {
	k, err := attributevalue.MarshalMap(key)
	if err != nil {
		return value, false, err
	}
	out, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: k, ConsistentRead: aws.Bool(true)})
	if err != nil || out.Item == nil {
		return value, false, err
	}
	if err := attributevalue.UnmarshalMap(out.Item, &value); err != nil {
		return value, false, fmt.Errorf("item of %s: %w", table, err)
	}
	return value, true, nil
}
