package reference

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lease-gateway/shared/signature"
)

// wire answers each operation with the same bytes, so that what is counted is the handler with the SDK's real client.
type wire map[string][]byte

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body := w[operation]
	if body == nil {
		body = []byte(`{}`)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

// BenchmarkThousandRows is the counterpart of ours (functions/lease-order/leaseorder): the same page through the whole function, event in, answer out.
func BenchmarkThousandRows(b *testing.B) {
	var items []map[string]any
	s := func(v string) map[string]string { return map[string]string{"S": v} }
	for i := range 1001 {
		plate, id, date := fmt.Sprintf("苏E%05d", i/5), fmt.Sprintf("A-20261201-%06d", i/5), fmt.Sprintf("2026-12-%02d", 1+i%5)
		items = append(items, map[string]any{"pk": s("ORDERS#P1"), "sk": s(plate + "#" + id + "#" + date + "#19:00"), "order_id": s(id), "car_plate_no": s(plate), "date": s(date),
			"start_time": s("19:00"), "end_time": s("06:30"), "order_ends_at": map[string]string{"N": "1796000000"}, "ttl": map[string]string{"N": "1796600000"}})
	}
	raw, err := json.Marshal(map[string]any{"Items": items, "Count": len(items), "ScannedCount": len(items)})
	if err != nil {
		b.Fatal(err)
	}
	client := dynamodb.New(dynamodb.Options{Region: "ap-east-1", HTTPClient: &http.Client{Transport: wire{"Query": raw}}, DisableValidateResponseChecksum: true,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	handler := lambda.NewHandler(LeaseOrder(&Gateway{Store: NewStore(client), AppID: "tongli", Secrets: FixedSecret("secret")}).Handle)
	query := signature.Query("tongli", "secret", "GET", "/lease/order", []signature.Param{{Name: "park_sn", Value: "P1"}}, nil, time.Now(), "")
	event, err := json.Marshal(map[string]any{"routeKey": "GET /lease/order", "rawPath": "/lease/order", "rawQueryString": query, "queryStringParameters": map[string]string{"park_sn": "P1"},
		"requestContext": map[string]any{"requestId": "r", "http": map[string]string{"method": "GET"}}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		out, err := handler.Invoke(context.Background(), event)
		if err != nil || strings.Count(string(out[len(out)-200:]), `has_more\":true`) != 1 {
			b.Fatal(err, string(out[max(0, len(out)-300):]))
		}
	}
}
