package ballot

import (
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/fixed"
)

// box is a ballot as far as it has come.
type box struct {
	algorithm string
	params    *api.BallotParams
	wanted    string
	place     map[string]int // of the options, as folded
	session   *api.Session

	answered, abstained, waiting int
	// What the votes weigh, 1 each but in weighted_quorum: of all members, of those who have chosen, of those who may do so yet.
	total, cast, rest api.Decimal
	// score is what each option has: votes, weight, approvals or first places.
	score    []api.Decimal
	rankings [][]int
}

// open reads the settings of a session that was checked.
func open(s *api.Session) (*box, error) {
	algorithm, p, err := check(s.Algorithm, s.Params)
	if err != nil {
		return nil, err
	}
	b := &box{
		algorithm: algorithm, params: p, wanted: wanted(algorithm), place: make(map[string]int, len(p.Options)), session: s,
		score: make([]api.Decimal, len(p.Options)),
	}
	for i, o := range p.Options {
		b.place[fold(o)] = i
	}
	for i := range s.Members {
		b.total += b.weight(s.Members[i].ID)
	}
	return b, nil
}

func (b *box) weight(member string) api.Decimal {
	if b.algorithm == api.BallotWeightedQuorum {
		return weight(b.params, member)
	}
	return api.One
}

// ask is what each member is asked.
func (b *box) ask() json.RawMessage {
	body, err := codec.Marshal(api.BallotAsk{Options: b.params.Options, Answer: b.wanted, Abstain: *b.params.Abstain})
	if err != nil {
		return nil
	}
	return body
}

// count counts the answers of a round.
func (b *box) count(r *api.SessionRound) {
	for i := range r.Asks {
		a := &r.Asks[i]
		w := b.weight(a.Member)
		switch a.State {
		case api.AskOpen:
			b.waiting++
			b.rest += w
		case api.AskAnswered:
			v, err := b.read(a.Answer)
			if err != nil {
				continue
			}
			b.answered++
			if v.abstains {
				b.abstained++
				continue
			}
			b.cast += w
			b.put(v, w)
		}
	}
}

func (b *box) put(v vote, w api.Decimal) {
	switch b.wanted {
	case api.BallotRanking:
		b.rankings = append(b.rankings, v.picks)
		b.score[v.picks[0]] += w
	default:
		for _, i := range v.picks {
			b.score[i] += w
		}
	}
}

// result tells an outcome with what it comes from.
func (b *box) result(o outcome) *api.BallotResult {
	r := &api.BallotResult{
		Confidence: o.confidence, ConsensusReached: o.reached, Members: len(b.session.Members), Participants: b.answered, Abstained: b.abstained,
		Turnout: share(fixed.Int(b.answered), fixed.Int(len(b.session.Members))), Tally: make(map[string]api.Decimal, len(b.score)), Counts: o.counts,
	}
	for i, option := range b.params.Options {
		r.Tally[option] = b.score[i]
	}
	if o.decision >= 0 {
		r.Decision = b.params.Options[o.decision]
	}
	for _, i := range o.tied {
		r.Tied = append(r.Tied, b.params.Options[i])
	}
	return r
}

// share returns part/whole, and 0 when there is no whole.
func share(part, whole api.Decimal) api.Decimal { return fixed.MulDiv(part, api.One, whole) }
