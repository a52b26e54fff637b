// Package secretsmanager answers GetSecretValue of AWS Secrets Manager for the local functions.
package secretsmanager

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Store holds secrets by ARN. A lookup may also name the secret, the ARN's last part.
type Store struct {
	mu      sync.RWMutex
	secrets map[string]string
}

// Put sets a secret; the functions see it when their cache runs out.
func (s *Store) Put(arn, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets == nil {
		s.secrets = map[string]string{}
	}
	s.secrets[arn] = value
}

func (s *Store) find(id string) (arn, value string, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for arn, value := range s.secrets {
		if arn == id || arn[strings.LastIndex(arn, ":")+1:] == id {
			return arn, value, true
		}
	}
	return "", "", false
}

func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if target := r.Header.Get("X-Amz-Target"); target != "secretsmanager.GetSecretValue" {
		refuse(w, "UnknownOperationException", "the local stack answers GetSecretValue only, not "+target)
		return
	}
	var request struct{ SecretId string }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil || json.Unmarshal(body, &request) != nil || request.SecretId == "" {
		refuse(w, "InvalidRequestException", "SecretId is missing")
		return
	}
	arn, value, ok := s.find(request.SecretId)
	if !ok {
		refuse(w, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that is gone needs no answer
		"ARN": arn, "Name": arn[strings.LastIndex(arn, ":")+1:], "SecretString": value,
		"VersionId": "00000000-0000-0000-0000-000000000001", "VersionStages": []string{"AWSCURRENT"},
		"CreatedDate": float64(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()),
	})
}

func refuse(w http.ResponseWriter, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message}) // as above
}
