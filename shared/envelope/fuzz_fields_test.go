package envelope

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"lease-gateway/shared/lease"
)

// What Fields reads of a park (3.1) and of an order's dates, and nothing else may be named by an error.
var (
	parkFields = []string{"park_sn", "park_name", "deadline", "start_time", "end_time", "is_sat", "is_sun", "is_holiday", "price", "start_price", "holiday_price", "longitude", "latitude"}
	datePath   = regexp.MustCompile(`^dates(?:\[(\d+)\](?:\.(?:date|start_time|end_time))?)?$`)
)

// slowText is a field as the contract sees it: what is there after trimming, and its JSON type.
func slowText(v any) (text, kind string) {
	switch v := v.(type) {
	case nil:
		return "", "absent"
	case string:
		if text = strings.TrimFunc(v, unicode.IsSpace); text == "" {
			return "", "absent"
		}
		return text, "string"
	case json.Number:
		return string(v), "number"
	}
	return "", "other"
}

// slowPark judges the fields of 3.1 one by one: which are missing and which are bad.
func slowPark(m map[string]any) (missing, bad []string) {
	text, kind := map[string]string{}, map[string]string{}
	for _, name := range parkFields {
		text[name], kind[name] = slowText(m[name])
		required := name != "longitude" && name != "latitude"
		if required && kind[name] == "absent" {
			missing = append(missing, name)
		}
	}
	if (kind["longitude"] == "absent") != (kind["latitude"] == "absent") {
		for _, name := range []string{"longitude", "latitude"} {
			if kind[name] == "absent" {
				missing = append(missing, name)
			}
		}
	}
	judge := func(name string, good func(string) bool) {
		if kind[name] != "absent" && (kind[name] != "string" || !good(text[name])) {
			bad = append(bad, name)
		}
	}
	judge("park_sn", func(s string) bool {
		return utf8.RuneCountInString(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
	})
	judge("park_name", func(s string) bool { return utf8.RuneCountInString(s) <= 128 })
	judge("deadline", slowDate)
	judge("start_time", func(s string) bool { return slowClock(s, false) })
	judge("end_time", func(s string) bool {
		return slowClock(s, true) && !(s == text["start_time"] && kind["start_time"] == "string")
	})
	integer := regexp.MustCompile(`^-?[0-9]+$`)
	for name, high := range map[string]int64{"is_sat": 1, "is_sun": 1, "is_holiday": 1, "price": 10_000_000, "start_price": 10_000_000, "holiday_price": 10_000_000} {
		if kind[name] == "absent" {
			continue
		}
		n, err := strconv.ParseInt(text[name], 10, 64)
		if kind[name] == "other" || !integer.MatchString(text[name]) || err != nil || n < 0 || n > high {
			bad = append(bad, name)
		}
	}
	decimal := regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	for name, high := range map[string]float64{"longitude": 180, "latitude": 90} {
		judge(name, func(s string) bool {
			f, err := strconv.ParseFloat(s, 64)
			return err == nil && decimal.MatchString(s) && len(s) <= 32 && f <= high && f >= -high
		})
	}
	slices.Sort(missing)
	slices.Sort(bad)
	return missing, bad
}

func slowDate(s string) bool {
	t, err := time.Parse("2006-01-02", s)
	return err == nil && t.Format("2006-01-02") == s && t.Year() >= 1
}

func slowClock(s string, end bool) bool {
	t, err := time.Parse("15:04", s)
	return err == nil && t.Format("15:04") == s || end && s == "24:00"
}

const goodPark = `{"park_sn":"P1","park_name":"园区","deadline":"2027-12-31","start_time":"18:00","end_time":"08:00","is_sat":1,"is_sun":"0","is_holiday":0,"price":150,"start_price":"300","holiday_price":2000,"longitude":"120.6","latitude":"31.3"}`

// FuzzPark: each field is judged as the contract's words do, each error names a field that there is, and 40002 is told from 40003.
func FuzzPark(f *testing.F) {
	f.Add(goodPark)
	for _, change := range [][2]string{{`"P1"`, `"  "`}, {`"P1"`, `"a\nb"`}, {`"P1"`, `null`}, {`"18:00"`, `"08:00"`}, {`"08:00"`, `"24:00"`}, {`"18:00"`, `"24:00"`}, {`150`, `1.0`}, {`150`, `"-0"`}, {`150`, `"١"`}, {`150`, `true`},
		{`"300"`, `"+1"`}, {`2000`, `10000001`}, {`2000`, `99999999999999999999`}, {`"120.6"`, `""`}, {`"31.3"`, `null`}, {`"120.6"`, `120.6`}, {`"120.6"`, `"1e2"`}, {`"120.6"`, `"180.0000000000000001"`}, {`"120.6"`, `"\u3000120.6\u00a0"`}, {`"2027-12-31"`, `"2026-02-29"`}, {`"2027-12-31"`, `"0001-01-01"`}, {`"园区"`, `{}`},
		{`"P1"`, `"` + strings.Repeat("苏", 64) + `"`}, {`"P1"`, `"` + strings.Repeat("苏", 65) + `"`}, {`"园区"`, `"` + strings.Repeat("园", 128) + `"`}, {`"园区"`, `"` + strings.Repeat("园", 129) + `"`}, {`"120.6"`, `"` + strings.Repeat("0", 32) + `"`}, {`"120.6"`, `"` + strings.Repeat("0", 33) + `"`}} {
		f.Add(strings.Replace(goodPark, change[0], change[1], 1))
	}
	f.Fuzz(func(t *testing.T, body string) {
		v, err := DecodeJSON([]byte(body))
		if err != nil {
			return
		}
		fields := Read(v)
		p := fields.Park()
		missing, bad := slowPark(native(body))
		var names []string
		var parameters *ParameterError
		if err := fields.Err(); errors.As(err, &parameters) {
			for _, e := range parameters.Fields {
				names = append(names, e.Field)
				if e.Reason == "" {
					t.Errorf("no reason for %s", e.Field)
				}
			}
			if parameters.Missing != (len(missing) > 0) {
				t.Errorf("missing %v, want %v", parameters.Missing, missing)
			}
		}
		slices.Sort(names)
		want := slices.Sorted(slices.Values(append(missing, bad...)))
		if !slices.Equal(names, want) {
			t.Fatalf("bad %q, want %q", names, want)
		}
		if len(want) == 0 && (p.Hash() == "" || p.Deadline.String() != strings.TrimSpace(v.Members["deadline"].Text) || p.Start.String() != strings.TrimSpace(v.Members["start_time"].Text)) {
			t.Errorf("read as %+v", p)
		}
	})
}

// FuzzDates: the dates of an order are judged as a slow reference does, minute by minute for overlaps; each error names an entry
// that was sent, and what is accepted is what was sent.
func FuzzDates(f *testing.F) {
	slot := func(date, start, end string) string {
		return `{"date":"` + date + `","start_time":"` + start + `","end_time":"` + end + `"}`
	}
	night := slot("2026-11-25", "19:00", "06:30")
	for _, list := range []string{``, night, night + `,` + night, night + `,` + slot("2026-11-26", "06:30", "08:00"), night + `,` + slot("2026-11-26", "06:29", "08:00"), slot("2026-11-26", "06:00", "07:00") + `,` + night,
		slot("2026-02-29", "24:00", "24:00"), slot("2026-11-25", "00:00", "24:00") + `,` + slot("2026-11-25", "23:59", "00:00"), `1,` + night + `,null`, slot("2026-11-25", "19:00", "19:00") + `,` + slot("", "", ""), `{"date":1}`, slot("9999-12-31", "23:59", "23:58")} {
		f.Add(`{"dates":[` + list + `]}`)
	}
	f.Add(`{"dates":null}`)
	f.Add(`{"dates":{}}`)
	f.Add(`{"dates":"[]"}`)
	f.Fuzz(func(t *testing.T, body string) {
		v, err := DecodeJSON([]byte(body))
		if err != nil || len(v.Members["dates"].Items) > 40 && len(v.Members["dates"].Items) <= lease.MaxDates {
			return // long lists are slow in the reference, and no other
		}
		fields := Read(v)
		slots := fields.Slots()
		want := slowDates(native(body))
		var names []string
		var parameters *ParameterError
		if errors.As(fields.Err(), &parameters) {
			for _, e := range parameters.Fields {
				names = append(names, e.Field)
				path := datePath.FindStringSubmatch(e.Field)
				if path == nil {
					t.Fatalf("no such field: %q", e.Field)
				}
				if at, err := strconv.Atoi(path[1]); err == nil && at >= len(v.Members["dates"].Items) {
					t.Errorf("no such entry: %q", e.Field)
				}
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Fatalf("bad %q, want %q", names, want)
		}
		if len(want) > 0 {
			return
		}
		for i, s := range slots {
			sent := v.Members["dates"].Items[i].Members
			if s.Date.String() != strings.TrimSpace(sent["date"].Text) || s.Start.String() != strings.TrimSpace(sent["start_time"].Text) || s.End.String() != strings.TrimSpace(sent["end_time"].Text) {
				t.Errorf("entry %d read as %v", i, s)
			}
		}
	})
}

func native(body string) map[string]any {
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var m map[string]any
	_ = d.Decode(&m) // what DecodeJSON accepts is JSON, or empty
	return m
}

func slowDates(m map[string]any) (bad []string) {
	list, ok := m["dates"].([]any)
	if !ok || len(list) < 1 || len(list) > lease.MaxDates {
		return []string{"dates"}
	}
	type stretch struct{ from, to int64 }
	var covered []stretch
	for i, entry := range list {
		path := "dates[" + strconv.Itoa(i) + "]"
		row, ok := entry.(map[string]any)
		if !ok {
			bad = append(bad, path)
			continue
		}
		text, good := map[string]string{}, map[string]bool{}
		for name, judge := range map[string]func(string) bool{"date": slowDate, "start_time": func(s string) bool { return slowClock(s, false) }, "end_time": func(s string) bool { return slowClock(s, true) }} {
			var kind string
			text[name], kind = slowText(row[name])
			if good[name] = kind == "string" && judge(text[name]); !good[name] {
				bad = append(bad, path+"."+name)
			}
		}
		if good["start_time"] && good["end_time"] && text["start_time"] == text["end_time"] {
			bad = append(bad, path+".end_time")
		}
		if !good["date"] || !good["start_time"] || !good["end_time"] {
			continue
		}
		midnight, _ := time.Parse("2006-01-02", text["date"])
		clock := func(s string) int64 { h, _ := strconv.Atoi(s[:2]); m, _ := strconv.Atoi(s[3:]); return int64(h*60 + m) }
		from, to := clock(text["start_time"]), clock(text["end_time"])
		if to <= from {
			to += 1440
		}
		covered = append(covered, stretch{midnight.Unix()/60 + from, midnight.Unix()/60 + to})
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return bad
	}
	for i, a := range covered {
		for minute := a.from; minute < a.to; minute++ {
			if slices.ContainsFunc(covered[:i], func(b stretch) bool { return minute >= b.from && minute < b.to }) {
				bad = append(bad, "dates["+strconv.Itoa(i)+"]")
				break
			}
		}
	}
	slices.Sort(bad)
	return bad
}
