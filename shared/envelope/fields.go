package envelope

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lease-gateway/shared/lease"
)

// ParameterError is 40002 (Missing: a required parameter is absent) or 40003, with every bad field.
type ParameterError struct {
	Missing bool
	Fields  []lease.FieldError
}

func (e *ParameterError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + " " + f.Reason
	}
	return "parameters: " + strings.Join(parts, "; ")
}

// Fields reads parameters from a decoded object and collects what is wrong with them, each by its path.
type Fields struct {
	object Value
	prefix string
	errors *ParameterError
}

// Read starts reading the members of v.
func Read(v Value) *Fields { return &Fields{object: v, errors: &ParameterError{}} }

// Err is nil, or a *ParameterError with all that was found, in the order of reading.
func (f *Fields) Err() error {
	if len(f.errors.Fields) == 0 {
		return nil
	}
	return f.errors
}

// Bad notes that a field is invalid.
func (f *Fields) Bad(name, reason string) {
	f.errors.Fields = append(f.errors.Fields, lease.FieldError{Field: f.prefix + name, Reason: reason})
}

// Missing notes that a required field is absent.
func (f *Fields) Missing(name string) {
	f.errors.Missing = true
	f.Bad(name, "is required")
}

// Has reports whether the field is there: neither absent, null nor (after trimming) "".
func (f *Fields) Has(name string) bool {
	v := f.object.Members[name]
	return v.Kind != Null && (v.Kind != String || strings.TrimSpace(v.Text) != "")
}

// get returns the value, trimmed where it is a string, and whether it is present; a required one that is absent is noted.
func (f *Fields) get(name string, required bool) (Value, bool) {
	if !f.Has(name) {
		if required {
			f.Missing(name)
		}
		return Value{}, false
	}
	v := f.object.Members[name]
	if v.Kind == String {
		v.Text = strings.TrimSpace(v.Text)
	}
	return v, true
}

// Text reads a string of 1 to maxRunes characters, printable ones only where printable is set.
func (f *Fields) Text(name string, required bool, maxRunes int, printable bool) string {
	v, ok := f.get(name, required)
	switch {
	case !ok:
		return ""
	case v.Kind != String:
		f.Bad(name, "must be a string")
	case utf8.RuneCountInString(v.Text) > maxRunes:
		f.Bad(name, fmt.Sprintf("must have 1 to %d characters", maxRunes))
	case printable && strings.ContainsFunc(v.Text, func(r rune) bool { return !unicode.IsPrint(r) }):
		f.Bad(name, "must have printable characters only")
	default:
		return v.Text
	}
	return ""
}

// Int reads an integer from low to high, sent as a JSON integer or as a string of ASCII digits with an
// optional leading minus. Where it is absent and not required the result is absent.
func (f *Fields) Int(name string, required bool, low, high, absent int64) int64 {
	v, ok := f.get(name, required)
	if !ok {
		return absent
	}
	digits := strings.TrimPrefix(v.Text, "-")
	if v.Kind != Number && v.Kind != String || digits == "" || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		f.Bad(name, "must be an integer")
		return absent
	}
	n, _ := strconv.ParseInt(v.Text, 10, 64) // beyond int64 it is the nearest one
	switch {
	case n < low && high == math.MaxInt64:
		f.Bad(name, fmt.Sprintf("must be %d or more", low))
		return absent
	case n < low || n > high:
		f.Bad(name, fmt.Sprintf("must be from %d to %d", low, high))
		return absent
	}
	return n
}

// AtLeast reads an optional integer from low on. It has no upper bound: one beyond int64 counts as the largest of those.
func (f *Fields) AtLeast(name string, low, absent int64) int64 {
	return f.Int(name, false, low, math.MaxInt64, absent)
}

// Flag reads 0 or 1.
func (f *Fields) Flag(name string) bool { return f.Int(name, true, 0, 1, 0) == 1 }

// parsed reads a string through a parser whose errors wrap lease.ErrInvalid.
func parsed[T any](f *Fields, name string, required bool, parse func(string) (T, error)) (T, bool) {
	var zero T
	v, ok := f.get(name, required)
	if !ok {
		return zero, false
	}
	if v.Kind != String {
		f.Bad(name, "must be a string")
		return zero, false
	}
	t, err := parse(v.Text)
	if err != nil {
		f.Bad(name, reason(err))
		return zero, false
	}
	return t, true
}

