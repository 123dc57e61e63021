package lmsr

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Trade is what it means to buy or sell shares.
type Trade struct {
	// Value is what the trader pays for a buy, at least one millionth, or is paid for a sell.
	Value api.Micro
	// Shares and Cost are those of the market afterwards.
	Shares []int64
	Cost   api.Micro
}

// Buy says what a number of shares of an outcome cost, by its place, at a market whose Cost is known. It is invalid
// (invalid_outcome, invalid_quantity) when there is no such outcome or when there would be more than MaxShares.
func (m *Market) Buy(cost api.Micro, outcome int, shares int64) (*Trade, error) {
	return m.trade(cost, outcome, shares)
}

// Sell says what a number of shares bring. It is invalid (invalid_outcome, invalid_quantity) when fewer are sold.
func (m *Market) Sell(cost api.Micro, outcome int, shares int64) (*Trade, error) {
	return m.trade(cost, outcome, -shares)
}

func (m *Market) trade(cost api.Micro, outcome int, change int64) (*Trade, error) {
	if outcome < 0 || outcome >= len(m.Shares) {
		return nil, api.Errorf(api.Invalid, "there is no such outcome: they are numbered from 1 to %d", len(m.Shares)).
			WithReason(api.ReasonInvalidOutcome).WithFields("outcome")
	}
	if change == 0 || change > MaxShares-m.Shares[outcome] {
		return nil, api.Errorf(api.Invalid, "of one outcome there can be 1 to %d shares, and there are %d", MaxShares, m.Shares[outcome]).
			WithReason(api.ReasonInvalidQuantity).WithFields("quantity")
	}
	if change < -m.Shares[outcome] {
		return nil, api.Errorf(api.Invalid, "only %d shares are sold of this outcome", m.Shares[outcome]).WithReason(api.ReasonInvalidQuantity).WithFields("quantity")
	}
	after := Market{Liquidity: m.Liquidity, Shares: slices.Clone(m.Shares)}
	after.Shares[outcome] += change
	t := &Trade{Shares: after.Shares, Cost: after.Cost()}
	if change > 0 {
		t.Value = max(1, t.Cost-cost)
	} else {
		t.Value = cost - t.Cost
	}
	return t, nil
}
