package lambdahost

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// runtimeAPI is the Lambda Runtime API, once for each instance: the functions get
// AWS_LAMBDA_RUNTIME_API=host:port/instances/<id>, so each call tells who calls.
func (h *Host) runtimeAPI() http.Handler {
	const base = "/instances/{instance}" + runtimeLevel
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", h.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { h.answer(w, r, false) })
	mux.HandleFunc("POST "+base+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { h.answer(w, r, true) })
	mux.HandleFunc("POST "+base+"init/error", h.initError)
	return mux
}

func (h *Host) instance(w http.ResponseWriter, r *http.Request) *instance {
	in := h.instances[r.PathValue("instance")]
	if in == nil {
		http.Error(w, `{"errorType":"InvalidInstance"}`, http.StatusForbidden)
	}
	return in
}

func (h *Host) next(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	in := h.instance(w, r)
	if in == nil {
		h.mu.Unlock()
		return
	}
	in.arrive()
	h.mu.Unlock()
	select {
	case inv := <-in.next:
		header := w.Header()
		header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+h.region+":000000000000:function:"+in.pool.function.Name)
		header.Set("Lambda-Runtime-Trace-Id", traceID(inv))
		header.Set("Content-Type", "application/json")
		_, _ = w.Write(inv.payload) // if the process is gone, its end answers the invocation
	case <-in.gone:
	case <-r.Context().Done():
	}
}

func traceID(inv *invocation) string {
	return fmt.Sprintf("Root=1-%08x-%s;Parent=0000000000000000;Sampled=0", time.Now().Unix(), inv.id[:8]+inv.id[9:13]+inv.id[24:])
}

func (h *Host) answer(w http.ResponseWriter, r *http.Request, failed bool) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, responseMax+1))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) || len(payload) > responseMax {
		_, _ = io.Copy(io.Discard, r.Body) // what is over the limit goes unread
		payload, failed = []byte(`{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`), true
		err = nil
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	in := h.instance(w, r)
	if in == nil {
		return
	}
	if !in.finish(r.PathValue("id"), payload, failed) {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func (h *Host) initError(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, responseMax))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if in := h.instance(w, r); in != nil {
		in.report, in.failure = payload, "init failed: "+string(payload)
		w.WriteHeader(http.StatusAccepted)
	}
}

// lineLog writes whole lines, each with the name of the function that said it in front.
type lineLog struct {
	mu      sync.Mutex
	w       io.Writer
	writers []*lineWriter
}

func (l *lineLog) printf(label, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w != nil {
		fmt.Fprintf(l.w, "%-17s | "+format+"\n", append([]any{label}, args...)...)
	}
}

func (l *lineLog) writer(label string) io.Writer {
	w := &lineWriter{log: l, label: label}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writers = append(l.writers, w)
	return w
}

// flush writes what the processes left without an end of line.
func (l *lineLog) flush() {
	l.mu.Lock()
	writers := l.writers
	l.mu.Unlock()
	for _, w := range writers {
		w.mu.Lock()
		if len(w.rest) > 0 {
			l.printf(w.label, "%s", w.rest)
			w.rest = nil
		}
		w.mu.Unlock()
	}
}

type lineWriter struct {
	log   *lineLog
	label string
	mu    sync.Mutex
	rest  []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, b...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			w.rest = append([]byte(nil), line...)
			return len(b), nil
		}
		w.log.printf(w.label, "%s", line)
		w.rest = rest
	}
}
