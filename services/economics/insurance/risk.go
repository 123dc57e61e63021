// Package insurance holds the pure rules of what insurance costs and pays: how risky an agent's work is, the premium for it, and the
// payout of a claim. It moves no money.
package insurance

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// FailureWeight is what the rate of failures counts in a risk.
const FailureWeight = api.One / 5

// complexities is what the complexity of the work counts.
var complexities = map[api.InsuranceLevel]api.Decimal{
	api.InsuranceLow: 100_000, api.InsuranceMedium: 300_000, api.InsuranceHigh: 600_000, api.InsuranceCritical: 800_000,
}

// Factors are what a risk is made of. All are 0 to 1, except the weights, which are not negative.
type Factors struct {
	// Reputation of the agent, and what its lack counts.
	Reputation       api.Decimal
	ReputationWeight api.Decimal
	// Complexity of the work, and what it counts.
	Complexity       api.InsuranceLevel
	ComplexityWeight api.Decimal
	// FailureRate is the share of the agent's work that has failed.
	FailureRate api.Decimal
}

// Risk returns (1 - reputation) * its weight + complexity * its weight + 0.2 * failure rate: 0 or more, usually below 1.
func Risk(f Factors) api.Decimal {
	r := fixed.Mul(api.One-f.Reputation, f.ReputationWeight)
	r = fixed.Add(r, fixed.Mul(complexities[f.Complexity], f.ComplexityWeight))
	return max(fixed.Add(r, fixed.Mul(f.FailureRate, FailureWeight)), 0)
}

// Level names a risk: low below 0.2, medium below 0.5, high below 0.8, and critical.
func Level(risk api.Decimal) api.InsuranceLevel {
	switch {
	case risk < 200_000:
		return api.InsuranceLow
	case risk < 500_000:
		return api.InsuranceMedium
	case risk < 800_000:
		return api.InsuranceHigh
	}
	return api.InsuranceCritical
}
