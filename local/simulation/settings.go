package simulation

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/local/engines"
	"lease-gateway/local/template"
)

// settings are what the template says of tables, queue and time limits, so that the simulation plays what is deployed.
type settings struct {
	tables     []*dynamodb.CreateTableInput
	limit      map[string]time.Duration // by the function's folder
	visibility time.Duration
	maxReceive int
}

var deployment = sync.OnceValue(func() settings {
	s, err := readSettings()
	if err != nil {
		panic(fmt.Errorf("simulation: template.yaml: %w", err))
	}
	return s
})

func readSettings() (s settings, err error) {
	root, err := engines.CheckoutRoot()
	if err != nil {
		return s, err
	}
	t, err := template.Read(filepath.Join(root, "template.yaml"), template.Values{StackName: stack, Region: engines.Region, AccountID: engines.AccountID, QueueBase: "http://127.0.0.1"})
	if err != nil {
		return s, err
	}
	for _, table := range t.Tables {
		s.tables = append(s.tables, table.Create)
	}
	s.limit = map[string]time.Duration{}
	for _, f := range t.Functions {
		s.limit[f.Folder] = f.Timeout
	}
	for _, q := range t.Queues {
		if q.DeadLetterARN == "" {
			continue
		}
		seconds, err := strconv.Atoi(q.Attributes["VisibilityTimeout"])
		if err != nil {
			return s, err
		}
		var redrive struct {
			Most json.Number `json:"maxReceiveCount"`
		}
		if err := json.Unmarshal([]byte(q.Attributes["RedrivePolicy"]), &redrive); err != nil {
			return s, err
		}
		most, err := redrive.Most.Int64()
		if err != nil {
			return s, err
		}
		s.visibility, s.maxReceive = time.Duration(seconds)*time.Second, int(most)
	}
	return s, nil
}
