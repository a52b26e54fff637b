package parkpoller

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"lease-gateway/shared/envelope"
	"lease-gateway/shared/lease"
)

// row is a polled park that validates; asked is when its page was asked for.
type row struct {
	park  lease.Park
	asked time.Time
}

// rejected is a row that did not validate, for the log.
type rejected struct {
	Page    int      `json:"page"`
	ParkSN  string   `json:"park_sn"`
	Reasons []string `json:"reasons"`
}

// rejectsSaid is how many of them the log names.
const rejectsSaid = 20

// keep validates a page's rows by the rules of a push. A row that does not validate is skipped and counted, and never drops the
// good ones; where its park_sn can be read, the park counts as seen.
func (s *sweep) keep(p page) {
	for _, raw := range p.rows {
		value, err := envelope.DecodeJSON(raw)
		if err != nil {
			s.reject(p.number, raw, err)
			continue
		}
		fields := envelope.Read(value)
		park := fields.Park()
		if err := fields.Err(); err != nil {
			s.reject(p.number, raw, err)
			continue
		}
		s.report.Seen++
		if held, twice := s.rows[park.SN]; twice && held.park != park {
			s.incomplete(Contradicted, fmt.Sprintf("park_sn %q on page %d", park.SN, p.number))
			s.disputed[park.SN] = true
		} else if !twice {
			park = compact(park)
			s.rows[park.SN] = row{park: park, asked: p.asked}
		}
	}
}

// compact keeps of the page only what the park has: its strings are pieces of the row as sent.
func compact(p lease.Park) lease.Park {
	all := p.SN + p.Name + p.Longitude + p.Latitude
	cut := func(n int) (s string) {
		s, all = all[:n], all[n:]
		return s
	}
	p.SN, p.Name, p.Longitude, p.Latitude = cut(len(p.SN)), cut(len(p.Name)), cut(len(p.Longitude)), cut(len(p.Latitude))
	return p
}

// parkSNs reads what a row that is not to be trusted names as its park_sn: each, where it is given twice, since a park that
// is perhaps listed does not count as missing.
func parkSNs(raw json.RawMessage) (names []string) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return names
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return names
		}
		if name != "park_sn" {
			continue
		}
		if alone, err := envelope.DecodeJSON(fmt.Appendf(nil, `{"park_sn":%s}`, value)); err == nil {
			if sn := envelope.Read(alone).ParkSN(true); sn != "" {
				names = append(names, sn)
			}
		}
	}
	return names
}

func (s *sweep) reject(page int, raw json.RawMessage, err error) {
	s.report.Rejected++
	r := rejected{Page: page}
	for _, sn := range parkSNs(raw) {
		s.unread[sn], r.ParkSN = true, sn
	}
	var parameters *envelope.ParameterError
	if errors.As(err, &parameters) {
		for _, f := range parameters.Fields {
			r.Reasons = append(r.Reasons, f.Field+" "+f.Reason)
		}
		slices.Sort(r.Reasons)
		for _, reason := range r.Reasons {
			s.report.Rejects[reason]++
		}
	} else {
		reason := NotStrict
		if bytes.TrimSpace(raw)[0] != '{' {
			reason = NotObject
		}
		s.report.Rejects[reason]++
		r.Reasons = []string{reason + ": " + err.Error()}
	}
	if len(s.rejects) < rejectsSaid {
		s.rejects = append(s.rejects, r)
	}
}
