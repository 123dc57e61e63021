package refine

import (
	"github.com/mabus-project/mabus/shared/api"
)

// turn is one round of the session as its protocol counts them: proposals, what was said of them, and how alike they are to the last.
type turn struct {
	number    int
	proposals []proposal // in the order of the members
	ratings   map[string][]api.RefineFeedback
	alike     map[string][]api.Decimal
}

func (t *turn) text(member string) string {
	for i := range t.proposals {
		if t.proposals[i].member == member {
			return t.proposals[i].text
		}
	}
	return ""
}

// read makes turns of the transcript. Within a turn everything is in the order of the asks, which is that of the members.
func read(s *api.Session, p *api.RefineParams) []turn {
	var turns []turn
	longest := limits(p, len(s.Members))
	for i := range s.Rounds {
		r := &s.Rounds[i]
		if r.Phase == PhaseProposal || len(turns) == 0 {
			turns = append(turns, turn{number: len(turns) + 1, ratings: map[string][]api.RefineFeedback{}, alike: map[string][]api.Decimal{}})
		}
		t := &turns[len(turns)-1]
		for j := range r.Asks {
			if r.Asks[j].State == api.AskAnswered {
				t.add(r.Phase, &r.Asks[j], longest)
			}
		}
	}
	return turns
}

// add adds an answer; one that cannot be read was never accepted.
func (t *turn) add(phase string, a *api.SessionAsk, longest limit) {
	switch phase {
	case PhaseProposal:
		if p, err := proposalOf(a.Answer, longest.proposal); err == nil {
			p.member = a.Member
			t.proposals = append(t.proposals, p)
		}
	case PhaseFeedback:
		ratings, err := ratingsOf(a, a.Answer, longest.comment)
		if err != nil {
			return
		}
		for author, r := range ratings {
			t.ratings[author] = append(t.ratings[author], api.RefineFeedback{From: a.Member, QualityScore: r.QualityScore, Comment: r.Comment})
		}
	case PhaseSimilarity:
		scores, err := similaritiesOf(a, a.Answer)
		if err != nil {
			return
		}
		for author, d := range scores {
			t.alike[author] = append(t.alike[author], d)
		}
	}
}
