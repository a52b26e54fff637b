package lease

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

// slowPlate is the contract's list of forms, rune by rune.
func slowPlate(s string) string {
	var p []rune
	for _, r := range s {
		if r >= 0xFF01 && r <= 0xFF5E {
			r -= 0xFEE0
		}
		if !unicode.IsSpace(r) && !strings.ContainsRune("-._·•・･", r) {
			if at := strings.IndexRune("abcdefghijklmnopqrstuvwxyz", r); at >= 0 {
				r = rune("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[at])
			}
			p = append(p, r)
		}
	}
	in := func(at int, set string) bool { return strings.ContainsRune(set, p[at]) }
	all := func(from, to int, set string) bool {
		for i := from; i < to; i++ {
			if !in(i, set) {
				return false
			}
		}
		return true
	}
	const digits, letters, energy = "0123456789", "ABCDEFGHJKLMNPQRSTUVWXYZ", "ABCDEFGHJK"
	head := len(p) >= 2 && in(0, provinces) && in(1, letters+"O")
	ok := false
	switch len(p) {
	case 7:
		ok = head && all(2, 7, letters+digits) || head && all(2, 6, letters+digits) && in(6, "警学挂领") ||
			p[0] == '粤' && p[1] == 'Z' && all(2, 6, letters+digits) && in(6, "港澳") ||
			p[0] == '使' && all(1, 7, digits) || all(0, 6, digits) && p[6] == '使' ||
			in(0, provinces) && all(1, 6, digits) && p[6] == '领'
	case 8:
		ok = head && in(2, energy) && in(3, letters+digits) && all(4, 8, digits) || head && all(2, 7, digits) && in(7, energy)
	}
	if !ok {
		return ""
	}
	return string(p)
}

// FuzzPlate: the same verdict and form as the slow reference; normalising is idempotent, and blind to what the contract drops.
func FuzzPlate(f *testing.F) {
	for _, s := range []string{"苏·e88888", "苏Ｅ８８８８８", "苏ED12345", "苏E12345D", "苏E1234警", "粤Z1234港", "使123456", "123456使", "苏E1234领", "沪12345领", "苏O12345", "苏I12345", "苏E8888O", "WJ12345", "苏E888888", "苏\u00a0E8\u30008888", "苏ｅ１２３４５ｄ", "苏ﬀ88888", "苏ſ88888", "苏E8888\u212a", "\xff苏E88888", "使使使使使使使"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePlate(text)
		if want := slowPlate(text); string(p) != want || (err == nil) != (want != "") {
			t.Fatalf("%q: %q %v, want %q", text, p, err, want)
		}
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		spaced := strings.Join(strings.Split(strings.ToLower(string(p)), ""), " ·")
		for _, same := range []string{string(p), spaced} {
			if again, err := ParsePlate(same); err != nil || again != p {
				t.Errorf("%q normalises to %q, %q to %q, %v", text, p, same, again, err)
			}
		}
		if masked := p.Masked(); strings.Contains(masked, string(p)) || len([]rune(masked)) != len([]rune(string(p))) {
			t.Errorf("masked %q", masked)
		}
	})
}

