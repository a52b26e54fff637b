package main

import (
	"context"
	"fmt"

	"lease-gateway/local/bench/cost"
)

// costs (row 10) is the model of docs/cost.md, whose units the counting tests hold against what the engine bills.
func costs(context.Context, setting) ([]line, error) {
	const million = 1e6
	we, they := cost.We.Order(cost.Listed, 1), cost.They.Order(cost.Listed, 1)
	all, services := cost.Total(we)
	allTheirs, servicesTheirs := cost.Total(they)
	lines := []line{{row: 10, what: "each pushed alone", unit: "$", ours: sample{services * million}, reference: sample{servicesTheirs * million}, goal: goal{atMost, cost.RowTen}, note: "five dates"}}
	for i, part := range we {
		lines = append(lines, line{row: 10, what: "of it " + part.Name, unit: "$", ours: sample{part.Dollars * million}, reference: sample{they[i].Dollars * million}})
		if part.Watch {
			lines[len(lines)-1].what = "besides, " + part.Name
		}
	}
	_, batched := cost.Total(cost.We.Order(cost.Listed, 10))
	_, batchedTheirs := cost.Total(cost.They.Order(cost.Listed, 10))
	lines = append(lines, line{row: 10, what: "with logs and traces", unit: "$", ours: sample{all * million}, reference: sample{allTheirs * million}},
		line{row: 10, what: "ten in a batch", unit: "$", ours: sample{batched * million}, reference: sample{batchedTheirs * million}})
	if services <= 0 || servicesTheirs <= 0 {
		return nil, fmt.Errorf("the model says %g and %g", services, servicesTheirs)
	}
	return lines, nil
}

// costParks is how many parks the plot has.
const costParks = 5000

// costChart shows what a month costs against the orders of a day: everything, and of it the orders, placed and delivered.
func costChart() chart {
	c := chart{title: "Cost of a month against orders, 5,000 parks", x: "orders a day", y: "dollars a month (model)"}
	for _, s := range []struct {
		name, colour string
		side         cost.Side
		orders       bool
	}{{"all, reference", referenceColour, cost.They, false}, {"all, ours", oursColour, cost.We, false}, {"orders, reference", "#e0926f", cost.They, true}, {"orders, ours", "#5fb59a", cost.We, true}} {
		var points [][2]float64
		for _, orders := range []float64{100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000} {
			parts := s.side.Month(cost.Listed, cost.Load{Parks: costParks, Orders: orders})
			dollars, _ := cost.Total(parts)
			if s.orders {
				dollars = parts[0].Dollars // placed and delivered
			}
			points = append(points, [2]float64{orders, dollars})
		}
		c.series = append(c.series, series{s.name, s.colour, points})
	}
	return c
}
