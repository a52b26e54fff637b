package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lease-gateway/local/redrive"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/whitelist"
)

// TestDeadLetters: what cannot be read, and what is of a later version, goes to the real dead-letter queue after five receives, alone: its neighbours in other groups
// are delivered meanwhile. A redrive brings back what lies there (invariant 8).
func TestDeadLetters(t *testing.T) {
	s := start(t, stack.Options{VisibilityTimeout: time.Second})
	push, dead := queuesOf(t, s)
	tongli(t, s, "POST", "/lease/park", "", park("P1"))
	bodies := []string{"{", `{"v":2,"park_sn":"P1","car_plate_no":"苏E00009"}`, `{"v":1,"park_sn":"P1"}`}
	for i, body := range bodies {
		if _, err := s.SQS().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &push, MessageBody: &body,
			MessageGroupId: aws.String(fmt.Sprintf("bad-%d", i)), MessageDeduplicationId: aws.String(fmt.Sprintf("bad-%d", i))}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		if a := app(t, s, "POST", "/app/orders", order(fmt.Sprintf("n%d", i), "P1", fmt.Sprintf("苏E%05d", i), 1)); a.Status != 201 {
			t.Fatalf("%s", a.Raw)
		}
	}
	eventually(t, 10*time.Second, "the neighbours are delivered", func() bool { return len(s.Tongli.Whitelist()) == 10 })
	eventually(t, 30*time.Second, "three dead letters", func() bool { return depth(t, s, dead) == len(bodies) && depth(t, s, push) == 0 })
	got, receives := read(t, s, dead, len(bodies))
	if slices.Sort(bodies); !slices.Equal(got, bodies) {
		t.Errorf("dead letters %q, want %q", got, bodies)
	}
	if slices.ContainsFunc(receives, func(n string) bool { return n != "5" && n != "6" }) { // the last one is ours, and engines differ in whether they go on counting
		t.Errorf("received %v times, want 5", receives)
	}

	// after a fix: a letter that is readable now is pushed
	m := whitelist.Message{Version: 1, ParkSN: "P1", Plate: lease.Plate("苏E00003"), OrderID: "n3", Repush: "redriven"}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SQS().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &dead, MessageBody: aws.String(string(raw)), MessageGroupId: aws.String(m.Group()), MessageDeduplicationId: aws.String("fixed")}); err != nil {
		t.Fatal(err)
	}
	calls := len(s.Tongli.Calls())
	if moved, err := redrive.Run(t.Context(), s.SQS(), push, dead, t.Logf); err != nil || moved != len(bodies)+1 {
		t.Fatalf("moved %d: %v", moved, err)
	}
	eventually(t, 10*time.Second, "the redriven message is pushed", func() bool { return len(s.Tongli.Calls()) == calls+1 })
}

// depth counts a queue's messages, those in hand too.
func depth(t *testing.T, s *stack.Stack, url string) (n int) {
	t.Helper()
	out, err := s.SQS().GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range out.Attributes {
		i := 0
		_, _ = fmt.Sscan(v, &i)
		n += i
	}
	return n
}

// read looks at n messages and leaves them where they are.
func read(t *testing.T, s *stack.Stack, url string, n int) (bodies, receives []string) {
	t.Helper()
	var held []types.Message
	eventually(t, 10*time.Second, "the dead letters can be read", func() bool {
		out, err := s.SQS().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10, VisibilityTimeout: 30, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, out.Messages...)
		return len(held) >= n
	})
	for _, m := range held {
		bodies, receives = append(bodies, *m.Body), append(receives, m.Attributes["ApproximateReceiveCount"])
		if _, err := s.SQS().ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(bodies)
	return bodies, receives
}

