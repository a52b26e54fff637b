package lease

import (
	_ "embed"
	"encoding/json"
	"sync"
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

type calendar struct {
	days  map[Date]dayKind
	years map[int]bool // that are published
}

// published is read when it is first asked for: functions that judge no dates do not pay for it.
var published = sync.OnceValue(func() calendar { return readHolidays(holidaysJSON) })

// Prepare reads the calendar and compiles the forms of plates: at start, or else the first caller waits for it.
func Prepare() {
	published()
	plateForms()
}

func readHolidays(raw []byte) calendar {
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
	return calendar{days, years}
}

// CalendarPublished reports whether the holidays of the date's year are known.
func CalendarPublished(d Date) bool { return published().years[d.Year()] }

// freeDay reports whether the park is open all of that day, whatever its window: a legal holiday with
// Holiday, else a Saturday with Sat, else a Sunday with Sun; a make-up working day never.
func (p *Park) freeDay(d Date) bool {
	switch kind := published().days[d]; {
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
