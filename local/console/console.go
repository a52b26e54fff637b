// Package console is the local console: a page that shows what passes between the app, the gateway, the queue and Tongli, and that
// drives the local run. It exists with `make run` only; nothing of it is on AWS or on the API's port.
//
//	GET    /                        the page: embedded, no build step, works without a network
//	GET    /events                  what happens, as server-sent events; the latest 1,000 first
//	GET    /api/events/{id}         request, string to sign and answer of one
//	GET    /api/parks?q=            parks that we hold, and what the last poll changed
//	POST   /api/parks               pushes a park as Tongli does, signed
//	GET    /api/orders              live and recent orders with their whitelist state
//	POST   /api/orders, DELETE /api/orders/{id}, POST /api/orders/{id}/push    the app's own routes, through the gateway
//	GET    /api/quote               what a slot costs, likewise
//	GET    /api/queue               how many messages wait, are taken, are dead
//	GET    /api/tongli              whitelist beside our live orders, faults, breaker
//	POST   /api/faults, DELETE /api/faults    the simulator's
//	POST   /api/poll, /api/sweep    runs a scheduled function now and answers its report
package console

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lease-gateway/local/stack"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

//go:embed static
var static embed.FS

// The scheduled functions, by their folders.
const (
	poller  = "park-poller"
	sweeper = "whitelist-sweeper"
)

// Console is a stack.Observer; Handler is its page. Close ends its streams.
type Console struct {
	stream  *stream
	glances chan glance
	done    context.Context
	end     context.CancelFunc
	watcher sync.WaitGroup

	stack       *stack.Stack
	store       *leasestore.Store
	ordersTable string
	ownTongli   atomic.Bool // no simulator tells of the calls

	// of the watcher alone
	states      map[string]told
	parks       map[string]lease.StoredPark
	lastBreaker string
	lastDepth   Depth

	mu       sync.Mutex
	lastPoll *PollChanges
	folders  map[string]string // function name to folder
}

// New makes a console for stack.Options: Observer: c, Console: c.Pages, Log: c.Log(os.Stderr).
func New() *Console {
	c := &Console{
		// Ids go on from an earlier run's, so that a browser which comes back after a restart misses nothing.
		stream:  newStream(time.Now().UnixMilli()),
		glances: make(chan glance, glancesMax), states: map[string]told{}, folders: map[string]string{},
	}
	c.done, c.end = context.WithCancel(context.Background())
	return c
}

// Pages is the handler of CONSOLE_PORT for a stack that has started.
func (c *Console) Pages(s *stack.Stack) http.Handler {
	c.stack = s
	c.ownTongli.Store(s.Tongli == nil)
	tables := leasestore.Tables{}
	for _, t := range s.Template.Tables {
		name := *t.Create.TableName
		for suffix, into := range map[string]*string{"ParksTable": &tables.Parks, "OrdersTable": &tables.Orders, "ExpiringTable": &tables.Expiring} {
			if strings.HasSuffix(name, suffix) {
				*into = name
			}
		}
	}
	c.store, c.ordersTable = leasestore.Open(s.DynamoDB(), tables), tables.Orders
	c.mu.Lock()
	for _, f := range s.Template.Functions {
		c.folders[f.Name] = f.Folder
	}
	c.mu.Unlock()
	c.watcher.Go(c.watch)
	return &pages{Handler: c.routes(), console: c}
}

type pages struct {
	http.Handler
	console *Console
}

// Close ends the streams and the watcher.
func (p *pages) Close() error {
	p.console.end()
	p.console.stream.close()
	p.console.watcher.Wait()
	return nil
}

func (c *Console) folder(function string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.folders[function]; f != "" {
		return f
	}
	return function
}

func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	files, _ := fs.Sub(static, "static") // the name is right, or nothing is served at all
	mux.Handle("GET /", noStore(http.FileServerFS(files)))
	mux.Handle("GET /events", c.stream)
	mux.HandleFunc("GET /api/events/{id}", c.getEvent)
	mux.HandleFunc("GET /api/parks", c.getParks)
	mux.HandleFunc("POST /api/parks", c.postPark)
	mux.HandleFunc("GET /api/orders", c.getOrders)
	mux.HandleFunc("POST /api/orders", c.forward(http.MethodPost, func(*http.Request) string { return "/app/orders" }))
	mux.HandleFunc("DELETE /api/orders/{id}", c.forward(http.MethodDelete, orderPath))
	mux.HandleFunc("POST /api/orders/{id}/push", c.forward(http.MethodPost, func(r *http.Request) string { return orderPath(r) + "/push" }))
	mux.HandleFunc("GET /api/quote", c.forward(http.MethodGet, func(r *http.Request) string { return "/app/quote?" + r.URL.RawQuery }))
	mux.HandleFunc("GET /api/queue", c.getQueue)
	mux.HandleFunc("GET /api/tongli", c.getTongli)
	mux.HandleFunc("POST /api/faults", c.postFault)
	mux.HandleFunc("DELETE /api/faults", c.deleteFaults)
	mux.HandleFunc("POST /api/poll", func(w http.ResponseWriter, r *http.Request) { c.run(w, r, poller) })
	mux.HandleFunc("POST /api/sweep", func(w http.ResponseWriter, r *http.Request) { c.run(w, r, sweeper) })
	return mux
}

// noStore: after an update of the project the browser must not show yesterday's page.
func noStore(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		h.ServeHTTP(w, r)
	})
}

func write(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded"}`)
	}
	writeRaw(w, status, raw)
}

func writeRaw(w http.ResponseWriter, status int, raw []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(clean(string(raw)))) // a reader that is gone needs no answer
}

func fail(w http.ResponseWriter, status int, why string) {
	write(w, status, map[string]string{"error": why})
}
