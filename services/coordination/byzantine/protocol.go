// Package byzantine holds the pure rules of sessions of type byzantine_consensus: all members have agreed on the session's question,
// the proposal, although up to f of them lie, or none has.
//
// The coordination is no party to that agreement. In the round join each member's host makes a key. In the round run the hosts run
// the protocol of package pbft among themselves, with their agents as judges of the proposal, and the first certificate that comes
// ends the session. A certificate is checked against the keys of the round join, and so is it by whoever reads the session.
//
// A member that has not joined is a faulty one. It keeps its seat, with a key of which nobody has the private half, so that a quorum
// is the same as if it had joined.
package byzantine

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
)

// Defaults of a session.
const (
	DefaultF       = 1
	DefaultTimeout = 180 * time.Second // of the round run
	JoinTimeout    = 15 * time.Second  // of the round join, unless the session has less: hosts answer it at once
	ViewTimeout    = 2 * time.Second   // of the first primary
	maxViewTimeout = time.Hour
	maxF           = (api.MaxByzantineMembers - 1) / 3
)

// Algorithm is the only one.
const Algorithm = "pbft"

// Protocol is the type byzantine_consensus.
type Protocol struct{}

var _ protocol.Protocol = Protocol{}

// Check implements protocol.Protocol.
func (Protocol) Check(s *api.Session) (protocol.Settings, error) {
	p, err := read(s.Params)
	if err != nil {
		return protocol.Settings{}, err
	}
	if s.Algorithm != "" && s.Algorithm != Algorithm {
		return protocol.Settings{}, api.Errorf(api.Invalid, "the algorithm of %s must be %s", api.SessionByzantine, Algorithm).WithReason(api.ReasonConfiguration).WithFields("algorithm")
	}
	if s.Members != nil {
		if err := checkSession(s, *p.F); err != nil {
			return protocol.Settings{}, err
		}
	}
	params, err := codec.Marshal(p)
	if err != nil {
		return protocol.Settings{}, err
	}
	return protocol.Settings{Algorithm: Algorithm, Params: params, Timeout: DefaultTimeout, Priority: api.PriorityHigh}, nil
}

// read returns the parameters in full.
func read(raw json.RawMessage) (p api.ByzantineParams, err error) {
	if len(raw) > 0 {
		if err := codec.Decode(raw, &p); err != nil {
			return p, api.AsError(err).WithReason(api.ReasonConfiguration)
		}
	}
	if p.F == nil {
		f := DefaultF
		p.F = &f
	}
	if p.FaultDomain == "" {
		p.FaultDomain = api.FaultAgent
	}
	if p.Timeout == 0 {
		p.Timeout = api.Duration(ViewTimeout)
	}
	switch {
	case *p.F < 0 || *p.F > maxF:
		return p, wrong("f", "f must be 0 to %d: a session has %d members at most", maxF, api.MaxByzantineMembers)
	case p.FaultDomain != api.FaultAgent && p.FaultDomain != api.FaultHost:
		return p, wrong("fault_domain", "fault_domain must be %s or %s", api.FaultAgent, api.FaultHost)
	case p.Timeout.Std() < time.Millisecond || p.Timeout.Std() > maxViewTimeout:
		return p, wrong("timeout", "timeout must be 1ms to %s", maxViewTimeout)
	}
	return p, nil
}

func wrong(field, format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonConfiguration).WithFields(field)
}

// checkSession looks at what a session has beyond a protocol. Castro and Liskov, "Practical Byzantine Fault Tolerance", OSDI 1999,
// section 3: 3f+1 members are needed, and enough.
func checkSession(s *api.Session, f int) error {
	switch n := len(s.Members); {
	case n == 0:
		return api.Errorf(api.Invalid, "a session of type %s needs members", api.SessionByzantine).WithReason(api.ReasonEmptyAgentPool).WithFields("members")
	case n < pbft.Needed(f):
		return api.Errorf(api.Invalid, "to survive %d faulty members a session needs %d members, it has %d: add members, or lower f", f, pbft.Needed(f), n).
			WithReason(api.ReasonInsufficientAgents).WithFields("members")
	case n > api.MaxByzantineMembers:
		return api.Errorf(api.Invalid, "a session of type %s has at most %d members, not %d", api.SessionByzantine, api.MaxByzantineMembers, n).
			WithReason(api.ReasonManyParticipants).WithFields("members")
	case len(s.Question) == 0:
		return api.Errorf(api.Invalid, "the question is the proposal that the members agree on, so it must be given").WithReason(api.ReasonMissingFields).WithFields("question")
	case len(s.Question) > api.MaxByzantineProposal:
		return api.Errorf(api.Invalid, "the question has %d bytes, in a session of type %s at most %d are allowed: certificates repeat it", len(s.Question), api.SessionByzantine, api.MaxByzantineProposal).
			WithReason(api.ReasonPayloadTooLarge).WithFields("question")
	}
	_, err := Value(s.Question)
	return err
}

// Value returns the bytes that the members sign for a proposal: its JSON without spaces.
func Value(proposal json.RawMessage) ([]byte, error) {
	value, err := codec.Marshal(proposal)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "the proposal must be one JSON value: %v", err).WithReason(api.ReasonMalformed).WithFields("question")
	}
	return value, nil
}

// Accept implements protocol.Protocol: it refuses keys that are none, and certificates that do not prove the decision.
func (Protocol) Accept(s *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	if protocol.Current(s).Phase == api.PhaseJoin {
		_, _, err := readKey(answer)
		return err
	}
	_, err := proven(s, answer)
	return err
}

// Step implements protocol.Protocol.
func (Protocol) Step(s *api.Session) protocol.Step {
	r := protocol.Current(s)
	switch {
	case r == nil:
		return protocol.Step{Round: &protocol.Round{Phase: api.PhaseJoin, Asks: protocol.Everyone(s, nil), Timeout: min(JoinTimeout, orDefault(s.Timeout.Std()))}}
	case r.Phase == api.PhaseJoin && protocol.Closed(r):
		return begin(s)
	case r.Phase == api.PhaseRun:
		return end(s, r)
	}
	return protocol.Step{}
}

func orDefault(timeout time.Duration) time.Duration {
	if timeout <= 0 {
		return DefaultTimeout
	}
	return timeout
}