// TestRepush: a sweep that is asked to push a park, or all, pushes every live plate of it once, though nothing is due.
func TestRepush(t *testing.T) {
	s := start(t, stack.Options{})
	for _, sn := range []string{"P1", "P2"} {
		tongli(t, s, "POST", "/lease/park", "", park(sn))
	}
	for i := range 7 {
		app(t, s, "POST", "/app/orders", order(fmt.Sprintf("o%d", i), fmt.Sprintf("P%d", 1+i%2), fmt.Sprintf("苏E%05d", i/4), 1+i))
	}
	delivered := func() bool {
		return !slices.ContainsFunc([]int{0, 1, 2, 3, 4, 5, 6}, func(i int) bool { return state(t, s, fmt.Sprintf("o%d", i)) != "delivered" })
	}
	eventually(t, 10*time.Second, "all delivered", delivered)
	sent := func(calls []tonglisim.Call) string {
		var list []string
		for _, c := range calls {
			var body struct {
				ParkSN string `json:"park_sn"`
				Plate  string `json:"car_plate_no"`
				Dates  []tonglisim.Slot
			}
			if err := json.Unmarshal(c.Body, &body); err != nil {
				t.Fatal(err)
			}
			list = append(list, fmt.Sprintf("%s %s %d", body.ParkSN, body.Plate, len(body.Dates)))
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	for _, c := range []struct{ input, want string }{
		{`{"repush":"P2"}`, "P2 苏E00000 2, P2 苏E00001 1"},
		{`{"repush":"all"}`, "P1 苏E00000 2, P1 苏E00001 2, P2 苏E00000 2, P2 苏E00001 1"},
		{`{"repush":"no such park"}`, ""},
	} {
		before := len(s.Tongli.Calls())
		plates := 0
		if c.want != "" {
			plates = 1 + strings.Count(c.want, ",")
		}
		var r struct{ Repushed int }
		body, failed := invoke(t, s, "WhitelistSweeperFunction", c.input)
		if err := json.Unmarshal([]byte(body), &r); err != nil || failed || r.Repushed != plates {
			t.Errorf("%s: %s", c.input, body)
		}
		push, _ := queuesOf(t, s)
		eventually(t, 10*time.Second, c.input, func() bool { return len(s.Tongli.Calls()) >= before+plates && depth(t, s, push) == 0 })
		if got := sent(s.Tongli.Calls()[before:]); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.input, got, c.want)
		}
	}
	if !delivered() {
		t.Error("the nightly push changed a state")
	}
}

// TestPushDuringPoll: a park that is pushed while the poll's page is on its way is not overwritten by that page, though it differs; a later poll's page counts
// again (invariant 4).
func TestPushDuringPoll(t *testing.T) {
	asked, release := make(chan struct{}, 1), make(chan struct{})
	listed := park("P1", "price", "100")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), `"page":1,`) {
			_, _ = io.WriteString(w, `{"code":0,"data":[]}`)
			return
		}
		select {
		case asked <- struct{}{}:
			<-release // of the first page ever; later ones are answered at once
		default:
		}
		_, _ = io.WriteString(w, `{"code":0,"data":[`+listed+`]}`)
	}))
	defer server.Close()
	s := start(t, stack.Options{TongliBaseURL: server.URL})
	price := func() string {
		var p struct {
			Price  int
			Source string
		}
		a := app(t, s, "GET", "/app/park?park_sn=P1", "")
		if err := json.Unmarshal(a.Data, &p); err != nil {
			t.Fatalf("%s", a.Raw)
		}
		return fmt.Sprintf("%d by %s", p.Price, p.Source)
	}
	first := make(chan report, 1)
	go func() {
		body, failed := invoke(t, s, "ParkPollerFunction", "{}")
		var r report
		if err := json.Unmarshal([]byte(body), &r); err != nil || failed {
			t.Errorf("poller: %s", body)
		}
		first <- r
	}()
	select {
	case <-asked:
	case <-t.Context().Done():
		t.Fatal("the poller never asked")
	}
	if a := tongli(t, s, "POST", "/lease/park", "", park("P1", "price", "200")); a.Code != 0 {
		t.Fatalf("%s", a.Raw)
	}
	close(release)
	if r := <-first; !r.Complete || r.Seen != 1 || r.Added != 0 || r.Corrected != 0 {
		t.Errorf("the poll that was overtaken: %+v", r)
	}
	if got := price(); got != "200 by push" {
		t.Errorf("price %s, want 200 by push", got)
	}
	asked <- struct{}{} // later pages are answered at once
	if r := poll(t, s, "{}"); r.Corrected != 1 {
		t.Errorf("the next poll: %+v", r)
	}
	if got := price(); got != "100 by poll" {
		t.Errorf("price %s, want 100 by poll", got)
	}
}
