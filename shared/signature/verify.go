package signature

import (
	"crypto/hmac"
	"errors"
	"strconv"
	"time"
)

// Tolerance is how far a timestamp may lie from our clock, either way.
const Tolerance = 300 * time.Second

// NonceLife is how long a nonce may not come again.
const NonceLife = 2 * Tolerance

// One sentinel per check that failed, in the order in which they are made.
var (
	ErrMalformed  = errors.New("common parameter missing or malformed") // 40101
	ErrTimestamp  = errors.New("timestamp is outside ±300 s")           // 40104
	ErrAppUnknown = errors.New("app_id unknown")                        // 40102
	ErrWrong      = errors.New("sign is wrong")                         // 40103
)

// Malformed is ErrMalformed with the parameter's name and what is wrong with it.
type Malformed struct{ Name, Reason string }

func (e *Malformed) Error() string        { return ErrMalformed.Error() + ": " + e.Name + " " + e.Reason }
func (e *Malformed) Is(target error) bool { return target == ErrMalformed }

// Common are the common parameters of a request, well formed.
type Common struct {
	AppID, Nonce, Sign string
	Timestamp          time.Time
	Moment             int64 // the timestamp in ms; one of seconds stands for the last ms of its second
	seconds            bool
}

// NonceLife is how long the nonce of a request that was accepted at now must be kept: NonceLife, and up to a second more where the
// timestamp lies so far ahead that the request itself stays good for longer.
func (c Common) NonceLife(now time.Time) time.Duration {
	good := c.Timestamp.Add(Tolerance)
	if c.seconds {
		good = good.Add(time.Second) // Verify goes by whole seconds then
	}
	return max(NonceLife, good.Sub(now))
}

// ReadCommon finds the common parameters among params: each required one exactly once and well formed.
func ReadCommon(params []Param) (Common, error) {
	found := map[string]string{}
	for _, p := range params {
		switch p.Name {
		case "app_id", "timestamp", "nonce", "sign", "sign_type":
			if _, twice := found[p.Name]; twice {
				return Common{}, &Malformed{p.Name, "is given twice"}
			}
			found[p.Name] = p.Value
		}
	}
	for _, name := range []string{"app_id", "timestamp", "nonce", "sign"} {
		if found[name] == "" {
			return Common{}, &Malformed{name, "is missing"}
		}
	}
	c := Common{AppID: found["app_id"], Nonce: found["nonce"], Sign: found["sign"]}
	stamp := found["timestamp"]
	n, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || !digits(stamp) || len(stamp) != 10 && len(stamp) != 13 {
		return Common{}, &Malformed{"timestamp", "must be unix seconds (10 digits) or milliseconds (13 digits)"}
	}
	if c.seconds = len(stamp) == 10; c.seconds {
		c.Timestamp, c.Moment = time.Unix(n, 0), n*1000+999
	} else {
		c.Timestamp, c.Moment = time.UnixMilli(n), n
	}
	if !nonce(c.Nonce) {
		return Common{}, &Malformed{"nonce", "must be 16 to 64 of A-Z a-z 0-9 _ -"}
	}
	if t, given := found["sign_type"]; given && t != "HMAC-SHA256" {
		return Common{}, &Malformed{"sign_type", "must be HMAC-SHA256"}
	}
	return c, nil
}

// Verify makes the contract's checks up to the signature. secrets are those live for appID. The nonce is
// for the caller to claim, and only after Verify returned nil, so that a stranger cannot fill its store.
func Verify(method, path string, params []Param, body []byte, appID string, secrets []string, now time.Time) (Common, error) {
	c, err := ReadCommon(params)
	if err != nil {
		return c, err
	}
	if c.seconds {
		now = now.Truncate(time.Second)
	}
	if off := now.Sub(c.Timestamp); off > Tolerance || off < -Tolerance {
		return c, ErrTimestamp
	}
	if c.AppID != appID {
		return c, ErrAppUnknown
	}
	text, ok := StringToSign(method, path, params, body), false
	for _, secret := range secrets {
		// every live secret is tried, so that the time does not tell which one matched
		if secret != "" && hmac.Equal([]byte(Sign(secret, text)), []byte(c.Sign)) {
			ok = true
		}
	}
	if !ok {
		return c, ErrWrong
	}
	return c, nil
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func nonce(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-') {
			return false
		}
	}
	return len(s) >= 16 && len(s) <= 64
}
