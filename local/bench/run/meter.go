package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
)

// meter stands in front of DynamoDB and counts what is billed: it asks for the consumed capacity of each call, whoever makes it.
type meter struct {
	URL    string
	target string
	server *http.Server
	client *http.Client

	mu    sync.Mutex
	spent spent
}

// spent are billed units, and calls by operation and table ("PutItem ParksTable").
type spent struct {
	read, write float64
	calls       map[string]int
	reads       map[string]float64 // units by table ("OrdersTable")
}

func newMeter(target string) (*meter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.DisableCompression = 128, true
	m := &meter{URL: "http://" + l.Addr().String(), target: target, client: &http.Client{Transport: transport}, spent: spent{calls: map[string]int{}, reads: map[string]float64{}}}
	m.server = &http.Server{Handler: m}
	go func() { _ = m.server.Serve(l) }() // ends with Close
	return m, nil
}

func (m *meter) Close() { _ = m.server.Close() }

// now is what was spent so far.
func (m *meter) now() spent {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.spent
	s.calls, s.reads = maps.Clone(s.calls), maps.Clone(s.reads)
	return s
}

func (s spent) since(before spent) spent {
	d := spent{s.read - before.read, s.write - before.write, map[string]int{}, map[string]float64{}}
	for name, units := range s.reads {
		d.reads[name] = units - before.reads[name]
	}
	for name, n := range s.calls {
		if n -= before.calls[name]; n > 0 {
			d.calls[name] = n
		}
	}
	return d
}

func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	asked := body
	if billed[operation] && !bytes.Contains(body, []byte(`"ReturnConsumedCapacity"`)) {
		asked = append([]byte(`{"ReturnConsumedCapacity":"TOTAL",`), bytes.TrimPrefix(body, []byte("{"))...)
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, m.target+r.URL.RequestURI(), bytes.NewReader(asked))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	req.Header = r.Header.Clone()
	resp, err := m.client.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	m.count(operation, body, answer)
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer) // the caller may be gone
}

var billed = map[string]bool{"GetItem": true, "PutItem": true, "UpdateItem": true, "DeleteItem": true, "Query": true, "Scan": true, "BatchGetItem": true, "BatchWriteItem": true,
	"TransactWriteItems": true}

func (m *meter) count(operation string, body, answer []byte) {
	if !billed[operation] {
		return
	}
	units := consumed(answer)
	switch {
	case bytes.Contains(answer, []byte("ConditionalCheckFailedException")):
		units = 1 // a failed condition is billed as a write; no item of ours or the reference's has more than a kilobyte here
	case operation == "TransactWriteItems":
		units = transaction(body) // DynamoDB Local says 2 whatever the transaction is
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent.calls[operation+" "+tableOf(body)]++
	switch operation {
	case "GetItem", "Query", "Scan", "BatchGetItem":
		m.spent.read += units
		m.spent.reads[tableOf(body)] += units
	default:
		m.spent.write += units
	}
}

// tableOf is the last part of the first table that a request names, as the template calls it.
func tableOf(body []byte) string {
	_, rest, found := bytes.Cut(body, []byte(`"TableName":"`))
	if !found {
		return ""
	}
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(name[bytes.LastIndexByte(name, '-')+1:])
}

// consumed adds up the units of an answer, which stand at its end or its beginning.
func consumed(answer []byte) float64 {
	_, rest, found := bytes.Cut(answer, []byte(`"ConsumedCapacity":`))
	if !found {
		return 0
	}
	type capacity struct{ CapacityUnits float64 }
	var raw json.RawMessage
	if err := json.NewDecoder(bytes.NewReader(rest)).Decode(&raw); err != nil {
		return 0
	}
	var one capacity
	if json.Unmarshal(raw, &one) == nil {
		return one.CapacityUnits
	}
	var several []capacity // of a batch, by table
	_ = json.Unmarshal(raw, &several)
	for _, c := range several {
		one.CapacityUnits += c.CapacityUnits
	}
	return one.CapacityUnits
}

// transaction is what DynamoDB bills for one: two units for each kilobyte begun of each item.
func transaction(body []byte) float64 {
	var in struct {
		TransactItems []struct {
			Put struct{ Item map[string]attribute }
		}
	}
	if json.Unmarshal(body, &in) != nil {
		return 0
	}
	units := 0
	for _, i := range in.TransactItems {
		units += 2 * ((itemSize(i.Put.Item) + 1023) / 1024)
	}
	return float64(units)
}

// attribute is a value as DynamoDB's JSON has it, as far as it is written here.
type attribute struct {
	S, N, B *string
	BOOL    *bool
	M       map[string]attribute
	L       []attribute
}

// itemSize is the size by which DynamoDB bills.
func itemSize(item map[string]attribute) int {
	n := 0
	for name, value := range item {
		n += len(name) + value.size()
	}
	return n
}

func (a attribute) size() int {
	switch {
	case a.S != nil:
		return len(*a.S)
	case a.N != nil:
		return len(*a.N)/2 + 2
	case a.B != nil:
		return base64.StdEncoding.DecodedLen(len(*a.B))
	case a.M != nil:
		return 3 + len(a.M) + itemSize(a.M)
	case a.L != nil:
		n := 3
		for _, v := range a.L {
			n += 1 + v.size()
		}
		return n
	}
	return 1
}
