package pricing_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics/pricing"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// FuzzPrices reads requests from bytes: what is valid has a price that can be an amount, or is refused with a code.
func FuzzPrices(f *testing.F) {
	f.Add(`{"base_price":"20000","demand":20,"supply":5}`)
	f.Add(`{"previous":"1000000","requests":50,"agents":10,"base_adjustment_rate":0.1,"maximum_price_change":0.5}`)
	f.Add(`{"base_price":"1","reputation":0.9,"records":[{"quality":1,"reliability":0.5,"speed":2}],"quality_range":{"min":0.5,"max":1000},"damping":0.000001}`)
	f.Add(`{"records":[{"price":"5","quality":0.5},{"price":"1000000000000000","quality":1},{"price":"9"}]}`)
	f.Add(`{"base_fee":"20000","reputation":0.85,"discount_rate":0.5,"minimum_score":0.5}`)
	f.Add(`{"base":"1000000000000000","performance":{"quality":1,"quality_multiplier":1000,"speed":1000,"speed_multiplier":1000,"cost":0.1,"cost_multiplier":1}}`)
	f.Add(`{"base":"7","reputation":{"score":1,"score_multiplier":1000,"recent_quality":0.1,"penalty_multiplier":0}}`)
	f.Fuzz(func(t *testing.T, text string) {
		check := func(price api.Micro, err error) {
			if code := api.CodeOf(err); err != nil && code != api.FailedPrecondition || err == nil && (price < 0 || price > api.MaxAmount) {
				t.Errorf("%d, %v", price, err)
			}
		}
		price(text, pricing.SupplyDemand, func(q *api.PriceQuote) api.Micro { return q.Price }, check)
		price(text, pricing.Dynamic, func(q *api.PriceQuote) api.Micro { return q.Price }, check)
		price(text, pricing.Performance, func(q *api.PerformancePrice) api.Micro { return q.Price }, check)
		price(text, pricing.Optimal, func(q *api.OptimalPrice) api.Micro { return q.Price }, check)
		price(text, pricing.Fee, func(q *api.PriceFee) api.Micro { return q.Fee }, check)
		price(text, pricing.RewardFor, func(q *api.Reward) api.Micro { return q.Price }, check)
	})
}

func price[Req, Resp any](text string, rule func(*Req) (*Resp, error), of func(*Resp) api.Micro, check func(api.Micro, error)) {
	r := new(Req)
	if codec.Decode([]byte(text), r) != nil || any(r).(api.Validator).Validate() != nil {
		return
	}
	resp, err := rule(r)
	if err != nil {
		check(0, err)
		return
	}
	check(of(resp), nil)
}
