package door_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lease-gateway/shared/door"
	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

// lines are the log's lines, each JSON.
func (h *house) lines(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(h.log.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

// TestOneWideLine: each request is one line, with everything that is asked of it.
func TestOneWideLine(t *testing.T) {
	h := newHouse()
	h.handle = func(_ context.Context, r *door.Request) (envelope.Answer, error) {
		r.Log("park_sn", r.Fields.ParkSN(true))
		r.LogPlate(r.Fields.Plate("car_plate_no", false))
		h.units.Read += 1.5
		return envelope.Answer{}, r.Fields.Err()
	}
	begun := now
	h.Now = func() time.Time { begun = begun.Add(7 * time.Millisecond); return begun.Add(-7 * time.Millisecond) }
	h.Signed.Nonces = counted{h}
	for _, c := range []struct {
		body, verdict string
		code, status  float64
		level         string
	}{
		{`{"park_sn":"P1","car_plate_no":"苏 e88888"}`, "ok", 0, 200, "INFO"},
		{`{"park_sn":"P1","car_plate_no":"苏E88888","park_sn":""}`, "body unreadable: a name is given twice", 40001, 400, "INFO"},
		{`{"park_sn":5,"car_plate_no":"苏 e8888O"}`, "bad: park_sn car_plate_no", 40003, 400, "INFO"},
	} {
		h.log.Reset()
		h.ask(t, signed(c.body))
		lines := h.lines(t)
		if len(lines) != 1 {
			t.Fatalf("%d lines: %s", len(lines), h.log.String())
		}
		got := lines[0]
		want := map[string]any{"level": c.level, "message": "request", "function": "the-function", "api_request_id": "request-1", "method": "POST", "path": "/lease/order",
			"caller": "tongli", "status": c.status, "code": c.code, "verdict": c.verdict, "ms": 7.0, "read_units": 0.0, "write_units": 1.0, "timestamp": got["timestamp"]}
		if c.code == 0 {
			want["plate"], want["park_sn"], want["read_units"] = "苏E8••88", "P1", 1.5
		} else if c.code == 40003 {
			want["park_sn"], want["read_units"] = "", 1.5
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s\n got %v\nwant %v", c.body, got, want)
		}
	}
	h.log.Reset()
	h.ask(t, event{method: "BREW", route: "$default", path: "/pot"})
	if got := h.lines(t)[0]; got["path"] != "(unknown)" || got["method"] != "(other)" || got["caller"] != "" || got["verdict"] != "route unknown" {
		t.Errorf("%v", got)
	}
}

type counted struct{ *house }

func (c counted) ClaimNonce(context.Context, string, string, string, time.Duration, time.Time) error {
	c.units.Write++
	return nil
}

const (
	plantedPlate = "苏E77777"
	plantedNonce = "planted-nonce-0123456789"
)

// reading reads everything that a handler may, logs what handlers log, and fails as it is told.
func reading(err error) door.Handle {
	return func(_ context.Context, r *door.Request) (envelope.Answer, error) {
		park := r.Fields.Park()
		r.Log("park_sn", park.SN)
		r.LogPlate(r.Fields.Plate("car_plate_no", true))
		_ = r.Fields.Slots()
		r.Log("order_id", r.Fields.Text("order_id", false, 64, false))
		if bad := r.Fields.Err(); bad != nil && err == nil {
			return envelope.Answer{}, bad
		}
		return envelope.Answer{}, err
	}
}

// TestNothingPlantedReachesTheLog: secrets and plates in every place where a caller, or what stands behind us, can put them.
func TestNothingPlantedReachesTheLog(t *testing.T) {
	planted := []string{current, previous, plantedPlate, "E77777", "Ｅ７７７７７", "E 77777", "E·77777", plantedNonce}
	var bodies []string
	for _, p := range planted[:3] {
		q := fmt.Sprintf("%q", p)
		bodies = append(bodies, p, q, "["+q+"]", "{"+q+"}", "{"+q+":"+q+"}", "{"+q+":1,"+q+":1}", `{"park_sn":`+q+`,"car_plate_no":`+q+`,"order_id":`+q+`,"dates":`+q+`}`,
			`{"park_sn":[`+q+`],"car_plate_no":{`+q+`:1},"dates":[`+q+`]}`, `{"car_plate_no":`+q+`}{`+q+`:1}`, `{"deadline":`+q+`,"start_time":`+q+`,"price":`+q+`,"dates":[{"date":`+q+`,"end_time":`+q+`}]}`,
			"car_plate_no="+p+"&park_sn="+p, p+"="+p+"&"+p+"=1", `{"x":"\ud800`+p+`"}`, p+"\xff")
	}
	bodies = append(bodies, `{"park_sn":"苏 E·77777","car_plate_no":"苏Ｅ７７７７７"}`, `{"park_sn":"车位给苏E77777用"}`, `{"park_sn":"苏\u0020E77777"}`)
	failures := []error{nil, errors.New("a bug at " + plantedPlate + " with " + current), fmt.Errorf("%w: dynamodb: key {%q: %q}", lease.ErrUnavailable, plantedPlate, previous),
		fmt.Errorf("%w: 苏 E77777", context.DeadlineExceeded), &lease.NotLeased{Fields: []lease.FieldError{{Field: "dates[0]", Reason: plantedPlate}}}}
	asked := 0
	for i, failure := range failures {
		for j, handle := range []door.Handle{reading(failure), func(context.Context, *door.Request) (envelope.Answer, error) { panic(fmt.Sprint(failure)) }} {
			h := newHouse()
			h.handle = handle
			types := []string{"", "application/x-www-form-urlencoded", plantedPlate + "/" + current}
			if i > 0 || j > 0 {
				types = types[:1] // what lies before the handler was tried
			}
			for k, body := range bodies {
				if j > 0 && k%8 != 0 {
					continue
				}
				for _, contentType := range types {
					good := signed(body)
					good.headers = map[string]string{"content-type": contentType, "x-planted": current, "cookie": plantedPlate, "accept-encoding": plantedPlate}
					good.query = signature.Query("tongli", current, "POST", "/lease/order", []signature.Param{{Name: plantedPlate, Value: current}, {Name: "car_plate_no", Value: plantedPlate}}, []byte(body), now, "")
					coded := good
					coded.body, coded.base64 = base64.StdEncoding.EncodeToString([]byte(body)), true
					wrong := good
					wrong.query = signature.Query(current, previous, "POST", "/lease/order", nil, nil, now, plantedNonce)
					wrong.query += "&" + plantedPlate + "=" + current
					late := good
					late.query = signature.Query("tongli", current, "POST", "/lease/order", nil, nil, now.Add(-time.Hour), plantedNonce)
					malformed := good
					malformed.query = "app_id=" + current + "&nonce=" + plantedPlate + "&timestamp=" + plantedPlate + "&sign=" + current
					again := good
					again.query = current + "=%zz" + plantedPlate
					route := good
					route.path, route.route = "/app/orders/"+plantedPlate+"/"+current, "$default"
					method := good
					method.method, method.route = current, "$default"
					bad64 := good
					bad64.base64 = true
					for _, e := range []event{good, good, coded, wrong, late, malformed, again, route, method, bad64} { // good twice: a replay
						asked++
						h.ask(t, e)
					}
				}
			}
			h.Invoke(t.Context(), []byte(`{"rawPath":"`+current+`","requestContext":"`+plantedPlate+`"}`))
			if n := strings.Count(h.log.String(), `"message":"request"`); n == 0 {
				t.Fatal("nothing was logged")
			}
			for line := range strings.Lines(h.log.String()) {
				for _, p := range planted {
					if strings.Contains(line, p) {
						t.Fatalf("%q in the log: %s", p, line)
					}
				}
			}
		}
	}
	t.Logf("%d requests", asked)
}

// table is a DynamoDB that counts what is asked of it; anything but PutItem is a fault.
type table struct {
	leasestore.Client
	puts []*dynamodb.PutItemInput
	held map[string]bool
}

func (d *table) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	d.puts = append(d.puts, in)
	var key bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(map[string]bool{"pk": true, "sk": true})) {
		if s, ok := in.Item[name].(*types.AttributeValueMemberS); ok {
			key.WriteString(s.Value + " ")
		}
	}
	if d.held[key.String()] {
		return nil, &types.ConditionalCheckFailedException{Message: aws.String("held")}
	}
	d.held[key.String()] = true
	return &dynamodb.PutItemOutput{ConsumedCapacity: &types.ConsumedCapacity{CapacityUnits: aws.Float64(1)}}, nil
}

