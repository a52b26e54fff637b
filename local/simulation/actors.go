package simulation

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"time"

	"lease-gateway/shared/door"
)

// act does an action of the script.
func (w *World) act(a action) {
	w.say("ACTION: %s", a)
	switch a.what {
	case "down":
		w.note(downForHours, a.lasts.String())
		w.tongli.downFrom, w.tongli.downUntil = time.Now(), time.Now().Add(a.lasts)
	case "rejected":
		w.note(rejectedLong, a.lasts.String())
		w.tongli.rejectsUntil = time.Now().Add(a.lasts)
	case "lose":
		w.loseEverything()
	case "deploy":
		w.deploy()
	case "night":
		w.invoke(w.sweeper, `{"repush":"all"}`, func(any, error) {})
	case "park":
		w.invoke(w.sweeper, `{"repush":"`+a.park+`"}`, func(any, error) {})
	case "twice": // an impatient client repeats its POST while the first is at work
		w.client(func(c *client) { c.place(a) })
		w.at(time.Now().Add(w.between("twice after", 0, 60*time.Millisecond)), "twice", func() { w.client(func(c *client) { c.place(a) }) })
	default:
		w.client(func(c *client) {
			switch a.what {
			case "place", "rival":
				c.place(a)
			case "cancel":
				c.cancel(a)
			case "push":
				c.push(a)
			case "look":
				c.look(a.id)
			}
		})
	}
}

// client is the app's backend at one piece of work.
type client struct {
	w    *World
	name string
}

func (w *World) client(work func(*client)) {
	w.clientsMade++
	c := &client{w, fmt.Sprintf("client %d", w.clientsMade)}
	w.clients++
	go func() {
		w.park(time.Now(), c.name)
		work(c)
		w.clients--
	}()
}

// answer is what came back: 502 where the function crashed.
type answer struct {
	status int
	code   int
	order  orderView
}

// orderView is what the app is shown of an order.
type orderView struct {
	ID    string `json:"order_id"`
	Park  string `json:"park_sn"`
	Plate string `json:"car_plate_no"`
	Dates []struct {
		Date  string
		Start string `json:"start_time"`
		End   string `json:"end_time"`
	}
	Status string
	Push   struct {
		State     string
		Attempts  int
		Delivered *time.Time `json:"delivered_at"`
		Next      *time.Time `json:"next_attempt_at"`
		LastError *string    `json:"last_error"`
	} `json:"whitelist"`
}

func httpEvent(route door.Route, id, body string) []byte {
	raw, err := json.Marshal(map[string]any{"routeKey": route.Method + " " + route.Path, "rawPath": strings.ReplaceAll(route.Path, "{order_id}", id), "body": body,
		"pathParameters": map[string]string{"order_id": id}, "requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": route.Method}}})
	if err != nil {
		panic(err)
	}
	return raw
}

// call is one HTTP request. It parks the client until the answer is there.
func (c *client) call(route door.Route, id, body string) answer {
	got := make(chan answer, 1)
	c.w.waiting[got] = true
	c.w.invoke(c.w.app, httpEvent(route, id, body), func(result any, err error) {
		a := answer{status: 502}
		if err == nil {
			a = decode(result.([]byte))
		}
		c.w.at(time.Now().Add(2*time.Millisecond), c.name, func() { got <- a })
	})
	a, ok := <-got
	if !ok {
		runtime.Goexit() // the run is over
	}
	delete(c.w.waiting, got)
	c.w.say("%s: %s %s %s answers %d %s", c.name, route.Method, route.Path, id, a.status, a.order.Push.State)
	return a
}

func decode(raw []byte) (a answer) {
	var out struct {
		StatusCode int
		Body       string
	}
	var body struct {
		Code int
		Data json.RawMessage
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	if err := json.Unmarshal([]byte(out.Body), &body); err != nil {
		panic(err)
	}
	a.status, a.code = out.StatusCode, body.Code
	if a.status < 300 {
		if err := json.Unmarshal(body.Data, &a.order); err != nil {
			panic(err)
		}
	}
	return a
}

// insist repeats a call after a 5xx, as the contract asks, as long as the client's patience lasts (0: for ever).
func (c *client) insist(tries int, route door.Route, id, body string) answer {
	pause := time.Second
	for n := 1; ; n++ {
		a := c.call(route, id, body)
		if a.status < 500 || n == tries || c.w.Wrong != "" {
			return a
		}
		c.w.park(time.Now().Add(pause), c.name)
		pause = min(2*pause, time.Minute)
	}
}

func (c *client) place(a action) {
	var dates []string
	for _, s := range a.slots {
		f := strings.Fields(s)
		dates = append(dates, fmt.Sprintf(`{"date":%q,"start_time":%q,"end_time":%q}`, f[0], f[1], f[2]))
	}
	body := fmt.Sprintf(`{"order_id":%q,"park_sn":%q,"car_plate_no":%q,"dates":[%s]}`, a.id, a.park, a.plate, strings.Join(dates, ","))
	got := c.insist(a.tries, door.Route{Method: "POST", Path: "/app/orders"}, "", body)
	if got.status == 200 || got.status == 201 {
		c.w.placed(a, got)
		c.look(a.id)
	}
}

func (c *client) cancel(a action) {
	c.w.orderRecord(a.id).cancelTried = true
	got := c.insist(a.tries, door.Route{Method: "DELETE", Path: "/app/orders/{order_id}"}, a.id, "")
	if got.status == 200 {
		c.w.orderRecord(a.id).cancelled = true
		c.w.truth(got.order)
	}
}

func (c *client) push(a action) {
	c.insist(a.tries, door.Route{Method: "POST", Path: "/app/orders/{order_id}/push"}, a.id, "")
}

// look reads an order and holds it against what happened.
func (c *client) look(id string) {
	known := c.w.orderRecord(id).acknowledged != nil
	got := c.insist(4, door.Route{Method: "GET", Path: "/app/orders/{order_id}"}, id, "")
	switch {
	case got.status == 200:
		c.w.truth(got.order)
	case known && got.status < 500:
		c.w.wrong("order %s was acknowledged, and is not found: %d %d", id, got.status, got.code)
	}
}
