// Package restore copies a table that point-in-time recovery made back into the stack's own table.
package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Options of Run.
type Options struct {
	From, To string
	Replace  bool // write over items that are there and differ; else they are only counted
	DryRun   bool // count, write nothing
}

// Counts of the items of From: by what To had in their place.
type Counts struct{ Missing, Different, Equal int }

type item = map[string]types.AttributeValue

const segments = 8 // of a parallel scan

// Run copies. It may be repeated, and ended at any time: an item that is there and equal is left alone.
func Run(ctx context.Context, db *dynamodb.Client, o Options) (Counts, error) {
	keys, err := keysOf(ctx, db, o.From)
	if err != nil {
		return Counts{}, err
	}
	other, err := keysOf(ctx, db, o.To)
	if err != nil {
		return Counts{}, err
	}
	if o.From == o.To || !slices.Equal(keys, other) {
		return Counts{}, fmt.Errorf("%s (keys %v) and %s (keys %v) must be two tables with the same keys", o.From, keys, o.To, other)
	}
	var (
		mu    sync.Mutex
		total Counts
		errs  []error
		all   sync.WaitGroup
	)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for segment := range segments {
		all.Go(func() {
			c, err := o.copy(ctx, db, keys, int32(segment))
			mu.Lock()
			defer mu.Unlock()
			total.Missing, total.Different, total.Equal = total.Missing+c.Missing, total.Different+c.Different, total.Equal+c.Equal
			if err != nil {
				errs = append(errs, err)
				cancel() // the others need not go on
			}
		})
	}
	all.Wait()
	if len(errs) > 0 {
		return total, errs[0]
	}
	return total, nil
}

func keysOf(ctx context.Context, db *dynamodb.Client, table string) ([]string, error) {
	out, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", table, err)
	}
	var keys []string
	for _, k := range out.Table.KeySchema {
		keys = append(keys, *k.AttributeName)
	}
	return keys, nil
}

func (o Options) copy(ctx context.Context, db *dynamodb.Client, keys []string, segment int32) (c Counts, err error) {
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &o.From, ConsistentRead: aws.Bool(true), Segment: &segment, TotalSegments: aws.Int32(segments)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return c, err
		}
		for _, i := range page.Items {
			if err := o.one(ctx, db, keys, i, &c); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func (o Options) one(ctx context.Context, db *dynamodb.Client, keys []string, i item, c *Counts) error {
	key := maps.Clone(i)
	maps.DeleteFunc(key, func(name string, _ types.AttributeValue) bool { return !slices.Contains(keys, name) })
	there, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &o.To, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return err
	}
	put := &dynamodb.PutItemInput{TableName: &o.To, Item: i}
	switch {
	case there.Item == nil:
		c.Missing++
		put.ConditionExpression, put.ExpressionAttributeNames = aws.String("attribute_not_exists(#k)"), map[string]string{"#k": keys[0]}
	case reflect.DeepEqual(there.Item, i):
		c.Equal++
		return nil
	default:
		c.Different++
		if !o.Replace {
			return nil
		}
	}
	if o.DryRun {
		return nil
	}
	_, err = db.PutItem(ctx, put)
	if taken := new(types.ConditionalCheckFailedException); errors.As(err, &taken) {
		return errors.New("an item appeared while it was restored: the table still has writers, stop them first")
	}
	return err
}
