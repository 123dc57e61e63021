package card

import (
	"math/rand/v2"

	"github.com/mabus-project/mabus/services/economics/clearing"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
)

// unitDemand is a sealed auction among n who want one unit each.
func unitDemand(rule func(mechanism.Terms, []mechanism.Bid) mechanism.Outcome, n int, quantity int64) func(*rand.Rand) api.Micro {
	return func(r *rand.Rand) api.Micro {
		terms := mechanism.Terms{Quantity: quantity}
		bids := bidders(r, n, tick)
		mine := &bids[r.IntN(n)]
		return deviate(&mine.Price, tick, one, func(value api.Micro) api.Micro { return gain(terms, rule(terms, bids), mine.Order, value) })
	}
}

// severalUnits is a sale in which each bidder wants two units, the second no more than the first, and the first bidder tries all pairs of
// reports. Sale says how many units it gets, and what it pays for each.
func severalUnits(r *rand.Rand, sale func(bids []mechanism.Bid) (won int, price api.Micro)) api.Micro {
	bids := bidders(r, 6, big)
	pairs(bids, func(a, b api.Micro) (first, second api.Micro) { return max(a, b), min(a, b) })
	first, second := bids[0].Price, bids[1].Price
	utility := func() api.Micro {
		// Of its two bids the better one is served first, so that one unit is always worth the first value.
		won, price := sale(bids)
		return []api.Micro{0, first, first + second}[won] - api.Micro(won)*price
	}
	honest := utility()
	best := honest
	for bids[0].Price = big; bids[0].Price <= one; bids[0].Price += big {
		for bids[1].Price = big; bids[1].Price <= bids[0].Price; bids[1].Price += big {
			best = max(best, utility())
		}
	}
	return best - honest
}

// pairs gives each bidder two bids that follow each other.
func pairs(bids []mechanism.Bid, order func(a, b api.Micro) (first, second api.Micro)) {
	for i := 0; i < len(bids); i += 2 {
		a, b := &bids[i], &bids[i+1]
		b.Bidder = a.Bidder
		a.Price, b.Price = order(a.Price, b.Price)
	}
}

func uniformUnits(r *rand.Rand) api.Micro {
	return severalUnits(r, func(bids []mechanism.Bid) (won int, price api.Micro) {
		for _, a := range mechanism.Uniform(mechanism.Terms{Quantity: 3}, bids).Awards {
			if price = a.Price; a.Order <= 2 {
				won++
			}
		}
		return won, price
	})
}

func mcAfeeUnits(r *rand.Rand) api.Micro {
	sells := bidders(r, 6, big)
	pairs(sells, func(a, b api.Micro) (first, second api.Micro) { return min(a, b), max(a, b) })
	return severalUnits(r, func(bids []mechanism.Bid) (won int, price api.Micro) {
		c := mechanism.McAfee(0, bids, sells)
		for i := range c.Trades {
			if c.Trades[i].BuyOrder <= 2 {
				won++
			}
		}
		return won, c.Pays
	})
}

// traders are 5 buyers and 5 sellers who trade at the same time. Trade says at what price an order trades, if it does.
func traders(trade func(buys, sells []mechanism.Bid, order uint64) (api.Micro, bool), step api.Micro) func(*rand.Rand) api.Micro {
	return func(r *rand.Rand) api.Micro {
		all := bidders(r, 10, step)
		buys, sells := all[:5], all[5:]
		who := r.IntN(len(all))
		return deviate(&all[who].Price, step, one, func(value api.Micro) api.Micro {
			switch price, ok := trade(buys, sells, all[who].Order); {
			case !ok:
				return 0
			case who < len(buys):
				return value - price
			default:
				return price - value
			}
		})
	}
}

func inCall(buys, sells []mechanism.Bid, order uint64) (api.Micro, bool) {
	offers := func(bids []mechanism.Bid) []api.MarketOffer {
		o := make([]api.MarketOffer, len(bids))
		for i := range bids {
			o[i] = api.MarketOffer{Price: bids[i].Price, Quantity: 1}
		}
		return o
	}
	c, err := clearing.Clear(offers(buys), offers(sells))
	if err != nil {
		return 0, false
	}
	i := int(order) - 1
	if i < len(buys) {
		return c.Price, c.Buys[i] > 0
	}
	return c.Price, c.Sells[i-len(buys)] > 0
}

// inBook has the same traders send their orders one after the other.
func inBook(r *rand.Rand) api.Micro {
	turns := r.Perm(10)
	return traders(func(buys, sells []mechanism.Bid, order uint64) (api.Micro, bool) {
		book := orderbook.New()
		for n, turn := range turns {
			o := orderbook.Order{Number: uint64(n + 1), Type: api.OrderLimit, Side: api.OrderBuy, Quantity: 1}
			from := buys
			if turn >= len(buys) {
				o.Side, from, turn = api.OrderSell, sells, turn-len(buys)
			}
			o.Owner, o.Price = from[turn].Bidder, from[turn].Price
			mine := from[turn].Order == order
			change, err := book.Match(o)
			if err != nil {
				return 0, false
			}
			for i := range change.Fills {
				if maker := change.Fills[i].Maker.Owner; mine || maker == string(rune('a'+order-1)) {
					return change.Fills[i].Price(), true
				}
			}
			book.Apply(change)
		}
		return 0, false
	}, big)(r)
}

func qualities(second bool) mechanism.Scoring {
	return mechanism.Scoring{
		PriceWeight: 600_000, Worst: one, Second: second, Attributes: []mechanism.Attribute{{Name: "quality", Weight: 400_000, High: api.One}},
	}
}

func quality(q api.Micro) map[string]api.Decimal {
	return map[string]api.Decimal{"quality": api.Decimal(q)}
}

func suppliers(r *rand.Rand, step api.Micro) []mechanism.Bid {
	bids := bidders(r, 4, step)
	for i := range bids {
		bids[i].Values = quality(draw(r, step))
	}
	return bids
}

// chosenQuality is a second-score auction in which everybody chooses what it offers. At its cost: given the quality, no other price is better.
func chosenQuality(r *rand.Rand) api.Micro {
	const level = one / 4
	s, terms := qualities(true), mechanism.Terms{Reverse: true, Reserve: 2 * one / 5, Quantity: 1}
	bids := bidders(r, 4, tick)
	offers := make([][]mechanism.Bid, len(bids))
	for i := range bids {
		a, b := draw(r, tick)/2, draw(r, tick)/2
		for q := range api.Micro(5) {
			offer := bids[i]
			offer.Price, offer.Values = a+b*q*q/16, quality(q*level)
			offers[i] = append(offers[i], offer)
		}
		// Honest is the quality that is worth most above its cost, of those that the ceiling allows.
		bids[i] = offers[i][0]
		for _, o := range offers[i] {
			if terms.Meets(o.Price) && s.Worth(&o)-o.Price > s.Worth(&bids[i])-bids[i].Price {
				bids[i] = o
			}
		}
	}
	who := r.IntN(len(bids))
	utility := func() api.Micro { return gain(terms, s.Run(terms, bids), bids[who].Order, bids[who].Price) }
	honest := utility()
	best := honest
	for _, o := range offers[who] {
		bids[who] = o
		best = max(best, utility())
	}
	return best - honest
}
