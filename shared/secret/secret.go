// Package secret gives the secrets of a direction out of Secrets Manager. It stands apart from config, so that only the
// functions that sign or verify carry the client for it.
package secret

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"lease-gateway/shared/config"
)

const (
	secretLife    = 5 * time.Minute // cached so long
	secretFreshly = time.Minute     // read again on a wrong signature at most so often
)

// Secret is one secret of Secrets Manager: {"current":"…","previous":"…"}, both live, current signs.
type Secret struct {
	fetch func(context.Context) (string, error)
	now   func() time.Time

	mu   sync.Mutex
	live []string
	read time.Time
}

// New names a secret; nothing is read yet.
func New(arn string) *Secret {
	client := secretsmanager.NewFromConfig(config.AWS())
	return From(func(ctx context.Context) (string, error) {
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.SecretString), nil
	}, time.Now)
}

// From reads the secret's JSON from fetch.
func From(fetch func(context.Context) (string, error), now func() time.Time) *Secret {
	return &Secret{fetch: fetch, now: now}
}

// Live returns the secrets that verify, the one that signs first. What was read is kept when reading it
// again fails: an outage of Secrets Manager shuts nobody out.
func (s *Secret) Live(ctx context.Context, fresh bool) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := s.now().Sub(s.read)
	if s.live != nil && age < secretLife && (!fresh || age < secretFreshly) {
		return s.live, nil
	}
	raw, err := s.fetch(ctx)
	if err == nil {
		var v struct{ Current, Previous string }
		if err = json.Unmarshal([]byte(raw), &v); err != nil || v.Current == "" {
			err = errors.New(`the secret is not {"current":"…","previous":"…"}`) // never its text
		} else {
			s.live = []string{v.Current}
			if v.Previous != "" {
				s.live = append(s.live, v.Previous)
			}
		}
	}
	if s.live == nil {
		return nil, err
	}
	s.read = s.now()
	return s.live, nil
}

// Current returns the secret that signs.
func (s *Secret) Current(ctx context.Context) (string, error) {
	live, err := s.Live(ctx, false)
	if err != nil {
		return "", err
	}
	return live[0], nil
}
