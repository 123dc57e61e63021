package pricing

import "github.com/mabus-project/mabus/shared/api"

const (
	defaultRate      = api.One / 10
	defaultMaxChange = api.One / 2
)

// SupplyDemand returns base price * demand / supply. Failed_precondition (no_supply) if there is none.
func SupplyDemand(r *api.SupplyDemandRequest) (*api.PriceQuote, error) {
	if r.Supply == 0 {
		return nil, noSupply()
	}
	q, err := quote(r.BasePrice, one().times(r.Demand, r.Supply))
	return &q, err
}

// Dynamic returns the previous price times 1 + (requests/agents - 1) * rate, which stays within 1 - max change and 1 + max change.
// Failed_precondition (no_supply) without agents.
func Dynamic(r *api.DynamicPriceRequest) (*api.PriceQuote, error) {
	if r.Agents == 0 {
		return nil, noSupply()
	}
	rate, most := given(r.Rate, defaultRate), given(r.MaxChange, defaultMaxChange)
	// In units of one agent and a millionth; neither product passes 10^18.
	change, whole, limit := (r.Requests-r.Agents)*int64(rate), r.Agents*int64(api.One), r.Agents*int64(most)
	change = min(max(change, -limit), limit)
	q, err := quote(r.Previous, one().times(whole+change, whole))
	return &q, err
}

func noSupply() error {
	return api.Errorf(api.FailedPrecondition, "nobody offers this now, so that it has no price").WithReason(api.ReasonNoSupply)
}

// given returns d, or the default for what was left out.
func given(d, otherwise api.Decimal) api.Decimal {
	if d == 0 {
		return otherwise
	}
	return d
}
