package risk

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// OpenBreaker is what an open breaker refuses.
type OpenBreaker struct {
	Name   string              `json:"name"`
	Metric api.RiskMetric      `json:"metric"`
	Refuse []api.BreakerAction `json:"refuse"`
	Above  api.Micro           `json:"above,omitempty"`
}

// refusable are the commands that a breaker may refuse.
var refusable = map[string]api.BreakerAction{
	"auctions.create":       api.RefuseAuctions,
	"markets.order":         api.RefuseOrders,
	"markets.trade":         api.RefuseOrders,
	"tenders.announce":      api.RefuseTenders,
	"tenders.announce_many": api.RefuseTenders,
	"accounts.transfer":     api.RefuseTransfers,
	"policies.buy":          api.RefusePolicies,
}

// Refuses tells whether an open breaker stands against a command: unavailable (circuit_open). It is asked before each command; what
// operators ask for is never refused.
func (s *State) Refuses(a *act.Act, kind string, body []byte) error {
	b, ok := s.Books[theBook]
	if !ok || len(b.Open) == 0 || a.Operator {
		return nil
	}
	action, ok := refusable[kind]
	if !ok {
		return nil
	}
	for _, o := range b.Open {
		if slices.Contains(o.Refuse, action) && (action != api.RefuseTransfers || beyond(body, o.Above)) {
			return api.Errorf(api.Unavailable, "the breaker %s is open because of %s, and refuses %s", o.Name, o.Metric, action).WithReason(api.ReasonBreakerOpen)
		}
	}
	return nil
}

// beyond tells whether a transfer is above a limit. One that cannot be read is no matter of a breaker.
func beyond(body []byte, limit api.Micro) bool {
	var r struct {
		Amount api.Micro `json:"amount"`
	}
	return codec.Read(body, &r) == nil && r.Amount > limit
}
