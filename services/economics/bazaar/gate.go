package bazaar

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Pass refuses an agent whose records do not show what a gate asks for, as failed_precondition, in this order: insufficient_reputation,
// missing_specializations, insufficient_history, insufficient_consistency.
func Pass(g *api.BazaarGate, r *api.Reputation) error {
	no := func(reason, format string, args ...any) error {
		return api.Errorf(api.FailedPrecondition, "this marketplace asks of providers "+format, args...).WithReason(reason)
	}
	if r.Score < g.MinimumScore {
		return no(api.ReasonInsufficientRecord, "a score of %s, %s has %s", g.MinimumScore, r.Agent, r.Score)
	}
	for _, s := range g.RequiredSpecialisations {
		if !slices.Contains(r.Specialisations, s) {
			return no(api.ReasonMissingSkills, "the specialisation %s, %s does not have it", s, r.Agent)
		}
	}
	if r.History < g.HistoryLength {
		return no(api.ReasonInsufficientHistory, "%d records, %s has %d", g.HistoryLength, r.Agent, r.History)
	}
	if r.Consistency < g.Consistency {
		return no(api.ReasonInsufficientConsistency, "a consistency of %s, %s has %s", g.Consistency, r.Agent, r.Consistency)
	}
	return nil
}

// Fee is what a listing costs a provider with a score: fee * (1 - score * discount), rounded down.
func Fee(fee api.Micro, discount, score api.Decimal) api.Micro {
	return contract.Part(fee, int64(api.One-fixed.Mul(score, discount)), int64(api.One))
}
