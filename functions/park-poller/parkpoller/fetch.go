package parkpoller

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"lease-gateway/shared/tongli"
)

const (
	pageLimit  = 1000
	pageTries  = 3       // once and two retries, then the sweep is incomplete
	fetchAhead = 4       // pages asked for at once: 100 pages of 3 s in 78 s, and Tongli hardly notices
	maxPages   = 2_000   // a list that goes on is none: it would only end with the memory …
	maxParks   = 200_000 // … twice what one run is made for
)

// page is one answer.
type page struct {
	number int
	asked  time.Time
	rows   []json.RawMessage
	sum    [32]byte // of the rows, in whatever order
	failed string
}

// fetch asks for pages until the end, a few at a time, and keeps what they say. It sets the reason where the walk is not
// complete. The end is an empty page, or one that only repeats the short page before it (page 1 excepted).
func (s *sweep) fetch(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer func() { // no call outlives the walk: the sandbox may be frozen after the report
		cancel()
		asking.Wait()
	}()
	results := map[int]chan page{}
	ask := func(number int) {
		c := make(chan page, 1)
		results[number] = c
		asking.Go(func() { c <- s.ask(ctx, number) })
	}
	ahead := 1 // page 1 alone first: most lists end there
	ask(1)
	sums := map[[32]byte]int{}
	short := false // the page before
	for number := 1; ; number++ {
		var p page
		select {
		case p = <-results[number]:
			delete(results, number)
		case <-ctx.Done():
			s.incomplete(OutOfTime, fmt.Sprintf("%d pages walked", number-1))
			return
		}
		if p.failed != "" {
			if ctx.Err() != nil {
				s.incomplete(OutOfTime, fmt.Sprintf("%d pages walked, then: %s", number-1, p.failed))
			} else {
				s.incomplete(PageFailed, fmt.Sprintf("page %d: %s", number, p.failed))
			}
			return
		}
		if len(p.rows) == 0 {
			return
		}
		s.report.Pages = number
		if first, repeated := sums[p.sum]; repeated {
			// A last page, shorter than we asked for, that is answered again is the end; a full one, or page 1 again, means that `page` is ignored.
			if number > 2 && first == number-1 && short {
				return
			}
			s.incomplete(PageRepeated, fmt.Sprintf("page %d repeats page %d", number, first))
			return
		}
		sums[p.sum] = number
		s.keep(p)
		short = len(p.rows) < pageLimit
		if number >= maxPages || len(s.rows)+len(s.unread) > maxParks {
			s.incomplete(Endless, fmt.Sprintf("%d parks on %d pages, and no end", len(s.rows), number))
			return
		}
		if ahead < fetchAhead {
			ahead++
		}
		for next := number + 1; next <= number+ahead; next++ {
			if results[next] == nil {
				ask(next)
			}
		}
	}
}

// ask asks for one page, again at most twice.
func (s *sweep) ask(ctx context.Context, number int) (p page) {
	for try := range pageTries {
		if try > 0 {
			if err := s.Wait(ctx, time.Duration(try)*time.Second); err != nil {
				return p
			}
		}
		p = page{number: number, asked: s.Now()}
		out := s.Tongli.ListParks(ctx, number, pageLimit)
		if out.Class != tongli.Accepted {
			p.failed = cmp.Or(out.Detail, string(out.Class), "no answer")
			continue
		}
		if data := bytes.TrimSpace(out.Data); len(data) == 0 || data[0] != '[' || json.Unmarshal(data, &p.rows) != nil {
			p.failed = out.Detail + ", data is no array"
			continue
		}
		p.sum = sum(p.rows)
		return p
	}
	return p
}

// sum tells pages apart by their rows, whatever the white space between and the order of them.
func sum(rows []json.RawMessage) [32]byte {
	sums := make([][32]byte, len(rows))
	var b bytes.Buffer
	for i, r := range rows {
		b.Reset()
		_ = json.Compact(&b, r) // decoded before: it is JSON
		sums[i] = sha256.Sum256(b.Bytes())
	}
	slices.SortFunc(sums, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	for i := range sums {
		_, _ = h.Write(sums[i][:])
	}
	return [32]byte(h.Sum(nil))
}
