package parkpoller

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/tongli"
)

// row is a polled park that validates; asked is when its page was asked for.
type row struct {
	park  lease.Park
	hash  string
	asked time.Time
}

// page is one answer.
type page struct {
	number int
	asked  time.Time
	rows   []json.RawMessage
	sum    [32]byte // of the rows
	failed string
}

// fetch asks for pages until the end, a few at a time, and keeps what they say in s.rows and s.seen. It sets the reason
// where the walk is not complete. The end is an empty page, or one that only repeats the short page before it (page 1 excepted).
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
	var before page
	for number := 1; ; number++ {
		var p page
		select {
		case p = <-results[number]:
			delete(results, number)
		case <-ctx.Done():
			s.incomplete(OutOfTime, "")
			return
		}
		if p.failed != "" {
			if s.outOfTime() {
				s.incomplete(OutOfTime, p.failed)
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
			if number > 2 && first == number-1 && len(before.rows) < pageLimit {
				return
			}
			s.incomplete(PageRepeated, fmt.Sprintf("page %d repeats page %d", number, first))
			return
		}
		sums[p.sum] = number
		s.keep(p)
		before = p
		if s.outOfTime() {
			s.incomplete(OutOfTime, fmt.Sprintf("%d pages walked", number))
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
func (s *sweep) ask(ctx context.Context, number int) page {
	p := page{number: number}
	for try := range pageTries {
		if try > 0 {
			if err := s.Wait(ctx, time.Duration(try)*time.Second); err != nil {
				return p
			}
		}
		p.asked = s.Now()
		out := s.Tongli.ListParks(ctx, number, pageLimit)
		if out.Class != tongli.Accepted {
			p.failed = out.Detail
			continue
		}
		p.rows, p.failed = nil, ""
		if data := bytes.TrimSpace(out.Data); len(data) == 0 || data[0] != '[' {
			p.failed = out.Detail + ", data is no array"
			continue
		}
		if err := json.Unmarshal(out.Data, &p.rows); err != nil {
			p.failed = out.Detail + ", data is no array"
			continue
		}
		var sum bytes.Buffer
		for _, r := range p.rows {
			_ = json.Compact(&sum, r) // decoded above: it is JSON
			sum.WriteByte('\n')
		}
		p.sum = sha256.Sum256(sum.Bytes())
		return p
	}
	return p
}

// keep validates a page's rows by the rules of a push. A row that does not validate is skipped and counted, and never drops the
// good ones; where its park_sn can be read, the park counts as seen.
func (s *sweep) keep(p page) {
	for _, raw := range p.rows {
		value, err := envelope.DecodeJSON(raw)
		fields := envelope.Read(value)
		var park lease.Park
		if err == nil {
			park = fields.Park()
			err = fields.Err()
		}
		if err != nil {
			if sn := envelope.Read(value).ParkSN(true); sn != "" {
				s.seen[sn] = true
			}
			s.reject(p.number, park.SN, err)
			continue
		}
		s.report.Seen++
		s.seen[park.SN] = true
		r := row{park: park, hash: park.Hash(), asked: p.asked}
		if held, twice := s.rows[park.SN]; twice && held.hash != r.hash {
			s.incomplete(Contradicted, fmt.Sprintf("park_sn %q on page %d", park.SN, p.number))
			s.disputed[park.SN] = true
			continue
		}
		s.rows[park.SN] = r
	}
}

func (s *sweep) reject(page int, sn string, err error) {
	s.report.Rejected++
	reasons := []string{"not an object"}
	if parameters, ok := err.(*envelope.ParameterError); ok {
		reasons = reasons[:0]
		for _, f := range parameters.Fields {
			reasons = append(reasons, f.Field+" "+f.Reason)
		}
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		s.report.Rejects[reason]++
	}
	if len(s.rejects) < rejectsSaid {
		s.rejects = append(s.rejects, rejected{Page: page, ParkSN: sn, Reasons: reasons})
	}
}

// rejected is a row that did not validate, for the log.
type rejected struct {
	Page    int      `json:"page"`
	ParkSN  string   `json:"park_sn"`
	Reasons []string `json:"reasons"`
}
