package reference

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/shared/lease"
)

// Poller handles the schedule.
type Poller struct {
	Store  *Store
	Tongli *Tongli
}

// Report is its answer.
type Report struct {
	Seen      int    `json:"seen"`
	Added     int    `json:"added"`
	Corrected int    `json:"corrected"`
	Unchanged int    `json:"unchanged"`
	Rejected  int    `json:"rejected"`
	Complete  bool   `json:"complete"`
	Elapsed   int64  `json:"ms"`
	Reason    string `json:"reason,omitempty"`
}

const (
	pollLimit  = 1000
	batchSize  = 100 // what BatchGetItem takes
	concurrent = 8   // reads, and writes, at a time
)

// Handle walks Tongli's list page by page, reads the same parks from the table and writes those that differ.
func (p *Poller) Handle(ctx context.Context) (Report, error) {
	began, r := time.Now(), Report{Complete: true}
	for page := 1; ; page++ {
		var listed []park
		if err := p.Tongli.call(ctx, "/api/leasePark", map[string]int{"page": page, "limit": pollLimit}, &listed); err != nil {
			r.Complete, r.Reason = false, fmt.Sprintf("page %d: %v", page, err)
			break
		}
		if len(listed) == 0 {
			break
		}
		good := slices.DeleteFunc(listed, func(q park) bool { return q.check() != nil })
		r.Rejected += len(listed) - len(good)
		if err := p.compare(ctx, good, &r); err != nil {
			return r, err
		}
	}
	r.Elapsed = time.Since(began).Milliseconds()
	slog.InfoContext(ctx, "sweep", "report", r)
	return r, nil
}

func (p *Poller) compare(ctx context.Context, listed []park, r *Report) error {
	var mu sync.Mutex
	held := map[string]park{}
	err := each(slices.Collect(slices.Chunk(listed, batchSize)), func(chunk []park) error {
		found, err := p.Store.Parks(ctx, chunk)
		mu.Lock()
		defer mu.Unlock()
		for _, q := range found {
			held[q.SN] = q
		}
		return err
	})
	if err != nil {
		return err
	}
	var changed []park
	for _, q := range listed {
		r.Seen++
		old, there := held[q.SN]
		switch {
		case !there:
			r.Added++
		case q.same(&old):
			r.Unchanged++
			continue
		default:
			r.Corrected++
		}
		q.PushedAt, q.UpdatedAt = old.PushedAt, time.Now().In(lease.Zone).Format(time.RFC3339)
		changed = append(changed, q)
	}
	return each(changed, func(q park) error {
		_, err := p.Store.PutPark(ctx, q)
		return err
	})
}

// Parks reads up to 100 parks at once.
func (s *Store) Parks(ctx context.Context, wanted []park) ([]park, error) {
	keys := make([]map[string]types.AttributeValue, len(wanted))
	for i, q := range wanted {
		keys[i] = map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: parkKey(q.SN)}}
	}
	var all []park
	for request := map[string]types.KeysAndAttributes{s.parks: {Keys: keys}}; len(request) > 0; {
		out, err := s.DB.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: request})
		if err != nil {
			return nil, err
		}
		var found []park
		if err := attributevalue.UnmarshalListOfMaps(out.Responses[s.parks], &found); err != nil {
			return nil, err
		}
		all = append(all, found...)
		request = out.UnprocessedKeys
	}
	return all, nil
}

// each runs work for all items, some at a time, and returns the first error.
func each[T any](items []T, work func(T) error) error {
	var wg sync.WaitGroup
	turns, errs := make(chan struct{}, concurrent), make(chan error, len(items))
	for _, item := range items {
		turns <- struct{}{}
		wg.Go(func() {
			if err := work(item); err != nil {
				errs <- err
			}
			<-turns
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
