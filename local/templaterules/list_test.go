package templaterules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

const (
	table  = "AWS::DynamoDB::Table"
	queue  = "AWS::SQS::Queue"
	alarm  = "AWS::CloudWatch::Alarm"
	secret = "AWS::SecretsManager::Secret"
	group  = "AWS::Logs::LogGroup"
)

var rules = []rule{
	// Queues
	{"visibility is six times the pusher's timeout", "AWS asks for it: else a message appears again while its batch is still retried", func(d document) []string {
		v, _ := d.of("PushQueue", "VisibilityTimeout").(int)
		if again := int(whitelist.SweepDelay / time.Second); v < 6*d.timeout("WhitelistPusherFunction") || v >= again {
			return []string{fmt.Sprintf("%d s, the pusher has %d s; and the sweeper sends again after %d", v, d.timeout("WhitelistPusherFunction"), again)}
		}
		return nil
	}, "VisibilityTimeout: 270", "VisibilityTimeout: 45"},
	{"two calls to Tongli fit into the pusher's time", "a plate whose calls hang must not take the other nine along", func(d document) []string {
		first := tongli.CallTimeout + whitelist.AckTime + time.Duration((1+whitelist.Jitter)*float64(whitelist.InvocationRetry))
		second := tongli.CallTimeout + whitelist.AckTime + whitelist.CallReserve
		return strip(when(time.Duration(d.timeout("WhitelistPusherFunction"))*time.Second < first+second, "%d s, %s are needed", d.timeout("WhitelistPusherFunction"), first+second))
	}, "Timeout: 45", "Timeout: 30"},
	{"maxReceiveCount is 5", "fewer sends an order to the dead letters after a throttled start, many more hides a fault", is(5, "PushQueue", "RedrivePolicy", "maxReceiveCount"), "maxReceiveCount: 5", "maxReceiveCount: 1"},
	{"the push queue has a dead-letter queue", "a message that cannot be read would block its plate for four days", is("!GetAtt PushDeadLetterQueue.Arn", "PushQueue", "RedrivePolicy", "deadLetterTargetArn"), "deadLetterTargetArn: !GetAtt PushDeadLetterQueue.Arn", "deadLetterTargetArn: !GetAtt PushQueue.Arn"},
	{"dead letters are kept longer than the source", "a message keeps the time of its first sending, and would be gone on arrival", func(d document) []string {
		source, _ := d.of("PushQueue", "MessageRetentionPeriod").(int)
		dead, _ := d.of("PushDeadLetterQueue", "MessageRetentionPeriod").(int)
		if source == 0 || dead <= source {
			return []string{fmt.Sprintf("%d s against %d s", dead, source)}
		}
		return nil
	}, "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 345600"},
	{"queues are FIFO, and are named so", "a FIFO queue takes only a FIFO one for its dead letters; without .fifo in the name the creation fails", each(kind(queue), func(d document, id string) string {
		name, _ := d.of(id, "QueueName").(string)
		return when(d.of(id, "FifoQueue") != true || !strings.HasSuffix(name, ".fifo"), "FifoQueue %v, name %s", d.of(id, "FifoQueue"), name)
	}), `"${AWS::StackName}-push-dead.fifo"`, `"${AWS::StackName}-push-dead"`},
	{"queue names hold the stack's", "two stages share an account", each(kind(queue), func(d document, id string) string {
		name, _ := d.of(id, "QueueName").(string)
		return when(!strings.Contains(name, "${AWS::StackName}"), "%s", name)
	}), `"${AWS::StackName}-push.fifo"`, `"push.fifo"`},
	{"throughput is counted by message group", "else the whole queue has 300 calls a second", is("perMessageGroupId", "PushQueue", "FifoThroughputLimit"), "FifoThroughputLimit: perMessageGroupId", "FifoThroughputLimit: perQueue"},
	{"duplicates are told apart by message group", "FIFO throughput by message group requires it", is("messageGroup", "PushQueue", "DeduplicationScope"), "DeduplicationScope: messageGroup", "DeduplicationScope: queue"},
	{"queues are encrypted", "plates are personal data", each(kind(queue), func(d document, id string) string {
		return when(d.of(id, "SqsManagedSseEnabled") != true, "not encrypted")
	}), "SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false"},
	{"queues refuse plain HTTP", "plates are personal data", func(d document) []string {
		denied := statements(d.of("QueuesTlsOnly", "PolicyDocument"))
		named := words(d.of("QueuesTlsOnly", "Queues"))
		if len(denied) != 1 || denied[0]["Effect"] != "Deny" || at(denied[0], "Condition", "Bool", "aws:SecureTransport") != "false" || len(named) != len(d.ids(queue)) {
			return []string{fmt.Sprint(denied, named)}
		}
		return nil
	}, `aws:SecureTransport: "false"`, `aws:SecureTransport: "true"`},

	// The pusher's trigger
	{"the pusher answers per message", "without it one failed push brings the whole batch back", func(d document) []string {
		return trigger(d, func(p map[string]any) bool {
			return slices.Contains(words(p["FunctionResponseTypes"]), "ReportBatchItemFailures")
		})
	}, "FunctionResponseTypes: [ReportBatchItemFailures]", "FunctionResponseTypes: []"},
	{"the pusher's concurrency is bounded at its source", "reserved concurrency over-pulls, and messages reach the dead letters without an attempt", func(d document) []string {
		return trigger(d, func(p map[string]any) bool {
			n, _ := at(p, "ScalingConfig", "MaximumConcurrency").(int)
			return n >= 20 && n <= 100
		})
	}, "ScalingConfig: {MaximumConcurrency: 30}", "ScalingConfig: {MaximumConcurrency: 1}"},
	{"a batch has at most ten messages and no window", "SQS FIFO allows neither more nor a batching window", func(d document) []string {
		return trigger(d, func(p map[string]any) bool {
			n, _ := p["BatchSize"].(int)
			return n >= 1 && n <= 10 && p["MaximumBatchingWindowInSeconds"] == nil
		})
	}, "BatchSize: 10", "BatchSize: 100"},
	{"the pusher reserves no concurrency", "it is bounded at its source, and a reservation would throttle it", is(nil, "WhitelistPusherFunction", "ReservedConcurrentExecutions"), "      Timeout: 45", "      ReservedConcurrentExecutions: 5\n      Timeout: 45"},
	{"the pusher has a role of its own", "SAM adds a managed policy for every queue to a role that it makes", is("!GetAtt WhitelistPusherRole.Arn", "WhitelistPusherFunction", "Role"), "      Role: !GetAtt WhitelistPusherRole.Arn", "      Description: none"},

	// Timeouts and schedules
	{"API functions end before API Gateway does", "it answers 503 in its own form after 30 s; the code answers after 9", each(api, func(d document, id string) string {
		return when(d.timeout(id) >= 30 || d.timeout(id) <= 9, "%d s", d.timeout(id))
	}), "Timeout: 15", "Timeout: 30"},
	{"the pusher outlasts its own calls", "two calls of 10 s, their wait, and a refusal's further calls", func(d document) []string {
		if n := d.timeout("WhitelistPusherFunction"); n < 40 {
			return []string{fmt.Sprintf("%d s", n)}
		}
		return nil
	}, "Timeout: 45", "Timeout: 20"},
	{"the sweeper ends before its next minute", "two sweeps at once send the same messages", func(d document) []string {
		if n := d.timeout("WhitelistSweeperFunction"); n >= 60 || n < 30 {
			return []string{fmt.Sprintf("%d s", n)}
		}
		return nil
	}, "Timeout: 50", "Timeout: 60"},
	{"no timeout above Lambda's own", "the service refuses more than 900 s only when it is deployed", each(document.functions, func(d document, id string) string {
		return when(d.timeout(id) > 900 || d.timeout(id) < 1, "%d s", d.timeout(id))
	}), "Timeout: 720", "Timeout: 901"},
	{"the poller runs once at a time", "two sweeps of the parks would withdraw on each other's evidence", func(d document) []string {
		reserved := fmt.Sprint(d.of("ParkPollerFunction", "ReservedConcurrentExecutions"))
		if !strings.Contains(reserved, "!Ref PollerReservedConcurrency") || at(d, "Parameters", "PollerReservedConcurrency", "MaxValue") != 1 || at(d, "Parameters", "PollerReservedConcurrency", "Default") != 1 {
			return []string{reserved}
		}
		return nil
	}, "PollerReservedConcurrency: {Type: Number, Default: 1", "PollerReservedConcurrency: {Type: Number, Default: 0"},
	{"scheduled functions are not retried by Lambda", "late ticks would pile up behind the next", func(d document) []string {
		return scheduled(d, func(e event) bool {
			return d.of(e.function, "EventInvokeConfig", "MaximumRetryAttempts") == 0
		})
	}, "EventInvokeConfig: {MaximumRetryAttempts: 0", "EventInvokeConfig: {MaximumRetryAttempts: 2"},
	{"schedules are not retried", "the next tick does the work of the lost one", func(d document) []string {
		return scheduled(d, func(e event) bool { return at(e.properties, "RetryPolicy", "MaximumRetryAttempts") == 0 })
	}, "RetryPolicy: {MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0}", "RetryPolicy: {MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 3}"},
	{"schedules have names with the stack's", "SAM's default is the event's name, the same in every stage", func(d document) []string {
		return scheduled(d, func(e event) bool {
			return strings.HasPrefix(fmt.Sprint(e.properties["Name"]), "!Sub ${AWS::StackName}-")
		})
	}, `Name: !Sub "${AWS::StackName}-park-poller"`, "Name: park-poller"},
	{"rates are spelt as EventBridge spells them", "rate(1 minutes) and rate(5 minute) pass every linter and fail when deployed", func(d document) []string {
		return scheduled(d, func(e event) bool {
			return slices.Contains([]string{"rate(1 minute)", "rate(5 minutes)", "cron(0 3 * * ? *)"}, fmt.Sprint(e.properties["ScheduleExpression"]))
		})
	}, "rate(1 minute)", "rate(1 minutes)"},
	{"cron is in China's time", "the nightly push belongs to the quiet hours at the gates", func(d document) []string {
		return scheduled(d, func(e event) bool {
			return !strings.HasPrefix(fmt.Sprint(e.properties["ScheduleExpression"]), "cron") || e.properties["ScheduleExpressionTimezone"] == "Asia/Shanghai"
		})
	}, "ScheduleExpressionTimezone: Asia/Shanghai", "ScheduleExpressionTimezone: UTC"},

	// Permissions
	{"no star in an Allow but for X-Ray", "each names its table, index, queue or secret", func(d document) []string {
		var wrong []string
		for _, s := range statements(d["Resources"]) {
			stars := strings.Contains(strings.Join(words(s["Action"]), " "), "*") || strings.Contains(fmt.Sprint(s["Resource"]), "*")
			if s["Effect"] == "Allow" && stars && !allXRay(words(s["Action"])) {
				wrong = append(wrong, fmt.Sprint(s))
			}
		}
		return wrong
	}, "Action: [dynamodb:GetItem, dynamodb:Scan], Resource: !GetAtt ParksTable.Arn", `Action: [dynamodb:GetItem, dynamodb:Scan], Resource: "*"`},
	{"actions are those that the code calls", "IAM takes a misspelt action without a word, and one too many is a risk", func(d document) []string {
		var got []string
		for _, id := range d.functions() {
			for _, s := range d.allows(id) {
				for _, a := range words(s["Action"]) {
					if !strings.HasPrefix(a, "logs:") && !allXRay([]string{a}) {
						got = append(got, d.folder(id)+" "+a+" "+short(s["Resource"]))
					}
				}
			}
		}
		return differ("permissions", got, slices.Clone(permissions))
	}, "dynamodb:UpdateItem, dynamodb:Query, dynamodb:Scan", "dynamodb:UpdateItems, dynamodb:Query, dynamodb:Scan"},
	{"no partition, account or region is written out", "the China regions are another partition", func(d document) []string {
		if text := fmt.Sprint(d["Resources"]); strings.Contains(text, "arn:aws") || strings.Contains(text, "amazonaws.com/") {
			return []string{"a literal ARN or host"}
		}
		return nil
	}, `Resource: !Sub "${OrdersTable.Arn}/index/due"`, `Resource: "arn:aws:dynamodb:us-east-1:1:table/orders/index/due"`},
	{"nothing needs a VPC", "a VPC costs a NAT gateway and start time for nothing", each(document.functions, func(d document, id string) string {
		return when(d.of(id, "VpcConfig") != nil, "VpcConfig")
	}), "      Timeout: 720", "      VpcConfig: {SubnetIds: [subnet-1]}\n      Timeout: 720"},

	// Data
	{"what cannot be made again is retained", "a deleted stack must not take orders and secrets along", func(d document) []string {
		var wrong []string
		for _, id := range slices.Concat([]string{"ParksTable", "OrdersTable", "PushDeadLetterQueue"}, d.ids(secret)) {
			for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
				if at(d, "Resources", id, policy) != "Retain" {
					wrong = append(wrong, id+" "+policy)
				}
			}
		}
		return wrong
	}, "DeletionPolicy: Retain", "DeletionPolicy: Delete"},
	{"parks and orders have point-in-time recovery", "it is the only way back from a fault of ours", func(d document) []string {
		return slices.Concat(is(true, "ParksTable", "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")(d), is(true, "OrdersTable", "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")(d))
	}, "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false"},
	{"production's tables cannot be deleted by a slip", "protection is taken off on purpose, by hand", func(d document) []string {
		want := map[string]any{"!If": []any{"IsProd", true, false}}
		return slices.Concat(is(want, "ParksTable", "DeletionProtectionEnabled")(d), is(want, "OrdersTable", "DeletionProtectionEnabled")(d))
	}, "DeletionProtectionEnabled: !If [IsProd, true, false]", "DeletionProtectionEnabled: false"},
	{"tables are encrypted and billed by request", "load comes in bursts", each(kind(table), func(d document, id string) string {
		return when(d.of(id, "SSESpecification", "SSEEnabled") != true || d.of(id, "BillingMode") != "PAY_PER_REQUEST", "%v", d.of(id, "BillingMode"))
	}), "BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED"},
	{"what expires has the attribute that the store writes", "another name deletes nothing, without a word", func(d document) []string {
		return slices.Concat(is("ttl", "OrdersTable", "TimeToLiveSpecification", "AttributeName")(d), is("ttl", "ExpiringTable", "TimeToLiveSpecification", "AttributeName")(d))
	}, "TimeToLiveSpecification: {AttributeName: ttl", "TimeToLiveSpecification: {AttributeName: expires"},

	// Functions and the API
	{"functions are folders", "sam build makes each from the folder of its name", each(document.functions, func(d document, id string) string {
		name := strings.TrimSuffix(id, "Function")
		return when(mainOf(d.folder(id)) == "" || strings.ReplaceAll(d.folder(id), "-", "") != strings.ToLower(name), "folder %s", d.folder(id))
	}), "CodeUri: functions/app-park/", "CodeUri: functions/app-parks/"},
	{"variables are those that the code reads", "one too few stops the start, one too many is a lie", func(d document) []string {
		var wrong []string
		for _, id := range d.functions() {
			wrong = append(wrong, variables(d, id)...)
		}
		return wrong
	}, "          PUSH_QUEUE_URL: !Ref PushQueue\n", ""},
	{"endpoint variables are those of the clients", "sam local sets only names that the template lists", func(d document) []string {
		var wrong []string
		for _, id := range d.functions() {
			wrong = append(wrong, endpoints(d, id)...)
		}
		return wrong
	}, "          AWS_ENDPOINT_URL_SQS: !Ref \"AWS::NoValue\"\n", ""},
	{"each function logs into a group of its own, with an end", "Lambda's own group keeps for ever", each(document.functions, func(d document, id string) string {
		own := "!Ref " + strings.TrimSuffix(id, "Function") + "LogGroup"
		kept := d.of(strings.TrimPrefix(own, "!Ref "), "RetentionInDays")
		return when(d.of(id, "LoggingConfig", "LogGroup") != own || kept == nil, "%v, kept %v", d.of(id, "LoggingConfig", "LogGroup"), kept)
	}), "LoggingConfig: {LogGroup: !Ref AppParkLogGroup}", "LoggingConfig: {LogGroup: !Ref AppOrderLogGroup}"},
	{"logs end", "plates are personal data", each(kind(group), func(d document, id string) string {
		return when(d.of(id, "RetentionInDays") != "!Ref LogRetentionDays", "kept %v", d.of(id, "RetentionInDays"))
	}), `api", RetentionInDays: !Ref LogRetentionDays`, `api"`},
	{"each function has its alarm, of the version being deployed", "it rolls the deployment back", each(document.functions, func(d document, id string) string {
		own := strings.TrimSuffix(id, "Function") + "ErrorsAlarm"
		watched := fmt.Sprint(d.of(own, "Dimensions"))
		return when(!strings.Contains(watched, "!GetAtt "+id+".Version.Version") || fmt.Sprint(d.of(id, "DeploymentPreference", "Alarms")) != "[!Ref "+own+"]", "%v", d.of(id, "DeploymentPreference", "Alarms"))
	}), "Value: !GetAtt AppParkFunction.Version.Version", "Value: !GetAtt AppOrderFunction.Version.Version"},
	{"production's API functions go out by canary", "CodeDeploy's names are not checked by a linter; scheduled functions get no traffic in five minutes", each(api, func(d document, id string) string {
		got := fmt.Sprint(d.of(id, "DeploymentPreference", "Type"))
		return when(got != "map[!If:[IsProd Canary10Percent5Minutes AllAtOnce]]", "%s", got)
	}), "Canary10Percent5Minutes", "Canary10Percents5Minutes"},
	{"a change of environment publishes a version", "else the alias keeps the old secret and address", func(d document) []string {
		if at(d, "Globals", "Function", "AutoPublishAliasAllProperties") != true || at(d, "Globals", "Function", "AutoPublishAlias") != "live" {
			return []string{"no"}
		}
		return nil
	}, "AutoPublishAliasAllProperties: true", "AutoPublishAliasAllProperties: false"},
	{"the app's routes need SigV4, Tongli's do not", "without it anyone places orders; Tongli cannot sign for AWS", func(d document) []string {
		var wrong []string
		for _, e := range d.events("HttpApi") {
			path := fmt.Sprint(e.properties["Path"])
			signed := at(e.properties, "Auth", "Authorizer") == "AWS_IAM"
			if signed != strings.HasPrefix(path, "/app/") {
				wrong = append(wrong, path)
			}
		}
		if d.of("Api", "Auth", "EnableIamAuthorizer") != true {
			wrong = append(wrong, "EnableIamAuthorizer")
		}
		return wrong
	}, "Method: GET, Path: /app/parks, Auth: {Authorizer: AWS_IAM}", "Method: GET, Path: /app/parks"},
	{"routes equal docs/openapi.yaml", "a route that the document does not know, or the other way round", openapi, "Path: /app/parks", "Path: /app/park-list"},
	{"no route leads to the signature debugger", "it tells what a sign should have been: that is for the local run only", func(d document) []string {
		var wrong []string
		for _, e := range d.events("HttpApi") {
			if path := fmt.Sprint(e.properties["Path"]); strings.HasPrefix(path, "/debug") || strings.Contains(path, "+}") || strings.HasPrefix(path, "/{") {
				wrong = append(wrong, path)
			}
		}
		return wrong
	}, "Method: GET, Path: /app/parks", "Method: POST, Path: /debug/signature"},
	{"throttles are of routes that exist", "API Gateway refuses another only when it is deployed", func(d document) []string {
		known, wrong := map[string]bool{"$default": true}, []string{}
		for _, e := range d.events("HttpApi") {
			known[fmt.Sprintf("%v %v", e.properties["Method"], e.properties["Path"])] = true
		}
		settings, _ := d.of("Api", "RouteSettings").(map[string]any)
		for route := range settings {
			if !known[route] {
				wrong = append(wrong, route)
			}
		}
		return wrong
	}, `"POST /app/orders": {Throttling`, `"POST /app/order": {Throttling`},
	{"the access log has no query", "it holds the sign, and in a GET the plate", func(d document) []string {
		format := fmt.Sprint(d.of("Api", "AccessLogSettings", "Format"))
		for _, leak := range []string{"$context.path", "querystring", "rawQueryString", "requestOverride"} {
			if strings.Contains(format, leak) {
				return []string{leak}
			}
		}
		return nil
	}, `"$context.routeKey"`, `"$context.path"`},

	// Alarms
	{"every alarm has its section in the runbook, and the other way round", "who is woken at night looks there", runbook, "  GuardAlarm:", "  GuardsAlarm:"},
	{"alarms link to their own section", "who is woken at night clicks there", each(kind(alarm), func(d document, id string) string {
		m := anchor.FindStringSubmatch(fmt.Sprint(d.of(id, "AlarmDescription")))
		return when(len(m) < 2 || m[1] != strings.ToLower(id), "%v", m)
	}), "docs/runbook.md#guardalarm", "docs/runbook.md#duesoonalarm"},
	{"alarms tell someone, where there is a topic", "an alarm that nobody hears is none", each(kind(alarm), func(d document, id string) string {
		return when(!strings.Contains(fmt.Sprint(d.of(id, "AlarmActions")), "!Ref AlarmTopicArn"), "AlarmActions %v", d.of(id, "AlarmActions"))
	}), `AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref "AWS::NoValue"]`, "AlarmActions: []"},
	{"alarms on own metrics name metrics that the code writes", "CloudWatch takes any name and never fires", each(ownAlarms, func(d document, id string) string {
		name := fmt.Sprint(d.of(id, "MetricName"))
		return when(!written(name), "no function writes %s", name)
	}), "MetricName: GuardFired", "MetricName: GuardHasFired"},
	{"alarms on own metrics have the code's unit", "CloudWatch keeps one series for each unit, and an alarm on another never fires", each(ownAlarms, otherUnit), "MetricName: OldestDueAgeSeconds", "MetricName: OldestDueAgeSeconds\n      Unit: Count"},
	{"the dashboard shows the push", "delivered, refused, retried, how old what is due is, and the circuit", pushMetrics, `["LeaseGateway","Retried"`, `["LeaseGateway","PushRefused"`},
	{"silence of the poller is an alarm", "a poller that does not run writes no metric", is("breaching", "SweepAgeAlarm", "TreatMissingData"), "TreatMissingData: breaching\n", "TreatMissingData: notBreaching\n"},
	{"the sweep may miss three intervals", "design: three intervals of five minutes", is(900, "SweepAgeAlarm", "Threshold"), "Threshold: 900", "Threshold: 300"},
	{"the dashboard is JSON, of metrics that exist", "CloudWatch checks it when it is deployed, and shows an empty graph for a name that nobody writes", dashboard, `["LeaseGateway","DueSoonUndelivered"`, `["LeaseGateway","DueSoon"`},
	{"parameters have descriptions", "who deploys reads nothing else", func(d document) []string {
		var wrong []string
		parameters, _ := d["Parameters"].(map[string]any)
		for name, p := range parameters {
			if at(p, "Description") == nil {
				wrong = append(wrong, name)
			}
		}
		return wrong
	}, `, Description: "SNS topic for the alarms; none when empty."`, ""},
}
