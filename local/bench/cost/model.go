package cost

import "math"

// Prices in dollars, without free tiers and volume discounts.
type Prices struct {
	Region, Date, Source             string
	HTTP, Invocation, Message, Trace float64 // per million: requests of an HTTP API, of Lambda, of a FIFO queue; traces kept
	Read, Write                      float64 // per million request units, on demand
	GBSecond                         float64 // of Lambda on arm64
	Stored, Backup                   float64 // of DynamoDB and its point-in-time recovery, GB and month
	Logs, Egress                     float64 // GB
	Metric, Alarm, Secret            float64 // month
}

// Listed are the prices that the goals of this project are set in.
var Listed = Prices{
	Region: "us-east-1", Date: "2026-11-24",
	Source: "AWS's public price pages, by memory and by the ratios in this project's goals: the price list could not be reached from where this was written. " +
		"Check them before you rely on a sum, and put those of your region in their place (`Listed` in `local/bench/cost/model.go`, then `make cost`); Hong Kong and Singapore are dearer by 10 to 40 %, " +
		"and the China regions have a list of their own, in yuan",
	HTTP: 1, Invocation: 0.20, Message: 0.50, Trace: 5, Read: 0.125, Write: 0.625, GBSecond: 0.0000133334, Stored: 0.25, Backup: 0.20, Logs: 0.50, Egress: 0.09, Metric: 0.30, Alarm: 0.10, Secret: 0.40,
}

// Load is a size of the service.
type Load struct{ Parks, Orders float64 } // orders a day

// Sizes of the document.
var Sizes = []Load{{100, 1000}, {5000, 100_000}, {100_000, 5_000_000}}

// What a day looks like: inputs, not measures.
const (
	days      = 30.0 // of a month
	dates     = 5.0  // of an order
	ahead     = 4.0  // days that an order is live, on average
	reads     = 1.0  // of each order by the app
	cancelled = 0.05
	searches  = 10.0 // for an order
	quotes    = 2.0
	views     = 3.0    // of one park, for an order
	plates    = 0.2    // look-ups of one plate by Tongli, for an order
	pushes    = 1.0    // of each park by Tongli, a day
	changed   = 0.1    // of those
	walks     = 1.0    // of all pages of each park by Tongli, a day
	drift     = 0.0001 // of the parks, corrected by a poll
	polls     = 288.0
	sweeps    = 1440.0
	busyHour  = 0.2 // of a day's orders, in the busiest hour
	sampled   = 0.05
)

// Of the functions: memory, and how long a call of each kind lasts, from its calls to DynamoDB at 4 to 6 ms each, and to Tongli.
const (
	memory      = 0.25 // GB
	tongliTakes = 0.200
	pushOwn     = 0.015 // of a push, besides Tongli's part
	placeTime   = 0.030
	readTime    = 0.012
	parkTime    = 0.020
	pageTime    = 0.040
	searchTime  = 0.025
	pollTime    = 1.0 // and as much for each 1,000 parks:
	pollMore    = 0.3
	sweepTime   = 0.1
	idlePolls   = 15 * 60 * 24.0 // receives of an idle queue a day: five at a time, of 20 s
	platform    = 600.0          // bytes that Lambda logs of an invocation
	access      = 260.0          // bytes that the gateway logs of a request
	metrics     = 14.0
	alarms      = 26.0
	secrets     = 2.0
)

// Part is a line of a sum.
type Part struct {
	Name    string
	Dollars float64
	Watch   bool // is there to watch the service, not to run it
}

// Total of the parts.
func Total(parts []Part) (all, services float64) {
	for _, p := range parts {
		if all += p.Dollars; !p.Watch {
			services += p.Dollars
		}
	}
	return all, services
}

// Side is ours or the reference.
type Side struct {
	Units    map[Operation]Units
	Gzip     bool // pages are compressed
	Sequence bool // a batch is pushed one after the other
	Watched  bool // logs of its own, metrics, alarms
}

// The two sides.
var (
	We   = Side{Units: Ours, Gzip: true, Watched: true}
	They = Side{Units: Reference(dates), Sequence: true}
)

func (s Side) duration(batch float64) float64 {
	if s.Sequence {
		return batch * (tongliTakes + pushOwn)
	}
	return tongliTakes + pushOwn
}

// Order is the cost of one order from its POST until it is delivered, when that many messages come in a batch.
func (s Side) Order(p Prices, batch float64) []Part {
	u := s.Units[Place].plus(s.Units[Deliver])
	own := logged[Place] + logged[Deliver]
	if !s.Watched {
		own /= 2
	}
	return []Part{
		{Name: "HTTP API: a request", Dollars: p.HTTP / million},
		{Name: "DynamoDB: write units", Dollars: Units{Write: u.Write}.dollars(p)},
		{Name: "DynamoDB: read units", Dollars: Units{Read: u.Read}.dollars(p)},
		{Name: "SQS FIFO: sent, received, deleted", Dollars: (1 + 2/batch) * p.Message / million},
		{Name: "Lambda: invocations", Dollars: (1 + 1/batch) * p.Invocation / million},
		{Name: "Lambda: time", Dollars: memory * (placeTime + s.duration(batch)/batch) * p.GBSecond},
		{Name: "answer and push, to the internet", Dollars: 1.5e-6 * p.Egress},
		{Name: "CloudWatch: logs", Dollars: (own + (1+1/batch)*platform + access) / 1e9 * p.Logs, Watch: true},
		{Name: "X-Ray: one trace in twenty", Dollars: (1 + 1/batch) * sampled * p.Trace / million, Watch: true},
	}
}

