// Package ballot holds the pure rules of consensus and voting: every member is asked once, each vote is counted once, and the session
// ends as soon as the rest cannot change what comes of it.
package ballot

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Timeout is how long the members have unless the session says otherwise.
const Timeout = 30 * time.Second

// phase is that of the one round.
const phase = "vote"

// Consensus is the protocol of the types consensus and voting. Members that fail or are silent abstain.
type Consensus struct{}

var _ protocol.Protocol = Consensus{}

// Check implements protocol.Protocol. Any number of members will do: without any, the result is empty.
func (Consensus) Check(s *api.Session) (protocol.Settings, error) {
	algorithm, p, err := check(s.Algorithm, s.Params)
	if err != nil {
		return protocol.Settings{}, err
	}
	if err := checkWeight(s, algorithm, p); err != nil {
		return protocol.Settings{}, err
	}
	params, err := codec.Marshal(p)
	return protocol.Settings{Algorithm: algorithm, Params: params, Timeout: Timeout, Priority: api.PriorityLow}, err
}

// Accept implements protocol.Protocol.
func (Consensus) Accept(s *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	b, err := open(s)
	if err != nil {
		return err
	}
	_, err = b.read(answer)
	return err
}

// Step implements protocol.Protocol.
func (Consensus) Step(s *api.Session) protocol.Step {
	b, err := open(s)
	if err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	r := protocol.Current(s)
	switch {
	case len(s.Members) == 0:
		return protocol.Step{Result: b.result(b.final())}
	case r == nil:
		return protocol.Step{Round: &protocol.Round{Phase: phase, Asks: protocol.Everyone(s, b.ask())}}
	}
	b.count(r)
	if protocol.Closed(r) {
		return protocol.Step{Result: b.result(b.final())}
	}
	if o, ok := b.early(); ok {
		result := b.result(o)
		result.DecidedEarly = true
		return protocol.Step{Result: result}
	}
	return protocol.Step{}
}
