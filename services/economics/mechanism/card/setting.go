package card

import (
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// settings are the situations in which regrets are measured, by the name of the card. Wherever the text does not say otherwise, who
// deviates is one of all, drawn evenly.
var settings = map[string]setting{
	"english": {
		"5 bidders send one proxy each, in turn; increment 0.05, reserve 0.01; values even on 0.01 to 1.00",
		func(r *rand.Rand) api.Micro {
			e := mechanism.English{Reserve: tick, Increment: big}
			bids := bidders(r, 5, tick)
			mine := &bids[r.IntN(len(bids))]
			return deviate(&mine.Price, tick, one, func(value api.Micro) api.Micro {
				var l mechanism.Lead
				for i := range bids {
					l, _ = e.Place(l, mechanism.Offer{Bidder: bids[i].Bidder, Limit: bids[i].Price, Order: bids[i].Order})
				}
				if l.Bidder != mine.Bidder {
					return 0
				}
				return value - l.Price
			})
		},
	},
	"dutch": {
		"5 bidders; honest ones accept at their value; a clock from 1.00 to 0.01 in steps of 0.01; values even on 0.01 to 1.00",
		func(r *rand.Rand) api.Micro {
			c := mechanism.Clock{Start: one, Step: tick, Reserve: tick, Interval: time.Second}
			bids := bidders(r, 5, tick)
			mine := &bids[r.IntN(len(bids))]
			return deviate(&mine.Price, tick, one, func(value api.Micro) api.Micro {
				for at, more := time.Duration(0), true; more; at, more = c.Next(at) {
					for i := range bids {
						if price := c.Price(at); bids[i].Price >= price {
							if bids[i].Order == mine.Order {
								return value - price
							}
							return 0
						}
					}
				}
				return 0
			})
		},
	},
	"first_price":    {"5 bidders; no reserve; values even on 0.01 to 1.00", unitDemand(mechanism.FirstPrice, 5, 1)},
	"discriminatory": {"6 bidders for one unit each of 3; no reserve; values even on 0.01 to 1.00", unitDemand(mechanism.Discriminatory, 6, 3)},
	"uniform": {
		"3 bidders for two units each of 3; no reserve; both values even on 0.05 to 1.00, the higher is that of the first unit; for one unit each it is 0",
		uniformUnits,
	},
	"double": {
		"5 buyers and 5 sellers of one unit each; midpoint; values and costs even on 0.01 to 1.00",
		traders(func(buys, sells []mechanism.Bid, order uint64) (api.Micro, bool) {
			c := mechanism.KDouble(0, api.One/2, buys, sells)
			for _, t := range c.Trades {
				if t.BuyOrder == order || t.SellOrder == order {
					return c.Pays, true
				}
			}
			return 0, false
		}, tick),
	},
	"mcafee": {
		"3 buyers and 3 sellers of two units each, a buyer deviates; values and costs even on 0.05 to 1.00; for one unit each it is 0",
		mcAfeeUnits,
	},
	"call_auction": {"5 buyers and 5 sellers of one unit each; values and costs even on 0.01 to 1.00", traders(inCall, tick)},
	"order_book": {
		"5 buyers and 5 sellers of one unit each send a limit order, in random order; values and costs even on 0.05 to 1.00",
		inBook,
	},
	"first_score": {
		"4 suppliers with costs even on 0.01 to 1.00 and qualities even on 0 to 1, which are known; price counts 0.6, quality 0.4; ceiling 1",
		func(r *rand.Rand) api.Micro {
			terms := mechanism.Terms{Reverse: true, Reserve: one, Quantity: 1}
			bids := suppliers(r, tick)
			mine := &bids[r.IntN(len(bids))]
			return deviate(&mine.Price, tick, one, func(cost api.Micro) api.Micro {
				return gain(terms, qualities(false).Run(terms, bids), mine.Order, cost)
			})
		},
	},
	"second_score": {
		"4 suppliers that choose their quality q of 0, 0.25, 0.5, 0.75 and 1 at cost a + bq^2, a and b even on 0.005 to 0.5; " +
			"price counts 0.6, quality 0.4; ceiling 0.4, which often binds; who deviates offers another quality at its cost",
		chosenQuality,
	},
	"incentive": {
		"4 providers with costs even on 10 to 1000 and random records, quality and reputation even on 0 to 1; ceiling 1000, which is the 1",
		func(r *rand.Rand) api.Micro {
			const scale = mechanism.IncentiveWorst / one
			terms := mechanism.Terms{Reverse: true, Reserve: mechanism.IncentiveWorst, Quantity: 1}
			bids := bidders(r, 4, tick)
			records := map[string]mechanism.Record{}
			for i := range bids {
				bids[i].Price *= scale
				records[bids[i].Bidder] = mechanism.Record{Quality: api.Decimal(draw(r, tick)), Reputation: api.Decimal(draw(r, tick))}
			}
			mine := &bids[r.IntN(len(bids))]
			return deviate(&mine.Price, scale*tick, scale*one, func(cost api.Micro) api.Micro {
				return gain(terms, mechanism.Incentive(terms, bids, records), mine.Order, cost)
			}) / scale
		},
	},
}
