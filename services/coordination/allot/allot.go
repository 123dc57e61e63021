// Package allot holds the pure rules of resource_allocation: members say how much they can use of what there is, and it is shared out
// so that nobody gets more than it asked for and nothing is given away twice.
package allot

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Phase is the only phase: everybody says what it wants.
const Phase = "demand"

const (
	roundTime    = 30 * time.Second
	maxAskBytes  = 4 << 20 // of all questions: the transcript has api.MaxSessionBytes for them and the answers
	numberLength = 24      // bytes of a Decimal, its quotes, colon and comma included
	entryLength  = 150     // bytes of a member in the result without its numbers
)

// Allocation is the protocol of resource_allocation.
type Allocation struct{}

var _ protocol.Protocol = Allocation{}

// Check implements protocol.Protocol. A session without members is allowed: there is nobody to give to.
func (Allocation) Check(s *api.Session) (protocol.Settings, error) {
	algorithm := s.Algorithm
	switch algorithm {
	case "":
		algorithm = api.AllotMaxMinFair
	case api.AllotMaxMinFair, api.AllotProportional:
	default:
		return protocol.Settings{}, wrong("algorithm", "algorithm must be %s or %s", api.AllotMaxMinFair, api.AllotProportional)
	}
	var p api.AllotParams
	if err := codec.Decode(s.Params, &p); err != nil {
		return protocol.Settings{}, unreadable(err)
	}
	if err := checkParams(&p); err != nil {
		return protocol.Settings{}, err
	}
	if s.Members != nil {
		if err := checkMembers(&p, s.Members); err != nil {
			return protocol.Settings{}, err
		}
	}
	raw, err := codec.Marshal(p)
	if err != nil {
		return protocol.Settings{}, err
	}
	return protocol.Settings{Algorithm: algorithm, Params: raw, Timeout: roundTime}, nil
}

func checkParams(p *api.AllotParams) error {
	if len(p.Resources) > api.MaxAllotResources {
		return wrong("resources", "resources has %d entries, at most %d are allowed", len(p.Resources), api.MaxAllotResources)
	}
	for _, name := range sorted(p.Resources) {
		if !api.ValidID(name) {
			return wrong("resources", "resources: %.70q must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", name, api.MaxIDLength)
		}
		if p.Resources[name] < 0 {
			return wrong("resources", "resources: there cannot be less than 0 of %s", name)
		}
	}
	for _, id := range sorted(p.Weights) {
		if w := p.Weights[id]; w <= 0 || w > api.AllotWeightLimit {
			return wrong("weights", "weights: that of %.70q must be more than 0 and at most %s", id, api.AllotWeightLimit)
		}
	}
	return nil
}

// checkMembers looks at what depends on the members: what is shared, whose the weights are, and that questions and result have room.
func checkMembers(p *api.AllotParams, members []api.SessionMember) error {
	if len(p.Resources) == 0 && len(members) > 0 {
		return wrong("resources", `resources is required: name what is shared, for example {"cpu": 100}`)
	}
	known := make(map[string]bool, len(members))
	result, ask := 0, 32
	for name := range p.Resources {
		ask += len(name) + numberLength
	}
	for _, m := range members {
		known[m.ID] = true
		result += entryLength + len(m.ID) + 2*ask
	}
	for _, id := range sorted(p.Weights) {
		if !known[id] {
			return wrong("weights", "weights names %.70q, who is no member", id)
		}
	}
	if result > api.MaxSessionResult || ask*len(members) > maxAskBytes {
		return wrong("resources", "%d resources for %d members do not fit in one session: share them in several", len(p.Resources), len(members))
	}
	return nil
}

// Accept implements protocol.Protocol.
func (Allocation) Accept(s *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	p := params(s)
	_, err := demand(&p, len(s.Members), answer)
	return err
}

// Step implements protocol.Protocol. It waits for everybody: who has not spoken may want some.
func (Allocation) Step(s *api.Session) protocol.Step {
	p := params(s)
	round := protocol.Current(s)
	switch {
	case round == nil && len(s.Members) > 0:
		body, err := codec.Marshal(api.AllotAsk{Resources: p.Resources})
		if err != nil {
			return protocol.Step{Reason: "internal: " + err.Error()}
		}
		return protocol.Step{Round: &protocol.Round{Phase: Phase, Asks: protocol.Everyone(s, body)}}
	case round == nil:
		round = &api.SessionRound{}
	case !protocol.Closed(round):
		return protocol.Step{}
	}
	return protocol.Step{Result: share(s, &p, round)}
}

// params reads what Check has made complete.
func params(s *api.Session) api.AllotParams {
	var p api.AllotParams
	if len(s.Params) > 0 && codec.Read(s.Params, &p) != nil {
		return api.AllotParams{} // nothing to share: Check has refused it
	}
	return p
}

func wrong(field, format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonConfiguration).WithFields(field)
}

func unreadable(err error) error {
	e := api.AsError(err)
	if e == nil {
		return err
	}
	return api.Errorf(api.Invalid, "params: %s", e.Message).WithReason(api.ReasonConfiguration).WithFields(append(e.Details.Fields, "params")...)
}
