package e2e

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
	"lease-gateway/shared/signature"
)

// What must never be read in a log. Each plate is 苏E7170 and a digit, that says how Tongli answers it; masked it is 苏E7••0 and the digit.
const (
	plantedNow    = "planted/secret+that-signs-calls-to-us"
	plantedBefore = "planted/secret+of-last-month"
	plantedOurs   = "planted/secret+that-signs-our-calls"
	plantedPlate  = "苏E7170"
)

// leaks lists what of the planted stands in a line, plates in any spelling.
func leaks(line string) (found []string) {
	for _, secret := range []string{plantedNow, plantedBefore, plantedOurs} {
		for _, text := range []string{secret, secret[:16], url.QueryEscape(secret), strings.ReplaceAll(secret, "/", `\/`)} {
			if strings.Contains(line, text) {
				found = append(found, text)
			}
		}
	}
	half := strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case strings.ContainsRune(" \u3000-._·•・･\\", r) && r != '•':
			return -1
		}
		return r
	}, line)
	if strings.Contains(strings.ToUpper(half), plantedPlate) || strings.Contains(line, "E7170") {
		found = append(found, plantedPlate)
	}
	return found
}

// TestLeaks: the scan finds what it is there for.
func TestLeaks(t *testing.T) {
	for line, want := range map[string]int{`"plate":"苏E7••01"`: 0, `{"a":"x苏E71701y"}`: 1, "苏 e·7 1-70.1": 1, "苏Ｅ７１７０１": 1, "park E71701": 1, "key " + plantedNow: 3, "cut planted/secret+t…": 2, "": 0} {
		if got := leaks(line); (len(got) > 0) != (want > 0) {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// TestNothingPlantedReachesALog: secrets and plates in good and bad requests of every kind, in Tongli's words, in the errors of storage and in messages that nobody
// can read; no function's log has them, and those that handle plates have them masked.
func TestNothingPlantedReachesALog(t *testing.T) {
	dynamo, queue := enginetest.Start(t)
	db, dynamo := standBefore(t, dynamo)
	broker, queue := standBefore(t, queue)
	partner := &echo{sim: tonglisim.New(tonglisim.Options{AppID: stack.OutboundAppID, Secret: plantedOurs}), asked: map[string]int{}, db: db}
	partner.parks.Store("the simulator's")
	server := httptest.NewServer(partner)
	defer server.Close()
	log := &lines{ready: make(chan struct{})}
	s := startStack(t, stack.Options{Inbound: stack.Keys{Current: plantedNow, Previous: plantedBefore}, Outbound: stack.Keys{Current: plantedOurs}, TongliBaseURL: server.URL,
		Engines: &engines.Engines{DynamoURL: dynamo, SQSURL: queue}, VisibilityTimeout: time.Second, Log: log})
	call := func(method, path string, params []signature.Param, body, secret string) answer {
		t.Helper()
		return send(t, method, s.URL+path+"?"+signature.Query(stack.InboundAppID, secret, method, path, params, []byte(body), time.Now(), ""), "application/json", []byte(body))
	}
	must := func(a answer, code int) {
		t.Helper()
		if a.Code != code {
			t.Fatalf("want %d: %d %s", code, a.Status, a.Raw)
		}
	}
	must(call("POST", "/lease/park", nil, park("P1"), plantedNow), 0)
	must(call("POST", "/lease/park", nil, park("P"+plantedPlate+"0 "+plantedBefore, "park_name", `"`+plantedPlate+`0"`), plantedBefore), 0)
	for way := range 9 {
		must(app(t, s, "POST", "/app/orders", order(fmt.Sprintf("o%d", way), "P1", fmt.Sprintf("苏 e·7170%d", way), 1)), 0)
	}
	item := func(table, pk, sk string, change func(table *string, key map[string]types.AttributeValue) error) {
		t.Helper()
		for _, known := range s.Template.Tables {
			if name := *known.Create.TableName; strings.HasSuffix(name, table) {
				key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}}
				if sk != "" {
					key["sk"] = &types.AttributeValueMemberS{Value: sk}
				}
				if err := change(&name, key); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	closeCircuit := func() {
		t.Helper()
		item("ExpiringTable", "B#tongli", "B", func(table *string, key map[string]types.AttributeValue) error {
			_, err := s.DynamoDB().DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: table, Key: key})
			return err
		})
	}
	looks := 0
	eventually(t, 20*time.Second, "all are pushed", func() bool {
		missing := false
		looks++
		for way := range 9 {
			if partner.saw(fmt.Sprint(way)) {
				continue
			}
			if missing = true; looks%50 == 0 { // on a slow machine the others' retries may have opened the circuit before
				closeCircuit()
				app(t, s, "POST", fmt.Sprintf("/app/orders/o%d/push", way), "")
			}
		}
		return !missing
	})
	must(call("GET", "/lease/order", []signature.Param{{Name: "park_sn", Value: "P1"}, {Name: "car_plate_no", Value: "苏·E71700"}}, "", plantedNow), 0)
	var polls sync.WaitGroup
	polls.Go(func() {
		for _, way := range []string{"the simulator's", "refused parks", "broken parks"} {
			partner.parks.Store(way)
			invoke(t, s, "ParkPollerFunction", "{}")
		}
	})
	badRequests(t, s, call)
	item("ParksTable", "P#"+plantedPlate+"1", "", func(table *string, key map[string]types.AttributeValue) error {
		key["v"] = &types.AttributeValueMemberN{Value: "9"} // of a later version: nobody's fault but ours
		_, err := s.DynamoDB().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: key})
		return err
	})
	must(call("POST", "/lease/park", nil, park(plantedPlate+"1"), plantedNow), 50001)
	must(app(t, s, "GET", "/app/park?park_sn="+escape(plantedPlate+"1"), ""), 50001)
	must(app(t, s, "POST", "/app/orders", order("o9", "P1", plantedPlate+"9", 1)), 0) // opens the circuit
	eventually(t, 20*time.Second, "the last is pushed", func() bool {                 // through the circuit that the others have opened
		closeCircuit()
		app(t, s, "POST", "/app/orders/o9/push", "")
		return partner.saw("9")
	})
	push, _ := queuesOf(t, s)
	for i, body := range []string{plantedPlate + "1" + plantedOurs, `{"v":1,"park_sn":"` + plantedPlate + `1","car_plate_no":7}`, `{"v":2,"park_sn":"P1","car_plate_no":"` + plantedPlate + `1"}`} {
		if _, err := s.SQS().SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &push, MessageBody: &body, MessageGroupId: aws.String(fmt.Sprint(i)), MessageDeduplicationId: aws.String(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 10*time.Second, "the messages are set aside", func() bool { return strings.Count(log.String(), "message set aside") >= 3 })
	broker.way.Store(gone) // an order whose message cannot be sent
	must(app(t, s, "POST", "/app/orders", order("o-unsent", "P1", plantedPlate+"0", 3)), 0)
	broker.way.Store(passesOn)
	polls.Wait()
	partner.parks.Store("storage goes")
	invoke(t, s, "ParkPollerFunction", "{}")
	partner.parks.Store("the simulator's")
	for _, way := range []int32{gone, echoes} {
		db.way.Store(way)
		var wg sync.WaitGroup
		for _, ask := range []func() answer{
			func() answer { return call("POST", "/lease/park", nil, park("P"+plantedPlate+"1"), plantedNow) },
			func() answer {
				return call("POST", "/lease/order", nil, `{"park_sn":"P1","car_plate_no":"`+plantedPlate+`1"}`, plantedBefore)
			},
			func() answer { return app(t, s, "POST", "/app/orders", order("new", "P1", plantedPlate+"1", 1)) },
			func() answer { return app(t, s, "GET", "/app/orders/o1", "") },
			func() answer { return app(t, s, "GET", "/app/park?park_sn="+escape("P"+plantedPlate+"1"), "") },
		} {
			wg.Go(func() {
				if a := ask(); a.Code != 50301 {
					t.Errorf("storage of kind %d: %d %s", way, a.Status, a.Raw)
				}
			})
		}
		for _, f := range []string{"ParkPollerFunction", "WhitelistSweeperFunction"} {
			wg.Go(func() { invoke(t, s, f, "{}") })
		}
		wg.Go(func() {
			invoke(t, s, "WhitelistPusherFunction", `{"Records":[{"messageId":"m","body":"{\"v\":1,\"park_sn\":\"P1\",\"car_plate_no\":\"`+plantedPlate+`1\"}","attributes":{}}]}`)
		})
		wg.Wait()
	}
	db.way.Store(passesOn)
	for _, f := range s.Template.Functions { // no event at all
		invoke(t, s, f.Name, `{"rawPath":"`+plantedNow+`","Records":"`+plantedPlate+`1","requestContext":"`+plantedOurs+`"}`)
		invoke(t, s, f.Name, `"`+plantedPlate+`1 `+plantedNow+`"`)
	}
	s.Stop()
	scan(t, log.String())
}

// scan reads a whole log.
func scan(t *testing.T, log string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if found := leaks(line); len(found) > 0 {
			t.Errorf("%q stand in the log: %s", found, line)
		}
	}
	for _, reached := range []string{`"message set aside"`, `"plate not pushed"`, `"refused by Tongli"`, `"sweep failed"`, `"message not sent, the sweeper will"`, `"class":"credentials"`, `"class":"transient"`, `"class":"accepted"`, `"code":50301`, `"code":50001`, "(secret)"} {
		if !strings.Contains(log, reached) {
			t.Errorf("the log has no %s: that path was not tried", reached)
		}
	}
	for _, function := range []string{"lease-park", "lease-order", "app-order", "whitelist-pusher"} {
		masked := 0
		for line := range strings.Lines(log) {
			if strings.HasPrefix(line, function+" ") && strings.Contains(line, "苏E7••0") {
				masked++
			}
		}
		if masked == 0 {
			t.Errorf("%s has logged no masked plate", function)
		}
	}
	for _, function := range []string{"app-park", "park-poller", "whitelist-sweeper", "unknown-route"} {
		if !strings.Contains(log, "\n"+function+" ") {
			t.Errorf("%s has logged nothing", function)
		}
	}
}

