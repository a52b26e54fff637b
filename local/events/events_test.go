package events

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lease-gateway/shared/signature"
)

const event = `{"rawPath":"/lease/order","rawQueryString":"app_id=tongli-demo&timestamp=__TIMESTAMP__&nonce=__NONCE__&park_sn=a+b&sign=__SIGN__",
 "requestContext":{"http":{"method":"POST"}}, "body":"{\"date\": \"__DATE+1__\", \"old\":\"__DATE-30__\"}"}`

var now = time.Date(2026, 11, 24, 17, 30, 0, 0, time.UTC) // the 25th in Shanghai

func TestFill(t *testing.T) {
	filled, err := Fill([]byte(event), now)
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		RawQueryString string `json:"rawQueryString"`
		Body           string `json:"body"`
	}
	if err := json.Unmarshal(filled, &e); err != nil {
		t.Fatal(err)
	}
	if want := `{"date": "2026-11-26", "old":"2026-10-26"}`; e.Body != want {
		t.Errorf("body %s, want %s", e.Body, want)
	}
	query, err := url.ParseQuery(e.RawQueryString)
	if err != nil {
		t.Fatal(err)
	}
	params, err := signature.ParseQuery(e.RawQueryString)
	if err != nil {
		t.Fatal(err)
	}
	want := signature.Sign(Secret, signature.StringToSign("POST", "/lease/order", params, []byte(e.Body)))
	if query.Get("sign") != want || query.Get("timestamp") != "1795541400" || len(query.Get("nonce")) < 16 {
		t.Errorf("query %s, want sign %s", e.RawQueryString, want)
	}
}

func TestOffsetsAndUntouched(t *testing.T) {
	for in, want := range map[string]string{
		`{"t":"__TIMESTAMP-400__"}`: `{"t":"1795541000"}`,
		"{ \"records\" : [] }\n":    "{ \"records\" : [] }\n",
	} {
		got, err := Fill([]byte(in), now)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
}

func TestLoadNamesWhatThereIs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/good.json", "a/good.expected.json", "b/bad.json"} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := Load(dir, "b/bad", now); err != nil || string(got) != "{}" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := Load(dir, "a/none", now); err == nil || !strings.HasSuffix(err.Error(), "there are: a/good, b/bad") {
		t.Errorf("error %v", err)
	}
}
