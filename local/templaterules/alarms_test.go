package templaterules

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

var alarmRules = []rule{
	{"each function has an alarm on its throttles", "a function that is not started writes no log and no error", each(document.functions, func(d document, id string) string {
		own := strings.TrimSuffix(id, "Function") + "ThrottlesAlarm"
		watched := fmt.Sprint(d.of(own, "MetricName"), d.of(own, "Namespace"), d.of(own, "Dimensions"))
		return when(watched != "ThrottlesAWS/Lambda[map[Name:FunctionName Value:!Ref "+id+"]]", "%s watches %s", own, watched)
	}), "Dimensions: [{Name: FunctionName, Value: !Ref AppParkFunction}]", "Dimensions: [{Name: FunctionName, Value: !Ref AppOrderFunction}]"},
	{"a throttled poller is no alarm before three intervals", "it runs once at a time, and one long sweep throttles the next tick", func(d document) []string {
		return slices.Concat(is(300, "ParkPollerThrottlesAlarm", "Period")(d), is(3, "ParkPollerThrottlesAlarm", "EvaluationPeriods")(d))
	}, "EvaluationPeriods: 3 # one at a time", "EvaluationPeriods: 1 # one at a time"},
	{"what matters has an alarm", "a driver who paid finds the gate open; a lot is on sale at its true price", alarmed, "MetricName: PushRefused", "MetricName: Delivered"},
	{"the share delivered within 2 s is watched as a share", "an average hides the slow ones, and the code counts milliseconds", func(d document) []string {
		got := fmt.Sprint(d.of("SlowDeliveryAlarm", "ExtendedStatistic"), d.of("SlowDeliveryAlarm", "Statistic"), d.of("SlowDeliveryAlarm", "ComparisonOperator"))
		return differ("SlowDeliveryAlarm", []string{got}, []string{"PR(:2000)<nil>LessThanThreshold"})
	}, "ExtendedStatistic: PR(:2000)", "ExtendedStatistic: PR(2000:)"},
	{"silence of the sweeper is an alarm", "it writes what DueSoonAlarm and OldestDueAlarm look at, every minute", func(d document) []string {
		return slices.Concat(is("breaching", "OldestDueAlarm", "TreatMissingData")(d), is(60, "OldestDueAlarm", "Period")(d))
	}, "TreatMissingData: breaching # the sweeper", "TreatMissingData: notBreaching # the sweeper"},
	{"alarms look at whole minutes", "CloudWatch takes 10, 20, 30 or multiples of 60 s, and ours are written by the minute", each(kind(alarm), func(d document, id string) string {
		n, _ := d.of(id, "Period").(int)
		return when(n < 60 || n%60 != 0, "period %v", d.of(id, "Period"))
	}), "Period: 300", "Period: 100"},
	{"the dashboard shows every alarm", "who is called looks there first", dashboardAlarms, `"${SlowDeliveryAlarm.Arn}",`, ""},
	{"the dashboard shows what costs", "capacity units, requests, milliseconds, bytes of logs", dashboardCosts, `["AWS/Logs","IncomingBytes","LogGroupName","${AppParkLogGroup}"],`, ""},
	{"widgets do not overlap and stay on the grid of 24", "CloudWatch takes it, and draws one over the other", dashboardGrid, `"x":16,"y":18`, `"x":8,"y":18`},
	{"the dashboard's name holds stack and region", "dashboards belong to the whole account, and the second would write over the first",
		is("!Sub ${AWS::StackName}-${AWS::Region}", "Dashboard", "DashboardName"), `DashboardName: !Sub "${AWS::StackName}-${AWS::Region}"`, `DashboardName: !Sub "${AWS::StackName}"`},
	{"each function has events", "sam local invoke and the tests send them", each(document.functions, func(d document, id string) string {
		found, _ := filepath.Glob(root + "events/" + d.folder(id) + "/*.expected.json")
		return when(len(found) == 0, "events/%s/ has none with its expected answer", d.folder(id))
	}), "CodeUri: functions/unknown-route/", "CodeUri: functions/unknown-routes/"},
}

// alarmed are the metrics that someone must be called for.
func alarmed(d document) []string {
	watched := map[string]bool{}
	for _, id := range d.ids(alarm) {
		watched[fmt.Sprint(d.of(id, "MetricName"))] = true
	}
	var wrong []string
	for _, m := range []string{"DueSoonUndelivered", "OldestDueAgeSeconds", "PushLatencyMs", "PushRefused", "BreakerOpen", "ApproximateNumberOfMessagesVisible",
		"LastCompleteSweepAgeSeconds", "GuardFired", "CorrectionShare", "5xx", "Errors", "Throttles"} {
		if !watched[m] {
			wrong = append(wrong, "nothing watches "+m)
		}
	}
	return wrong
}

type widget struct {
	X, Y, Width, Height int
	Properties          struct {
		Metrics [][]any
		Alarms  []string
	}
}

func widgets(d document) []widget {
	var parsed struct{ Widgets []widget }
	_ = json.Unmarshal([]byte(strings.TrimPrefix(fmt.Sprint(d.of("Dashboard", "DashboardBody")), "!Sub ")), &parsed) // the rule on JSON reports it
	return parsed.Widgets
}

func dashboardAlarms(d document) []string {
	var shown []string
	for _, w := range widgets(d) {
		shown = append(shown, w.Properties.Alarms...)
	}
	want := []string{}
	for _, id := range d.ids(alarm) {
		want = append(want, "${"+id+".Arn}")
	}
	return differ("alarms on the dashboard", shown, want)
}

func dashboardCosts(d document) []string {
	shown := map[string]bool{}
	for _, w := range widgets(d) {
		for _, m := range w.Properties.Metrics {
			if len(m) >= 4 {
				shown[fmt.Sprint(m[1], m[3])] = true
			}
		}
	}
	want := []string{"Count${Api}", "NumberOfMessagesSent${PushQueue.QueueName}"}
	for _, id := range d.ids(table) {
		want = append(want, "ConsumedWriteCapacityUnits${"+id+"}", "ConsumedReadCapacityUnits${"+id+"}")
	}
	for _, id := range d.functions() {
		want = append(want, "Duration${"+id+"}", "Throttles${"+id+"}")
	}
	for _, id := range d.ids(group) {
		want = append(want, "IncomingBytes${"+id+"}")
	}
	return slices.DeleteFunc(want, func(name string) bool { return shown[name] })
}

func dashboardGrid(d document) []string {
	var wrong []string
	all := widgets(d)
	for i, a := range all {
		if a.X < 0 || a.Width < 1 || a.X+a.Width > 24 {
			wrong = append(wrong, fmt.Sprintf("widget %d is %d wide at %d", i, a.Width, a.X))
		}
		for j, b := range all[:i] {
			if a.X < b.X+b.Width && b.X < a.X+a.Width && a.Y < b.Y+b.Height && b.Y < a.Y+a.Height {
				wrong = append(wrong, fmt.Sprintf("widgets %d and %d overlap", j, i))
			}
		}
	}
	return wrong
}
