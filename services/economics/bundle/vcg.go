package bundle

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Solution is an allocation with what each winner pays.
type Solution struct {
	Allocation
	// Awards has one entry for each bidder that wins, in the order of their first winning bids.
	Awards []Award `json:"awards"`
	// Steps is what it took.
	Steps int `json:"steps"`
}

// Award is what one bidder gets.
type Award struct {
	Bidder string `json:"bidder"`
	// Bids are the places of its winning bids; it gets all of their items.
	Bids  []int `json:"bids"`
	Items Set   `json:"items"`
	// Offer is the sum of the prices that it has bid, and Pays what it pays for them (with Reverse, is paid).
	Offer api.Micro `json:"offer"`
	Pays  api.Micro `json:"pays"`
	// Without is the best allocation without the bidder, on which its payment rests.
	Without Allocation `json:"without"`
}

// Solve determines the winners as Determine does, and the payments of Vickrey, Clarke and Groves (Clarke 1971, Groves 1973): a winner pays
// what the others could gain more without it. With v_i the gain of its own bids and W that of the best allocation, that is
//
//	reserve of its items + W(without i) - (W - v_i)
//
// which is its offer less what its presence adds, W - W(without i). To bid what the items are worth is then the best that a bidder can do,
// whatever the others do. A reserve acts as a bid of the seller on each item, so that nobody pays less than the reserve and nobody more
// than it offers. In procurement a winner is paid its offer and what its presence adds.
//
// What the mechanism does not promise: bidders who collude, or bid under several names, can gain by it, and the revenue may be low, even
// lower with more bidders (Ausubel and Milgrom 2006). A bidder whose bids are Or is taken to value their bundles each by itself.
func Solve(p *Problem, steps int) (*Solution, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	s := &solver{steps: steps}
	s.load(p)
	r := &Solution{Allocation: *s.optimum(p, -1)}
	r.Awards = awards(p, r.Winners)
	for i := range r.Awards {
		if s.steps < 0 {
			break
		}
		w := &r.Awards[i]
		w.Without = *s.optimum(p, s.bidders[w.Bidder])
		w.Pays = p.payment(w, r.Welfare)
	}
	if s.steps < 0 {
		return nil, tooHard(steps)
	}
	r.Steps = steps - s.steps
	return r, nil
}

// payment is what a winner pays, or is paid.
func (p *Problem) payment(w *Award, welfare api.Micro) api.Micro {
	added := welfare - w.Without.Welfare
	if p.Reverse {
		return w.Offer + added
	}
	return w.Offer - added
}

// awards lists who gets what, without payments.
func awards(p *Problem, winners []int) []Award {
	list := []Award{}
	for _, k := range winners {
		b := &p.Bids[k]
		i := slices.IndexFunc(list, func(w Award) bool { return w.Bidder == b.Bidder })
		if i < 0 {
			i = len(list)
			list = append(list, Award{Bidder: b.Bidder})
		}
		w := &list[i]
		w.Bids = append(w.Bids, k)
		w.Items |= b.Items
		w.Offer += b.Price
	}
	return list
}
