package console

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lease-gateway/local/stack"
)

// listen opens the stream over HTTP and returns what it sends.
func listen(t *testing.T, url, lastID string) (next func() (Event, bool)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // what never comes must fail, not hang
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("Content-Type %q", got)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func() (Event, bool) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: {\"id\""); ok {
				var e Event
				if err := json.Unmarshal([]byte(`{"id"`+data), &e); err != nil {
					t.Error(err)
				}
				return e, true
			}
		}
		return Event{}, false
	}
}

func TestStreamReplaysWhatWasMissed(t *testing.T) {
	s := newStream(100)
	server := httptest.NewServer(s)
	defer server.Close()
	defer s.close()
	for i := range eventsKept + 10 {
		s.publish(Event{Title: fmt.Sprint(i)})
	}
	if _, ok := s.find(109); ok || len(s.latest()) != eventsKept {
		t.Errorf("%d events are kept", len(s.latest()))
	}
	s.publish(Event{Title: "idle", Quiet: true})
	for _, c := range []struct {
		last  string
		first int64
	}{{"", 110}, {"nonsense", 110}, {"50", 110}, {"600", 601}} {
		next := listen(t, server.URL, c.last)
		if e, ok := next(); !ok || e.ID != c.first {
			t.Errorf("after %q the first is %d, want %d", c.last, e.ID, c.first)
		}
	}
	if e, ok := listen(t, server.URL+"?after=700", "")(); !ok || e.ID != 701 {
		t.Errorf("a page that was hidden gets %d, want 701", e.ID)
	}
	next := listen(t, server.URL, "1109")
	s.publish(Event{Title: "news"})
	if e, ok := next(); !ok || e.Title != "news" {
		t.Errorf("%+v: an idle tick is not replayed, and news comes", e)
	}
}

// However many come, the latest are kept and no more.
func TestStreamIsBounded(t *testing.T) {
	s := newStream(1)
	for range 5*eventsKept + 7 {
		s.publish(Event{})
	}
	kept := s.latest()
	if len(kept) != eventsKept || kept[0].ID != 4*eventsKept+8 || kept[eventsKept-1].ID != 5*eventsKept+7 || cap(s.kept) > 3*eventsKept {
		t.Errorf("%d kept from %d, room for %d", len(kept), kept[0].ID, cap(s.kept))
	}
}

// Without an open page the tables are left alone: a load test against make run measures the gateway.
func TestNobodyLooksNothingIsRead(t *testing.T) {
	c := New()
	c.look("P1", "苏E88888", "A")
	c.lookAtBreaker()
	c.lookAtPark("P1")
	if n := len(c.glances); n != 0 {
		t.Errorf("%d glances without a page", n)
	}
	_, page := c.stream.subscribe(0)
	defer c.stream.leave(page)
	c.look("P1", "苏E88888", "A")
	c.look("P1", "", "A")
	c.lookAtBreaker()
	if n := len(c.glances); n != 2 {
		t.Errorf("%d glances with a page, want 2", n)
	}
}

// With a Tongli of one's own there is nothing to make fail.
func TestNoSimulatorNoFaults(t *testing.T) {
	c := New()
	c.stack = &stack.Stack{}
	for method, handle := range map[string]http.HandlerFunc{"POST": c.postFault, "DELETE": c.deleteFaults} {
		w := httptest.NewRecorder()
		handle(w, httptest.NewRequest(method, "/api/faults", strings.NewReader(`{"kind":"drop"}`)))
		if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "TONGLI_BASE_URL") {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}

func TestStreamIsSafeAndOrdered(t *testing.T) {
	s := newStream(1)
	server := httptest.NewServer(s)
	defer server.Close()
	const readers, writers, each = 4, 4, 50
	var all sync.WaitGroup
	for range readers {
		next := listen(t, server.URL, "")
		all.Go(func() {
			last := int64(0)
			for range writers * each {
				e, ok := next()
				if !ok || e.ID <= last {
					t.Errorf("after %d came %d, %t", last, e.ID, ok)
					return
				}
				last = e.ID
			}
		})
	}
	for range writers {
		all.Go(func() {
			for range each {
				s.publish(Event{Title: "x"})
			}
		})
	}
	all.Wait()
	s.close()
}

// A reader that does not read is cut off; neither the publisher nor the other readers wait for it.
func TestStreamCutsOffSlowReaders(t *testing.T) {
	s := newStream(1)
	_, slow := s.subscribe(0)
	_, good := s.subscribe(0)
	for range subscriberMax + 1 {
		s.publish(Event{})
		<-good
	}
	for range subscriberMax {
		<-slow
	}
	select {
	case e, open := <-slow:
		if open {
			t.Errorf("the slow reader got %+v: more than its share", e)
		}
	default:
		t.Error("the slow reader was not cut off")
	}
	missed, again := s.subscribe(subscriberMax)
	if len(missed) != 1 || missed[0].ID != subscriberMax+1 {
		t.Errorf("it comes back and gets %d events", len(missed))
	}
	s.leave(again)
	s.leave(slow) // once more does no harm
	s.leave(good)
	if len(s.subs) != 0 {
		t.Errorf("%d subscribers are left", len(s.subs))
	}
}

func TestStreamEnds(t *testing.T) {
	s := newStream(1)
	server := httptest.NewServer(s)
	defer server.Close()
	next := listen(t, server.URL, "")
	s.publish(Event{Title: "last"})
	if e, _ := next(); e.Title != "last" {
		t.Errorf("%+v", e)
	}
	s.close()
	if e, ok := next(); ok {
		t.Errorf("after the end came %+v", e)
	}
	if e, ok := listen(t, server.URL, "1")(); ok {
		t.Errorf("who comes later gets %+v", e)
	}
}

// A browser that goes away leaves no subscriber behind.
func TestStreamForgetsReadersThatLeft(t *testing.T) {
	s := newStream(1)
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r); close(ended) }))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the handler goes on")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.subs) != 0 {
		t.Errorf("%d subscribers are left", len(s.subs))
	}
}

// What goes through the observer reaches the gateway, and comes back, byte for byte.
func TestObserverChangesNothing(t *testing.T) {
	big := strings.Repeat("x", 3*textMax)
	c := New()
	var got string
	api := httptest.NewServer(c.API(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = string(raw) + r.URL.RawQuery + r.Header.Get("X-One")
		w.Header().Set("X-Two", "2")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, big)
	})))
	defer api.Close()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, api.URL+"/app/orders/A%2FB/push?a=%20b", strings.NewReader(big))
	req.Header.Set("X-One", "1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusTeapot || resp.Header.Get("X-Two") != "2" || string(raw) != big || got != big+"a=%20b1" {
		t.Errorf("%d %v: %d bytes came back, %d went in", resp.StatusCode, err, len(raw), len(got))
	}
	events, _ := c.stream.subscribe(0)
	if len(events) != 1 || events[0].OrderID != "A" || events[0].OK || len(events[0].Request) > textMax+100 || len(events[0].Answer) > textMax+10 {
		t.Errorf("%d events: %.300v", len(events), events)
	}
}
