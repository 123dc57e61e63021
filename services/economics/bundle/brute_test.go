package bundle_test

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/shared/api"
)

// brute tries every set of bids, apart from a bidder's, and returns the best one: of equally good ones the earliest.
func brute(p *bundle.Problem, without string) (winners []int, welfare api.Micro) {
	var order []int
	for i, b := range p.Bids {
		if b.Bidder != without {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(x, y int) int { return int(p.Bids[x].Order) - int(p.Bids[y].Order) })
	var chosen, best []int
	most := api.Micro(-1)
	// To take a bid is tried before to leave it, so that the first of the best allocations is the earliest.
	var visit func(k int, sold bundle.Set, sum api.Micro)
	visit = func(k int, sold bundle.Set, sum api.Micro) {
		if k == len(order) {
			if sum > most {
				most, best = sum, slices.Clone(chosen)
			}
			return
		}
		b := &p.Bids[order[k]]
		gain := b.Price - p.Reserved(b.Items)
		if p.Reverse {
			gain = -gain
		}
		excluded := !b.Or && slices.ContainsFunc(chosen, func(i int) bool { return p.Bids[i].Bidder == b.Bidder && !p.Bids[i].Or })
		if b.Items&sold == 0 && gain >= 0 && !excluded {
			chosen = append(chosen, order[k])
			visit(k+1, sold|b.Items, sum+gain)
			chosen = chosen[:len(chosen)-1]
		}
		visit(k+1, sold, sum)
	}
	visit(0, 0, 0)
	slices.Sort(best)
	return best, most
}
