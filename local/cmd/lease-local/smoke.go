package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/caarlos0/env/v11"

	"lease-gateway/local/smoke"
	"lease-gateway/local/stack"
	"lease-gateway/shared/config"
	"lease-gateway/shared/secret"
)

// smokeSettings are the variables of `make smoke` (docs/deploy.md).
type smokeSettings struct {
	URL       string        `env:"URL,notEmpty"`
	Park      string        `env:"PARK,notEmpty"`
	Plate     string        `env:"PLATE" envDefault:"苏E00000"`
	PushPark  string        `env:"PUSH_PARK"`
	AppID     string        `env:"TONGLI_INBOUND_APP_ID"`
	Secret    string        `env:"TONGLI_INBOUND_SECRET"`
	SecretARN string        `env:"TONGLI_INBOUND_SECRET_ARN"`
	Wait      time.Duration `env:"WAIT" envDefault:"60s"`
}

// Host of an HTTP API, with its region; other hosts (a domain of one's own) leave that to AWS_REGION.
var executeAPI = regexp.MustCompile(`\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$`)

func smokeTest(ctx context.Context) error {
	v, err := env.ParseAs[smokeSettings]()
	if err != nil {
		return fmt.Errorf("make smoke URL=https://… PARK=…: %w", err)
	}
	u, err := url.Parse(v.URL)
	if err != nil || u.Host == "" || u.Path != "" && u.Path != "/" {
		return fmt.Errorf("URL must be the API's address with nothing after the host, not %q", v.URL)
	}
	o := smoke.Options{URL: v.URL, AppID: v.AppID, Secret: v.Secret, Park: v.Park, Plate: v.Plate, PushPark: v.PushPark == "yes", Wait: v.Wait, Say: say}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		if o.AppID == "" {
			o.AppID = stack.InboundAppID
		}
		if o.Secret == "" && v.SecretARN == "" {
			o.Secret = stack.Secret
		}
		say("a local stack: the app's routes are open there, so neither AWS's refusal nor its signature is tried")
	} else {
		if u.Scheme != "https" {
			return errors.New("URL must begin with https://: signed calls are worth stealing")
		}
		if o.Credentials, err = awsCredentials(ctx); err != nil {
			return err
		}
		if m := executeAPI.FindStringSubmatch(u.Hostname()); m != nil {
			_ = os.Setenv("AWS_REGION", m[1]) // fails for malformed names only
		}
		if o.Region = os.Getenv("AWS_REGION"); o.Region == "" {
			return errors.New("the region is not in the URL: set AWS_REGION")
		}
	}
	if o.AppID == "" {
		return errors.New("set TONGLI_INBOUND_APP_ID to the stage's parameter TongliInboundAppId")
	}
	switch {
	case o.Secret != "":
	case v.SecretARN == "":
		return errors.New("set TONGLI_INBOUND_SECRET_ARN to the stack's output TongliInboundSecretArn (or TONGLI_INBOUND_SECRET to the secret itself)")
	default:
		if o.Secret, err = secret.New(v.SecretARN).Current(ctx); err != nil {
			return fmt.Errorf("secret %s: %w", v.SecretARN, err)
		}
	}
	if err := smoke.Run(ctx, o); err != nil {
		return fmt.Errorf("smoke test FAILED: %w", err)
	}
	fmt.Println("smoke test passed: an order of " + o.Plate + " for " + o.Park + " reached Tongli and was cancelled again")
	return nil
}

// awsCredentials are those of the environment, else what the AWS CLI finds (profiles, SSO, roles); the environment has them afterwards.
func awsCredentials(ctx context.Context) (*aws.Credentials, error) {
	if os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		out, err := exec.CommandContext(ctx, "aws", "configure", "export-credentials", "--format", "process").Output()
		var c struct{ AccessKeyId, SecretAccessKey, SessionToken string }
		if err == nil {
			err = json.Unmarshal(out, &c)
		}
		if err != nil {
			return nil, fmt.Errorf("no AWS credentials: neither AWS_ACCESS_KEY_ID nor `aws configure export-credentials` gives some (%w)", err)
		}
		for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": c.AccessKeyId, "AWS_SECRET_ACCESS_KEY": c.SecretAccessKey, "AWS_SESSION_TOKEN": c.SessionToken} {
			_ = os.Setenv(name, value)
		}
	}
	c, err := config.AWS().Credentials.Retrieve(ctx)
	return &c, err
}
