package hierarchy

import (
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// house is a session as the rules of this package see it: members and options by their indexes, -1 standing for none.
type house struct {
	session   *api.Session
	params    api.HierarchyParams
	tree      [][]cluster
	expertise []api.Decimal
	support   []int               // by how many a member was named
	choice    []int               // what a member has voted for itself
	delegate  []int               // to whom a member has delegated
	voted     []bool              // whether a member has answered in the phase "vote"
	said      map[int]map[int]int // by level and number of the cluster below, what its representative has voted there
	failed    []bool              // who has failed or was silent, in any phase, and so represents nobody
	first     [][]int             // the representatives, by level and cluster, before the vote
	reps      [][]int             // and now
	outcomes  [][]outcome         // by level and cluster
	cast      []int               // the option that a member's vote counts for, its own or its delegate's
	deadlocks []api.HierarchyDeadlock
}

// assemble reads a session.
func assemble(s *api.Session) *house {
	n := len(s.Members)
	h := &house{
		session: s, params: params(s), expertise: make([]api.Decimal, n), support: make([]int, n), choice: none(n), delegate: none(n),
		voted: make([]bool, n), said: map[int]map[int]int{}, failed: make([]bool, n), cast: none(n),
	}
	h.tree = plant(s, &h.params)
	index := make(map[string]int, n)
	for i, m := range s.Members {
		index[m.ID] = i
		h.expertise[i] = api.One
		if d, err := api.ParseDecimal(m.Attributes[api.AttributeExpertise]); err == nil && d > 0 && d <= maxExpertise {
			h.expertise[i] = d
		}
	}
	for i := range s.Rounds {
		r := &s.Rounds[i]
		for j := range r.Asks {
			h.read(r.Phase, &r.Asks[j], index)
		}
		if r.Phase == PhaseElection {
			h.first = h.represent()
		}
	}
	if h.first == nil { // without an election nobody had failed when they were found
		h.first = (&house{tree: h.tree, expertise: h.expertise, support: h.support, failed: make([]bool, n)}).represent()
	}
	h.reps = h.represent()
	h.count()
	return h
}

// read takes an answer, or notes that there is none.
func (h *house) read(phase string, a *api.SessionAsk, index map[string]int) {
	m, ok := index[a.Member]
	if !ok {
		return
	}
	if a.State != api.AskAnswered {
		h.failed[m] = h.failed[m] || a.State == api.AskFailed || a.State == api.AskSilent
		return
	}
	switch phase {
	case PhaseElection:
		if name, err := electionOf(a, a.Answer); err == nil {
			h.support[index[name]]++
		}
	case PhaseVote:
		v, err := voteOf(a, a.Answer, true)
		if err != nil {
			return
		}
		h.voted[m] = true
		h.choice[m] = slices.Index(h.params.Options, v.Vote)
		if v.Delegate != "" {
			h.delegate[m] = index[v.Delegate]
		}
	default:
		var seat api.HierarchySeatAsk
		v, err := voteOf(a, a.Answer, false)
		if err != nil || codec.Read(a.Ask, &seat) != nil || !strings.HasPrefix(phase, "level_") {
			return
		}
		if h.said[seat.Level] == nil {
			h.said[seat.Level] = map[int]int{}
		}
		h.said[seat.Level][seat.Cluster] = slices.Index(h.params.Options, v.Vote)
	}
}

// represent finds the representative of every cluster: of those of its members who have not failed, or of the representatives who
// meet in it, the one whom most have named, of equals the one with most expertise, and of those the one listed first. Since each level
// looks to the one below, a representative who fails is replaced wherever it stood.
func (h *house) represent() [][]int {
	reps := make([][]int, len(h.tree))
	for level, clusters := range h.tree {
		reps[level] = none(len(clusters))
		for i, c := range clusters {
			for _, part := range c.parts {
				m := part
				if level > 0 {
					m = reps[level-1][part]
				}
				if m >= 0 && !h.failed[m] && (reps[level][i] < 0 || h.before(m, reps[level][i])) {
					reps[level][i] = m
				}
			}
		}
	}
	return reps
}

// before tells whether a comes before b as a representative.
func (h *house) before(a, b int) bool {
	switch {
	case h.support[a] != h.support[b]:
		return h.support[a] > h.support[b]
	case h.expertise[a] != h.expertise[b]:
		return h.expertise[a] > h.expertise[b]
	}
	return a < b
}

func (h *house) name(m int) string {
	if m < 0 {
		return ""
	}
	return h.session.Members[m].ID
}

func (h *house) names(members []int) []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = h.name(m)
	}
	return names
}

func (h *house) option(i int) string {
	if i < 0 {
		return ""
	}
	return h.params.Options[i]
}

// written is a tally by the names of its options, without those that have nothing.
func (h *house) written(tally []api.Decimal) map[string]api.Decimal {
	m := map[string]api.Decimal{}
	for i, d := range tally {
		if d > 0 {
			m[h.option(i)] = d
		}
	}
	return m
}

func none(n int) []int {
	m := make([]int, n)
	for i := range m {
		m[i] = -1
	}
	return m
}
