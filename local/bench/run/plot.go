package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// series is one line of a plot, by x.
type series struct {
	name   string
	colour string
	points [][2]float64
}

// chart is a plot whose axes both grow by powers of ten, drawn as SVG.
type chart struct {
	title, x, y string
	series      []series
}

const (
	chartWidth, chartHeight = 720.0, 420.0
	chartLeft, chartRight   = 80.0, 170.0
	chartTop, chartBottom   = 48.0, 56.0
)

// axis maps a range of powers of ten onto pixels.
type axis struct{ low, high, from, to float64 }

func newAxis(values []float64, from, to float64) axis {
	low, high := math.Floor(math.Log10(slices.Min(values))), math.Ceil(math.Log10(slices.Max(values)))
	if high == low {
		high++
	}
	return axis{low, high, from, to}
}

func (a axis) at(v float64) float64 {
	return a.from + (math.Log10(v)-a.low)/(a.high-a.low)*(a.to-a.from)
}

// svg draws the chart; without points there is none.
func (c chart) svg() string {
	var xs, ys []float64
	for _, s := range c.series {
		for _, p := range s.points {
			xs, ys = append(xs, p[0]), append(ys, p[1])
		}
	}
	if len(xs) == 0 {
		return ""
	}
	x, y := newAxis(xs, chartLeft, chartWidth-chartRight), newAxis(ys, chartHeight-chartBottom, chartTop)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="13" role="img" aria-label="%s">`+"\n", chartWidth, chartHeight, c.title)
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="#ffffff"/><text x="%g" y="24" font-size="16" font-weight="bold">%s</text>`+"\n", chartWidth, chartHeight, chartLeft, c.title)
	for e := x.low; e <= x.high; e++ {
		px := x.at(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%g" x2="%.1f" y2="%g" stroke="#dddddd"/><text x="%.1f" y="%g" text-anchor="middle">%s</text>`+"\n", px, chartTop, px, chartHeight-chartBottom, px, chartHeight-chartBottom+18, power(e))
	}
	for e := y.low; e <= y.high; e++ {
		py := y.at(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" stroke="#dddddd"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`+"\n", chartLeft, py, chartWidth-chartRight, py, chartLeft-8, py+4, power(e))
	}
	fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle">%s</text>`+"\n", (chartLeft+chartWidth-chartRight)/2, chartHeight-12, c.x)
	fmt.Fprintf(&b, `<text x="20" y="%g" text-anchor="middle" transform="rotate(-90 20 %g)">%s</text>`+"\n", (chartTop+chartHeight-chartBottom)/2, (chartTop+chartHeight-chartBottom)/2, c.y)
	names := labels(c.series, y)
	for i, s := range c.series {
		if len(s.points) == 0 {
			continue
		}
		var line []string
		for _, p := range s.points {
			line = append(line, fmt.Sprintf("%.1f,%.1f", x.at(p[0]), y.at(p[1])))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`+"\n", x.at(p[0]), y.at(p[1]), s.colour)
		}
		last := s.points[len(s.points)-1]
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", strings.Join(line, " "), s.colour, x.at(last[0])+10, names[i]+4, s.colour, s.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// labels are the heights of the series' names: those of their last points, moved apart where they would lie upon each other.
func labels(all []series, y axis) []float64 {
	const apart = 16
	heights, order := make([]float64, len(all)), []int{}
	for i, s := range all {
		if len(s.points) > 0 {
			heights[i], order = y.at(s.points[len(s.points)-1][1]), append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(heights[a], heights[b]) })
	for n := 1; n < len(order); n++ {
		heights[order[n]] = max(heights[order[n]], heights[order[n-1]]+apart)
	}
	return heights
}

// power writes 10^e as people write it.
func power(e float64) string {
	if e < 0 {
		return fmt.Sprintf("%g", math.Pow(10, e))
	}
	digits := fmt.Sprintf("%.0f", math.Pow(10, e))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// byNumber sorts measured samples into points of their medians.
func byNumber(m map[int]sample) (points [][2]float64) {
	for n, s := range m {
		if len(s) > 0 {
			points = append(points, [2]float64{float64(n), s.median()})
		}
	}
	slices.SortFunc(points, func(a, b [2]float64) int { return int(a[0] - b[0]) })
	return points
}

const (
	oursColour      = "#0b6e4f"
	referenceColour = "#b3401f"
)

// pagesChart shows the time of a page against its number.
func pagesChart(took [2]map[int]sample) chart {
	return chart{title: "Time of a page against its number, 1,000,000 rows in the park", x: "page number (1,000 rows each)", y: "time, ms (median)",
		series: []series{{ours, oursColour, byNumber(took[0])}, {reference, referenceColour, byNumber(took[1])}}}
}
