package collusionsim

import (
	"math/rand/v2"

	"github.com/mabus-project/mabus/shared/api"
)

// Bazaar is how trades are made.
type Bazaar struct {
	Agents int
	// Purchases is how often each agent buys.
	Purchases int
	// Loyal is the share of its purchases that an agent makes from its favourite seller.
	Loyal float64
	// Ring is how many of the agents, the first ones, praise each other beside that: each the next one, Praise times; with Mutual each
	// praises each.
	Ring, Praise int
	Mutual       bool
}

// Trades makes who has sold to whom. A few agents sell much more than the others, by Zipf's law.
func (b Bazaar) Trades(seed uint64) []api.ScreenTrade {
	r := rand.New(rand.NewPCG(seed, 3))
	sellers := rand.NewZipf(r, 1.5, 4, uint64(b.Agents-1))
	order := r.Perm(b.Agents)
	seller := func(buyer int) int {
		for {
			if s := order[sellers.Uint64()]; s != buyer {
				return s
			}
		}
	}
	counts := map[[2]int]int64{}
	for buyer := range b.Agents {
		favourite := seller(buyer)
		for range b.Purchases {
			s := favourite
			if r.Float64() >= b.Loyal {
				s = seller(buyer)
			}
			counts[[2]int{s, buyer}]++
		}
	}
	for i := range b.Ring {
		for j := range b.Ring {
			if b.Mutual && i != j || !b.Mutual && j == (i+1)%b.Ring {
				counts[[2]int{i, j}] += int64(b.Praise)
			}
		}
	}
	var trades []api.ScreenTrade
	for i := range b.Agents {
		for j := range b.Agents {
			if n := counts[[2]int{i, j}]; n > 0 {
				trades = append(trades, api.ScreenTrade{From: name(i), To: name(j), Count: n})
			}
		}
	}
	return trades
}