// TestANonceCostsOneConditionalWrite, and a request without a valid signature costs nothing: a stranger cannot fill the store.
func TestANonceCostsOneConditionalWrite(t *testing.T) {
	d := &table{held: map[string]bool{}}
	store := leasestore.Open(d, leasestore.Tables{Expiring: "expiring"})
	h := newHouse()
	h.Signed.Nonces, h.Units = store, store.Units
	for i := range 50 {
		e := signed(goodBody)
		e.query = signature.Query("tongli", fmt.Sprint("forged", i), "POST", "/lease/order", nil, []byte(goodBody), now, "")
		if a := h.ask(t, e); a.Code != 40103 {
			t.Fatalf("%+v", a)
		}
	}
	if len(d.puts) != 0 {
		t.Fatalf("%d writes by forged requests", len(d.puts))
	}
	h.log.Reset()
	if a := h.ask(t, signed(goodBody)); a.Code != 0 || len(d.puts) != 1 || aws.ToString(d.puts[0].ConditionExpression) == "" || d.puts[0].Item["ttl"] == nil {
		t.Errorf("%+v, %d writes: %+v", a, len(d.puts), d.puts)
	}
	if got := h.lines(t)[0]; got["write_units"] != 1.0 || got["read_units"] != 0.0 {
		t.Errorf("cost: %v", got)
	}
	if a := h.ask(t, signed(goodBody)); a.Code != 40105 || len(d.puts) != 2 {
		t.Errorf("a replay: %+v, %d writes", a, len(d.puts))
	}
}
