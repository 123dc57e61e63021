package mechanism

import (
	"cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Bounds of scoring, within which nothing overflows.
const (
	MaxAttributes              = 16              // of one auction
	MaxWeight      api.Decimal = 1_000 * api.One // of the price, or of one attribute
	MostAttributes             = 1_000           // times what the price counts, the attributes may count together
)

// Attribute says how one attribute counts: nothing at Low or below, all of its weight at High or above, in proportion between them.
// With Less it is the other way about. An attribute that a bid does not have counts nothing.
type Attribute struct {
	Name      string
	Weight    api.Decimal
	Low, High api.Decimal
	Less      bool
}

// Scoring is a multi-attribute auction of one lot (Che 1993). The score of a bid is the weighted mean of the utilities of its price and
// its attributes: (price-Worst)/(Best-Worst), which is beyond 0 to 1 for prices beyond these, and 0 to 1 for each attribute. The best
// score wins. The first-score rule pays the price bid; the second-score rule pays the price at which the winner, with its attributes,
// would have the score of the best other bidder, but nothing beyond the reserve, which is also the price of who bids alone.
type Scoring struct {
	PriceWeight api.Decimal
	Worst, Best api.Micro // prices of utility 0 and 1; in reverse the best is the lower
	Attributes  []Attribute
	Second      bool // second-score
}

// Check returns what is wrong with the scoring, as invalid.
func (s Scoring) Check(reverse bool) error {
	switch {
	case s.PriceWeight < 1 || s.PriceWeight > MaxWeight:
		return wrong("price_weight", "the weight of the price must be above 0 and at most %s", MaxWeight)
	case s.Worst < 0 || s.Worst > api.MaxAmount || s.Best < 0 || s.Best > api.MaxAmount:
		return wrong("best_price", "the prices of utility 0 and 1 must be 0 to %d", int64(api.MaxAmount))
	case key(reverse, s.Best) <= key(reverse, s.Worst):
		return wrong("best_price", "the price of utility 1 must be above that of utility 0, in reverse below")
	case len(s.Attributes) > MaxAttributes:
		return wrong("attributes", "at most %d attributes count", MaxAttributes)
	}
	names, sum := map[string]bool{}, api.Decimal(0)
	for _, a := range s.Attributes {
		switch {
		case a.Name == "" || names[a.Name]:
			return wrong("attributes", "attribute %.70q must have a name of its own", a.Name)
		case a.Weight < 1 || a.Weight > MaxWeight:
			return wrong("attributes", "the weight of %.70q must be above 0 and at most %s", a.Name, MaxWeight)
		case a.Low < -api.DecimalLimit || a.High > api.DecimalLimit || a.Low >= a.High:
			return wrong("attributes", "the range of %.70q must have a low end below its high end", a.Name)
		}
		names[a.Name] = true
		sum += a.Weight
	}
	if sum > MostAttributes*s.PriceWeight {
		return wrong("price_weight", "the attributes must count at most %d times what the price counts", MostAttributes)
	}
	return nil
}

// Worth is what the attributes of a bid count, as a difference of price: rounded once, and the same whatever the price.
func (s Scoring) Worth(b *Bid) api.Micro {
	sum := api.Decimal(0) // of products, in millionths of a millionth
	for i := range s.Attributes {
		a := &s.Attributes[i]
		if x, ok := b.Values[a.Name]; ok {
			sum += a.Weight * a.utility(x)
		}
	}
	return api.Micro(fixed.MulDiv(sum, api.Decimal(s.span()), s.PriceWeight*api.One))
}

// Score is the score of a bid. Bids of the same score may still differ in price less than it shows, and are ranked by that.
func (s Scoring) Score(t Terms, b *Bid) api.Decimal {
	weights := s.PriceWeight
	for i := range s.Attributes {
		weights += s.Attributes[i].Weight
	}
	utility := fixed.MulDiv(api.Decimal(s.adjusted(t, b)-key(t.Reverse, s.Worst)), api.One, api.Decimal(s.span()))
	return fixed.MulDiv(utility, s.PriceWeight, weights)
}

func (s Scoring) span() api.Micro { return max(s.Best-s.Worst, s.Worst-s.Best) }

// Run finds the winner, and what it pays or gets.
func (s Scoring) Run(t Terms, bids []Bid) Outcome {
	var best, second *Bid
	for i := range bids {
		b := &bids[i]
		switch {
		case !t.Meets(b.Price):
		case best == nil || s.rank(t, b, best) < 0:
			if best != nil && best.Bidder != b.Bidder {
				second = best
			}
			best = b
		case b.Bidder != best.Bidder && (second == nil || s.rank(t, b, second) < 0):
			second = b
		}
	}
	switch {
	case best == nil:
		return Outcome{}
	case !s.Second:
		return t.lot(best, best.Price)
	case second == nil:
		return t.lot(best, t.Reserve)
	}
	// As prices, more being better: what gives the winner the second score, or the reserve if that is better.
	price := max(s.adjusted(t, second)-s.Worth(best), key(t.Reverse, t.Reserve))
	return t.lot(best, key(t.Reverse, price))
}

// adjusted is the price as one of which more is better, with the worth of the attributes: scores are in its order.
func (s Scoring) adjusted(t Terms, b *Bid) api.Micro { return key(t.Reverse, b.Price) + s.Worth(b) }

func (s Scoring) rank(t Terms, a, b *Bid) int {
	if c := cmp.Compare(s.adjusted(t, b), s.adjusted(t, a)); c != 0 {
		return c
	}
	return cmp.Compare(a.Order, b.Order)
}

// utility is 0 to 1.
func (a *Attribute) utility(x api.Decimal) api.Decimal {
	u := api.Decimal(0)
	switch {
	case x >= a.High:
		u = api.One
	case x > a.Low:
		u = fixed.Div(x-a.Low, a.High-a.Low)
	}
	if a.Less {
		return api.One - u
	}
	return u
}
