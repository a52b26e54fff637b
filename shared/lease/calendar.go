package lease

import (
	_ "embed"
	"encoding/json"
	"time"
)

// The State Council's yearly notices: legal holidays (off) and make-up working days (work, 调休), by
// year. A year that is not listed has not been published: its holidays are unknown, which is not the
// same as "none", so the caller logs it; its Saturdays and Sundays count as such.
//
//go:embed holidays.json
var holidaysJSON []byte

type dayKind uint8

const (
	ordinaryDay dayKind = iota
	holiday
	makeUpDay
)

var holidays, publishedYears = readHolidays(holidaysJSON)

func readHolidays(raw []byte) (map[Date]dayKind, map[int]bool) {
	var file struct {
		Years map[string]struct{ Off, Work []string }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		panic("lease: holidays.json: " + err.Error())
	}
	days, years := map[Date]dayKind{}, map[int]bool{}
	for _, year := range file.Years {
		for _, s := range year.Off {
			days[MustDate(s)] = holiday
			years[MustDate(s).Year()] = true
		}
		for _, s := range year.Work {
			days[MustDate(s)] = makeUpDay
		}
	}
	return days, years
}

// CalendarPublished reports whether the holidays of the date's year are known.
func CalendarPublished(d Date) bool { return publishedYears[d.Year()] }

// freeDay reports whether the park is open all of that day, whatever its window: a legal holiday with
// Holiday, else a Saturday with Sat, else a Sunday with Sun; a make-up working day never.
func (p *Park) freeDay(d Date) bool {
	switch kind := holidays[d]; {
	case kind == makeUpDay:
		return false
	case kind == holiday && p.Holiday:
		return true
	}
	switch d.Weekday() {
	case time.Saturday:
		return p.Sat
	case time.Sunday:
		return p.Sun
	}
	return false
}
