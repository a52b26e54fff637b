package simulation

// fault is one point at which a run can go wrong: it strikes once in oneIn of the occasions, in the seeds that have it.
type fault struct {
	name    string
	oneIn   int
	mending bool // goes on while the night's push mends what Tongli lost
}

var faults []*fault

func point(name string, oneIn int) *fault {
	f := &fault{name: name, oneIn: oneIn}
	faults = append(faults, f)
	return f
}

// The table.
var (
	readThrottled  = point("store: a read is throttled", 40)
	writeThrottled = point("store: a write is throttled", 20)
	slowWrite      = point("store: a write takes seconds", 30)
	answerLost     = point("store: a condition fails although the write went through (the SDK repeated it)", 15)
	writtenError   = point("store: a write went through and is answered by an error", 30)
	indexLag       = point("store: index and replica lag by seconds", 8)
)

// The processes.
var (
	crashBeforeWrite  = point("crash: before a write or an acknowledgement", 40)
	crashAfterWrite   = point("crash: after a write or an acknowledgement", 40)
	crashBeforeSend   = point("crash: before a send", 25)
	crashAfterSend    = point("crash: after a send", 25)
	crashBeforeCall   = point("crash: before a call", 30)
	crashInCall       = point("crash: while a call is on its way", 30)
	crashAfterCall    = point("crash: after a call", 30)
	crashBeforeDelete = point("crash: the event source, before a delete", 25)
	crashAfterDelete  = point("crash: the event source, after a delete", 25)
	standstill        = point("process: an instance stands still for seconds or past its time limit", 200)
	outOfTime         = point("process: an invocation is ended by its time limit", 1)
	clocksDiffer      = point("clock: instances differ by seconds", 1)
	deployed          = point("deploy: new versions of items and messages beside old ones", 1)
	overlap           = point("overlap: two instances push one plate at once", 1)
	twoHalfOpen       = point("breaker: two instances reach for one probe", 1)
)

// The queue.
var (
	sendFails       = point("queue: a send fails", 15)
	sendAnswerLost  = point("queue: a send is taken and answered by an error", 20)
	entriesFail     = point("queue: a send answers 200 with failed entries", 8)
	messageLost     = point("queue: a message is lost", 25)
	messageDelayed  = point("queue: a delivery is delayed", 12)
	messageTwice    = point("queue: a delivery is doubled", 10)
	groupReordered  = point("queue: a group is delivered out of order", 8)
	visibilityEnds  = point("queue: the visibility timeout ends while the push still runs", 6)
	batchHeld       = point("queue: a batch waits until its visibility timeout has ended", 40)
	deleteFails     = point("queue: a delete fails for some messages", 20)
	everythingLost  = point("queue: everything is lost", 1)
	receivedTooMany = point("queue: a message is set aside after five receipts", 1)
)

// Tongli.
var (
	tongli503        = point("Tongli: 503", 12)
	tongliBusyCode   = point("Tongli: code 50001 in a 200", 25)
	tongli429        = point("Tongli: 429 without Retry-After", 20)
	tongliRetryAfter = point("Tongli: 429 with Retry-After", 20)
	tongli401        = point("Tongli: 401", 18)
	tongliTimestamp  = point("Tongli: finds the timestamp wrong once", 30)
	liesUndone       = point("Tongli: lies, a 200 with a broken body and nothing done", 20)
	liesDone         = point("Tongli: a 200 with a broken body, applied", 25)
	noConnection     = point("Tongli: no connection", 20)
	breaksBefore     = point("Tongli: the connection breaks before the call arrives", 20)
	breaksAfter      = point("Tongli: the connection breaks after the call was applied", 20)
	hangs            = point("Tongli: hangs, applied never or at once", 25)
	appliedLate      = point("Tongli: applies a call after it was given up", 15)
	gatewayTimeout   = point("Tongli: 504, applied later", 25)
	answersSlowly    = point("Tongli: takes seconds to answer", 5)
	outOfOrder       = point("Tongli: an older call is applied over a newer one", 1)
	rejectedLong     = point("Tongli: does not accept our credentials for minutes", 1)
	downForHours     = point("Tongli: down for a long time", 1)
	forgetsPlates    = point("Tongli: forgets plates", 1)
	refusesSlots     = point("Tongli: refuses a slot", 1)
)

func init() { entriesFail.mending, tongli401.mending = true, true }
