package mechanism_test

import (
	"math/rand/v2"
	"testing"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// table is a situation: bids of buyers and asks of sellers, of which a one-sided auction has one kind. Traders are numbered, buyers
// first. What each wants, or has to give, is one lot or one unit.
type table struct {
	terms       mechanism.Terms
	buys, sells []mechanism.Bid
}

func (t *table) bid(who int) *mechanism.Bid {
	if who < len(t.buys) {
		return &t.buys[who]
	}
	return &t.sells[who-len(t.buys)]
}

func (t *table) traders() int { return len(t.buys) + len(t.sells) }

// price is what a trader pays or gets, or false if it does not trade.
type price func(t *table, who int) (api.Micro, bool)

// of makes a price of a one-sided auction.
func of(rule func(mechanism.Terms, []mechanism.Bid) mechanism.Outcome) price {
	return func(t *table, who int) (api.Micro, bool) {
		bids := t.buys
		if t.terms.Reverse {
			bids = t.sells
		}
		for _, a := range rule(t.terms, bids).Awards {
			if a.Order == t.bid(who).Order {
				return a.Price, true
			}
		}
		return 0, false
	}
}

// ofDouble makes a price of a double auction.
func ofDouble(rule func(reserve api.Micro, buys, sells []mechanism.Bid) mechanism.Clearing) price {
	return func(t *table, who int) (api.Micro, bool) {
		c := rule(t.terms.Reserve, t.buys, t.sells)
		for i := range c.Trades {
			switch t.bid(who).Order {
			case c.Trades[i].BuyOrder:
				return c.Pays, true
			case c.Trades[i].SellOrder:
				return c.Gets, true
			}
		}
		return 0, false
	}
}

func midpoint(reserve api.Micro, buys, sells []mechanism.Bid) mechanism.Clearing {
	return mechanism.KDouble(reserve, api.One/2, buys, sells)
}

// utility is what a trader gains whose true value, or cost, is given.
func (t *table) utility(p price, who int, value api.Micro) api.Micro {
	paid, traded := p(t, who)
	switch {
	case !traded:
		return 0
	case who < len(t.buys):
		return value - paid
	}
	return paid - value
}

// shape is how many there are of what.
type shape struct {
	buyers, sellers int
	quantity        int64
	reserve         api.Micro
}

func (s shape) table() *table {
	t := &table{terms: mechanism.Terms{Reverse: s.buyers == 0, Reserve: s.reserve, Quantity: s.quantity}}
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for i := range s.buyers + s.sellers {
		b := mechanism.Bid{Bidder: names[i], Quantity: 1, Order: uint64(i + 1)}
		if i < s.buyers {
			t.buys = append(t.buys, b)
		} else {
			t.sells = append(t.sells, b)
		}
	}
	return t
}

// exhaust tries every deviation of every trader, in every situation in which all values and reports are 1 to top. It returns the most
// that anybody has gained by one, and how many were tried.
func exhaust(p price, s shape, top api.Micro) (most api.Micro, tried int) {
	t := s.table()
	n := t.traders()
	outcome := make([]struct {
		paid   api.Micro
		traded bool
	}, top+1)
	for who := range n {
		for i := range n {
			t.bid(i).Price = 1
		}
		for {
			// The others' reports are what they may. Those of this trader, each with its outcome:
			for r := api.Micro(1); r <= top; r++ {
				t.bid(who).Price = r
				outcome[r].paid, outcome[r].traded = p(t, who)
			}
			gain := func(value, report api.Micro) api.Micro {
				switch o := outcome[report]; {
				case !o.traded:
					return 0
				case who < s.buyers:
					return value - o.paid
				default:
					return o.paid - value
				}
			}
			for value := api.Micro(1); value <= top; value++ {
				for report := api.Micro(1); report <= top; report++ {
					tried++
					most = max(most, gain(value, report)-gain(value, value))
				}
			}
			if !t.next(who, top) {
				break
			}
		}
	}
	return most, tried
}

// next goes to the next reports of all but one trader, as an odometer does.
func (t *table) next(except int, top api.Micro) bool {
	for i := range t.traders() {
		b := t.bid(i)
		switch {
		case i == except:
		case b.Price < top:
			b.Price++
			return true
		default:
			b.Price = 1
		}
	}
	return false
}

// generate tries deviations of random traders in random situations: a report drawn like the values, or just beside that of another
// trader, where outcomes change.
func generate(p price, shapes []shape, seed uint64, count int) (most api.Micro) {
	r := rand.New(rand.NewPCG(seed, 1))
	tables := make([]*table, len(shapes))
	for i := range shapes {
		tables[i] = shapes[i].table()
	}
	const each = 10 // deviations in one situation
	for range count / each {
		t := tables[r.IntN(len(tables))]
		top := int64(1) << (3 + r.IntN(40))
		draw := func() api.Micro { return api.Micro(1 + r.Int64N(top)) }
		for i := range t.traders() {
			t.bid(i).Price = draw()
		}
		if t.terms.Reserve = draw(); t.terms.Reverse {
			t.terms.Reserve += api.Micro(top / 2) // a ceiling
		} else {
			t.terms.Reserve /= 2
		}
		who := r.IntN(t.traders())
		value := t.bid(who).Price
		honest := t.utility(p, who, value)
		for range each {
			report := draw()
			if r.IntN(2) == 0 {
				report = max(1, t.bid(r.IntN(t.traders())).Price+api.Micro(r.IntN(3)-1))
			}
			t.bid(who).Price = report
			most = max(most, t.utility(p, who, value)-honest)
			t.bid(who).Price = value
		}
	}
	return most
}

// truthful fails unless nobody gains by any deviation.
func truthful(t *testing.T, p price, top api.Micro, shapes ...shape) {
	t.Helper()
	all := 0
	for _, s := range shapes {
		most, tried := exhaust(p, s, top)
		if most > 0 {
			t.Errorf("%+v: a deviation gains %d", s, most)
		}
		all += tried
	}
	if all < 10_000 {
		t.Errorf("only %d deviations exhaust the grids", all)
	}
	if most := generate(p, shapes, 1, deviations); most > 0 {
		t.Errorf("a generated deviation gains %d", most)
	}
}
