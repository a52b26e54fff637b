package simulation

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"lease-gateway/functions/app-order/apporder"
	"lease-gateway/functions/whitelist-pusher/whitelistpusher"
	"lease-gateway/functions/whitelist-sweeper/whitelistsweeper"
	"lease-gateway/shared/door"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/pushqueue"
	"lease-gateway/shared/tongli"
	"lease-gateway/shared/whitelist"
)

// orders is what the three functions ask of the store.
type orders interface {
	Claimed(ctx context.Context, orderID string) (*lease.Content, error)
	Claim(ctx context.Context, c *lease.Content, token string) (*lease.Content, error)
	CreateOrder(ctx context.Context, o *lease.Order, token string) (*lease.Order, bool, error)
	OrderOf(ctx context.Context, c *lease.Content) (*lease.Order, error)
	SaveOrder(ctx context.Context, next, held *lease.Order) (*lease.Order, bool, error)
	ChangeOrder(ctx context.Context, o *lease.Order, change func(lease.Order) (lease.Order, bool)) (*lease.Order, error)
	PlateOrders(ctx context.Context, parkSN string, plate lease.Plate) ([]lease.Order, error)
	Park(ctx context.Context, sn string) (*lease.StoredPark, error)
	Breaker(ctx context.Context) (leasestore.Breaker, error)
	SaveBreaker(ctx context.Context, next, held leasestore.Breaker) (leasestore.Breaker, bool, error)
	DueOrders(ctx context.Context, until time.Time, limit int) ([]leasestore.Due, error)
	MoveDue(ctx context.Context, d leasestore.Due, to time.Time, sent bool) (*lease.Order, bool, error)
	RepushPosition(ctx context.Context) (leasestore.Repush, error)
	SaveRepush(ctx context.Context, next, held leasestore.Repush) (bool, error)
	LivePlates(ctx context.Context, parkSN, from string, limit int, now time.Time, visit func(parkSN string, plate lease.Plate, orderID string)) (string, error)
}

type sender interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

type gate interface {
	SyncWhitelist(ctx context.Context, parkSN string, plate lease.Plate, slots []lease.Slot) tongli.Outcome
}

// breaks changes the code in one way, between the handlers and what they stand on: this is how the mutations of the tests come in. Each
// is asked for every instance that is made; nil leaves it alone.
type breaks struct {
	name   string
	dynamo func(*instance, leasestore.Client) leasestore.Client
	store  func(*instance, orders) orders
	sender func(*instance, sender) sender
	gate   func(*instance, gate) gate
}

// wire builds what the functions' mains build, over the simulated surroundings.
func (w *World) wire() {
	w.app = &function{name: "app-order", limit: deployment().limit["app-order"], build: func(i *instance) {
		store, queue := w.surroundings(i)
		a := &apporder.Orders{Store: store, Queue: queue, Logger: w.logger(i)}
		d := &door.Door{Handle: a.Handle, Now: i.now, Logger: w.logger(i)}
		i.handle = func(ctx context.Context, payload any) (any, error) { return d.Invoke(ctx, payload.([]byte)) }
	}}
	w.pusher = &function{name: "pusher", limit: deployment().limit["whitelist-pusher"], build: func(i *instance) {
		store, _ := w.surroundings(i)
		var g gate = &tongli.Client{HTTP: &http.Client{Transport: w.tongli}, BaseURL: "http://tongli.test", AppID: "chejiajia-demo",
			Secret: func(context.Context) (string, error) { return "secret", nil }, Now: i.now}
		if b := w.o.Break; b != nil && b.gate != nil {
			g = b.gate(i, g)
		}
		p := &whitelistpusher.Pusher{Store: store, Tongli: g, Breaker: &whitelist.Breaker{Store: store, Now: i.now}, Now: i.now, Logger: w.logger(i),
			Wait: func(ctx context.Context, d time.Duration) error { return w.pause(ctx, d, "wait") }, Jitter: func() float64 { return float64(w.intn("jitter", 2001))/1000 - 1 }}
		i.handle = func(ctx context.Context, payload any) (any, error) {
			batch := payload.(events.SQSEvent)
			if i.modern {
				batch = modernBatch(batch)
			}
			return p.Handle(ctx, batch)
		}
	}}
	w.sweeper = &function{name: "sweeper", limit: deployment().limit["whitelist-sweeper"], build: func(i *instance) {
		store, queue := w.surroundings(i)
		s := &whitelistsweeper.Sweeper{Store: store, Queue: queue, Now: i.now, Logger: w.logger(i)}
		i.handle = func(ctx context.Context, payload any) (any, error) {
			return s.Handle(ctx, json.RawMessage(payload.(string)))
		}
	}}
	store := leasestore.Open(w.dynamo, tables)
	for _, sn := range parks {
		park := lease.StoredPark{Park: lease.Park{SN: sn, Name: sn, Start: 0, End: 1440, Deadline: lease.MustDate("2030-01-01")}, Version: 1}
		if _, ok, err := store.PutPark(context.Background(), &park, nil); err != nil || !ok {
			panic(err)
		}
	}
}

// surroundings are an instance's store and queue: the real code over faulty ways to the simulated services.
func (w *World) surroundings(i *instance) (orders, *pushqueue.Queue) {
	var client leasestore.Client = faultyDynamo{w, w.dynamo}
	var messages sender = faultyQueue{w}
	if i.modern {
		client, messages = modernDynamo{client}, modernSender{messages}
	}
	b := w.o.Break
	if b != nil && b.dynamo != nil {
		client = b.dynamo(i, client)
	}
	if b != nil && b.sender != nil {
		messages = b.sender(i, messages)
	}
	var store orders = leasestore.Open(client, tables)
	if b != nil && b.store != nil {
		store = b.store(i, store)
	}
	return store, &pushqueue.Queue{Client: messages, URL: "push.fifo"}
}

// logger reads the functions' log for what must never stand there: a panic.
func (w *World) logger(i *instance) *slog.Logger { return slog.New(listener{w, i}) }

type listener struct {
	w *World
	i *instance
}

func (l listener) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (l listener) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l listener) WithGroup(string) slog.Handler                    { return l }

func (l listener) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.Key + "=" + a.Value.String()
		return true
	})
	if strings.Contains(text, "panic") {
		l.w.wrong("%s panics: %s", l.i.label, text)
	}
	l.w.say("%s logs: %s", l.i.label, text)
	return nil
}