// FuzzTimes: dates, times of day and local moments are read exactly where package time reads what it would write.
func FuzzTimes(f *testing.F) {
	for _, s := range []string{"2026-11-25", "2026-02-29", "2024-02-29", "0000-12-31", "0001-01-01", "9999-12-31", "00:00", "23:59", "24:00", "24:01", "9:00", "12:60", "2026-11-25T19:00", "2026-11-25T24:00", "2026-11-25 19:00", "2026-11-25T", "２０２６-11-25", "-026-11-25"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		slow := func(layout string) (time.Time, bool) {
			at, err := time.ParseInLocation(layout, s, Zone)
			return at, err == nil && at.Format(layout) == s && at.Year() >= 1
		}
		d, err := ParseDate(s)
		want, ok := slow("2006-01-02")
		if ok != (err == nil) || err == nil && (d.String() != s || !d.At(0).Equal(want) || d.Weekday() != want.Weekday() || d.Year() != want.Year() || DateOf(d.At(1439)) != d) {
			t.Errorf("date %q: %s %v, want %v %s", s, d, err, ok, want)
		}
		for _, end := range []bool{false, true} {
			c, err := ParseClock(s, end)
			at, parseErr := time.Parse("15:04", s)
			ok := parseErr == nil && at.Format("15:04") == s
			if ok && int(c) != at.Hour()*60+at.Minute() {
				t.Errorf("time %q is minute %d", s, c)
			}
			ok = ok || end && s == "24:00"
			if ok != (err == nil) || err == nil && c.String() != s {
				t.Errorf("time %q, end %v: %s %v, want %v", s, end, c, err, ok)
			}
		}
		at, err := ParseLocal(s)
		want, ok = slow("2006-01-02T15:04")
		if ok != (err == nil) || err == nil && !at.Equal(want) {
			t.Errorf("moment %q: %s %v, want %v %s", s, at, err, ok, want)
		}
	})
}

// FuzzSlots: three slots out of arbitrary numbers; order, overlap and length are those of the moments that they span.
func FuzzSlots(f *testing.F) {
	f.Add(int32(20000), int16(1140), int16(390), int32(20001), int16(389), int16(400), int32(20001), int16(390), int16(0))
	f.Add(int32(0), int16(0), int16(1440), int32(0), int16(1439), int16(0), int32(1), int16(0), int16(1))
	f.Add(int32(20000), int16(0), int16(0), int32(20000), int16(1), int16(1440), int32(20000), int16(1), int16(0))
	f.Fuzz(func(t *testing.T, d1 int32, s1, e1 int16, d2 int32, s2, e2 int16, d3 int32, s3, e3 int16) {
		slot := func(d int32, s, e int16) Slot {
			return Slot{Date(uint32(d) % 2932896), Clock(uint16(s) % 1440), Clock(uint16(e) % 1441)}
		}
		slots := []Slot{slot(d1, s1, e1), slot(d2, s2, e2), slot(d3, s3, e3)}
		for _, s := range slots {
			if s.Valid() != (s.Start != s.End) {
				t.Fatalf("%v: valid %v", s, s.Valid())
			}
			if !s.Valid() {
				return
			}
			length := s.EndsAt().Sub(s.StartsAt())
			if length < time.Minute || length > 24*time.Hour || DateOf(s.StartsAt()) != s.Date || !s.Over(s.EndsAt()) || s.Over(s.EndsAt().Add(-1)) {
				t.Errorf("%v: %s to %s", s, s.StartsAt(), s.EndsAt())
			}
		}
		var overlaps []int
		for i, a := range slots {
			for _, b := range slots[:i] {
				if a.StartsAt().Before(b.EndsAt()) && b.StartsAt().Before(a.EndsAt()) && !slices.Contains(overlaps, i) {
					overlaps = append(overlaps, i)
				}
				if same := a.StartsAt().Equal(b.StartsAt()) && a.EndsAt().Equal(b.EndsAt()); same != (a.Compare(b) == 0) || a.Compare(b) != -b.Compare(a) {
					t.Errorf("%v and %v compare as %d, %d", a, b, a.Compare(b), b.Compare(a))
				}
			}
		}
		if got := Overlapping(slots); !slices.Equal(got, overlaps) {
			t.Errorf("overlapping %v, want %v", got, overlaps)
		}
		sorted := SortSlots(slots)
		slices.Reverse(slots)
		if other := SortSlots(slots); !slices.EqualFunc(sorted, other, func(a, b Slot) bool { return a.Compare(b) == 0 }) || !slices.Equal(SortSlots(sorted), sorted) {
			t.Errorf("sorted %v, in another order %v", sorted, other)
		}
	})
}
