package bundle

import "github.com/mabus-project/mabus/shared/api"

// Scratch solves many small problems without making them anew in memory.
type Scratch struct {
	s solver
	p *Problem
}

// Load takes a valid problem.
func (x *Scratch) Load(p *Problem) {
	x.s.steps, x.p = DefaultSteps, p
	x.s.load(p)
}

// Reprice makes new prices wherever so many offers remain.
func (x *Scratch) Reprice(offers int) { x.s.search.worthwhile = offers }

// Best returns the best allocation of all bids.
func (x *Scratch) Best() *Allocation { return x.s.optimum(x.p, -1) }

// Without returns the welfare without a bidder.
func (x *Scratch) Without(bidder string) api.Micro {
	n, ok := x.s.bidders[bidder]
	if !ok {
		return x.Best().Welfare
	}
	return x.s.optimum(x.p, n).Welfare
}

// Pays returns what a bidder that wins pays, by the same formula as Solve.
func (x *Scratch) Pays(offer, welfare, without api.Micro) api.Micro {
	return x.p.payment(&Award{Offer: offer, Without: Allocation{Welfare: without}}, welfare)
}
