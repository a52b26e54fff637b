package reference

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const secretLife = 5 * time.Minute

// Secret is a secret of Secrets Manager, {"current":"…","previous":"…"}, cached for minutes.
type Secret struct {
	client *secretsmanager.Client
	arn    string
	mu     sync.Mutex
	live   []string
	read   time.Time
}

// NewSecret names the secret that the variable holds the ARN of.
func NewSecret(cfg aws.Config, variable string) *Secret {
	return &Secret{client: secretsmanager.NewFromConfig(cfg), arn: os.Getenv(variable)}
}

// FixedSecret needs no Secrets Manager.
func FixedSecret(value string) *Secret {
	return &Secret{live: []string{value}, read: time.Now().Add(24 * time.Hour)}
}

// Live are the secrets that verify; the first one signs.
func (s *Secret) Live(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) < secretLife {
		return s.live, nil
	}
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.arn})
	if err != nil {
		return nil, err
	}
	var v struct{ Current, Previous string }
	if err := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &v); err != nil {
		return nil, err
	}
	s.live, s.read = []string{v.Current}, time.Now()
	if v.Previous != "" {
		s.live = append(s.live, v.Previous)
	}
	return s.live, nil
}
