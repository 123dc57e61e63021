package pricing

import (
	"math/big"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

const (
	lastRecords  = 100
	trendRecords = 10
	trendChange  = api.One / 20 // more is no stable price
)

// Optimal returns the mean price of the last 100 records, which way prices go, and whether quality has had its price.
// Failed_precondition (no_records) without any.
func Optimal(r *api.OptimalPriceRequest) (*api.OptimalPrice, error) {
	last := r.Records[max(0, len(r.Records)-lastRecords):]
	if len(last) == 0 {
		return nil, api.Errorf(api.FailedPrecondition, "nothing is known of such work, so that it has no price: give records, or a price of your own").
			WithReason(api.ReasonNoRecords)
	}
	p := &api.OptimalPrice{Price: api.Micro(mean(last)), Records: len(last), Confidence: confidence(len(last)), Trend: api.TrendUnknown}
	if n := min(trendRecords, len(last)/2); n > 0 {
		newest, before := last[len(last)-n:], last[len(last)-2*n:len(last)-n]
		// Of sums of as many records, so that nothing is rounded twice.
		change := fixed.MulDiv(sum(newest)-sum(before), api.One, sum(before))
		change = min(change, api.DecimalLimit)
		p.Change = &change
		switch {
		case change > trendChange:
			p.Trend = api.TrendIncreasing
		case change < -trendChange:
			p.Trend = api.TrendDecreasing
		default:
			p.Trend = api.TrendStable
		}
	}
	p.QualityCorrelation = correlation(last)
	return p, nil
}

// sum of at most 100 prices of at most 10^15 stays below 2^63.
func sum(records []api.PriceRecord) (s api.Decimal) {
	for _, x := range records {
		s += api.Decimal(x.Price)
	}
	return s
}

func mean(records []api.PriceRecord) api.Decimal {
	return fixed.MulDiv(sum(records), 1, api.Decimal(len(records)))
}

// correlation is Pearson's coefficient of price and quality,
//
//	(n Σxy - Σx Σy) / sqrt((n Σx² - (Σx)²) (n Σy² - (Σy)²)),
//
// or nil when one of them does not vary.
func correlation(records []api.PriceRecord) *api.Decimal {
	var n int64
	x, y, xx, yy, xy := new(big.Int), new(big.Int), new(big.Int), new(big.Int), new(big.Int)
	for _, r := range records {
		if r.Quality == nil {
			continue
		}
		n++
		a, b := big.NewInt(int64(r.Price)), big.NewInt(int64(*r.Quality))
		x.Add(x, a)
		y.Add(y, b)
		xx.Add(xx, new(big.Int).Mul(a, a))
		yy.Add(yy, new(big.Int).Mul(b, b))
		xy.Add(xy, a.Mul(a, b))
	}
	spread := func(square, p, q *big.Int) *big.Int {
		s := new(big.Int).Mul(square, big.NewInt(n))
		return s.Sub(s, new(big.Int).Mul(p, q))
	}
	under := new(big.Int).Mul(spread(xx, x, x), spread(yy, y, y))
	if under.Sign() <= 0 {
		return nil
	}
	// With six more places under the root, and six in the result.
	million := big.NewInt(int64(api.One))
	under.Mul(under, million).Mul(under, million).Sqrt(under)
	over := spread(xy, x, y)
	over.Mul(over, million).Mul(over, million)
	c := api.Decimal(over.Quo(over, under).Int64())
	c = min(max(c, -api.One), api.One)
	return &c
}
