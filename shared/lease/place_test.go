package lease

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMetres(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"120.619585,31.299379", "120.619585,31.299379", 0},
		{"0,0", "1,0", 111_195},
		{"0,0", "0,1", 111_195},
		{"121.4737,31.2304", "116.4074,39.9042", 1_067_000}, // Shanghai to Peking
		{"-180,0", "180,0", 0},
		{"0,90", "77,90", 0},
	} {
		a, err := ParsePlace(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParsePlace(c.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Metres(b); math.Abs(got-c.want) > 0.005*c.want+1 {
			t.Errorf("%s to %s: %.0f m, want %.0f", c.a, c.b, got, c.want)
		}
	}
}

func TestParsePlace(t *testing.T) {
	for _, s := range []string{"", "120", "120;31", "181,31", "120,91", "120,", ",31", "1e2,31", "120,31,0", "NaN,1", "x,y", "120.5, -31.25"} {
		if p, err := ParsePlace(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, %v", s, p, err)
		}
	}
	if p, err := ParsePlace("120.5,-31.25"); err != nil || p != (Place{120.5, -31.25}) {
		t.Errorf("%v, %v", p, err)
	}
}

// Whatever is within reach is inside the box that the search reads.
func TestAroundHoldsTheCircle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Place{rapid.Float64Range(-100, 100).Draw(t, "longitude"), rapid.Float64Range(-90, 90).Draw(t, "latitude")}
		o := Place{p.Longitude + rapid.Float64Range(-2, 2).Draw(t, "east"), min(90, max(-90, p.Latitude+rapid.Float64Range(-1, 1).Draw(t, "north")))}
		metres := rapid.Float64Range(1, 50_000).Draw(t, "metres")
		x, y := p.Around(metres)
		inside := math.Abs(o.Longitude-p.Longitude) <= x+1e-9 && math.Abs(o.Latitude-p.Latitude) <= y+1e-9
		if p.Metres(o) <= metres && !inside {
			t.Fatalf("%v is %.1f m from %v and outside ±%v ±%v", o, p.Metres(o), p, x, y)
		}
	})
}

func TestParseLocal(t *testing.T) {
	at, err := ParseLocal("2026-12-01T19:05")
	if err != nil || !at.Equal(time.Date(2026, 12, 1, 11, 5, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", at, err)
	}
	for _, s := range []string{"", "2026-12-01", "2026-12-01T24:00", "2026-12-01 19:05", "2026-12-01T19:05:00", "2026-13-01T19:05", "2026-12-01T1905", "T19:05"} {
		if _, err := ParseLocal(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// Open says of each minute what Leases says of it.
func TestOpenIsWhatLeasesSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		park := Park{Sat: rapid.Bool().Draw(t, "sat"), Sun: rapid.Bool().Draw(t, "sun"), Holiday: rapid.Bool().Draw(t, "holiday"),
			Deadline: MustDate("2026-09-24") + Date(rapid.IntRange(0, 20).Draw(t, "deadline")),
			Start:    Clock(rapid.IntRange(0, 1439).Draw(t, "start")), End: Clock(rapid.IntRange(0, 1440).Draw(t, "end"))}
		if park.Start == park.End {
			park.End = 1440 - park.Start/2
		}
		from := MustDate("2026-09-24").At(rapid.IntRange(0, 20*1440).Draw(t, "from"))
		to := from.Add(time.Duration(rapid.IntRange(1, 3*1440).Draw(t, "minutes")) * time.Minute)
		windows := park.Open(from, to)
		for i, w := range windows {
			if !w.From.Before(w.To) || w.From.Before(from) || w.To.After(to) || i > 0 && !windows[i-1].To.Before(w.From) {
				t.Fatalf("windows %v between %v and %v", windows, from, to)
			}
		}
		for at := from; at.Before(to); at = at.Add(time.Minute) {
			open := false
			for _, w := range windows {
				open = open || !at.Before(w.From) && at.Before(w.To)
			}
			day := DateOf(at)
			minute := int(at.Sub(day.At(0)) / time.Minute)
			closed, _ := park.firstClosedMinute(Slot{Date: day, Start: Clock(minute), End: Clock((minute + 1) % 1440)})
			if open == closed {
				t.Fatalf("%+v at %v: Open says %v, Leases says closed: %v", park, at, open, closed)
			}
		}
	})
}
