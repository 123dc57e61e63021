package bundle

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// CheckSteps is how many steps a check may take within the machine: some milliseconds.
const CheckSteps = 1_000_000

// Check returns invalid (wrong_solution) for a solution that is infeasible, whose sums or payments are wrong, that some allocation
// exceeds, or than which some equally good one is earlier. Proved tells whether the last two were ruled out within the steps, for the
// allocation and for each one on which a payment rests; if not, everything else was. The package comment says what that means.
func Check(p *Problem, r *Solution, steps int) (proved bool, err error) {
	if err := p.Validate(); err != nil {
		return false, err
	}
	if r == nil {
		return false, wrong("there is no solution")
	}
	if err := p.feasible(&r.Allocation); err != nil {
		return false, err
	}
	want := awards(p, r.Winners)
	if len(want) != len(r.Awards) {
		return false, wrong("it has %d awards for %d winners", len(r.Awards), len(want))
	}
	for i := range want {
		if err := p.award(&want[i], &r.Awards[i], r.Welfare); err != nil {
			return false, err
		}
	}
	s := &solver{steps: steps}
	s.load(p)
	if err := s.prove(&r.Allocation, -1); err != nil {
		return false, err
	}
	for i := range r.Awards {
		if err := s.prove(&r.Awards[i].Without, s.bidders[r.Awards[i].Bidder]); err != nil {
			return false, err
		}
	}
	return s.steps >= 0, nil
}

func wrong(format string, args ...any) error {
	return api.Errorf(api.Invalid, "the solution of the bundles is wrong: "+format, args...).WithReason(api.ReasonWrongSolution)
}

// feasible checks that the winners of an allocation can all win, and its welfare and prices.
func (p *Problem) feasible(a *Allocation) error {
	var sold Set
	var welfare api.Micro
	for n, k := range a.Winners {
		if k < 0 || k >= len(p.Bids) || n > 0 && a.Winners[n-1] >= k {
			return wrong("winner %d is no bid, or out of order", k)
		}
		b := &p.Bids[k]
		if b.Items&sold != 0 {
			return wrong("bid %d wants an item that is sold already", k)
		}
		sold |= b.Items
		if p.gain(b) < 0 {
			return wrong("bid %d does not meet the reserve", k)
		}
		welfare += api.Micro(p.gain(b))
		if !b.Or && slices.ContainsFunc(a.Winners[:n], func(i int) bool { return !p.Bids[i].Or && p.Bids[i].Bidder == b.Bidder }) {
			return wrong("two bids of %.70q win that exclude one another", b.Bidder)
		}
	}
	if welfare != a.Welfare {
		return wrong("the welfare is %d, not %d", welfare, a.Welfare)
	}
	if len(a.Prices) != len(p.Items) || slices.ContainsFunc(a.Prices, func(v api.Micro) bool { return v < 0 || v > MaxAmount }) {
		return wrong("there must be a price of 0 to %d for each item", MaxAmount)
	}
	return nil
}

// award checks what one winner gets and pays.
func (p *Problem) award(want, have *Award, welfare api.Micro) error {
	if have.Bidder != want.Bidder || !slices.Equal(have.Bids, want.Bids) || have.Items != want.Items || have.Offer != want.Offer {
		return wrong("%.70q does not get what it has won", want.Bidder)
	}
	if err := p.feasible(&have.Without); err != nil {
		return err
	}
	for _, k := range have.Without.Winners {
		if p.Bids[k].Bidder == have.Bidder {
			return wrong("%.70q wins in the allocation without it", have.Bidder)
		}
	}
	if have.Pays != p.payment(have, welfare) {
		return wrong("%.70q pays %d, not %d", have.Bidder, p.payment(have, welfare), have.Pays)
	}
	low, high := p.Reserved(have.Items), have.Offer
	if p.Reverse {
		low, high = high, low
	}
	if have.Pays < low || have.Pays > high {
		return wrong("%.70q pays %d, which is not between reserve and offer", have.Bidder, have.Pays)
	}
	return nil
}

// prove rules out that an allocation without a bidder (-1 for none) gains more, and with all of them, that an earlier one gains as much.
func (s *solver) prove(a *Allocation, without int32) error {
	s.choose(without)
	claimed := len(a.Winners)
	f := &s.search
	for len(s.offers) > 0 && s.steps >= 0 {
		s.component()
		items := f.items
		for i, v := range a.Prices {
			f.price[i] = int64(v)
		}
		bound := f.settle()
		f.best = f.best[:0]
		for i := range f.rest {
			if _, wins := slices.BinarySearch(a.Winners, int(f.rest[i].bid)); wins {
				f.best = append(f.best, f.rest[i].place)
			}
		}
		claimed -= len(f.best)
		slack := bound - s.gained()
		f.first = true
		if f.run(items, nil, slack-1); f.found {
			return wrong("another allocation gains more")
		}
		if without >= 0 || s.steps < 0 {
			continue
		}
		slices.Sort(f.best)
		had := slices.Clone(f.best)
		f.earliest(items, slack)
		slices.Sort(f.best)
		if s.steps >= 0 && !slices.Equal(had, f.best) {
			return wrong("earlier bids gain as much")
		}
	}
	if s.steps >= 0 && claimed != 0 {
		return wrong("a bid wins that another can always stand in for")
	}
	return nil
}
