package mechanism_test

import (
	"testing"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

func TestVickreyIsTruthful(t *testing.T) {
	truthful(
		t, of(mechanism.Vickrey), 7,
		shape{buyers: 1, quantity: 1}, shape{buyers: 2, quantity: 1, reserve: 3}, shape{buyers: 3, quantity: 1}, shape{buyers: 4, quantity: 1, reserve: 4},
	)
}

func TestReverseVickreyIsTruthful(t *testing.T) {
	truthful(
		t, of(mechanism.Vickrey), 7,
		shape{sellers: 1, quantity: 1, reserve: 9}, shape{sellers: 2, quantity: 1, reserve: 5}, shape{sellers: 4, quantity: 1, reserve: 6},
	)
}

func TestUniformIsTruthfulForUnitDemand(t *testing.T) {
	truthful(
		t, of(mechanism.Uniform), 6,
		shape{buyers: 2, quantity: 3, reserve: 2}, shape{buyers: 3, quantity: 2}, shape{buyers: 4, quantity: 2, reserve: 3}, shape{buyers: 5, quantity: 3},
	)
}

func TestReverseUniformIsTruthfulForUnitSupply(t *testing.T) {
	truthful(
		t, of(mechanism.Uniform), 6,
		shape{sellers: 2, quantity: 3, reserve: 4}, shape{sellers: 3, quantity: 2, reserve: 9}, shape{sellers: 5, quantity: 3, reserve: 5},
	)
}

func TestMcAfeeIsTruthfulForUnits(t *testing.T) {
	truthful(
		t, ofDouble(mechanism.McAfee), 5,
		shape{buyers: 1, sellers: 1}, shape{buyers: 2, sellers: 2}, shape{buyers: 3, sellers: 2}, shape{buyers: 2, sellers: 3, reserve: 3},
		shape{buyers: 3, sellers: 3}, shape{buyers: 3, sellers: 3, reserve: 2},
	)
}

// The same search finds the gains of what is not truthful: it can fail.
func TestDeviationsAreFound(t *testing.T) {
	for name, row := range map[string]struct {
		p price
		s shape
	}{
		"first price":         {of(mechanism.FirstPrice), shape{buyers: 2, quantity: 1}},
		"reverse first price": {of(mechanism.FirstPrice), shape{sellers: 2, quantity: 1, reserve: 9}},
		"discriminatory":      {of(mechanism.Discriminatory), shape{buyers: 3, quantity: 2}},
		"k-double":            {ofDouble(midpoint), shape{buyers: 2, sellers: 2}},
	} {
		if most, _ := exhaust(row.p, row.s, 5); most <= 0 {
			t.Errorf("%s: exhaustion finds no gain", name)
		}
		if most := generate(row.p, []shape{row.s}, 1, 1_000); most <= 0 {
			t.Errorf("%s: generation finds no gain", name)
		}
	}
}

// scored are the attributes of whoever bids in the tests of scoring, by order.
var scored = []map[string]api.Decimal{
	{"q": 0}, {"q": api.One}, {"q": 2 * api.One, "late": api.One}, {"q": 3 * api.One}, {"q": 3 * api.One, "late": 2 * api.One},
}

func scoring(second bool) mechanism.Scoring {
	return mechanism.Scoring{
		PriceWeight: 600_000, Worst: 0, Best: 9, Second: second,
		Attributes: []mechanism.Attribute{
			{Name: "q", Weight: 300_000, High: 3 * api.One}, {Name: "late", Weight: 100_000, High: 2 * api.One, Less: true},
		},
	}
}

// byScore is a price by scoring with fixed attributes. The scale of prices is that of the grids, so that attributes outweigh prices.
func byScore(second bool) price {
	return func(t *table, who int) (api.Micro, bool) {
		s := scoring(second)
		if t.terms.Reverse {
			s.Worst, s.Best = s.Best, s.Worst
		}
		for i := range t.traders() {
			t.bid(i).Values = scored[i]
		}
		return of(s.Run)(t, who)
	}
}

func TestSecondScoreIsTruthfulInPrice(t *testing.T) {
	truthful(
		t, byScore(true), 7,
		shape{sellers: 1, quantity: 1, reserve: 6}, shape{sellers: 2, quantity: 1, reserve: 7}, shape{sellers: 3, quantity: 1, reserve: 9},
		shape{sellers: 4, quantity: 1, reserve: 5}, shape{buyers: 2, quantity: 1, reserve: 2}, shape{buyers: 4, quantity: 1},
	)
}

// Suppliers choose what they offer: to offer the quality that is worth most above its cost, at its cost, is best whatever the others
// do, as long as the reserve is out of the way (Che 1993).
func TestSecondScoreIsTruthfulInQuality(t *testing.T) {
	const top = 5
	s := scoring(true)
	s.Worst, s.Best = 9, 0
	terms := mechanism.Terms{Reverse: true, Reserve: 1_000, Quantity: 1}
	qualities := make([]map[string]api.Decimal, 4)
	for q := range qualities {
		qualities[q] = map[string]api.Decimal{"q": api.Decimal(q) * api.One, "late": 0}
	}
	bids := []mechanism.Bid{{Bidder: "a", Order: 1}, {Bidder: "b", Order: 2}, {Bidder: "c", Order: 3}}
	for rival := range 4 * top { // what the best of two rivals offers; the other one is always beaten
		bids[0].Price, bids[0].Values = api.Micro(1+rival/4), qualities[rival%4]
		bids[2].Price, bids[2].Values = 900, qualities[0]
		mine := &bids[1]
		for slope := api.Micro(0); slope <= 4; slope++ { // the cost of quality q is base + slope*q^2
			for base := api.Micro(1); base <= top; base++ {
				cost := func(q int) api.Micro { return base + slope*api.Micro(q*q) }
				gain := func(q int, p api.Micro) api.Micro {
					mine.Price, mine.Values = p, qualities[q]
					o := s.Run(terms, bids)
					if o.Awards[0].Order != mine.Order {
						return 0
					}
					return o.Awards[0].Price - cost(q)
				}
				best := 0
				for q := range qualities {
					mine.Values = qualities[q]
					at := s.Worth(mine) - cost(q)
					mine.Values = qualities[best]
					if at > s.Worth(mine)-cost(best) {
						best = q
					}
				}
				honest := gain(best, cost(best))
				for q := range qualities {
					for p := api.Micro(1); p <= 60; p++ {
						if g := gain(q, p); g > honest {
							t.Fatalf("cost %d+%dq^2 against %+v: quality %d at %d gains %d, the best at its cost %d", base, slope, bids[0], q, p, g, honest)
						}
					}
				}
			}
		}
	}
}
