// Package door is the way in for the HTTP functions: it makes the contract's checks in the contract's order (size, route,
// method, common parameters, timestamp, app_id, signature, nonce, body), calls the handler, and answers and logs once.
package door

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
	"lease-gateway/shared/signature"
)

// budget bounds a request, so that storage that cannot be reached is answered as 50301 long before
// API Gateway gives up and answers in its own words.
const budget = 9 * time.Second

// Route is a method and a path as the contract and the template name them.
type Route struct{ Method, Path string }

// Routes are all that there are; template.yaml and docs/openapi.yaml are tested to equal them.
var Routes = []Route{
	{"POST", "/lease/park"},
	{"GET", "/lease/order"}, {"POST", "/lease/order"},
	{"POST", "/app/orders"},
	{"GET", "/app/orders/{order_id}"}, {"DELETE", "/app/orders/{order_id}"},
	{"POST", "/app/orders/{order_id}/push"},
	{"GET", "/app/park"}, {"GET", "/app/parks"}, {"GET", "/app/quote"},
}

// Request is what a handler sees of a call that was let in.
type Request struct {
	Route     Route
	ID        string
	Now       time.Time
	OrderID   string           // of the path
	Fields    *envelope.Fields // the body's parameters of a POST, the query's of a GET
	Common    signature.Common // zero for the app's routes
	AcceptsGz bool
	caller    string // the app_id that we know, or the IAM identity that API Gateway let in
	attrs     []slog.Attr
}

// Log adds to the request's one log line.
func (r *Request) Log(key string, value any) { r.attrs = append(r.attrs, slog.Any(key, value)) }

// LogPlate adds a plate, masked.
func (r *Request) LogPlate(p lease.Plate) {
	if p != "" {
		r.Log("plate", p.Masked())
	}
}

// Handle answers one request; its error is turned into an answer by the table in shared/envelope.
type Handle func(context.Context, *Request) (envelope.Answer, error)

type nonces interface {
	ClaimNonce(ctx context.Context, appID, nonce, token string, life time.Duration, now time.Time) error
}

// Secrets are the secrets of a direction. fresh asks for them anew, since a signature was wrong; the provider bounds how often.
type Secrets interface {
	Live(ctx context.Context, fresh bool) ([]string, error)
}

// Signed says whose signature is asked for; nil for routes that API Gateway guards.
type Signed struct {
	AppID   string
	Secrets Secrets
	Nonces  nonces
}

// Door is one HTTP function.
type Door struct {
	Signed *Signed
	Handle Handle
	Now    func() time.Time
	Logger *slog.Logger
	Units  func() leasestore.Units // what storage has cost since the start; nil: nothing
}

// Invoke implements lambda.Handler. A payload that is no HTTP API event is an error of the
// function, in words; everything else is an answer.
func (d *Door) Invoke(ctx context.Context, payload []byte) (out []byte, err error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("not an HTTP API event (payload 2.0): %w", err)
	}
	if e.RequestContext.HTTP.Method == "" || e.RawPath == "" {
		return nil, errors.New("not an HTTP API event (payload 2.0): requestContext.http.method and rawPath are required")
	}
	start := d.Now()
	req := &Request{ID: e.RequestContext.RequestID, Now: start, Route: Route{Method: e.RequestContext.HTTP.Method}, OrderID: e.PathParameters["order_id"],
		caller: e.RequestContext.Authorizer.IAM.UserARN}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	var before leasestore.Units
	if d.Units != nil {
		before = d.Units()
	}
	answer, err := d.enter(ctx, &e, req)
	code, status := 0, answer.Status
	if err == nil {
		out, err = answer.Append(make([]byte, 0, 512), req.ID, req.AcceptsGz)
	}
	if err != nil {
		fault, body := envelope.ErrorBody(err, req.ID, start)
		code, status = fault.Code, fault.Status
		var headers map[string]string
		if code == 40500 {
			headers = map[string]string{"allow": strings.Join(methodsOf(req.Route.Path), ", ")}
		}
		out = envelope.AppendResponse(nil, status, headers, body)
	}
	d.log(ctx, req, code, max(status, 200), err, d.Now().Sub(start), before)
	return out, nil
}

func (d *Door) enter(ctx context.Context, e *event, req *Request) (answer envelope.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.Logger.ErrorContext(ctx, "panic", "api_request_id", req.ID, "panic", d.concealer(ctx)(fmt.Sprint(p)), "stack", string(debug.Stack()))
			err = errors.New("panic in the handler")
		}
	}()
	req.Route.Path = path(e)
	body, undecodable, err := bodyOf(e)
	if err != nil {
		return answer, err
	}
	if len(methodsOf(req.Route.Path)) == 0 {
		return answer, envelope.ErrRoute
	}
	if !slices.Contains(methodsOf(req.Route.Path), req.Route.Method) || d.Handle == nil {
		return answer, envelope.ErrMethod
	}
	params, err := signature.ParseQuery(e.RawQueryString)
	if d.Signed != nil {
		if err != nil {
			return answer, &signature.Malformed{Name: "query", Reason: "has an escape that is not valid or not UTF-8"}
		}
		if err := d.verify(ctx, req, params, body); err != nil {
			return answer, err
		}
	} else if err != nil {
		return answer, fmt.Errorf("%w: query: an escape is not valid, or not UTF-8", envelope.ErrUnreadable)
	}
	for name, value := range e.Headers {
		if strings.EqualFold(name, "accept-encoding") {
			req.AcceptsGz = acceptsGzip(value)
		}
	}
	value, err := parameters(req, e, params, body, undecodable)
	if err != nil {
		return answer, err
	}
	req.Fields = envelope.Read(value)
	return d.Handle(ctx, req)
}

// parameters are read from the body of a POST and from the query of a GET, and only there.
func parameters(req *Request, e *event, params []signature.Param, body []byte, undecodable bool) (envelope.Value, error) {
	if req.Route.Method == "GET" {
		return envelope.DecodeParams(params)
	}
	if req.Route.Method != "POST" || strings.HasSuffix(req.Route.Path, "/push") {
		return envelope.Value{}, nil
	}
	if undecodable {
		return envelope.Value{}, fmt.Errorf("%w: base64", envelope.ErrUnreadable)
	}
	contentType := ""
	for name, value := range e.Headers {
		if strings.EqualFold(name, "content-type") {
			contentType = value
		}
	}
	return envelope.DecodeBody(contentType, body)
}

// verify checks the signature, reading the secrets anew once where it is wrong: they may have been rotated.
// The nonce is claimed last.
func (d *Door) verify(ctx context.Context, req *Request, params []signature.Param, body []byte) error {
	var err error
	for _, fresh := range []bool{false, true} {
		secrets, serr := d.Signed.Secrets.Live(ctx, fresh)
		if req.Common, err = signature.Verify(req.Route.Method, req.Route.Path, params, body, d.Signed.AppID, secrets, req.Now); !errors.Is(err, signature.ErrWrong) {
			break
		}
		if serr != nil { // what comes before the signature needs no secret
			return fmt.Errorf("%w: secrets: %w", lease.ErrUnavailable, serr)
		}
	}
	if req.Common.AppID == d.Signed.AppID {
		req.caller = d.Signed.AppID
	}
	if err != nil {
		return err
	}
	return d.Signed.Nonces.ClaimNonce(ctx, req.Common.AppID, req.Common.Nonce, req.ID+signature.NewNonce(), req.Common.NonceLife(req.Now), req.Now)
}