// reason is the text of a domain error without its sentinel in front.
func reason(err error) string {
	for _, sentinel := range []error{lease.ErrInvalid, lease.ErrNotLeased} {
		if errors.Is(err, sentinel) {
			return strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
		}
	}
	return err.Error()
}

// Plate reads a number plate and normalises it.
func (f *Fields) Plate(name string, required bool) lease.Plate {
	p, _ := parsed(f, name, required, lease.ParsePlate)
	return p
}

// window reads start_time and end_time, which may be equal nowhere.
func (f *Fields) window() (start, end lease.Clock) {
	start, ok1 := parsed(f, "start_time", true, func(s string) (lease.Clock, error) { return lease.ParseClock(s, false) })
	end, ok2 := parsed(f, "end_time", true, func(s string) (lease.Clock, error) { return lease.ParseClock(s, true) })
	if ok1 && ok2 && start == end {
		f.Bad("end_time", "must differ from start_time (00:00 to 24:00 is a whole day)")
	}
	return start, end
}

// Slot reads date, start_time and end_time.
func (f *Fields) Slot() (s lease.Slot) {
	s.Date, _ = parsed(f, "date", true, lease.ParseDate)
	s.Start, s.End = f.window()
	return s
}

// Place reads a point, "longitude,latitude", and whether it is there and well formed.
func (f *Fields) Place(name string) (lease.Place, bool) {
	return parsed(f, name, false, lease.ParsePlace)
}

// Local reads a moment in local time, YYYY-MM-DDTHH:mm, and whether it is there and well formed.
func (f *Fields) Local(name string) (time.Time, bool) {
	return parsed(f, name, false, lease.ParseLocal)
}

// ParkSN reads park_sn: an opaque string of 1 to 64 printable characters.
func (f *Fields) ParkSN(required bool) string { return f.Text("park_sn", required, 64, true) }

// Park reads the fields of 3.1, of a push and of a polled row alike.
func (f *Fields) Park() lease.Park {
	p := lease.Park{SN: f.ParkSN(true), Name: f.Text("park_name", true, 128, false)}
	p.Deadline, _ = parsed(f, "deadline", true, lease.ParseDate)
	p.Start, p.End = f.window()
	p.Sat, p.Sun, p.Holiday = f.Flag("is_sat"), f.Flag("is_sun"), f.Flag("is_holiday")
	p.Price = f.Int("price", true, 0, lease.MaxFen, 0)
	p.StartPrice = f.Int("start_price", true, 0, lease.MaxFen, 0)
	p.HolidayPrice = f.Int("holiday_price", true, 0, lease.MaxFen, 0)
	both := f.Has("longitude") || f.Has("latitude")
	p.Longitude, _ = parsed(f, "longitude", both, func(s string) (string, error) { return lease.ParseCoordinate(s, 180) })
	p.Latitude, _ = parsed(f, "latitude", both, func(s string) (string, error) { return lease.ParseCoordinate(s, 90) })
	return p
}

// Slots reads dates: 1 to lease.MaxDates slots, none overlapping another.
func (f *Fields) Slots() []lease.Slot {
	v, ok := f.get("dates", true)
	if !ok {
		return nil
	}
	if v.Kind != Array {
		f.Bad("dates", "must be an array")
		return nil
	}
	if n := len(v.Items); n < 1 || n > lease.MaxDates {
		f.Bad("dates", fmt.Sprintf("must have 1 to %d entries", lease.MaxDates))
		return nil
	}
	before := len(f.errors.Fields)
	slots := make([]lease.Slot, len(v.Items))
	for i, item := range v.Items {
		path := fmt.Sprintf("%sdates[%d]", f.prefix, i)
		if item.Kind != Object {
			f.Bad(fmt.Sprintf("dates[%d]", i), "must be an object")
			continue
		}
		row := &Fields{object: item, prefix: path + ".", errors: f.errors}
		slots[i] = row.Slot()
	}
	if len(f.errors.Fields) > before {
		return nil
	}
	for _, i := range lease.Overlapping(slots) {
		f.Bad(fmt.Sprintf("dates[%d]", i), "overlaps another of the dates")
	}
	return slots
}
