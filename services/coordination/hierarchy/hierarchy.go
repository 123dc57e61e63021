// Package hierarchy holds the pure rules of hierarchical_consensus: members vote in clusters, and representatives of the clusters carry
// the decisions upward, in clusters of their own, to one at the top.
package hierarchy

import (
	"encoding/json"
	"strconv"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The phases before those of the levels, which are "level_1", "level_2" and so on.
const (
	PhaseElection = "election"
	PhaseVote     = "vote"
)

// Phase is that in which representatives are asked at a level above 0.
func Phase(level int) string { return "level_" + strconv.Itoa(level) }

// Hierarchy is the protocol of hierarchical_consensus.
type Hierarchy struct{}

var _ protocol.Protocol = Hierarchy{}

// Accept implements protocol.Protocol.
func (Hierarchy) Accept(s *api.Session, ask *api.SessionAsk, answer json.RawMessage) error {
	var err error
	switch protocol.Current(s).Phase {
	case PhaseElection:
		_, err = electionOf(ask, answer)
	case PhaseVote:
		_, err = voteOf(ask, answer, true)
	default:
		_, err = voteOf(ask, answer, false)
	}
	return err
}

// Step implements protocol.Protocol. A phase is over when everybody has answered, failed or run out of time: all votes are part of the
// result. Who has not voted abstains.
func (Hierarchy) Step(s *api.Session) protocol.Step {
	round := protocol.Current(s)
	if round != nil && !protocol.Closed(round) {
		return protocol.Step{}
	}
	if len(s.Members) == 0 {
		return protocol.Step{Reason: api.ReasonEmptyAgentPool + ": there is nobody to vote"}
	}
	h := assemble(s)
	switch {
	case round == nil && h.params.Representatives == api.RepresentElection:
		return h.elect()
	case round == nil, round.Phase == PhaseElection:
		return h.vote()
	case h.params.Mandate == api.MandateFree:
		for level := 1; level < len(h.tree); level++ {
			if asks := h.seats(level); len(asks) > 0 {
				return protocol.Step{Round: &protocol.Round{Phase: Phase(level), Asks: asks, Timeout: within(s, h.params.DelegationTimeout)}}
			}
		}
	}
	return protocol.Step{Result: h.result()}
}

// elect asks everybody to name a representative of its cluster.
func (h *house) elect() protocol.Step {
	var asks []protocol.Ask
	for i, c := range h.tree[0] {
		for _, m := range c.parts {
			asks = add(asks, h.name(m), api.HierarchyElectionAsk{Cluster: i, Members: h.names(c.parts)})
		}
	}
	return protocol.Step{Round: &protocol.Round{Phase: PhaseElection, Asks: asks}}
}

// vote asks everybody for its vote.
func (h *house) vote() protocol.Step {
	var asks []protocol.Ask
	for i, c := range h.tree[0] {
		for _, m := range c.parts {
			asks = add(asks, h.name(m), api.HierarchyVoteAsk{Options: h.params.Options, Cluster: i, Members: h.names(c.parts), Representative: h.name(h.reps[0][i])})
		}
	}
	return protocol.Step{Round: &protocol.Round{Phase: PhaseVote, Asks: asks}}
}

// seats asks those who stand at a level for clusters below, and have not answered. Who fails is replaced by the next of its cluster,
// until nobody is left.
func (h *house) seats(level int) []protocol.Ask {
	var asks []protocol.Ask
	for i := range h.tree[level-1] {
		o, rep := &h.outcomes[level-1][i], h.reps[level-1][i]
		if _, said := h.said[level][i]; said || rep < 0 || o.weight == 0 {
			continue
		}
		asks = add(asks, h.name(rep), api.HierarchySeatAsk{
			Options: h.params.Options, Level: level, Cluster: i, Decision: h.option(o.decision), Tally: h.written(o.tally), Weight: o.weight,
		})
	}
	return asks
}

func add(asks []protocol.Ask, member string, body any) []protocol.Ask {
	raw, err := codec.Marshal(body)
	if err != nil {
		raw = nil // of names and options that came as JSON there are none that cannot be written
	}
	return append(asks, protocol.Ask{Member: member, Body: raw})
}
