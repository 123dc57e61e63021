package pricing

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

const (
	defaultStandard = 8 * api.One / 10
	defaultPenalty  = 5 * api.One / 10
)

// Fee returns base fee * (1 - reputation * discount rate). A reputation below the minimum is failed_precondition
// (insufficient_reputation).
func Fee(r *api.FeeRequest) (*api.PriceFee, error) {
	f := &api.PriceFee{}
	if r.Reputation != nil {
		f.Reputation = *r.Reputation
	}
	if f.Reputation < r.MinimumScore {
		return nil, api.Errorf(api.FailedPrecondition, "a reputation of %v is needed here, and this is %v", r.MinimumScore, f.Reputation).
			WithReason(api.ReasonInsufficientRecord)
	}
	// The product of two shares in millionths of a millionth, so that only the fee is rounded.
	const whole = int64(api.One) * int64(api.One)
	q, err := quote(r.BaseFee, one().times(whole-int64(f.Reputation)*int64(r.DiscountRate), whole))
	f.Fee, f.Discount = q.Price, r.BaseFee-q.Price
	return f, err
}

// RewardFor returns the reward that is asked for: see api.PerformanceReward and api.ReputationReward for the formulas.
func RewardFor(r *api.RewardRequest) (*api.Reward, error) {
	w := &api.Reward{}
	times := one()
	if p := r.Performance; p != nil {
		for _, f := range []api.Decimal{
			api.One + fixed.Mul(p.Quality, p.QualityMultiplier),
			api.One + fixed.Mul(given(p.Speed, api.One)-api.One, p.SpeedMultiplier),
			api.One + fixed.Mul(given(p.Cost, api.One)-api.One, p.CostMultiplier),
		} {
			times = times.times(int64(max(f, 0)), int64(api.One))
		}
	} else if p := r.Reputation; p != nil {
		f := api.One + fixed.Mul(p.Score, p.ScoreMultiplier) + fixed.Mul(p.Consistency, p.ConsistencyBonus)
		if p.Specialised {
			f += p.SpecialisationBonus
		}
		if p.RecentQuality != nil && *p.RecentQuality >= given(p.Standard, defaultStandard) {
			f += p.ThresholdBonus
		}
		times = times.times(int64(f), int64(api.One))
		if p.PenaltyMultiplier != nil && p.RecentQuality != nil && *p.RecentQuality < given(p.PenaltyThreshold, defaultPenalty) {
			times = times.times(int64(*p.PenaltyMultiplier), int64(api.One))
			w.Penalised = true
		}
	}
	var err error
	w.PriceQuote, err = quote(r.Base, times)
	return w, err
}
