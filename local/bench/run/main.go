// Command run measures the ten rows of docs/performance.md, ours and the reference (local/bench/reference) in turns, and says in one table what was
// reached: on the terminal, and after a whole run in docs/performance.md, with plots. Started by make bench, which lends it the engines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lease-gateway/local/engines"
	"lease-gateway/local/engines/enginetest"
)

// rows measure one or more rows; the lines name theirs.
var rows = map[int]func(context.Context, setting) ([]line, error){1: sizes, 2: starts, 3: starts, 4: page, 5: pages, 6: units, 7: polls, 8: pushBatches, 9: accepted, 10: costs}

func main() {
	only := flag.String("row", "", "rows to measure, as 5 or 4,5; all when empty")
	write := flag.Bool("write", false, "with -row: put the rows' figures into the document")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *only, *write); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func run(ctx context.Context, only string, write bool) error {
	root, err := engines.CheckoutRoot()
	if err != nil {
		return err
	}
	e := setting{root: root, dynamo: os.Getenv(enginetest.DynamoEnv), sqs: os.Getenv(enginetest.SQSEnv)}
	if e.dynamo == "" || e.sqs == "" {
		return errors.New("it needs the engines: make bench")
	}
	wanted, err := chosen(only)
	if err != nil {
		return err
	}
	began := time.Now()
	lines := measure(ctx, e, wanted, rows)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Print(terminal(lines))
	fmt.Println(summary(lines))
	if only != "" && !write {
		return nil
	}
	return document(root, lines, began, only == "")
}

// chosen reads which rows are asked for.
func chosen(only string) ([]int, error) {
	var wanted []int
	for part := range strings.SplitSeq(only, ",") {
		if only == "" {
			break
		}
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n >= len(titles) {
			return nil, fmt.Errorf("ROW=%s: want numbers from 1 to %d", only, len(titles)-1)
		}
		wanted = append(wanted, n)
	}
	for n := 1; only == "" && n < len(titles); n++ {
		wanted = append(wanted, n)
	}
	return wanted, nil
}

// measure takes row after row. One that fails is a line that says why, and no pass.
func measure(ctx context.Context, e setting, wanted []int, rows map[int]func(context.Context, setting) ([]line, error)) []line {
	var all []line
	for _, n := range wanted {
		if ctx.Err() != nil {
			break
		}
		began := time.Now()
		say("row %d: %s", n, titles[n])
		lines, err := rows[n](ctx, e)
		found := false
		for _, l := range lines {
			if l.row == n { // a measurement that serves two rows is asked for each
				all, found = append(all, l), true
			}
		}
		if err != nil {
			all = append(all, line{row: n, what: "the whole row", missing: err.Error()})
		} else if !found {
			all = append(all, line{row: n, what: "the whole row", missing: "nothing was measured"})
		}
		say("row %d took %s", n, time.Since(began).Round(time.Second))
	}
	return all
}
