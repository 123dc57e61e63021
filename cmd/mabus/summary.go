package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/mabus-project/mabus/client/job/run"
	"github.com/mabus-project/mabus/shared/api"
)

// summary is what `mabus run` says at the end.
type summary struct {
	ID      string `json:"id"`
	Results string `json:"results"`
	run.Stats
	// Seconds is how long the run took, PerSecond its outcomes by that, without those of an earlier run.
	Seconds   float64      `json:"seconds"`
	PerSecond float64      `json:"per_second"`
	P50       api.Duration `json:"p50,omitzero"`
	P90       api.Duration `json:"p90,omitzero"`
	P99       api.Duration `json:"p99,omitzero"`
	Max       api.Duration `json:"max,omitzero"`
	// Market is how the tasks were given out, if by auction.
	Market *run.MarketStats `json:"market,omitempty"`
	// Funding is what an account has paid, if one pays up to the job's cap.
	Funding *run.Funding `json:"funding,omitempty"`
	// Report is the data of the report.
	Report json.RawMessage `json:"report,omitempty"`
}

func summarise(id, results string, r *run.Run) *summary {
	s := &summary{ID: id, Results: results, Stats: r.Stats(), Market: r.Market(), Funding: r.Funding()}
	s.Seconds = time.Since(s.Begun).Seconds()
	s.PerSecond = float64(s.Ended()-s.Resumed) / s.Seconds
	if l := r.Latency(50, 90, 99, 100); l != nil {
		s.P50, s.P90, s.P99, s.Max = api.Duration(l[0]), api.Duration(l[1]), api.Duration(l[2]), api.Duration(l[3])
	}
	return s
}

func (s *summary) print(w io.Writer) {
	row(w, "run", s.ID)
	inputs := fmt.Sprintf("%d, of which no step took %d", s.Inputs, s.Skipped)
	if s.Unread > 0 {
		inputs += fmt.Sprintf(" and %d could not be read", s.Unread)
	}
	row(w, "inputs", inputs)
	tasks := fmt.Sprintf("%d done, %d failed, %d retries", s.Done, s.Failed, s.Retries)
	if s.Resumed > 0 {
		tasks += fmt.Sprintf(", %d from before", s.Resumed)
	}
	if left := s.Planned - s.Ended(); left > 0 {
		tasks += fmt.Sprintf(", %d without an outcome", left)
	}
	row(w, "tasks", tasks)
	row(w, "time", fmt.Sprintf("%.1f s, %.0f tasks/s", s.Seconds, s.PerSecond))
	if !s.Usage.IsZero() {
		row(w, "cost", fmt.Sprintf("%s, %d tokens in, %d out", money(s.Usage.Cost), s.Usage.TokensIn, s.Usage.TokensOut))
	}
	if f := s.Funding; f != nil {
		captured := fmt.Sprintf("%s from %s", money(f.Captured), f.Account)
		if f.Held > 0 {
			captured += fmt.Sprintf(", %s stay held for calls that have not ended", money(f.Held))
		}
		row(w, "captured", captured)
	}
	if s.Max > 0 {
		row(w, "latency", fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s", short(s.P50), short(s.P90), short(s.P99), short(s.Max)))
	}
	if m := s.Market; m != nil {
		row(w, "market", fmt.Sprintf("%d tenders, %d without bids, %d not paid, allocated in %.1f s", m.Tenders, m.NoBids, m.Unpaid, m.Allocation.Seconds()))
		row(w, "paid", fmt.Sprintf("%s of %s, %s left", money(m.Paid), money(m.Budget), money(m.Left)))
	}
	shares(w, "host", s.PerHost)
	if s.Market != nil {
		earnings(w, s.Market.Earned)
	} else {
		shares(w, "agent", s.PerAgent)
	}
	row(w, "results", s.Results)
}

func short(d api.Duration) string { return d.Std().Round(10 * time.Microsecond).String() }

// mostShown is how many agents or hosts are listed.
const mostShown = 20

// earnings prints who was paid how much.
func earnings(w io.Writer, m map[string]run.Earned) {
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i == mostShown {
			row(w, "agent", fmt.Sprintf("and %d more", len(m)-mostShown))
			return
		}
		e := m[name]
		row(w, "agent", fmt.Sprintf("%s  %d won, %s paid, %s each", name, e.Tasks, money(e.Paid), money(e.Paid/api.Micro(max(e.Tasks, 1)))))
	}
}

// shares prints who ended how many tasks.
func shares(w io.Writer, what string, m map[string]int) {
	names := make([]string, 0, len(m))
	total := 0
	for name, n := range m {
		names = append(names, name)
		total += n
	}
	sort.Strings(names)
	for i, name := range names {
		if i == mostShown {
			row(w, what, fmt.Sprintf("and %d more", len(names)-mostShown))
			return
		}
		row(w, what, fmt.Sprintf("%s  %d (%d %%)", name, m[name], 100*m[name]/total))
	}
}
