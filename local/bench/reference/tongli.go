package reference

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"lease-gateway/shared/signature"
)

// Tongli is the partner's client: one http.Client, its connections reused.
type Tongli struct {
	HTTP    *http.Client
	BaseURL string
	AppID   string
	Secret  *Secret
}

// NewTongli reads the environment.
func NewTongli(secret *Secret) *Tongli {
	return &Tongli{HTTP: &http.Client{Timeout: 10 * time.Second}, BaseURL: os.Getenv("TONGLI_BASE_URL"), AppID: os.Getenv("TONGLI_OUTBOUND_APP_ID"), Secret: secret}
}

// refused is Tongli's no.
type refused struct{ detail string }

func (r *refused) Error() string { return r.detail }

// call posts in to a path, signed, and reads data of the answer into out.
func (t *Tongli) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	secrets, err := t.Secret.Live(ctx)
	if err != nil {
		return err
	}
	url := t.BaseURL + path + "?" + signature.Query(t.AppID, secrets[0], http.MethodPost, path, nil, body, time.Now(), "")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := t.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer := struct {
		Code json.Number `json:"code"`
		Msg  string      `json:"msg"`
		Data any         `json:"data"`
	}{Data: out}
	raw, err := io.ReadAll(resp.Body) // to its end: only then is the connection used again
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("HTTP %d, not an envelope: %w", resp.StatusCode, err)
	}
	switch {
	case resp.StatusCode < 300 && (answer.Code == "0" || answer.Code == "200"):
		return nil
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500, answer.Code == "42901", answer.Code == "50001", answer.Code == "50301":
		return fmt.Errorf("HTTP %d, code %s: %s", resp.StatusCode, answer.Code, answer.Msg)
	}
	return &refused{fmt.Sprintf("HTTP %d, code %s: %s", resp.StatusCode, answer.Code, answer.Msg)}
}

func groupOf(parkSN, plate string) string {
	sum := sha256.Sum256([]byte(parkSN + "\n" + plate))
	return hex.EncodeToString(sum[:16])
}
