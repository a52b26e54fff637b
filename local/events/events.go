// Package events reads the committed events of events/, which `sam local invoke`, `make event` and the
// tests send to the functions. A signature lives for 300 seconds and dates pass, so what ages is written
// as a placeholder and filled in when the event is read:
//
//	__TIMESTAMP__  __TIMESTAMP-400__   unix seconds, with an offset in seconds
//	__DATE__  __DATE+3__               a date in Asia/Shanghai, with an offset in days
//	__NONCE__                          a fresh nonce
//	__SIGN__                           the signature over the event's method, path, query and body
package events

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

// Secret signs both directions locally; never in production.
const Secret = "demo-secret-not-for-production"

var (
	timestamps = regexp.MustCompile(`__TIMESTAMP([+-][0-9]+)?__`)
	dates      = regexp.MustCompile(`__DATE([+-][0-9]+)?__`)
)

// Load reads dir/<name>.json, such as lease-park/new-park, and fills it in as of now.
func Load(dir, name string, now time.Time) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)+".json"))
	if err != nil {
		names, _ := Names(dir) // of help only
		return nil, fmt.Errorf("there is no event %q; there are: %s", name, strings.Join(names, ", "))
	}
	event, err := Fill(raw, now)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", name, err)
	}
	return event, nil
}

// Names lists the events of a folder, sorted, without the expected answers.
func Names(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.ToSlash(strings.TrimPrefix(file, filepath.Clean(dir)+string(filepath.Separator))), ".json")
		if !strings.HasSuffix(name, ".expected") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Fill replaces the placeholders; every other byte stays as it is. An event without one passes unchanged.
func Fill(raw []byte, now time.Time) ([]byte, error) {
	text := string(raw)
	text = replace(timestamps, text, func(offset int) string { return strconv.FormatInt(now.Unix()+int64(offset), 10) })
	text = replace(dates, text, func(offset int) string { return (lease.DateOf(now) + lease.Date(offset)).String() })
	text = strings.ReplaceAll(text, "__NONCE__", signature.NewNonce())
	if !strings.Contains(text, "__SIGN__") {
		return []byte(text), nil
	}
	sign, err := signatureOf([]byte(text))
	if err != nil {
		return nil, err
	}
	return []byte(strings.ReplaceAll(text, "__SIGN__", sign)), nil
}

func replace(pattern *regexp.Regexp, text string, value func(offset int) string) string {
	return pattern.ReplaceAllStringFunc(text, func(match string) string {
		offset, _ := strconv.Atoi(pattern.FindStringSubmatch(match)[1]) // absent is 0
		return value(offset)
	})
}

func signatureOf(event []byte) (string, error) {
	var e struct {
		RawPath         string `json:"rawPath"`
		RawQueryString  string `json:"rawQueryString"`
		Body            string `json:"body"`
		IsBase64Encoded bool   `json:"isBase64Encoded"`
		RequestContext  struct {
			HTTP struct {
				Method string `json:"method"`
			} `json:"http"`
		} `json:"requestContext"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return "", err
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			return "", err
		}
		body = decoded
	}
	params, err := signature.ParseQuery(e.RawQueryString)
	if err != nil {
		return "", err
	}
	return signature.Sign(Secret, signature.StringToSign(e.RequestContext.HTTP.Method, e.RawPath, params, body)), nil
}
