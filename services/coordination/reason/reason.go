// Package reason holds the pure rules of reasoning together by self-consistency (Wang and others 2022): members give chains of
// thought, each on its own, and the answer that most chains come to is taken.
package reason

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// SelfConsistency is the algorithm.
const SelfConsistency = "self_consistency"

// Chains is the protocol of the type chain_of_thought.
type Chains struct{}

var _ protocol.Protocol = Chains{}

// Check implements protocol.Protocol.
func (Chains) Check(s *api.Session) (protocol.Settings, error) {
	if err := form.Members(s, 1, 5); err != nil {
		return protocol.Settings{}, err
	}
	algorithm, err := form.Algorithm(s, SelfConsistency)
	if err != nil {
		return protocol.Settings{}, err
	}
	var p api.ReasoningParams
	if err := form.Params(s, &p); err != nil {
		return protocol.Settings{}, err
	}
	if err := check(&p); err != nil {
		return protocol.Settings{}, err
	}
	return form.Settings(algorithm, p, 10*time.Minute, api.PriorityHigh)
}

func check(p *api.ReasoningParams) error {
	if err := form.Count("samples", &p.Samples, 3, 1, 40); err != nil {
		return err
	}
	if err := form.Share("consensus_threshold", &p.ConsensusThreshold, 800_000); err != nil {
		return err
	}
	return form.Share("quality_threshold", &p.QualityThreshold, 800_000)
}

// Accept implements protocol.Protocol.
func (Chains) Accept(_ *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	_, err := read(answer)
	return err
}

// Step implements protocol.Protocol. It ends as soon as no further chain can change the answer or whether there is consensus.
func (Chains) Step(s *api.Session) protocol.Step {
	var p api.ReasoningParams
	if err := codec.Read(s.Params, &p); err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	if err := check(&p); err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	c := count(s, &p)
	current := protocol.Current(s)
	switch {
	case c.open == 0 && len(c.chains) == 0:
		return protocol.Step{Reason: form.NoAnswers + ": no member gave a chain of thought"}
	case c.open == 0 || c.settled(*p.ConsensusThreshold):
		return protocol.Step{Result: c.result(&p)}
	case current != nil && !protocol.Closed(current):
		return protocol.Step{}
	}
	body := form.Body(api.ReasoningAsk{Sample: len(s.Rounds) + 1, Samples: p.Samples})
	return protocol.Step{Round: &protocol.Round{Phase: "reason", Asks: protocol.Everyone(s, body)}}
}

// chain is one that a member gave.
type chain struct {
	member     string
	round      int
	steps      []string
	answer     form.Label
	confidence api.Decimal
}

func read(raw json.RawMessage) (chain, error) {
	a := api.ReasoningAnswer{Answer: raw}
	if form.Kind(raw) == '{' {
		a.Answer = nil
		if err := codec.Decode(raw, &a); err != nil {
			return chain{}, form.Refuse("answer a text, a number or a truth value, or {\"steps\": [texts], \"answer\": ..., \"confidence\": 0 to 1}: %v", err)
		}
	}
	label, ok := form.ReadLabel(a.Answer)
	if !ok {
		return chain{}, form.Refuse("the answer that a chain comes to is a text of at most %d bytes, a number or a truth value", form.MaxLabel)
	}
	confidence, err := form.Confidence(a.Confidence)
	return chain{steps: a.Steps, answer: label, confidence: confidence}, err
}
