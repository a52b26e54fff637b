package door

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"lease-gateway/shared/envelope"
	"lease-gateway/shared/leasestore"
)

// log writes the request's one line. Of what the caller sent it holds only what was understood: a path and a method that exist, and
// what the handler has read; secrets are taken out even of those.
func (d *Door) log(ctx context.Context, req *Request, code, status int, err error, took time.Duration, before leasestore.Units) {
	level, method, path := slog.LevelInfo, req.Route.Method, req.Route.Path
	if len(methodsOf(path)) == 0 {
		path = "(unknown)"
	}
	if !slices.Contains(methods, method) {
		method = "(other)"
	}
	attrs := append([]slog.Attr{slog.String("api_request_id", req.ID), slog.String("method", method), slog.String("path", path), slog.String("caller", req.caller),
		slog.Int("status", status), slog.Int("code", code), slog.String("verdict", verdict(err)), slog.Int64("ms", took.Milliseconds())}, req.attrs...)
	if d.Units != nil {
		after := d.Units()
		attrs = append(attrs, slog.Float64("read_units", after.Read-before.Read), slog.Float64("write_units", after.Write-before.Write))
	}
	if status >= 500 {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	conceal := d.concealer(ctx)
	for i, a := range attrs {
		if a.Value.Kind() == slog.KindString {
			attrs[i].Value = slog.StringValue(conceal(a.Value.String()))
		}
	}
	d.Logger.LogAttrs(ctx, level, "request", attrs...)
}

// methods are those that a log line names.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// concealer takes the live secrets out of a text.
func (d *Door) concealer(ctx context.Context) func(string) string {
	if d.Signed == nil {
		return func(s string) string { return s }
	}
	live, err := d.Signed.Secrets.Live(ctx, false) // cached; none could be read: none is known here
	return func(s string) string {
		for _, secret := range live {
			if err == nil && secret != "" {
				s = strings.ReplaceAll(s, secret, "(secret)")
			}
		}
		return s
	}
}

// verdict names what was wrong without repeating what the caller sent.
func verdict(err error) string {
	var parameters *envelope.ParameterError
	var twice *envelope.Twice
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &twice):
		return envelope.ErrUnreadable.Error() + ": a name is given twice"
	case errors.As(err, &parameters):
		names := make([]string, len(parameters.Fields))
		for i, f := range parameters.Fields {
			names[i] = f.Field
		}
		return "bad: " + strings.Join(names, " ")
	}
	return envelope.FaultOf(err).Msg
}
