package cost

import (
	"fmt"
	"slices"
	"strings"
)

// RowTen is the goal for a million orders, in dollars, of what runs the service: logs and traces stand beside it.
const RowTen = 7.5

func money(d float64) string {
	switch {
	case d >= 100:
		return fmt.Sprintf("%.0f", d)
	case d >= 0.005:
		return fmt.Sprintf("%.2f", d)
	case d == 0:
		return "0"
	}
	return "< 0.01"
}

func count(n float64) string {
	s := fmt.Sprintf("%.0f", n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func units(u Units) string { return fmt.Sprintf("%g / %g", u.Read, u.Write) }

// Render writes docs/cost.md.
func Render() string {
	var b strings.Builder
	p := Listed
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# What it costs\n")
	say("A model, not a bill. It is written by `make cost` from `local/bench/cost`, and a test holds this page against it, and the billed units in it against what the functions are billed on the real engine. " +
		"No free tier and no volume discount is in it. Beside ours stands the reference (`local/bench/reference`): the same functions written the ordinary way.\n")
	one, oneServices := Total(We.Order(p, 1))
	ten, _ := Total(We.Order(p, 10))
	their, theirServices := Total(They.Order(p, 1))
	say("**A million orders, from `POST /app/orders` until the gate knows the plate, cost $%s** (goal: $%s) when each is pushed alone; with the logs and traces to watch them $%s. When messages come ten at a time, all of it is $%s. "+
		"The reference: $%s, and $%s.\n", money(oneServices*million), money(RowTen), money(one*million), money(ten*million), money(theirServices*million), money(their*million))

	say("## A million orders, part by part\n")
	say("An order has five dates. In dollars.\n")
	say("| part | ours, each alone | ours, ten in a batch | reference, each alone |\n|---|---:|---:|---:|")
	a, t, r := We.Order(p, 1), We.Order(p, 10), They.Order(p, 1)
	for i := range a {
		name := a[i].Name
		if a[i].Watch {
			name = "*watching:* " + name
		}
		say("| %s | %s | %s | %s |", name, money(a[i].Dollars*million), money(t[i].Dollars*million), money(r[i].Dollars*million))
	}
	line := func(name string, pick func(all, services float64) float64) {
		cells := []string{}
		for _, parts := range [][]Part{a, t, r} {
			cells = append(cells, "**"+money(pick(Total(parts))*million)+"**")
		}
		say("| **%s** | %s |", name, strings.Join(cells, " | "))
	}
	line("without watching", func(_, services float64) float64 { return services })
	line("all", func(all, _ float64) float64 { return all })
	thirty := Side{Units: Reference(30), Sequence: true}
	_, more := Total(thirty.Order(p, 1))
	say("\nWith thirty dates ours stays what it is, since an order is one item; the reference is then at $%s.", money(more*million))
	say("What could still be saved, and why it is not: `whitelist-pusher` with 128 MB ($%s; a batch would wait longer for its processor), `SystemLogLevel: WARN` ($%s; the line with duration and memory is what one looks for first), no tracing ($%s).\n",
		money(memory/2*We.duration(1)*p.GBSecond*million), money(2*platform/1e9*p.Logs*million), money(2*sampled*p.Trace))

	say("## A month, at three sizes\n")
	say("In dollars, %g days, ours and the reference.\n", days)
	head, rule := "| part |", "|---|"
	for _, l := range Sizes {
		head += fmt.Sprintf(" %s parks, %s orders a day | reference |", count(l.Parks), count(l.Orders))
		rule += "---:|---:|"
	}
	say("%s\n%s", head, rule)
	names := []string{}
	for _, part := range We.Month(p, Sizes[0]) {
		names = append(names, part.Name)
	}
	find := func(parts []Part, name string) string {
		i := slices.IndexFunc(parts, func(x Part) bool { return x.Name == name })
		if i < 0 {
			return "–"
		}
		return money(parts[i].Dollars)
	}
	for _, name := range names {
		row := "| " + name + " |"
		for _, l := range Sizes {
			row += " " + find(We.Month(p, l), name) + " | " + find(They.Month(p, l), name) + " |"
		}
		say("%s", row)
	}
	row, each := "| **all** |", "| for each order, in thousandths of a cent |"
	for _, l := range Sizes {
		ours, _ := Total(We.Month(p, l))
		theirs, _ := Total(They.Month(p, l))
		row += fmt.Sprintf(" **%s** | **%s** |", money(ours), money(theirs))
		each += fmt.Sprintf(" %.2f | %.2f |", ours/days/l.Orders*1e5, theirs/days/l.Orders*1e5)
	}
	say("%s\n%s\n", row, each)
	say("The reference has no sweep, no nightly push, no metrics and no alarms (–): what these cost is the price of an order that is never lost.\n")

	say("## Formulas\n")
	say("`W` and `R` are the units of the table below, `p` the prices, seconds at 256 MB on arm64 (`s` × 0.25 × $%.10f).\n", p.GBSecond)
	say("- **request** = HTTP + invocation + R·p(read) + W·p(write) + s + KB out·p(egress) + logs + traces")
	say("- **order** = request of `POST` + (1 + 2/b) messages + 1/b invocations of the pusher, each %g ms (Tongli takes %g ms of it) + R, W of both. b is how many messages come in a batch: 1, until more than %d pushers would be at work",
		1000*We.duration(1), 1000*tongliTakes, pushers)
	say("- **poll** = R, W of a poll + parks/1,000 · R + changed parks · (R, W) + (%g s + parks/1,000 · %g s): $%s at 5,000 parks, $%s at 100,000; the reference $%s and $%s (per thousand polls)",
		pollTime, pollMore, money(1000*We.Poll(p, Sizes[1])), money(1000*We.Poll(p, Sizes[2])), money(1000*They.Poll(p, Sizes[1])), money(1000*They.Poll(p, Sizes[2])))
	say("- **month** = %g · (orders · (order + %g reads + %g searches + %g views + %g quotes + %g cancellations + %g look-ups of a plate) + parks · (%g pushes + %g walks of all pages) + %g polls + %g sweeps + live orders · nightly push) + storage + metrics, alarms, secrets",
		days, reads, searches, views, quotes, cancelled, plates, pushes, walks, polls, sweeps)
	say("- live orders = orders a day · %g days; rows of a park = live orders · %g dates / parks; of the parks pushed, %g %% have changed; a poll corrects %g %% of them", ahead, dates, changed*100, drift*100)
	say("- the busiest hour has %g %% of a day's orders\n", busyHour*100)
	say("These are inputs, written as constants in `local/bench/cost/model.go`: put yours in their place. Durations are assumed from the calls that each function makes, at 4 to 6 ms each.\n")

	say("## Billed units\n")
	say("Read and write units of DynamoDB, read / written; ours counted by `TestUnits` from ConsumedCapacity, through the handlers, on the real engine. The reference by DynamoDB's rules, with five and with thirty dates: what a transaction writes counts twice, and the engine does not count transactions rightly.\n")
	say("| operation | ours | reference, 5 dates | reference, 30 dates |\n|---|---:|---:|---:|")
	five, many := Reference(5), Reference(30)
	for _, op := range operations {
		say("| %s | %s | %s | %s |", op, units(Ours[op]), units(five[op]), units(many[op]))
	}
	say("\nA page of the reference is by offset: page n reads n times as much. Signed calls carry one write for their nonce.\n")

	say("## Prices\n")
	say("Region %s, %s. Source: %s.\n", p.Region, p.Date, p.Source)
	say("| what | $ |\n|---|---:|")
	for _, x := range []struct {
		name  string
		price float64
	}{{"HTTP API, million requests", p.HTTP}, {"Lambda, million invocations", p.Invocation}, {"SQS FIFO, million calls", p.Message}, {"DynamoDB on demand, million write units", p.Write}, {"DynamoDB on demand, million read units", p.Read},
		{"DynamoDB, GB and month", p.Stored}, {"point-in-time recovery, GB and month", p.Backup}, {"CloudWatch Logs, GB", p.Logs}, {"to the internet, GB", p.Egress}, {"X-Ray, million traces", p.Trace},
		{"metric, month", p.Metric}, {"alarm, month", p.Alarm}, {"secret, month", p.Secret}} {
		say("| %s | %g |", x.name, x.price)
	}
	say("| Lambda on arm64, GB and second | %.10f |\n", p.GBSecond)

	say("## Which limit comes first\n")
	say("What the busiest hour takes of each quota. Over 100 %%: reached. The busiest park sells as much as a hundred common ones.\n")
	for _, l := range Sizes {
		first := First(l)
		reached := 0
		for _, q := range first {
			if q.Used(l) >= q.Limit {
				reached++
			}
		}
		say("### %s parks, %s orders a day (%.1f a second in the busiest hour)\n", count(l.Parks), count(l.Orders), Peak(l))
		switch reached {
		case 0:
			say("None is reached. Nearest: %s.\n", first[0].Name)
		default:
			say("First: %s; reached: %d.\n", first[0].Name, reached)
		}
		say("| quota | used | then |\n|---|---:|---|")
		for _, q := range first[:max(reached, 6)] {
			say("| %s | %s | %s |", q.Name, q.Share(l), q.Then)
		}
		say("")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