// Poll is the cost of one poll.
func (s Side) Poll(p Prices, l Load) float64 {
	u := s.Units[PollFixed].plus(s.Units[PollPark].times(l.Parks / 1000)).plus(s.Units[PollChanged].times(l.Parks * drift))
	return u.dollars(p) + p.Invocation/million + memory*(pollTime+pollMore*l.Parks/1000)*p.GBSecond
}

// request is the cost of one call of the API.
func request(p Prices, u Units, seconds, kilobytes float64) float64 {
	return (p.HTTP+p.Invocation)/million + u.dollars(p) + memory*seconds*p.GBSecond + kilobytes*1e-6*p.Egress + (logged[Place]+platform+access)/1e9*p.Logs + sampled*p.Trace/million
}

// pages of 1,000 rows of one park, as a walk reads them, and their sizes in KB.
func (s Side) walk(l Load) (u Units, count, kilobytes float64) {
	rows := l.Orders * ahead * dates / l.Parks
	count = math.Max(1, math.Ceil(rows/1000))
	kilobytes = rows * 0.088
	if s.Gzip {
		kilobytes = rows * 0.012
	}
	read := s.Units[Page].Read * rows / 1000
	if !s.Gzip { // by offset: page n reads n pages
		read *= (count + 1) / 2
	}
	return Units{math.Max(count, read), count * s.Units[Page].Write}, count, kilobytes
}

// Month of a size, part by part.
func (s Side) Month(p Prices, l Load) []Part {
	day := func(d float64) float64 { return d * days }
	batch := Batch(l)
	_, services := Total(s.Order(p, batch))
	all, _ := Total(s.Order(p, batch))
	walked, count, kilobytes := s.walk(l)
	park := s.Units[ParkUnchanged].times(1 - changed).plus(s.Units[ParkChanged].times(changed))
	cancel := s.Units[Cancel].plus(s.Units[PushAway])
	parts := []Part{
		{Name: "orders, placed and delivered", Dollars: day(l.Orders * services)},
		{Name: "orders read and cancelled", Dollars: day(l.Orders * (reads*request(p, s.Units[Read], readTime, 1) + cancelled*(request(p, cancel, placeTime+s.duration(1), 1)+3*p.Message/million)))},
		{Name: "searches, views of parks, quotes", Dollars: day(l.Orders * (searches*request(p, s.Units[Near], searchTime, 9) + views*request(p, s.Units[OnePark], readTime, 1) + quotes*request(p, s.Units[Quote], readTime, 1)))},
		{Name: "`lease/order`: walks and plates", Dollars: day(l.Parks*walks*(request(p, Units{}, pageTime, 0)*count+walked.dollars(p)+kilobytes*1e-6*p.Egress) + l.Orders*plates*request(p, s.Units[PlateRows], readTime, 1))},
		{Name: "parks pushed by Tongli", Dollars: day(l.Parks * pushes * request(p, park, parkTime, 1))},
		{Name: "polls", Dollars: day(polls * s.Poll(p, l))},
		{Name: "storage, with point-in-time recovery", Dollars: s.stored(l) * (p.Stored + p.Backup)},
		{Name: "secrets", Dollars: secrets * p.Secret},
		{Name: "watching the orders: logs, traces", Dollars: day(l.Orders * (all - services)), Watch: true},
	}
	if s.Watched {
		live := l.Orders * ahead
		parts = append(parts,
			Part{Name: "sweeps", Dollars: day(sweeps * (s.Units[Sweep].dollars(p) + p.Invocation/million + memory*sweepTime*p.GBSecond))},
			Part{Name: "the nightly push of all live orders", Dollars: day(live * (s.Units[Repushed].dollars(p) + 1.2*p.Message/million + 0.1*p.Invocation/million + memory*0.1*(tongliTakes+pushOwn)*p.GBSecond + logged[Deliver]/1e9*p.Logs))},
			Part{Name: "metrics and alarms", Dollars: metrics*p.Metric + alarms*p.Alarm, Watch: true})
	}
	return append(parts, Part{Name: "the queue's receives that find nothing", Dollars: day(idlePolls * p.Message / million)})
}

// stored is GB: a claim until 90 days after, an order with its index until 7 days after.
func (s Side) stored(l Load) float64 {
	order := 0.00000035*(ahead+7) + 0.0000003*(ahead+90)
	if !s.Gzip {
		order = 0.00000065*730 + 0.00000025*dates*(ahead+7)
	}
	return l.Orders*order + l.Parks*0.0000004
}

// Peak is orders per second in the busiest hour.
func Peak(l Load) float64 { return l.Orders * busyHour / 3600 }

// pushers is how many run at most, by the template.
const pushers = 30

// Batch is how many messages come at once on average: one, until more pushers would be needed than there are.
func Batch(l Load) float64 { return math.Min(10, math.Max(1, Peak(l)*(tongliTakes+pushOwn)/pushers)) }
