// Package weigh holds the pure rules of weighted consensus: members vote on a proposal, and each vote counts by what is known of its
// member's expertise and by how sure it is, with nobody having more than half of the weight.
package weigh

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Timeout is how long the members have unless the session says otherwise.
const Timeout = 120 * time.Second

// phase is that of the one round.
const phase = "vote"

// Weighted is the protocol of the type weighted_consensus. Members that fail or are silent have a weight that is neither for the
// proposal nor against it.
type Weighted struct{}

var _ protocol.Protocol = Weighted{}

// Check implements protocol.Protocol. There may be 1 to 50 members.
func (Weighted) Check(s *api.Session) (protocol.Settings, error) {
	algorithm, p, err := check(s.Algorithm, s.Params)
	if err != nil {
		return protocol.Settings{}, err
	}
	switch n := len(s.Members); {
	case s.Members == nil:
	case n == 0:
		return protocol.Settings{}, api.Errorf(api.Invalid, "give the members who vote").WithReason(api.ReasonEmptyAgentPool).WithFields("members")
	case n > api.MaxWeighMembers:
		return protocol.Settings{}, api.Errorf(api.Invalid, "at most %d members can vote by weight, these are %d", api.MaxWeighMembers, n).
			WithReason(api.ReasonManyParticipants).WithFields("members")
	}
	params, err := codec.Marshal(p)
	return protocol.Settings{Algorithm: algorithm, Params: params, Timeout: Timeout, Priority: api.PriorityHigh}, err
}

// Accept implements protocol.Protocol.
func (Weighted) Accept(_ *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	_, err := read(answer)
	return err
}

// Step implements protocol.Protocol.
func (Weighted) Step(s *api.Session) protocol.Step {
	algorithm, p, err := check(s.Algorithm, s.Params)
	if err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	if len(s.Members) == 0 {
		return protocol.Step{Reason: api.ReasonEmptyAgentPool + ": there is nobody to vote"}
	}
	r := protocol.Current(s)
	if r == nil {
		return ask(s, weights(s, algorithm, p))
	}
	t := count(r)
	over := protocol.Closed(r)
	if !over && !t.settled(p.Threshold) {
		return protocol.Step{}
	}
	result := t.result(s, p.Threshold)
	result.DecidedEarly = !over
	result.Weights, result.Fairness = described(s, weights(s, algorithm, p))
	return protocol.Step{Result: result}
}

// ask asks each member, and tells it its weight: the transcript then has all that the votes are counted by.
func ask(s *api.Session, all []weight) protocol.Step {
	asks := make([]protocol.Ask, len(s.Members))
	for i := range s.Members {
		body, err := codec.Marshal(api.WeighAsk{Weight: all[i].is})
		if err != nil {
			return protocol.Step{Reason: "internal: " + err.Error()}
		}
		asks[i] = protocol.Ask{Member: s.Members[i].ID, Body: body}
	}
	return protocol.Step{Round: &protocol.Round{Phase: phase, Asks: asks}}
}

// described tells the weights in the form of the result.
func described(s *api.Session, all []weight) (map[string]api.WeighWeight, api.WeighFairness) {
	byID := make(map[string]api.WeighWeight, len(all))
	plain := make([]api.Decimal, len(all))
	for i, w := range all {
		byID[s.Members[i].ID] = api.WeighWeight{Weight: w.is, Raw: w.raw, Capped: w.capped, Trend: w.trend}
		plain[i] = w.is
	}
	return byID, fairness(plain)
}
