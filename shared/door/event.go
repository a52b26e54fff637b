package door

import (
	"encoding/base64"
	"strings"

	"lease-gateway/shared/envelope"
)

// event is what of API Gateway's payload 2.0 is read.
type event struct {
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	PathParameters  map[string]string `json:"pathParameters"`
	RequestContext  struct {
		RequestID string `json:"requestId"`
		HTTP      struct {
			Method string `json:"method"`
		} `json:"http"`
		Authorizer struct {
			IAM struct {
				UserARN string `json:"userArn"`
			} `json:"iam"`
		} `json:"authorizer"`
	} `json:"requestContext"`
}

// bodyOf decodes the body and measures it, before any other work. Base64 that is none is taken as the bytes that were sent, and is
// unreadable in its turn: the checks of route and signature come first.
func bodyOf(e *event) (body []byte, undecodable bool, err error) {
	if !e.IsBase64Encoded {
		if len(e.Body) > envelope.MaxBody {
			return nil, false, envelope.ErrSize
		}
		return []byte(e.Body), false, nil
	}
	if base64.StdEncoding.DecodedLen(len(e.Body)) > envelope.MaxBody+2 { // two at most are padding
		return nil, false, envelope.ErrSize
	}
	if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
		body, undecodable = []byte(e.Body), true
	}
	if len(body) > envelope.MaxBody {
		return nil, false, envelope.ErrSize
	}
	return body, undecodable, nil
}

// path is the contract path: the one of the route where API Gateway matched one, whatever prefix the request came with.
func path(e *event) string {
	if _, p, ok := strings.Cut(e.RouteKey, " "); ok {
		return p
	}
	segments := strings.Split(e.RawPath, "/")
	for _, r := range Routes {
		want := strings.Split(r.Path, "/")
		matches := len(want) == len(segments)
		for i := 0; matches && i < len(want); i++ {
			matches = want[i] == segments[i] || strings.HasPrefix(want[i], "{") && segments[i] != ""
		}
		if matches {
			return r.Path
		}
	}
	return e.RawPath
}

func methodsOf(path string) []string {
	var methods []string
	for _, r := range Routes {
		if r.Path == path {
			methods = append(methods, r.Method)
		}
	}
	return methods
}

// acceptsGzip reads Accept-Encoding as far as needed: gzip named, and not with q=0.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(strings.ToLower(header), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == "gzip" {
			weight := strings.TrimPrefix(strings.TrimSpace(q), "q=")
			return strings.Trim(weight, "0.") != "" || weight == ""
		}
	}
	return false
}
