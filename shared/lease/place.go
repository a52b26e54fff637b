package lease

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Place is a point in decimal degrees. The datum is the parks' own, which Tongli does not name (presumably GCJ-02).
type Place struct{ Longitude, Latitude float64 }

// ParsePlace reads "longitude,latitude".
func ParsePlace(s string) (Place, error) {
	longitude, latitude, ok := strings.Cut(s, ",")
	if !ok {
		return Place{}, fmt.Errorf("%w: must be longitude,latitude", ErrInvalid)
	}
	longitude, err := ParseCoordinate(longitude, 180)
	if err != nil {
		return Place{}, fmt.Errorf("%w (the longitude, which comes first)", err)
	}
	latitude, err = ParseCoordinate(latitude, 90)
	if err != nil {
		return Place{}, fmt.Errorf("%w (the latitude, which comes second)", err)
	}
	return placeOf(longitude, latitude), nil
}

func placeOf(longitude, latitude string) Place {
	x, _ := strconv.ParseFloat(longitude, 64) // validated when they came
	y, _ := strconv.ParseFloat(latitude, 64)
	return Place{x, y}
}

// Place is where the park is, and false where Tongli did not say.
func (p *Park) Place() (Place, bool) {
	return placeOf(p.Longitude, p.Latitude), p.Longitude != "" && p.Latitude != ""
}

// earthRadius is the mean one, in metres.
const earthRadius = 6_371_000

// Metres is the distance as the crow flies (haversine).
func (p Place) Metres(o Place) float64 {
	rad := math.Pi / 180
	sinLat, sinLng := math.Sin((o.Latitude-p.Latitude)*rad/2), math.Sin((o.Longitude-p.Longitude)*rad/2)
	h := sinLat*sinLat + math.Cos(p.Latitude*rad)*math.Cos(o.Latitude*rad)*sinLng*sinLng
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}

// Around bounds all places within metres of p, in degrees to each side. Near a pole every longitude is in reach. A box does not
// wrap round at ±180°, where there is nothing to park on.
func (p Place) Around(metres float64) (longitude, latitude float64) {
	deg := 180 / math.Pi
	latitude = metres / earthRadius * deg
	if math.Abs(p.Latitude)+latitude >= 89 {
		return 360, latitude
	}
	s := math.Sin(metres/earthRadius) / math.Cos(p.Latitude/deg)
	return math.Asin(min(1, s)) * deg, latitude
}

// ParseLocal reads a moment as YYYY-MM-DDTHH:mm in [Zone].
func ParseLocal(s string) (time.Time, error) {
	day, clock, _ := strings.Cut(s, "T")
	d, err := ParseDate(day)
	if err != nil || len(clock) != 5 {
		return time.Time{}, fmt.Errorf("%w: must be YYYY-MM-DDTHH:mm", ErrInvalid)
	}
	c, err := ParseClock(clock, false)
	if err != nil {
		return time.Time{}, err
	}
	return d.At(int(c)), nil
}

// Window is a stretch of time, To not in it.
type Window struct{ From, To time.Time }

// Open lists when the park is open between two moments, by its terms: windows and free days up to the deadline, joined where they
// touch or overlap. It does not ask whether the park was withdrawn.
func (p *Park) Open(from, to time.Time) []Window {
	var open []Window
	add := func(start, end time.Time) {
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		if !start.Before(end) {
			return
		}
		if last := len(open) - 1; last >= 0 && !start.After(open[last].To) {
			if end.After(open[last].To) {
				open[last].To = end
			}
			return
		}
		open = append(open, Window{start, end})
	}
	opens, closes, _ := span(p.Start, p.End)
	for d := DateOf(from) - 1; d <= min(DateOf(to), p.Deadline); d++ {
		// the day comes before the window that begins in it: in the order of their starts
		if p.freeDay(d) {
			add(d.At(0), d.At(int(endOfDay)))
		}
		add(d.At(opens), d.At(closes))
	}
	return open
}
