package pricing

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

const (
	defaultDamping    = 3 * api.One
	unknown           = api.One / 2 // reputation or speed
	leastQuality      = 6 * api.One / 10
	leastReliability  = 5 * api.One / 10
	confidenceRecords = 50
)

var defaultRange = api.PriceRange{Min: 8 * api.One / 10, Max: 12 * api.One / 10}

// Performance returns base price * (q + s + r + damping) / (3 + damping), where q, s and r lie in the ranges of quality, speed and
// reliability, at the place of the score. The score of quality is 0 up to a mean of 0.6, that of reliability up to 0.5, and both grow
// evenly from there to 1; that of speed is the mean over the records with a speed, of which none counts more than 1. What no record
// tells is the reputation, and 0.5 for speed. With fewer records than the minimum the price is the base price.
func Performance(r *api.PerformancePriceRequest) (*api.PerformancePrice, error) {
	reputation := unknown
	if r.Reputation != nil {
		reputation = *r.Reputation
	}
	p := &api.PerformancePrice{Quality: reputation, Reliability: reputation, Speed: unknown, Records: len(r.Records), Confidence: confidence(len(r.Records))}
	var quality, reliability, speed, timed api.Decimal
	for _, x := range r.Records {
		quality += x.Quality
		reliability += x.Reliability
		if x.Speed > 0 {
			speed += min(x.Speed, api.One)
			timed++
		}
	}
	if n := api.Decimal(len(r.Records)); n > 0 {
		p.Quality = above(fixed.MulDiv(quality, 1, n), leastQuality)
		p.Reliability = above(fixed.MulDiv(reliability, 1, n), leastReliability)
	}
	if timed > 0 {
		p.Speed = fixed.MulDiv(speed, 1, timed)
	}
	times := one()
	if len(r.Records) >= r.MinimumTasks {
		damping := given(r.Damping, defaultDamping)
		sum := place(r.Quality, p.Quality) + place(r.Speed, p.Speed) + place(r.Reliability, p.Reliability)
		times = times.times(int64(sum+damping), int64(3*api.One+damping))
	}
	var err error
	p.PriceQuote, err = quote(r.BasePrice, times)
	return p, err
}

// above is where a value lies between the least that counts and 1.
func above(v, least api.Decimal) api.Decimal {
	return fixed.Div(max(v-least, 0), api.One-least)
}

// place is the factor at a score's place in a range.
func place(r *api.PriceRange, score api.Decimal) api.Decimal {
	if r == nil {
		r = &defaultRange
	}
	return r.Min + fixed.Mul(r.Max-r.Min, score)
}

// confidence is the share of fifty records that there are, at most 1.
func confidence(records int) api.Decimal {
	return min(api.One, fixed.MulDiv(api.Decimal(records), api.One, confidenceRecords))
}
