package templaterules

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestNamesOfTheDeploymentDocument: parameters, resources and outputs that docs/deploy.md and the runbook name are the template's, and each
// `make` target is the Makefile's.
func TestNamesOfTheDeploymentDocument(t *testing.T) {
	d := parse(t, load(t))
	known := map[string]bool{}
	for _, section := range []string{"Parameters", "Resources", "Outputs"} {
		all, _ := d[section].(map[string]any)
		for name := range all {
			known[name] = true
		}
	}
	makefile, err := os.ReadFile(root + "Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(string(makefile), -1) {
		known["make "+m[1]] = true
	}
	name := regexp.MustCompile(`\b(?:[A-Z][a-z]+)+(?:Table|Function|Secret|Queue|Alarm|Arn|AppId|BaseUrl|Concurrency|ApiUrl|Days)\b|\bApiUrl\b|\b(?:[A-Z][a-z]+)+(?:=…|=https)|(?:\x60|    )(?:[A-Z=a-z_-]+ )?make [a-z-]+`)
	for _, file := range []string{"docs/deploy.md", "docs/runbook.md", "README.md"} {
		raw, err := os.ReadFile(root + file)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, found := range name.FindAllString(string(raw), -1) {
			if _, target, ok := strings.Cut(found, "make "); ok {
				found = "make " + target
			} else {
				found, _, _ = strings.Cut(found, "=")
			}
			seen[found] = true
			// MaximumConcurrency is a property of a trigger, not a name of ours
			if !known[found] && found != "MaximumConcurrency" {
				t.Errorf("%s names %s, which there is not", file, found)
			}
		}
		if len(seen) < 5 {
			t.Errorf("%s: only %d names were found: %v", file, len(seen), seen)
		}
		if file != "docs/deploy.md" {
			continue
		}
		for _, must := range []string{"TongliBaseUrl", "TongliInboundAppId", "TongliOutboundAppId", "AlarmTopicArn", "PollerReservedConcurrency", "TongliInboundSecretArn",
			"TongliOutboundSecretArn", "ApiUrl", "make smoke", "make deploy", "make restore"} {
			if !seen[must] {
				t.Errorf("%s does not name %s", file, must)
			}
		}
		steps := regexp.MustCompile(`(?m)^(\d+)\. \*\*`).FindAllString(string(raw), -1)
		if len(steps) != 10 {
			t.Errorf("%s: the first deployment has %d steps, not ten", file, len(steps))
		}
	}
}
