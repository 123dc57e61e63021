package mechanism

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Trade is one delivery from a seller to a buyer.
type Trade struct {
	Buyer, Seller       string
	BuyOrder, SellOrder uint64 // of their bids
	Quantity            int64
}

// Clearing is what a double auction comes to: all buyers pay one price, and all sellers get one. Without trades both are 0.
type Clearing struct {
	Trades     []Trade   // the best bid with the best ask first
	Pays, Gets api.Micro // per unit; what lies between stays with the auctioneer
}

// Volume is the number of units traded.
func (c Clearing) Volume() int64 {
	sum := int64(0)
	for i := range c.Trades {
		sum += c.Trades[i].Quantity
	}
	return sum
}

// Surplus is what stays with the auctioneer: 0 for KDouble, and never below 0.
func (c Clearing) Surplus() api.Micro { return Amount(c.Pays-c.Gets, c.Volume()) }

// KDouble trades all units that buyers value at least as much as sellers, at one price that clears the market: k of the way from the
// lowest such price to the highest (Rustichini, Satterthwaite and Williams 1994; Chatterjee and Samuelson 1983 for two traders). With
// k = 1/2 it is the midpoint, rounded down to the millionth at a half that is odd. The budget balances; it is not truthful.
//
// No price is below the reserve: bids below it do not count, and asks below it stand at it. A trader must be on one side only, and k
// is 0 to 1: the caller sees to both. Whole is not looked at.
func KDouble(reserve api.Micro, k api.Decimal, buys, sells []Bid) Clearing {
	b := newBook(reserve, buys, sells)
	v := b.volume()
	if v == 0 {
		return Clearing{}
	}
	low, high := b.sells.at(v), b.buys.at(v)
	if v < b.buys.units {
		low = max(low, b.buys.at(v+1))
	}
	if v < b.sells.units {
		high = min(high, b.sells.at(v+1))
	}
	over, under := bits.Mul64(uint64(high-low), uint64(min(max(k, 0), api.One)))
	part, _ := bits.Div64(over, under, uint64(api.One))
	price := low + api.Micro(part)
	return Clearing{Trades: b.trades(v), Pays: price, Gets: price}
}

// McAfee trades by trade reduction (McAfee 1992, "A dominant strategy double auction"). Let the best v units of both sides be those of
// KDouble. If the middle between the two best units that do not trade is a price that the last that trade accept, all trade at it.
// Otherwise the last unit of each side does not trade, and sets the price of the others: buyers pay what its buyer has bid, sellers get
// what its seller has asked, and the auctioneer keeps the difference. It is truthful for whoever trades one unit, never runs a deficit,
// and loses at most the trade of least value. Reserve, sides and Whole are as in KDouble.
func McAfee(reserve api.Micro, buys, sells []Bid) Clearing {
	b := newBook(reserve, buys, sells)
	v := b.volume()
	if v == 0 {
		return Clearing{}
	}
	low, high := b.sells.at(v), b.buys.at(v)
	if v < b.buys.units && v < b.sells.units {
		if middle := (b.buys.at(v+1) + b.sells.at(v+1)) / 2; low <= middle && middle <= high {
			return Clearing{Trades: b.trades(v), Pays: middle, Gets: middle}
		}
	}
	if v == 1 {
		return Clearing{}
	}
	return Clearing{Trades: b.trades(v - 1), Pays: high, Gets: low}
}

// book has the bids and asks that count.
type book struct{ buys, sells side }

// side is one side of a book by rank: best first.
type side struct {
	bids  []*Bid
	floor api.Micro // no price is below it
	units int64
}

func newBook(reserve api.Micro, buys, sells []Bid) book {
	b := book{sells: side{floor: reserve}}
	atLeast := Terms{Reserve: reserve}
	for i := range buys {
		if atLeast.Takes(&buys[i]) {
			b.buys.add(&buys[i])
		}
	}
	slices.SortFunc(b.buys.bids, atLeast.rank)
	atMost := Terms{Reverse: true, Reserve: api.MaxAmount}
	for i := range sells {
		if atMost.Takes(&sells[i]) {
			b.sells.add(&sells[i])
		}
	}
	// Asks that stand at the reserve are equal there: to rank them by what they ask would reward asking less than is true.
	slices.SortFunc(b.sells.bids, func(x, y *Bid) int {
		if x.Price <= reserve && y.Price <= reserve {
			return cmp.Compare(x.Order, y.Order)
		}
		return atMost.rank(x, y)
	})
	return b
}

func (s *side) add(b *Bid) {
	s.bids = append(s.bids, b)
	s.units += b.Quantity
}

// at is the price of the nth unit, from 1 on.
func (s *side) at(n int64) api.Micro {
	for _, b := range s.bids {
		if n -= b.Quantity; n <= 0 {
			return max(b.Price, s.floor)
		}
	}
	return 0
}

// volume is the greatest number of units of which each is bid at least what it is asked.
func (b *book) volume() int64 {
	v := int64(0)
	b.pair(func(buy, sell *Bid, q int64) bool {
		if buy.Price < max(sell.Price, b.sells.floor) {
			return false
		}
		v += q
		return true
	})
	return v
}

func (b *book) trades(volume int64) []Trade {
	var trades []Trade
	b.pair(func(buy, sell *Bid, q int64) bool {
		q = min(q, volume)
		trades = append(trades, Trade{Buyer: buy.Bidder, Seller: sell.Bidder, BuyOrder: buy.Order, SellOrder: sell.Order, Quantity: q})
		volume -= q
		return volume > 0
	})
	return trades
}

// pair goes through the units of both sides by rank, as many at a time as are of the same bid and the same ask.
func (b *book) pair(do func(buy, sell *Bid, quantity int64) bool) {
	buys, sells := b.buys.bids, b.sells.bids
	var bought, sold int64 // of the first of each
	for len(buys) > 0 && len(sells) > 0 {
		q := min(buys[0].Quantity-bought, sells[0].Quantity-sold)
		if !do(buys[0], sells[0], q) {
			return
		}
		bought, sold = bought+q, sold+q
		if bought == buys[0].Quantity {
			buys, bought = buys[1:], 0
		}
		if sold == sells[0].Quantity {
			sells, sold = sells[1:], 0
		}
	}
}
