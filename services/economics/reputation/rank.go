package reputation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Candidate is an agent that may have a place in a ranking. It does not change when the state does.
type Candidate struct {
	agent    string
	standing *Standing
	row      *Agent // nil if there is none
}

// Candidates returns those that have at least so many records in a domain, or as a whole (""), in no order. All that needs the state is
// done here, so that it is held up but for a moment: what is applied to it later takes the place of rows, and changes none.
func (s *State) Candidates(domain string, records int) []Candidate {
	var all []Candidate
	suffix := "/" + domain
	for key, row := range s.Standings {
		if row.Records < records || !strings.HasSuffix(key, suffix) {
			continue
		}
		agent := key[:len(key)-len(suffix)]
		all = append(all, Candidate{agent, row, s.Agents[agent]})
	}
	return all
}

// Rank returns the candidates with the best scores, the best first: of equal scores that with more proven weight, then by name.
func Rank(all []Candidate, limit int, now time.Time) []api.ReputationPlace {
	places := []api.ReputationPlace{}
	day := dayOf(now)
	for _, c := range all {
		s, penalty := c.standing, api.Decimal(0)
		if s.Day < day {
			s = s.Clone()
			s.fadeTo(day)
		}
		if c.row != nil {
			penalty = Fade(c.row.Penalty, day-c.row.Day)
		}
		p := api.ReputationPlace{Agent: c.agent, Score: max(0, s.score()-penalty), Proven: s.proven().Mass, Records: s.Records}
		i, _ := slices.BinarySearchFunc(places, p, before)
		if i == limit {
			continue
		}
		if len(places) == limit {
			places = places[:limit-1]
		}
		places = slices.Insert(places, i, p)
	}
	for i := range places {
		places[i].Place = i + 1
	}
	return places
}

// before orders places. No two agents are equal, so that the order of candidates does not matter.
func before(a, b api.ReputationPlace) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Proven, a.Proven), cmp.Compare(a.Agent, b.Agent))
}

// Stats counts.
func (s *State) Stats() api.ReputationStatsResponse {
	t := s.Totals
	return api.ReputationStatsResponse{
		Agents: len(s.Agents), Standings: len(s.Standings), Settlements: t.Settlements, Opinions: t.Opinions, ByOperators: t.ByOperators,
		Unplaced: t.Unplaced, Remembered: t.Remembered, Penalties: t.Penalties, OpenReports: t.OpenReports, ReportsAsked: t.ReportsAsked,
		ReportsSettled: t.ReportsSettled, ReportsLapsed: t.ReportsLapsed,
	}
}

// Report returns a report: not_found (report_not_found) if there is none, or no longer.
func (s *State) Report(id string) (api.Report, error) {
	if r, ok := s.Reports[id]; ok {
		return r.Report, nil
	}
	return api.Report{}, NoReport(id)
}

// NoReport says that a report is not there.
func NoReport(id string) error {
	return api.Errorf(api.NotFound, "there is no report %s", id).WithReason(api.ReasonReportNotFound).WithFields("id")
}
