// Package refine holds the pure rules of iterative_refinement: in each round everybody proposes and everybody rates the others'
// proposals, until the proposals stop changing, one is good enough, nothing gets better, or the rounds are over.
package refine

import (
	"encoding/json"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The phases of a round.
const (
	PhaseProposal   = "proposal"
	PhaseFeedback   = "feedback"
	PhaseSimilarity = "similarity" // only when members are asked how alike two versions are, and not in the first round
)

// Refinement is the protocol of iterative_refinement.
type Refinement struct{}

var _ protocol.Protocol = Refinement{}

// Accept implements protocol.Protocol.
func (Refinement) Accept(s *api.Session, ask *api.SessionAsk, answer json.RawMessage) error {
	p := params(s)
	longest := limits(&p, len(s.Members))
	var err error
	switch protocol.Current(s).Phase {
	case PhaseProposal:
		_, err = proposalOf(answer, longest.proposal)
	case PhaseFeedback:
		_, err = ratingsOf(ask, answer, longest.comment)
	default:
		_, err = similaritiesOf(ask, answer)
	}
	return err
}

// Step implements protocol.Protocol. A phase is over when everybody has answered, failed or run out of time: who has not proposed has
// no proposal in this round, and who has not rated has no opinion.
func (Refinement) Step(s *api.Session) protocol.Step {
	p := params(s)
	round := protocol.Current(s)
	if round == nil {
		return propose(s, &p, nil)
	}
	if !protocol.Closed(round) {
		return protocol.Step{}
	}
	turns := read(s, &p)
	last := &turns[len(turns)-1]
	switch round.Phase {
	case PhaseProposal:
		if len(last.proposals) == 0 {
			return nothing(s, &p, turns)
		}
		if asks := feedbackAsks(s, &p, last); len(asks) > 0 {
			return ask(s, PhaseFeedback, p.FeedbackTimeout, asks)
		}
	case PhaseFeedback:
		if p.Similarity == api.RefineAgent && len(turns) > 1 {
			if asks := similarityAsks(s, &p, &turns[len(turns)-2], last); len(asks) > 0 {
				return ask(s, PhaseSimilarity, p.SimilarityTimeout, asks)
			}
		}
	}
	history := analyse(&p, turns)
	if why := stop(&p, history); why != "" {
		return protocol.Step{Result: result(history, turns, why)}
	}
	return propose(s, &p, turns)
}

// nothing ends a session in whose last round nobody proposed.
func nothing(s *api.Session, p *api.RefineParams, turns []turn) protocol.Step {
	before := turns[:len(turns)-1]
	if len(before) == 0 {
		return protocol.Step{Reason: api.RefineNoProposals + ": no member has proposed anything in the first round"}
	}
	return protocol.Step{Result: result(analyse(p, before), before, api.RefineNoProposals)}
}

// propose begins the next round, in which everybody sees what became of the last one.
func propose(s *api.Session, p *api.RefineParams, turns []turn) protocol.Step {
	asks := make([]protocol.Ask, 0, len(s.Members))
	var last *turn
	var best *api.RefineText
	if len(turns) > 0 {
		last = &turns[len(turns)-1]
		history := analyse(p, turns)
		best = &api.RefineText{Member: history[len(history)-1].Best, Proposal: history[len(history)-1].Proposal}
	}
	for _, m := range s.Members {
		body := api.RefineProposalAsk{Round: len(turns) + 1, MaxRounds: p.MaxRounds, MaxBytes: limits(p, len(s.Members)).proposal}
		if last != nil {
			body.Previous, body.Feedback = last.text(m.ID), last.ratings[m.ID]
			if best.Member != m.ID {
				body.Best = best
			}
		}
		asks = add(asks, m.ID, body)
	}
	return ask(s, PhaseProposal, p.ProposalTimeout, asks)
}

// feedbackAsks show everybody the proposals of all others.
func feedbackAsks(s *api.Session, p *api.RefineParams, t *turn) []protocol.Ask {
	var asks []protocol.Ask
	for _, m := range s.Members {
		body := api.RefineFeedbackAsk{Round: t.number, MaxBytes: limits(p, len(s.Members)).comment}
		for _, other := range t.proposals {
			if other.member != m.ID {
				body.Proposals = append(body.Proposals, api.RefineText{Member: other.member, Proposal: other.text})
			}
		}
		if len(body.Proposals) > 0 {
			asks = add(asks, m.ID, body)
		}
	}
	return asks
}

// similarityAsks show the judge, or everybody but for its own, the two versions of each proposal.
func similarityAsks(s *api.Session, p *api.RefineParams, before, after *turn) []protocol.Ask {
	var asks []protocol.Ask
	for _, m := range s.Members {
		if p.Judge != "" && p.Judge != m.ID {
			continue
		}
		body := api.RefineSimilarityAsk{Round: after.number}
		for _, now := range after.proposals {
			if old := before.text(now.member); old != "" && (now.member != m.ID || p.Judge != "") {
				body.Pairs = append(body.Pairs, api.RefinePair{Member: now.member, Before: old, After: now.text})
			}
		}
		if len(body.Pairs) > 0 {
			asks = add(asks, m.ID, body)
		}
	}
	return asks
}

func add(asks []protocol.Ask, member string, body any) []protocol.Ask {
	raw, err := codec.Marshal(body)
	if err != nil {
		raw = nil // of texts that came as JSON there are none that cannot be written
	}
	return append(asks, protocol.Ask{Member: member, Body: raw})
}

// ask gives a phase its own time, within that of the session.
func ask(s *api.Session, phase string, within api.Duration, asks []protocol.Ask) protocol.Step {
	timeout := within.Std()
	if own := s.Timeout.Std(); own > 0 && (timeout <= 0 || own < timeout) {
		timeout = own
	}
	return protocol.Step{Round: &protocol.Round{Phase: phase, Asks: asks, Timeout: timeout}}
}
