// Package reference writes the same functions the ordinary way: config.LoadDefaultConfig, attributevalue, encoding/json, one item per date,
// pages by offset. It is what `make bench` holds ours against. README.md says what it lacks.
package reference

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

// apiError is an error that the caller of the API is told.
type apiError struct {
	status, code int
	msg          string
	fields       []lease.FieldError
}

func (e *apiError) Error() string { return e.msg }

var (
	errUnreadable   = &apiError{status: http.StatusBadRequest, code: 40001, msg: "body unreadable"}
	errParkUnknown  = &apiError{status: http.StatusNotFound, code: 40401, msg: "park_sn unknown"}
	errOrderDiffers = &apiError{status: http.StatusConflict, code: 40901, msg: "order_id exists with other content"}
	errTooLarge     = &apiError{status: http.StatusRequestEntityTooLarge, code: 41301, msg: "body over 256 KiB"}
	errNonceUsed    = &apiError{status: http.StatusUnauthorized, code: 40105, msg: "nonce was used before"}
)

const maxBody = 256 << 10

// envelope is the body of every answer.
type envelope struct {
	Code       int                `json:"code"`
	Msg        string             `json:"msg"`
	Data       any                `json:"data"`
	Errors     []lease.FieldError `json:"errors,omitempty"`
	Page       *int               `json:"page,omitempty"`
	Limit      *int               `json:"limit,omitempty"`
	HasMore    *bool              `json:"has_more,omitempty"`
	NextCursor *string            `json:"next_cursor,omitempty"`
	RequestID  string             `json:"request_id"`
}

type httpHandler func(ctx context.Context, r *events.APIGatewayV2HTTPRequest, body []byte) (int, envelope, error)

// Gateway is a function behind API Gateway. Signed functions verify Tongli's signature first.
type Gateway struct {
	handle  httpHandler
	signed  bool
	AppID   string
	Secrets *Secret
	Store   *Store
}

// Handle answers a request of an HTTP API.
func (g *Gateway) Handle(ctx context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	status, answer, err := g.serve(ctx, &r)
	if err != nil {
		var api *apiError
		if !errors.As(err, &api) {
			slog.ErrorContext(ctx, "request failed", "request_id", r.RequestContext.RequestID, "error", err)
			api = &apiError{status: http.StatusServiceUnavailable, code: 50301, msg: "storage cannot be reached, try again"}
		}
		status, answer = api.status, envelope{Code: api.code, Msg: api.msg, Errors: api.fields}
	}
	answer.RequestID = r.RequestContext.RequestID
	body, err := json.Marshal(answer)
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	slog.InfoContext(ctx, "request", "request_id", answer.RequestID, "route", r.RouteKey, "status", status, "code", answer.Code)
	return events.APIGatewayV2HTTPResponse{StatusCode: status, Headers: map[string]string{"content-type": "application/json; charset=utf-8"}, Body: string(body)}, nil
}

func (g *Gateway) serve(ctx context.Context, r *events.APIGatewayV2HTTPRequest) (int, envelope, error) {
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			return 0, envelope{}, errUnreadable
		}
	}
	if len(body) > maxBody {
		return 0, envelope{}, errTooLarge
	}
	if g.signed {
		if err := g.verify(ctx, r, body); err != nil {
			return 0, envelope{}, err
		}
	}
	return g.handle(ctx, r, body)
}

func (g *Gateway) verify(ctx context.Context, r *events.APIGatewayV2HTTPRequest, body []byte) error {
	params, err := signature.ParseQuery(r.RawQueryString)
	if err != nil {
		return &apiError{status: http.StatusUnauthorized, code: 40101, msg: err.Error()}
	}
	secrets, err := g.Secrets.Live(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	common, err := signature.Verify(r.RequestContext.HTTP.Method, r.RawPath, params, body, g.AppID, secrets, now)
	if err != nil {
		code := 40101
		for sentinel, c := range map[error]int{signature.ErrAppUnknown: 40102, signature.ErrWrong: 40103, signature.ErrTimestamp: 40104} {
			if errors.Is(err, sentinel) {
				code = c
			}
		}
		return &apiError{status: http.StatusUnauthorized, code: code, msg: err.Error()}
	}
	return g.Store.ClaimNonce(ctx, common.AppID, common.Nonce, now.Add(signature.NonceLife))
}
