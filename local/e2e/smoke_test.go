package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"lease-gateway/local/smoke"
	"lease-gateway/local/stack"
	"lease-gateway/local/tonglisim"
)

// TestSmoke: the smoke test passes on a good stage, and says what is off on a bad one. AWS's authorizer stands in front, which
// the local gateway leaves out.
func TestSmoke(t *testing.T) {
	s := start(t, stack.Options{SweepEvery: time.Second})
	backend := aws.Credentials{AccessKeyID: "AKIDAPP", SecretAccessKey: "app", SessionToken: "session"}
	aws := httptest.NewServer(authorizer(t, s.URL, backend))
	defer aws.Close()
	good := smoke.Options{URL: aws.URL, AppID: stack.InboundAppID, Secret: stack.Secret, Park: "SMOKE", Plate: "苏E00000", PushPark: true,
		Region: "cn-north-1", Credentials: &backend, Wait: 20 * time.Second, Say: t.Logf}
	if err := smoke.Run(t.Context(), good); err != nil {
		t.Fatalf("a good stage: %v", err)
	}
	good.PushPark = false
	if err := smoke.Run(t.Context(), good); err != nil {
		t.Fatalf("a good stage, a second time: %v", err)
	}
	other := backend
	other.SecretAccessKey = "other"
	for _, c := range []struct {
		name, want string
		change     func(o *smoke.Options)
	}{
		{"wrong secret", "neither `current` nor `previous`", func(o *smoke.Options) { o.Secret = "wrong" }},
		{"wrong app_id", "TongliInboundAppId", func(o *smoke.Options) { o.AppID = "stranger" }},
		{"unknown park", "does not hold park NONE", func(o *smoke.Options) { o.Park = "NONE" }},
		{"credentials of somebody else", "does not accept the credentials", func(o *smoke.Options) { o.Credentials = &other }},
		{"no authorizer", "anyone could place orders", func(o *smoke.Options) { o.URL = s.URL }},
		{"another server", "output ApiUrl", func(o *smoke.Options) { o.URL = s.TongliURL }},
		{"nobody there", "step 1", func(o *smoke.Options) { o.URL = "http://127.0.0.1:1" }},
		{"a plate that is none", "car_plate_no", func(o *smoke.Options) { o.Plate = "E00000" }},
	} {
		o := good
		c.change(&o)
		if err := smoke.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, got %v", c.name, c.want, err)
		} else if strings.Contains(err.Error(), "sign=") {
			t.Errorf("%s: the sign is told: %v", c.name, err)
		}
	}

	// What Tongli refuses is told in its words, and the order does not stay.
	if err := s.Tongli.Fail(tonglisim.Fault{Interface: "SynLeaseOrder", Kind: "code", Code: 42202, Calls: 1}); err != nil {
		t.Fatal(err)
	}
	err := smoke.Run(t.Context(), good)
	if err == nil || !strings.Contains(err.Error(), "refused after 1 attempts") || !strings.Contains(err.Error(), "has been cancelled") {
		t.Errorf("Tongli refuses: %v", err)
	}
	if list := tongli(t, s, "GET", "/lease/order", "park_sn=SMOKE", ""); string(list.Data) != "[]" {
		t.Errorf("orders are left: %s", list.Raw)
	}
}

// authorizer refuses calls of /app/ that are not signed with the credentials, as AWS_IAM does: it signs them again and compares.
func authorizer(t *testing.T, target string, c aws.Credentials) http.Handler {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	behind := httputil.NewSingleHostReverseProxy(to)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/app/") {
			behind.ServeHTTP(w, r)
			return
		}
		at, _ := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date")) // unsigned calls have none
		again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), nil)
		if err != nil {
			t.Error(err)
		}
		again.ContentLength = r.ContentLength
		if v := r.Header.Get("Content-Type"); v != "" {
			again.Header.Set("Content-Type", v)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		hash := sha256.Sum256(body)
		if err := v4.NewSigner().SignHTTP(r.Context(), c, again, hex.EncodeToString(hash[:]), "execute-api", "cn-north-1", at); err != nil {
			t.Error(err)
		}
		if r.Header.Get("Authorization") != again.Header.Get("Authorization") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"message":"Forbidden"}`))
			return
		}
		behind.ServeHTTP(w, r)
	})
}
