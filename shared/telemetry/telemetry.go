// Package telemetry is what the functions tell the people who run them: JSON log lines in Lambda's shape, and metrics as
// CloudWatch EMF lines. Secrets never reach it. Plates are masked by whoever logs them, and once more on the way out.
package telemetry

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"time"

	"lease-gateway/shared/lease"
)

// Namespace of all metrics.
const Namespace = "LeaseGateway"

// Logger writes JSON lines to standard output, each with the function's name.
func Logger(function string) *slog.Logger { return NewLogger(os.Stdout, function) }

// NewLogger is Logger to any writer.
func NewLogger(w io.Writer, function string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(masked{w}, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			a.Key = "timestamp"
		} else if len(groups) == 0 && a.Key == slog.MessageKey {
			a.Key = "message"
		}
		return a
	}})).With("function", function)
}

// masked lets no plate through, wherever in a line it stands: in what a caller sent, in an answer of Tongli's, in an error.
type masked struct{ io.Writer }

func (m masked) Write(line []byte) (int, error) {
	if _, err := io.WriteString(m.Writer, lease.MaskPlates(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Metrics writes EMF lines with the one dimension Stage.
type Metrics struct {
	Out   io.Writer
	Stage string
	Now   func() time.Time
}

// Metric is one value; Unit is CloudWatch's (Count, Seconds, Milliseconds, Percent).
type Metric struct {
	Name, Unit string
	Value      float64
}

// Emit writes all values as one line. A nil Metrics writes nothing.
func (m *Metrics) Emit(values ...Metric) {
	if m == nil || len(values) == 0 {
		return
	}
	type definition struct{ Name, Unit string }
	definitions := make([]definition, len(values))
	line := map[string]any{"Stage": m.Stage}
	for i, v := range values {
		definitions[i] = definition{v.Name, v.Unit}
		line[v.Name] = v.Value
	}
	line["_aws"] = map[string]any{"Timestamp": m.Now().UnixMilli(), "CloudWatchMetrics": []any{map[string]any{
		"Namespace": Namespace, "Dimensions": [][]string{{"Stage"}}, "Metrics": definitions}}}
	raw, err := json.Marshal(line)
	if err != nil {
		return // a NaN: a metric is never worth an order
	}
	_, _ = m.Out.Write(append(raw, '\n'))
}
