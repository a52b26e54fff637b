// Package gateway is API Gateway's HTTP API in front of the local functions: payload format 2.0 in and
// out, the routes of the template, and API Gateway's own answers where it answers itself.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lease-gateway/local/lambdahost"
	"lease-gateway/local/template"
)

// Limits of an HTTP API.
const (
	BodyMax = 10 << 20         // bytes of a request
	Timeout = 30 * time.Second // of the integration
)

type invoker interface {
	Invoke(ctx context.Context, function string, payload []byte) (lambdahost.Result, error)
}

// Gateway routes requests to functions.
type Gateway struct {
	invoke   invoker
	routes   []route
	fallback string // the function of $default; empty: 404 by API Gateway
	now      func() time.Time
}

type route struct {
	template.Route
	function string
	segments []string // "{order_id}" is a variable
}

// New takes the routes from the template.
func New(t *template.Template, invoke invoker, now func() time.Time) *Gateway {
	g := &Gateway{invoke: invoke, now: now}
	for _, f := range t.Functions {
		for _, r := range f.Routes {
			if r.Path == "" {
				g.fallback = f.Name
				continue
			}
			g.routes = append(g.routes, route{Route: r, function: f.Name, segments: strings.Split(r.Path, "/")})
		}
	}
	// Literal segments go before variables, and a method of its own before ANY.
	slices.SortStableFunc(g.routes, func(a, b route) int {
		return strings.Count(a.Path, "{") - strings.Count(b.Path, "{") + 100*(bit(a.Method == "ANY")-bit(b.Method == "ANY"))
	})
	return g
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Server is an http.Server for handler whose timeouts cut off clients that send slowly or not at all.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, MaxHeaderBytes: 10240, DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: Timeout, WriteTimeout: 3 * Timeout, IdleTimeout: time.Minute,
	}
}

// match finds the route of a request. The path is compared segment by segment as it was sent, so that an
// escaped slash is part of a value; the values are decoded.
func (g *Gateway) match(method, escapedPath string) (function, key string, parameters map[string]string) {
	sent := strings.Split(escapedPath, "/")
	for _, r := range g.routes {
		if r.Method != method && r.Method != "ANY" || len(r.segments) != len(sent) {
			continue
		}
		if values, ok := r.values(sent); ok {
			return r.function, r.Key(), values
		}
	}
	return g.fallback, "$default", nil
}

func (r route) values(sent []string) (map[string]string, bool) {
	var values map[string]string
	for i, want := range r.segments {
		got, err := url.PathUnescape(sent[i])
		if err != nil {
			return nil, false
		}
		if name, ok := strings.CutPrefix(want, "{"); ok && got != "" {
			if values == nil {
				values = map[string]string{}
			}
			values[strings.TrimSuffix(name, "}")] = got
		} else if got != want {
			return nil, false
		}
	}
	return values, true
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := rand.Text()[:15] + "="
	w.Header().Set("Apigw-Requestid", requestID)
	if r.ContentLength > BodyMax {
		drain(r.Body)
		refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, BodyMax+1))
	if len(body) > BodyMax {
		drain(r.Body)
		refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if err != nil {
		status, text := http.StatusBadRequest, "Bad Request"
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			status, text = http.StatusRequestTimeout, "Request Timeout"
		}
		w.Header().Set("Connection", "close")
		refuse(w, status, text)
		return
	}
	if r.Method == http.MethodConnect {
		refuse(w, http.StatusBadRequest, "Bad Request")
		return
	}
	if r.URL.Path == "" { // of an absolute target
		r.URL.Path = "/"
	}
	function, key, parameters := g.match(r.Method, r.URL.EscapedPath())
	if function == "" {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	payload, err := json.Marshal(g.event(r, requestID, key, parameters, body))
	if err != nil {
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), Timeout)
	defer cancel()
	result, err := g.invoke.Invoke(ctx, function, payload)
	switch {
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
	case result.Error != "":
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
	default:
		respond(w, result.Payload)
	}
}

// drain reads on for a while, so that a client which is still sending sees the answer and not a reset.
func drain(r io.Reader) { _, _ = io.CopyN(io.Discard, r, 2*BodyMax) }

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, message)
}

// event is an APIGatewayV2HTTPRequest.
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"`
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func (g *Gateway) event(r *http.Request, requestID, key string, parameters map[string]string, body []byte) event {
	now := g.now().UTC()
	source, port, _ := net.SplitHostPort(r.RemoteAddr)
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	var cookies []string
	for _, line := range r.Header.Values("Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			cookies = append(cookies, strings.TrimSpace(cookie))
		}
	}
	delete(headers, "cookie")
	headers["host"] = r.Host
	headers["content-length"] = strconv.Itoa(len(body))
	headers["x-forwarded-for"] = strings.TrimPrefix(headers["x-forwarded-for"]+","+source, ",")
	headers["x-forwarded-port"] = port
	headers["x-forwarded-proto"] = "http"
	e := event{
		Version: "2.0", RouteKey: key, RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery, Cookies: cookies, Headers: headers,
		PathParameters: parameters,
		RequestContext: requestContext{
			AccountID: "000000000000", APIID: "local", DomainName: r.Host, DomainPrefix: "local",
			HTTP:      httpContext{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent()},
			RequestID: requestID, RouteKey: key, Stage: "$default",
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		},
	}
	if query := r.URL.Query(); len(query) > 0 {
		e.QueryStringParameters = make(map[string]string, len(query))
		for name, values := range query {
			e.QueryStringParameters[name] = strings.Join(values, ",")
		}
	}
	if e.IsBase64Encoded = len(body) > 0 && !isText(r.Header.Get("Content-Type"), body); e.IsBase64Encoded {
		e.Body = base64.StdEncoding.EncodeToString(body)
	} else {
		e.Body = string(body)
	}
	return e
}

// isText says which bodies API Gateway passes as text; a form is not among them.
func isText(contentType string, body []byte) bool {
	if !utf8.Valid(body) {
		return false
	}
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "" || strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml") || kind == "application/javascript"
}

// respond writes what the function answered. As API Gateway does, it takes JSON without a statusCode for
// the body of a 200.
func respond(w http.ResponseWriter, payload []byte) {
	if !json.Valid(payload) {
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	var answer struct {
		StatusCode      int             `json:"statusCode"`
		Headers         map[string]any  `json:"headers"`
		Cookies         []string        `json:"cookies"`
		Body            json.RawMessage `json:"body"`
		IsBase64Encoded bool            `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(payload, &answer); err != nil || answer.StatusCode == 0 {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(payload) // a client that is gone needs no answer
		return
	}
	var text string
	if len(answer.Body) > 0 && string(answer.Body) != "null" {
		if err := json.Unmarshal(answer.Body, &text); err != nil {
			text = string(answer.Body)
		}
	}
	body := []byte(text)
	if answer.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			refuse(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
		body = decoded
	}
	if answer.StatusCode < 200 || answer.StatusCode > 599 {
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	for name, value := range answer.Headers {
		if !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "Connection") {
			header.Set(name, fmt.Sprint(value))
		}
	}
	for _, cookie := range answer.Cookies {
		header.Add("Set-Cookie", cookie)
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
