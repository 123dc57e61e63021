package reputation

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/shared/api"
)

// State is everything that is known of reputations.
type State struct {
	Agents draft.Table[*Agent] `json:"agents"`
	// Standings are by agent and domain, "agent/domain"; "agent/" is of the agent as a whole.
	Standings draft.Table[*Standing] `json:"standings"`
	Reports   draft.Table[*Report]   `json:"reports"`
	Totals    Totals                 `json:"totals"`
}

// Totals count what has happened since the log began.
type Totals struct {
	Settlements    uint64 `json:"settlements"`
	Opinions       uint64 `json:"opinions"`
	ByOperators    uint64 `json:"by_operators"`
	Unplaced       uint64 `json:"unplaced"`
	Penalties      uint64 `json:"penalties"`
	ReportsAsked   uint64 `json:"reports_asked"`
	ReportsSettled uint64 `json:"reports_settled"`
	ReportsLapsed  uint64 `json:"reports_lapsed"`
	OpenReports    int    `json:"open_reports"`
	// Remembered is how many records the histories have together.
	Remembered int `json:"remembered"`
}

// Agent is what does not depend on the domain. Its sums have faded to Day.
type Agent struct {
	Day int64 `json:"day"`
	// Version counts records and penalties, and is that of the reputation.
	Version uint64 `json:"version"`
	// Penalty is taken off every score.
	Penalty api.Decimal `json:"penalty"`
	// Given is the proven weight of what the agent has said of others, and Credit what its fees back.
	Given  api.Decimal `json:"given"`
	Credit api.Decimal `json:"credit"`
	// Domains are sorted.
	Domains []string `json:"domains,omitempty"`
	// Remembered is how many records at the end of History count.
	Remembered int                     `json:"remembered,omitempty"`
	History    []api.ReputationRecord  `json:"history,omitempty"`
	Penalties  []api.ReputationPenalty `json:"penalties,omitempty"`
}

// Clone implements draft.Record. History and Penalties only grow, or are made anew; so is Domains.
func (a *Agent) Clone() *Agent { c := *a; return &c }

func (a *Agent) fadeTo(day int64) {
	n := day - a.Day
	if n <= 0 {
		return
	}
	a.Penalty, a.Given, a.Credit, a.Day = Fade(a.Penalty, n), Fade(a.Given, n), Fade(a.Credit, n), day
}

// Report is a report as it is stored.
type Report struct {
	api.Report
}

// Clone implements draft.Record. What Belief and Outcome point to never changes.
func (r *Report) Clone() *Report { c := *r; return &c }

// New returns a state in which nothing is known.
func New() *State {
	return &State{Agents: draft.Table[*Agent]{}, Standings: draft.Table[*Standing]{}, Reports: draft.Table[*Report]{}}
}

// Draft is a state with the changes of one command.
type Draft struct {
	Reports draft.Draft[*Report]
	Totals  Totals

	state     *State
	agents    draft.Draft[*Agent]
	standings draft.Draft[*Standing]
	changed   []string
}

// Draft returns a draft without changes. Reads go through one too.
func (s *State) Draft() *Draft {
	return &Draft{Reports: draft.Of(s.Reports), Totals: s.Totals, state: s, agents: draft.Of(s.Agents), standings: draft.Of(s.Standings)}
}

// Apply makes the changes those of the state.
func (d *Draft) Apply() {
	d.Reports.Apply()
	d.agents.Apply()
	d.standings.Apply()
	d.state.Totals = d.Totals
}

// Changed lists the agents whose reputation the draft changes, in the order in which it does: who waits for "reputation/<agent>" is
// to be woken.
func (d *Draft) Changed() []string { return d.changed }

func (d *Draft) change(agent string) {
	if !slices.Contains(d.changed, agent) {
		d.changed = append(d.changed, agent)
	}
}

// agent returns the draft's own record of an agent, faded to the day.
func (d *Draft) agent(id string, day int64) *Agent {
	a, ok := d.agents.Edit(id)
	if !ok {
		a = &Agent{Day: day}
		d.agents.Put(id, a)
	}
	a.fadeTo(day)
	return a
}

// standing returns the draft's own standing, faded to the day.
func (d *Draft) standing(agent, domain string, day int64) *Standing {
	key := agent + "/" + domain
	s, ok := d.standings.Edit(key)
	if !ok {
		s = &Standing{Day: day}
		d.standings.Put(key, s)
	}
	s.fadeTo(day)
	return s
}
