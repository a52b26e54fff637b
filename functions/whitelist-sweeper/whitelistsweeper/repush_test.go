package whitelistsweeper

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lease-gateway/shared/lease"
	"lease-gateway/shared/leasestore"
)

func (s *shelf) fill(n int) *shelf {
	for i := range n {
		s.plates = append(s.plates, lease.Plate(fmt.Sprintf("苏E%05d", i)))
	}
	return s
}

// TestNightly: 100,000 live plates are pushed once each, 3,000 in a minute, so over half an hour and more; the position is kept between the sweeps.
func TestNightly(t *testing.T) {
	s := newShelf().fill(100_000)
	most, sweeps := 0, 0
	for input := `{"repush":"all"}`; ; input = "{}" {
		r, _, err := s.sweep(t.Context(), input)
		if err != nil {
			t.Fatal(err)
		}
		sweeps, most = sweeps+1, max(most, r.Repushed)
		if s.position.Run == "" {
			break
		}
		s.now = s.now.Add(time.Minute)
	}
	if most != 3000 || sweeps != 34 {
		t.Errorf("%d sweeps of at most %d, want 34 of 3000", sweeps, most)
	}
	seen := map[string]int{}
	for _, m := range s.sent {
		seen[string(m.Plate)]++
		if m.Repush != "2026-11-24T12:00:00.000+08:00" || m.ParkSN != "P1" || m.Version != 1 {
			t.Fatalf("%+v: every message of a run carries the run's name", m)
		}
	}
	if len(seen) != 100_000 || len(s.sent) != 100_000 {
		t.Errorf("%d messages for %d plates, want one for each of 100,000", len(s.sent), len(seen))
	}
	if r, _, err := s.sweep(t.Context(), "{}"); err != nil || r.Repushed != 0 {
		t.Errorf("it begins again by itself: %+v %v", r, err)
	}
}

// TestNightlyWaits: for a circuit that is open, and a page that the queue did not take is sent again from its beginning.
func TestNightlyWaits(t *testing.T) {
	s := newShelf().fill(5)
	s.breaker.OpenUntil = noon.Add(time.Minute)
	if r, _, err := s.sweep(t.Context(), `{"repush":"all"}`); err != nil || r.Repushed != 0 || s.position.Run == "" {
		t.Fatalf("%+v %v, position %+v", r, err, s.position)
	}
	s.breaker = leasestore.Breaker{}
	s.refuse["苏E00003"] = 3
	if _, _, err := s.sweep(t.Context(), "{}"); err == nil || s.position.Run == "" {
		t.Errorf("a page of which the queue did not take all counts as sent: %+v", s.position)
	}
	if r, _, err := s.sweep(t.Context(), "{}"); err != nil || r.Repushed != 5 || s.position.Run != "" {
		t.Errorf("%+v %v", r, err)
	}
}

// TestOnDemand: a park that is asked for comes at once, the nightly run goes on where it was, and nobody's request is lost.
func TestOnDemand(t *testing.T) {
	for _, c := range []struct {
		name   string
		inputs []string
		plates int
		want   string // park of each page, and where it begins
	}{
		{"a park", []string{`"P7"`, ""}, 10, "P7@0"},
		{"a large park", []string{`"P7"`, "", "", ""}, 7000, "P7@0 P7@3000 P7@6000"},
		{"during the nightly run", []string{`"all"`, `"P7"`, "", "", "", ""}, 7000, "P1@0 P7@0 P7@3000 P7@6000 P1@3000 P1@6000"},
		{"during another park's", []string{`"P7"`, `"P8"`, "", "", "", "", ""}, 7000, "P7@0 P7@3000 P7@6000 P8@0 P8@3000 P8@6000"},
		{"three parks", []string{`"P7"`, `"P8"`, `"P9"`, "", "", "", "", "", ""}, 7000, "P7@0 P7@3000 P7@6000 P8@0 P8@3000 P8@6000 P9@0 P9@3000 P9@6000"},
		{"twice while another park's goes on", []string{`"P7"`, `"P8"`, `"P8"`, "", "", "", "", ""}, 7000, "P7@0 P7@3000 P7@6000 P8@0 P8@3000 P8@6000"},
		{"the same again begins anew", []string{`"P7"`, `"P7"`, "", "", ""}, 7000, "P7@0 P7@0 P7@3000 P7@6000"},
		{"the night comes meanwhile", []string{`"P7"`, `"all"`, "", "", "", "", ""}, 7000, "P7@0 P7@3000 P7@6000 P1@0 P1@3000 P1@6000"},
		{"the next night comes during the last one's", []string{`"all"`, `"all"`, "", "", ""}, 7000, "P1@0 P1@3000 P1@6000"},
		{"two parks in the night", []string{`"all"`, `"P7"`, `"P8"`, "", "", "", ""}, 3001, "P1@0 P7@0 P7@3000 P8@0 P8@3000 P1@3000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShelf().fill(c.plates)
			var pages []string
			for _, in := range c.inputs {
				s.sent = nil
				if in != "" {
					in = `{"repush":` + in + `}`
				}
				if _, _, err := s.sweep(t.Context(), in); err != nil {
					t.Fatal(err)
				}
				if len(s.sent) > 0 {
					at := 0
					_, _ = fmt.Sscanf(strings.TrimPrefix(string(s.sent[0].Plate), "苏E"), "%d", &at)
					pages = append(pages, fmt.Sprintf("%s@%d", s.sent[0].ParkSN, at))
				}
				s.now = s.now.Add(time.Minute)
			}
			if got := strings.Join(pages, " "); got != c.want {
				t.Errorf("pages\n got %s\nwant %s", got, c.want)
			}
			if s.position != (leasestore.Repush{Version: s.position.Version}) {
				t.Errorf("left over: %+v", s.position)
			}
		})
	}
}

func TestInput(t *testing.T) {
	for input, ok := range map[string]bool{"": true, "{}": true, `{"later":1}`: true, `[]`: false, `{`: false, `{"repush":1}`: false} {
		if _, _, err := newShelf().sweep(t.Context(), input); (err == nil) != ok || err != nil && !strings.Contains(err.Error(), `{"repush":"all"|"<park_sn>"}`) {
			t.Errorf("%s: %v", input, err)
		}
	}
}
