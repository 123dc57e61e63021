// Package bargain holds the pure rules of negotiation: members make offers in turn until one is accepted by all, or say what some deals
// are worth to them so that the fairest can be chosen.
package bargain

import (
	"encoding/json"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The phases of a negotiation.
const (
	PhaseOffer      = "offer"      // one member makes an offer
	PhaseResponse   = "response"   // all others accept, reject, or make a counter-offer
	PhaseCandidates = "candidates" // everybody names a deal, for nash
	PhaseUtilities  = "utilities"  // everybody says what each deal is worth, for nash
)

// Negotiation is the protocol of negotiation.
type Negotiation struct{}

var _ protocol.Protocol = Negotiation{}

// Accept implements protocol.Protocol.
func (Negotiation) Accept(s *api.Session, ask *api.SessionAsk, answer json.RawMessage) error {
	t := tableOf(s)
	var err error
	switch protocol.Current(s).Phase {
	case PhaseOffer, PhaseCandidates:
		_, err = t.offerOf(answer)
	case PhaseResponse:
		_, err = t.responseOf(answer)
	default:
		_, err = utilitiesOf(ask, answer)
	}
	return err
}

// Step implements protocol.Protocol.
func (Negotiation) Step(s *api.Session) protocol.Step {
	t := tableOf(s)
	round := protocol.Current(s)
	switch {
	case len(s.Members) == 0:
		return t.without(api.BargainNobody, nil)
	case round == nil && t.noZone():
		return t.without(api.BargainNoZone, nil)
	case round != nil && !protocol.Closed(round):
		return protocol.Step{}
	case t.algorithm == api.BargainNash:
		return t.nash(round)
	}
	return t.alternate()
}

// table is a session as the rules of this package see it.
type table struct {
	*api.Session
	params    api.BargainParams
	algorithm string
	longest   int // bytes of a deal
}

func tableOf(s *api.Session) *table {
	t := &table{Session: s, params: defaults(), algorithm: s.Algorithm}
	if len(s.Params) > 0 && codec.Read(s.Params, &t.params) != nil {
		t.params = defaults()
	}
	if t.algorithm == "" {
		t.algorithm = api.BargainAlternating
	}
	t.longest = longest(&t.params, t.algorithm, len(s.Members))
	return t
}

// noZone tells whether no division leaves everybody with its reservation value.
func (t *table) noZone() bool {
	if t.params.Total == nil {
		return false
	}
	var sum api.Decimal
	for _, d := range t.params.Reservations { // at most maxMembers of them, each at most api.DecimalLimit
		sum += d
	}
	return sum > *t.params.Total
}

// without ends the session without an agreement.
func (t *table) without(why string, offers []api.BargainOffer) protocol.Step {
	if offers == nil {
		offers = []api.BargainOffer{}
	}
	return protocol.Step{Result: api.BargainResult{Algorithm: t.algorithm, Reason: why, Offers: offers, Silent: t.silent()}}
}

// silent are the members whose last question has no answer.
func (t *table) silent() []string {
	last := map[string]api.AskState{}
	for i := range t.Rounds {
		for _, a := range t.Rounds[i].Asks {
			last[a.Member] = a.State
		}
	}
	var silent []string
	for _, m := range t.Members {
		if st := last[m.ID]; st == api.AskFailed || st == api.AskSilent {
			silent = append(silent, m.ID)
		}
	}
	return silent
}

// place is where a member is in the order of turns, which is that of the members.
func (t *table) place(member string) int {
	for i := range t.Members {
		if t.Members[i].ID == member {
			return i
		}
	}
	return 0
}

// after lists the members in the order of turns after one, which comes last.
func (t *table) after(member string) []string {
	n, from := len(t.Members), t.place(member)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = t.Members[(from+1+i)%n].ID
	}
	return ids
}

func add(asks []protocol.Ask, member string, body any) []protocol.Ask {
	raw, err := codec.Marshal(body)
	if err != nil {
		raw = nil // of what came as JSON there is nothing that cannot be written
	}
	return append(asks, protocol.Ask{Member: member, Body: raw})
}

func round(phase string, asks []protocol.Ask) protocol.Step {
	return protocol.Step{Round: &protocol.Round{Phase: phase, Asks: asks}}
}
