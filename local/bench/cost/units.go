// Package cost models what the service costs on AWS: prices, billed units of each operation, formulas, three sizes, and the quotas that come first. docs/cost.md is
// its rendering, and the units are held against what the real engine bills.
package cost

// Units are billed units of DynamoDB: 1 KB written, 4 KB read strongly consistent or 8 KB eventually.
type Units struct{ Read, Write float64 }

func (u Units) plus(v Units) Units       { return Units{u.Read + v.Read, u.Write + v.Write} }
func (u Units) times(n float64) Units    { return Units{u.Read * n, u.Write * n} }
func (u Units) dollars(p Prices) float64 { return (u.Read*p.Read + u.Write*p.Write) / million }

const million = 1e6

// Operation is something that is billed, counted once.
type Operation string

const (
	Place         Operation = "order placed"
	Deliver       Operation = "order pushed to Tongli, and noted"
	Read          Operation = "order read"
	Cancel        Operation = "order cancelled"
	PushAway      Operation = "cancellation pushed, and noted"
	ParkNew       Operation = "park pushed, new"
	ParkChanged   Operation = "park pushed, changed"
	ParkUnchanged Operation = "park pushed, unchanged"
	Page          Operation = "`lease/order`, a page of 1,000 rows with a next one"
	PlateRows     Operation = "`lease/order`, one plate"
	Near          Operation = "search around a place"
	OnePark       Operation = "one park"
	Quote         Operation = "quote"
	PollFixed     Operation = "poll, apart from its parks"
	PollPark      Operation = "poll, for each 1,000 parks"
	PollChanged   Operation = "poll, for each park that has changed, besides"
	Sweep         Operation = "sweep with nothing due"
	Repushed      Operation = "order in the nightly push, unchanged"
)

// operations in the order of the document.
var operations = []Operation{Place, Deliver, Read, Cancel, PushAway, ParkNew, ParkChanged, ParkUnchanged, Page, PlateRows, Near, OnePark, Quote, PollFixed, PollPark, PollChanged, Sweep, Repushed}

// Ours are what the test counts on the real engine; an order has five dates, as many as with thirty. A query that finds nothing counts as AWS bills it.
var Ours = map[Operation]Units{
	Place: {2, 3}, Deliver: {2, 2}, Read: {2, 0}, Cancel: {3, 2}, PushAway: {1, 2},
	ParkNew: {1, 3}, ParkChanged: {1, 3}, ParkUnchanged: {1, 2},
	Page: {9, 2}, PlateRows: {1, 1}, Near: {1.5, 0}, OnePark: {1, 0}, Quote: {1, 0},
	PollFixed: {2, 2}, PollPark: {48, 0}, PollChanged: {1, 2}, Sweep: {10, 0}, Repushed: {1, 1},
}

// Reference is the ordinary way (local/bench/reference) by DynamoDB's rules, for orders of that many dates: a transaction doubles what it writes, each date is an item
// of its own, a page by offset reads what lies before it. It has no sweep and no nightly push.
func Reference(dates float64) map[Operation]Units {
	head := 1.0 // KB: 300 bytes and 50 for each date
	if dates > 14 {
		head = 2
	}
	return map[Operation]Units{
		Place: {3, 2 * (head + dates)}, Deliver: {1, head}, Read: {1, 0}, Cancel: {1, 2 * (head + dates)}, PushAway: {1, head},
		ParkNew: {1, 2}, ParkChanged: {1, 2}, ParkUnchanged: {1, 2},
		Page: {57, 1}, PlateRows: {1, 1}, Near: {1.5, 0}, OnePark: {1, 0}, Quote: {1, 0},
		PollFixed: {0, 0}, PollPark: {500, 0}, PollChanged: {0, 1}, Sweep: {0, 0}, Repushed: {0, 0},
	}
}

// Bytes of the lines that a function writes itself, counted as the units are; the test allows for what is named longer on AWS.
var logged = map[Operation]float64{Place: 360, Deliver: 620}
