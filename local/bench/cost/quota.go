package cost

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Quota is a limit of AWS's or of our own, and what of it a size takes in its busiest hour.
type Quota struct {
	Name  string
	Limit float64
	Used  func(Load) float64
	Then  string // what to do when it is near
}

// hottest is the share of the orders that the busiest park has: as much as a hundred common ones.
func hottest(l Load) float64 { return math.Min(1, 100/l.Parks) }

// calls of the API in a second of the busiest hour: the app's, which follow the orders, and Tongli's, spread over the day.
func calls(l Load) float64 {
	return Peak(l)*(1+reads+cancelled+searches+quotes+views+plates) + l.Parks*(pushes+walks*pagesOf(l))/86400
}

func pagesOf(l Load) float64 { _, n, _ := We.walk(l); return n }

// Quotas that this service can come near to.
var Quotas = []Quota{
	{"our own throttle of `POST /app/orders`, 300 a second (template.yaml)", 300, Peak,
		"raise it together with the pusher's `MaximumConcurrency`, after asking Tongli what it takes: it is there for Tongli's sake"},
	{"our own throttle of every other route, 100 a second each (template.yaml); searches are most", 100, func(l Load) float64 { return Peak(l) * searches },
		"give `GET /app/parks` a `RouteSettings` of its own; let the app keep an answer for half a minute"},
	{"API Gateway: 10,000 requests a second of the account and region", 10_000, calls, "ask AWS to raise it: it is a soft quota"},
	{"Lambda: 1,000 at the same time in the account (new accounts: 10 and more)", 1000, func(l Load) float64 {
		return Peak(l)*(placeTime+reads*readTime+searches*searchTime+views*readTime+quotes*readTime) + math.Min(pushers, Peak(l)*We.duration(1)) + 2
	}, "ask AWS to raise it before the launch; new accounts must, or the poller's reserved one cannot be had either"},
	{"whitelist-pusher: 30 at the same time (`MaximumConcurrency`), ten plates each", pushers * 10 / (tongliTakes + pushOwn), Peak,
		"raise `MaximumConcurrency` up to 1,000: a batch holds more until then, and nothing is late"},
	{"SQS FIFO in high-throughput mode: 3,000 calls a second of each kind in the smallest regions, up to 70,000 elsewhere", 3000, Peak, "ask AWS to raise it; groups are plates, so they spread by themselves. Without that mode it would be 300 a second: the template has it on"},
	{"DynamoDB, one partition: 1,000 write units a second in the busiest park, 2 for an order", 1000, func(l Load) float64 { return Peak(l) * hottest(l) * 2 },
		"a park that sells 500 orders a second has none left: nothing to do; DynamoDB splits a hot key's range by itself within minutes, as plates sort it"},
	{"DynamoDB, one partition: 3,000 read units a second in the busiest park, 3 for an order and 9 for a page", 3000, func(l Load) float64 { return Peak(l)*hottest(l)*3 + l.Parks*hottest(l)*pagesOf(l)*9/86400 },
		"ask Tongli to walk by cursor and less often; pages are read strongly consistent"},
	{"DynamoDB: 1,000 write units a second in a shard of the index `due`, of 16", 1000, func(l Load) float64 { return Peak(l) * 2 / 16 }, "more shards: a constant of leasestore, and both versions read all of them during a deploy"},
	{"DynamoDB: 4,000 write units a second, which a new table on demand takes at once", 4000, func(l Load) float64 { return Peak(l) * 5 }, "give the table warm throughput before the launch; it doubles by itself within 30 minutes"},
	{"one poll within the poller's 720 s", 720, func(l Load) float64 { return pollTime + pollMore*l.Parks/1000 + 3*l.Parks/1000/4 }, "more pages at once, if Tongli bears it; else split the list by city"},
}

// First are the quotas of a size, the nearest first.
func First(l Load) []Quota {
	all := slices.Clone(Quotas)
	slices.SortStableFunc(all, func(a, b Quota) int {
		return cmp.Compare(b.Used(l)/b.Limit, a.Used(l)/a.Limit)
	})
	return all
}

// Share in percent.
func (q Quota) Share(l Load) string {
	share := 100 * q.Used(l) / q.Limit
	if share < 0.1 {
		return "< 0.1 %"
	}
	if share < 10 {
		return fmt.Sprintf("%.1f %%", share)
	}
	return fmt.Sprintf("%.0f %%", share)
}
