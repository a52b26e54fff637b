package templaterules

import (
	"encoding/json"
	"fmt"
	"strings"
)

// permissions are the calls that the functions' use of shared/leasestore, shared/whitelist and shared/config comes to.
// A change there that needs another belongs here and in the template.
var permissions = strings.Split(strings.TrimSpace(`
app-order dynamodb:GetItem ExpiringTable
app-order dynamodb:GetItem OrdersTable
app-order dynamodb:GetItem ParksTable
app-order dynamodb:PutItem OrdersTable
app-order dynamodb:Query OrdersTable
app-order sqs:GetQueueAttributes PushQueue
app-order sqs:SendMessage PushQueue
app-park dynamodb:GetItem ParksTable
app-park dynamodb:Query ParksTable/index/near
app-park dynamodb:Scan ParksTable
lease-order dynamodb:GetItem ExpiringTable
lease-order dynamodb:GetItem ParksTable
lease-order dynamodb:PutItem ExpiringTable
lease-order dynamodb:Query ExpiringTable
lease-order dynamodb:Query OrdersTable
lease-order secretsmanager:GetSecretValue TongliInboundSecret
lease-park dynamodb:GetItem ExpiringTable
lease-park dynamodb:GetItem ParksTable
lease-park dynamodb:PutItem ExpiringTable
lease-park dynamodb:PutItem ParksTable
lease-park secretsmanager:GetSecretValue TongliInboundSecret
park-poller dynamodb:GetItem ExpiringTable
park-poller dynamodb:PutItem ParksTable
park-poller dynamodb:Scan ParksTable
park-poller dynamodb:UpdateItem ExpiringTable
park-poller secretsmanager:GetSecretValue TongliOutboundSecret
whitelist-pusher dynamodb:GetItem ExpiringTable
whitelist-pusher dynamodb:PutItem ExpiringTable
whitelist-pusher dynamodb:PutItem OrdersTable
whitelist-pusher dynamodb:Query OrdersTable
whitelist-pusher secretsmanager:GetSecretValue TongliOutboundSecret
whitelist-pusher sqs:ChangeMessageVisibility PushQueue
whitelist-pusher sqs:DeleteMessage PushQueue
whitelist-pusher sqs:GetQueueAttributes PushQueue
whitelist-pusher sqs:ReceiveMessage PushQueue
whitelist-sweeper dynamodb:GetItem ExpiringTable
whitelist-sweeper dynamodb:PutItem ExpiringTable
whitelist-sweeper dynamodb:Query OrdersTable
whitelist-sweeper dynamodb:Query OrdersTable/index/due
whitelist-sweeper dynamodb:Scan OrdersTable
whitelist-sweeper dynamodb:UpdateItem OrdersTable
whitelist-sweeper sqs:SendMessage PushQueue`), "\n")

// short: the resource's logical id, and what follows it.
func short(resource any) string {
	return strings.NewReplacer("!GetAtt ", "", "!Ref ", "", "!Sub ", "", "${", "", "}", "", ".Arn", "").Replace(fmt.Sprint(resource))
}

func allXRay(actions []string) bool {
	for _, a := range actions {
		if a != "xray:PutTraceSegments" && a != "xray:PutTelemetryRecords" {
			return false
		}
	}
	return len(actions) > 0
}

func trigger(d document, good func(properties map[string]any) bool) []string {
	sources := d.events("SQS")
	if len(sources) != 1 || sources[0].function != "WhitelistPusherFunction" || !good(sources[0].properties) {
		return []string{fmt.Sprint(sources)}
	}
	return nil
}

func scheduled(d document, good func(e event) bool) []string {
	var wrong []string
	all := d.events("ScheduleV2")
	if len(all) != 3 {
		wrong = append(wrong, fmt.Sprintf("%d schedules, three are wanted", len(all)))
	}
	for _, e := range all {
		if !good(e) {
			wrong = append(wrong, e.function+" "+e.name)
		}
	}
	return wrong
}

func ownAlarms(d document) []string {
	var own []string
	for _, id := range d.ids(alarm) {
		if d.of(id, "Namespace") == "LeaseGateway" {
			own = append(own, id)
		}
	}
	return own
}

func dashboard(d document) []string {
	body := strings.TrimPrefix(fmt.Sprint(d.of("Dashboard", "DashboardBody")), "!Sub ")
	var parsed struct {
		Widgets []struct {
			Properties struct{ Metrics [][]any }
		}
	}
	if err := json.Unmarshal([]byte(body), &parsed); err != nil {
		return []string{err.Error()}
	}
	own, wrong := 0, []string{}
	for _, w := range parsed.Widgets {
		for _, m := range w.Properties.Metrics {
			if len(m) < 2 || m[0] != "LeaseGateway" {
				continue
			}
			own++
			if !written(fmt.Sprint(m[1])) {
				wrong = append(wrong, fmt.Sprint(m[1]))
			}
		}
	}
	if own == 0 {
		wrong = append(wrong, "it shows none of our metrics")
	}
	return wrong
}
