package supplychain

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// heavy are packages whose mere linking costs start: reflection over tags and templates, and what pulls many others in. Each entry covers what lies below it.
var heavy = []string{
	"github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/credentials", "github.com/aws/aws-sdk-go-v2/feature", "github.com/aws/aws-lambda-go/events",
	"text/template", "html/template", "encoding/xml", "encoding/gob", "net/rpc", "go", "testing", "database", "expvar", "net/http/pprof",
}

// clients are services whose client only those functions carry that call it.
var clients = map[string][]string{
	"github.com/aws/aws-sdk-go-v2/service/sqs":            {"app-order", "whitelist-sweeper"},
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager": {"lease-order", "lease-park", "park-poller", "whitelist-pusher"},
	"github.com/aws/aws-sdk-go-v2/service/dynamodb":       {"app-order", "app-park", "lease-order", "lease-park", "park-poller", "whitelist-pusher", "whitelist-sweeper", "unknown-route"}, // the last by way of the door alone
	"github.com/aws/aws-lambda-go/events":                 {"whitelist-pusher"},
}

// needless says what a function links and should not.
func needless(function string, packages []string) []string {
	var found []string
	for _, p := range packages {
		below := func(root string) bool { return p == root || strings.HasPrefix(p, root+"/") }
		if slices.ContainsFunc(heavy, func(h string) bool { return below(h) && !slices.Contains(clients[h], function) }) {
			found = append(found, p)
		}
		if users, known := clients[p]; known && !slices.Contains(users, function) && !slices.Contains(heavy, p) {
			found = append(found, p)
		}
	}
	return found
}

// TestFunctionsLinkWhatTheyUse: what is linked is initialised at each start, and read from the disk of a cold one.
func TestFunctionsLinkWhatTheyUse(t *testing.T) {
	folders, err := filepath.Glob(root + "functions/*")
	if err != nil || len(folders) < 8 {
		t.Fatalf("%d functions: %v", len(folders), err)
	}
	for _, folder := range folders {
		function := filepath.Base(folder)
		cmd := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", "./functions/"+function)
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		packages := strings.Fields(string(out))
		if !slices.Contains(packages, "github.com/aws/aws-lambda-go/lambda") {
			t.Errorf("%s is no function?", function)
		}
		for _, p := range needless(function, packages) {
			t.Errorf("%s links %s", function, p)
		}
		for service, users := range clients {
			if slices.Contains(users, function) && !slices.Contains(packages, service) {
				t.Errorf("%s no longer links %s: strike it from the list", function, service)
			}
		}
	}
}

// TestNeedless shows that the rule can fail.
func TestNeedless(t *testing.T) {
	for function, p := range map[string]string{"app-order": "github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue", "app-park": "github.com/aws/aws-sdk-go-v2/service/sqs",
		"lease-park": "github.com/aws/aws-sdk-go-v2/config", "lease-order": "github.com/aws/aws-lambda-go/events", "whitelist-pusher": "text/template/parse"} {
		if len(needless(function, []string{p})) != 1 {
			t.Errorf("%s may link %s", function, p)
		}
	}
	if found := needless("whitelist-pusher", []string{"github.com/aws/aws-lambda-go/events", "encoding/json", "github.com/aws/aws-sdk-go-v2/service/secretsmanager"}); len(found) != 0 {
		t.Errorf("%s is in use", found)
	}
}
