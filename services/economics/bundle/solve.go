package bundle

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// DefaultSteps is how many steps a solution may take: a second or two on the processors of today.
const DefaultSteps = 100_000_000

// Allocation says which bids win.
type Allocation struct {
	// Winners are the places of the winning bids in the problem, in ascending order.
	Winners []int `json:"winners"`
	// Welfare is what the winners offer beyond the reserves of what they get, together; with Reverse, what they want less.
	Welfare api.Micro `json:"welfare"`
	// Prices has one price for each item, beyond its reserve (below it with Reverse): the proof that no allocation gains much more.
	// Nobody pays them.
	Prices []api.Micro `json:"prices"`
}

// Determine returns the allocation of the greatest welfare, and of those the earliest: that with the earliest bid that any of them has,
// of those that with the next, and so on; bids of one Order come in the order of their bidders and items. Failed_precondition (too_hard)
// if it takes more steps; then the auction cannot be decided in this way. Used are the steps that were taken.
func Determine(p *Problem, steps int) (a *Allocation, used int, err error) {
	if err := p.Validate(); err != nil {
		return nil, 0, err
	}
	s := &solver{steps: steps}
	s.load(p)
	a = s.optimum(p, -1)
	if s.steps < 0 {
		return nil, steps, tooHard(steps)
	}
	return a, steps - s.steps, nil
}

func tooHard(steps int) error {
	return api.Errorf(api.FailedPrecondition, "the bids are not solved within %d steps: allow more, or sell fewer items at once", steps).
		WithReason(api.ReasonTooHard)
}

// optimum finds the best allocation without a bidder, or with all of them and the earliest of the best if it is -1.
func (s *solver) optimum(p *Problem, without int32) *Allocation {
	a := &Allocation{Winners: []int{}, Prices: make([]api.Micro, len(p.Items))}
	s.choose(without)
	for len(s.offers) > 0 && s.steps >= 0 {
		s.component()
		f := &s.search
		a.Welfare += api.Micro(s.solve(without < 0))
		for _, place := range f.best {
			a.Winners = append(a.Winners, int(s.all[place].bid))
		}
		for i := range a.Prices {
			if f.items.Has(i) {
				a.Prices[i] = api.Micro(f.price[i])
			}
		}
	}
	slices.Sort(a.Winners)
	return a
}

// solve finds the best allocation of the part, and returns what it gains.
func (s *solver) solve(earliest bool) int64 {
	f := &s.search
	f.share()
	f.settle()
	f.greedy(f.items)
	s.steps -= (3 + f.relax(s.gained(), rounds, patience)) * len(f.rest)
	bound := f.settle()
	f.greedy(f.items)
	f.run(f.items, nil, bound-s.gained()-1)
	if earliest && s.steps >= 0 {
		f.earliest(f.items, bound-s.gained())
	}
	return s.gained()
}

// gained is what the best allocation gains.
func (s *solver) gained() (sum int64) {
	for _, place := range s.search.best {
		sum += s.all[place].gain
	}
	return sum
}
