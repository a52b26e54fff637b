package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/local/engines"
)

// Depth is what lies in the queues: a message that nobody takes yet is seen here, before it is seen to travel.
type Depth struct {
	Waiting int `json:"waiting"` // to be taken
	Taken   int `json:"taken"`   // taken and not done
	Dead    int `json:"dead"`    // set aside in the dead-letter queue
}

func (c *Console) depth(ctx context.Context) (d Depth, err error) {
	client := c.stack.SQS()
	for _, q := range c.stack.Template.Queues {
		url := c.stack.SQSURL + "/" + engines.AccountID + "/" + q.Name
		out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}})
		if err != nil {
			return d, err
		}
		waiting, _ := strconv.Atoi(out.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessages)])
		taken, _ := strconv.Atoi(out.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible)])
		if q.DeadLetterARN == "" {
			d.Dead += waiting + taken
			continue
		}
		d.Waiting, d.Taken = d.Waiting+waiting, d.Taken+taken
	}
	return d, nil
}

// readQueue tells, while somebody listens, that the queues hold more or less than a second ago.
func (c *Console) readQueue(ctx context.Context) {
	if !c.stream.watched() {
		return
	}
	d, err := c.depth(ctx)
	if err != nil || d == c.lastDepth {
		return // the next tick asks again
	}
	c.lastDepth = d
	c.publish(Event{At: time.Now(), Kind: "queue", From: Queue, To: Queue, Title: "queue", OK: d.Dead == 0, Quiet: true})
}

func (c *Console) getQueue(w http.ResponseWriter, r *http.Request) {
	d, err := c.depth(r.Context())
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	write(w, http.StatusOK, d)
}