// badRequests are refused, each with the planted where it can be put.
func badRequests(t *testing.T, s *stack.Stack, call func(method, path string, params []signature.Param, body, secret string) answer) {
	t.Helper()
	plate := plantedPlate + "1"
	for _, p := range []string{plate, plantedNow, plantedBefore, "苏 ｅ·71701"} {
		q := fmt.Sprintf("%q", p)
		bodies := []string{p, q, "[" + q + "]", "{" + q, "{" + q + ":1," + q + ":1}", `{"park_sn":` + q + `}` + q, `{"park_sn":[` + q + `],"car_plate_no":{` + q + `:1}}`, `{"park_sn":` + q + `,"car_plate_no":` + q + `,"cursor":` + q + `}`,
			`{"park_sn":` + q + `,"limit":` + q + `,"page":` + q + `}`, `{"park_sn":"` + p + p + `"}`, park("P1", "deadline", q, "price", q, "start_time", q), park("P"+p, "park_name", q, "longitude", q), `{"x":"\ud800` + p + `"}`, p + "\xff", q + strings.Repeat(" ", 256<<10)}
		for _, path := range []string{"/lease/park", "/lease/order"} {
			for _, body := range bodies {
				call("POST", path, nil, body, plantedNow)
			}
			call("POST", path, []signature.Param{{Name: p, Value: p}}, bodies[7], plantedOurs)
			late := signature.Query(stack.InboundAppID, plantedNow, "POST", path, nil, []byte(bodies[7]), time.Now().Add(-time.Hour), "")
			again := signature.Query(stack.InboundAppID, plantedBefore, "POST", path, nil, []byte(bodies[7]), time.Now(), "")
			for _, query := range []string{late, again, again, signature.Query(p, p, "POST", path, nil, nil, time.Now(), ""), "app_id=" + escape(p) + "&nonce=" + escape(p) + "&timestamp=" + escape(p) + "&sign=" + escape(p), "a=%zz" + escape(p), ""} {
				send(t, "POST", s.URL+path+"?"+query, "text/"+url.PathEscape(p), []byte(bodies[7]))
			}
			send(t, "DELETE", s.URL+path+"?x="+escape(p), "", nil)
			send(t, "POST", s.URL+path+"/"+url.PathEscape(p)+"?x="+escape(p), "", []byte(p))
		}
		if !strings.HasPrefix(p, "苏") { // the app's functions know no secret of Tongli's side: only where nothing is logged
			app(t, s, "GET", "/app/parks?"+escape(p)+"="+escape(p)+"&cursor="+escape(p), "")
			continue
		}
		for _, body := range append(bodies, order("o", p, p, 1), strings.Replace(order("o", "P1", plate, 1), `"19:00"`, q, 1), order("o", "P1", plate, 1, 1), order("o", "P1", plate, -9)) {
			app(t, s, "POST", "/app/orders", body)
		}
		if p == plate {
			app(t, s, "GET", "/app/orders/"+url.PathEscape(p), "")
			app(t, s, "POST", "/app/orders/"+url.PathEscape(p)+"/push", "")
			app(t, s, "GET", "/app/park?park_sn="+escape(p), "")
			app(t, s, "GET", "/app/parks?cursor="+escape(p)+"&limit="+escape(p), "")
			app(t, s, "GET", "/app/quote?park_sn="+escape(p)+"&date="+escape(p), "")
		}
	}
}
