package lease

import (
	"fmt"
	"time"
)

// Zone is the zone of every local date and time of day: Asia/Shanghai, fixed at +08:00.
var Zone = time.FixedZone("Asia/Shanghai", 8*60*60)

// Date is a calendar date in [Zone], counted in days since 1970-01-01.
type Date int32

// ParseDate reads YYYY-MM-DD and accepts real calendar dates only, of the years 1 to 9999.
func ParseDate(s string) (Date, error) {
	if len(s) != len(time.DateOnly) {
		return 0, fmt.Errorf("%w: must be YYYY-MM-DD", ErrInvalid)
	}
	t, err := time.ParseInLocation(time.DateOnly, s, time.UTC)
	if err != nil || t.Year() < 1 {
		return 0, fmt.Errorf("%w: must be a real date as YYYY-MM-DD", ErrInvalid)
	}
	return Date(t.Unix() / 86400), nil
}

// DateOf is the date that it is in [Zone] at t.
func DateOf(t time.Time) Date {
	_, offset := t.In(Zone).Zone()
	seconds := t.Unix() + int64(offset)
	if seconds < 0 {
		return Date((seconds - 86399) / 86400)
	}
	return Date(seconds / 86400)
}

// MustDate is ParseDate for constants and tests; it panics on what is no date.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func (d Date) String() string { return string(d.Append(nil)) }

// Append appends the date as YYYY-MM-DD without allocating: list answers hold thousands of them.
func (d Date) Append(b []byte) []byte {
	year, month, day := d.civil()
	return append(b,
		byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-',
		byte('0'+month/10), byte('0'+month%10), '-',
		byte('0'+day/10), byte('0'+day%10))
}

// civil is the Gregorian calendar from a count of days (Hinnant's algorithm, for years from 1 on).
func (d Date) civil() (year, month, day int) {
	z := int(d) + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	month = mp + 3
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

// Weekday of the date.
func (d Date) Weekday() time.Weekday { return time.Weekday((int(d)%7 + 11) % 7) }

// Year of the date.
func (d Date) Year() int { year, _, _ := d.civil(); return year }

// At is the moment that lies minutes after the date's midnight in [Zone].
func (d Date) At(minutes int) time.Time {
	return time.Unix(int64(d)*86400-8*3600+int64(minutes)*60, 0).In(Zone)
}

// Clock is a time of day in minutes after midnight, 0 to 1440. 1440 is 24:00, an end only.
type Clock int16

// endOfDay is midnight as an end: the same moment as an end of 00:00.
const endOfDay Clock = 24 * 60

// ParseClock reads HH:mm, 00:00 to 23:59. As an end (end is true) 24:00 is accepted too.
func ParseClock(s string, end bool) (Clock, error) {
	if len(s) != 5 || s[2] != ':' || !digit(s[0]) || !digit(s[1]) || !digit(s[3]) || !digit(s[4]) {
		return 0, fmt.Errorf("%w: must be HH:mm", ErrInvalid)
	}
	hour, minute := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	if minute > 59 || hour > 23 && !(end && hour == 24 && minute == 0) {
		if end {
			return 0, fmt.Errorf("%w: must be HH:mm from 00:00 to 24:00", ErrInvalid)
		}
		return 0, fmt.Errorf("%w: must be HH:mm from 00:00 to 23:59", ErrInvalid)
	}
	return Clock(hour*60 + minute), nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func (c Clock) String() string { return string(c.Append(nil)) }

// Append appends HH:mm.
func (c Clock) Append(b []byte) []byte {
	hour, minute := int(c)/60, int(c)%60
	return append(b, byte('0'+hour/10), byte('0'+hour%10), ':', byte('0'+minute/10), byte('0'+minute%10))
}

// span turns a start and an end of day into minutes after the midnight of the date on which they
// start: an end before the start means the next day, and an end of 00:00 is 24:00. It reports false
// where end equals start as sent, which the contract calls an error. 00:00 to 24:00 is a whole day.
func span(start, end Clock) (from, to int, ok bool) {
	if start == end {
		return 0, 0, false
	}
	from, to = int(start), int(end)
	if end == 0 {
		to = int(endOfDay)
	} else if to < from {
		to += int(endOfDay)
	}
	return from, to, true
}
