package reputation

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// penaltyLimit bounds what penalties add up to, and so for how long an agent stays at 0.
const penaltyLimit = 4 * api.One

// PenaltyOf returns what a violation of a kind costs.
func PenaltyOf(violation string) api.Decimal {
	switch violation {
	case "quality_fraud":
		return 300_000
	case "effort_manipulation":
		return 250_000
	case "collusion_detected":
		return 200_000
	case "performance_failure":
		return 150_000
	case "task_abandonment":
		return 100_000
	}
	return 50_000
}

// Penalise takes off what a violation costs, in every domain: whoever cheats in one is not to be trusted in another. It returns the
// score in the domain ("" for the agent as a whole), at least 0. Each ref costs once: conflict (already_penalised), as far as the last
// 100 penalties go back.
func (d *Draft) Penalise(now time.Time, agent, domain, violation, ref string) (api.Decimal, error) {
	if err := api.CheckID("agent", agent); err != nil {
		return 0, err
	}
	if ref == "" {
		return 0, api.Errorf(api.Invalid, "ref must name the violation").WithReason(api.ReasonMissingFields).WithFields("ref")
	}
	a := d.agent(agent, dayOf(now))
	if slices.ContainsFunc(a.penalties(), func(p api.ReputationPenalty) bool { return p.Ref == ref }) {
		return 0, api.Errorf(api.Conflict, "%s has paid for %s already", agent, ref).WithReason(api.ReasonAlreadyPenalised)
	}
	cost := PenaltyOf(violation)
	a.Penalty = min(a.Penalty+cost, penaltyLimit)
	if len(a.Penalties) >= 2*api.MaxReputationPenalties {
		a.Penalties = slices.Clone(a.Penalties[len(a.Penalties)-api.MaxReputationPenalties+1:])
	}
	a.Penalties = append(a.Penalties, api.ReputationPenalty{Violation: violation, Ref: ref, Amount: cost, At: now})
	a.Version++
	d.Totals.Penalties++
	d.change(agent)
	return d.Score(agent, domain, now), nil
}

// penalties returns those that count as remembered, the newest at the end.
func (a *Agent) penalties() []api.ReputationPenalty {
	return a.Penalties[max(0, len(a.Penalties)-api.MaxReputationPenalties):]
}
