package lease

import (
	"errors"
	"strings"
)

// The errors of the domain. shared/envelope alone turns them into HTTP statuses and codes.
var (
	ErrInvalid        = errors.New("invalid")                                  // 40003
	ErrParkUnknown    = errors.New("park_sn unknown")                          // 40401
	ErrOrderUnknown   = errors.New("order unknown")                            // 40402
	ErrOrderDiffers   = errors.New("order_id exists with other content")       // 40901
	ErrOrderOver      = errors.New("the order is over or cancelled")           // 40902
	ErrNotLeased      = errors.New("the park does not lease that time")        // 42201, as *NotLeased
	ErrUnavailable    = errors.New("storage cannot be reached")                // 50301
	ErrNonceUsed      = errors.New("nonce used before")                        // 40105
	ErrCursorForeign  = errors.New("cursor: not one of ours for this request") // 40003
	ErrVersionUnknown = errors.New("item or message of an unknown version")    // a newer deploy wrote it
)

// FieldError names one bad field by its path (`dates[3].end_time`) and says why.
type FieldError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// NotLeased is ErrNotLeased with every date that is outside the park's terms, or `park_sn` where the
// park was withdrawn.
type NotLeased struct{ Fields []FieldError }

func (e *NotLeased) Error() string {
	var b strings.Builder
	b.WriteString(ErrNotLeased.Error())
	for _, f := range e.Fields {
		b.WriteString("; " + f.Field + ": " + f.Reason)
	}
	return b.String()
}

func (e *NotLeased) Is(target error) bool { return target == ErrNotLeased }
