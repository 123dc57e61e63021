package bundle_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/services/economics/bundle/instances"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// other makes a solution of other winners, with everything that follows from them right: only that it is not the best one.
func other(p *bundle.Problem, without func(i int) bool) *bundle.Solution {
	q := *p
	q.Bids = slices.Clone(p.Bids)
	for i := range q.Bids {
		if without(i) { // it cannot win
			q.Bids[i].Price, q.Bids[i].Or = 0, true
			if !p.Reverse {
				q.Bids[i].Order = 1 << 40
			} else {
				q.Bids[i].Price = bundle.MaxAmount
			}
		}
	}
	s, err := bundle.Solve(&q, bundle.DefaultSteps)
	if err != nil {
		return nil
	}
	return s
}

func TestCheckRefuses(t *testing.T) {
	p := &bundle.Problem{
		Items: []string{"a", "b", "c"}, Reserve: []api.Micro{5, 0, 0},
		Bids: []bundle.Bid{
			{Bidder: "x", Items: 3, Price: 40, Order: 1},
			{Bidder: "y", Items: 1, Price: 20, Order: 2},
			{Bidder: "z", Items: 2, Price: 20, Order: 3},
			{Bidder: "y", Items: 4, Price: 9, Order: 4},
			{Bidder: "w", Items: 4, Price: 7, Order: 5},
			{Bidder: "w", Items: 1, Price: 3, Order: 6},
		},
	}
	good, err := bundle.Solve(p, bundle.DefaultSteps)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(good.Winners, []int{0, 3}) { // as good as 1, 2 and 4 would be 47 to 49
		t.Fatal(good.Winners)
	}
	for name, change := range map[string]func(s *bundle.Solution){
		"no such winner":     func(s *bundle.Solution) { s.Winners[1] = 6 },
		"a negative winner":  func(s *bundle.Solution) { s.Winners[0] = -1 },
		"a winner twice":     func(s *bundle.Solution) { s.Winners[1] = 0 },
		"out of order":       func(s *bundle.Solution) { slices.Reverse(s.Winners) },
		"an item twice":      func(s *bundle.Solution) { s.Winners[1] = 2 },
		"below the reserve":  func(s *bundle.Solution) { s.Winners = []int{5} },
		"excluded":           func(s *bundle.Solution) { s.Winners, s.Welfare = []int{1, 3}, 24 },
		"welfare":            func(s *bundle.Solution) { s.Welfare++ },
		"a worse allocation": func(s *bundle.Solution) { *s = *other(p, func(i int) bool { return i == 3 }) },
		"no award":           func(s *bundle.Solution) { s.Awards = s.Awards[:1] },
		"another bidder":     func(s *bundle.Solution) { s.Awards[0].Bidder = "y" },
		"more items":         func(s *bundle.Solution) { s.Awards[0].Items = 7 },
		"another offer":      func(s *bundle.Solution) { s.Awards[0].Offer++ },
		"another price":      func(s *bundle.Solution) { s.Awards[0].Pays-- },
		"a cheaper rival":    func(s *bundle.Solution) { a := &s.Awards[0]; a.Without.Welfare--; a.Pays-- },
		"no rivals": func(s *bundle.Solution) {
			a := &s.Awards[0]
			a.Without.Winners, a.Without.Welfare = nil, 0
			a.Pays = a.Offer - s.Welfare
		},
		"fewer rivals": func(s *bundle.Solution) {
			a := &s.Awards[1]
			a.Without.Winners, a.Without.Welfare = []int{0}, 35
			a.Pays = 0
		},
		"the winner its rival": func(s *bundle.Solution) { s.Awards[0].Without = s.Allocation; s.Awards[0].Pays = s.Awards[0].Offer },
		"no prices":            func(s *bundle.Solution) { s.Prices = nil },
		"a negative price":     func(s *bundle.Solution) { s.Prices[0] = -1 },
		"a huge price":         func(s *bundle.Solution) { s.Prices[0] = bundle.MaxAmount + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := clone(t, good)
			change(s)
			if proved, err := bundle.Check(p, s, bundle.CheckSteps); proved || api.ReasonOf(err) != api.ReasonWrongSolution {
				t.Errorf("proved %v, %v", proved, err)
			}
		})
	}
	if proved, err := bundle.Check(p, good, bundle.CheckSteps); !proved || err != nil {
		t.Error(proved, err)
	}
	// Whoever is made to pay too little or too much is found without a proof, in no steps at all.
	little, much := clone(t, good), clone(t, good)
	x := &little.Awards[0]
	x.Without.Winners, x.Without.Welfare, x.Pays = nil, 0, x.Offer-little.Welfare
	much.Winners, much.Welfare = []int{4}, 7
	much.Awards = []bundle.Award{{Bidder: "w", Bids: []int{4}, Items: 4, Offer: 7, Pays: 35, Without: bundle.Allocation{Winners: []int{0}, Welfare: 35, Prices: much.Prices}}}
	for _, s := range []*bundle.Solution{little, much} {
		if _, err := bundle.Check(p, s, 0); api.ReasonOf(err) != api.ReasonWrongSolution {
			t.Error(err)
		}
	}
	if _, err := bundle.Check(p, nil, bundle.CheckSteps); api.ReasonOf(err) != api.ReasonWrongSolution {
		t.Error(err)
	}
	// Equally good, but later bids win.
	tie := &bundle.Problem{Items: []string{"a"}, Bids: []bundle.Bid{{Bidder: "x", Items: 1, Price: 5, Order: 1}, {Bidder: "y", Items: 1, Price: 5, Order: 2}}}
	s := other(tie, func(i int) bool { return i == 0 })
	s.Awards[0].Without = bundle.Allocation{Winners: []int{0}, Welfare: 5, Prices: []api.Micro{5}}
	s.Awards[0].Pays = 5
	if proved, err := bundle.Check(tie, s, bundle.CheckSteps); proved || api.ReasonOf(err) != api.ReasonWrongSolution {
		t.Error(proved, err)
	}
}

func clone(t *testing.T, s *bundle.Solution) *bundle.Solution {
	t.Helper()
	text, err := codec.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var c bundle.Solution
	if err := codec.Decode(text, &c); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, &c); diff != "" {
		t.Fatalf("it reads back as another one:\n%s", diff)
	}
	return &c
}

// Whatever is claimed in place of the best allocation, with all that follows from it, is refused. Any prices prove nothing that is wrong.
func TestCheckRefusesWhateverIsNotTheBest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	refused := 0
	for range cases {
		p := small(r, 1+r.IntN(4), 1+r.IntN(8), 1+r.IntN(6))
		best, err := bundle.Solve(p, bundle.DefaultSteps)
		if err != nil {
			t.Fatal(err)
		}
		claim := clone(t, best)
		for i := range claim.Prices {
			claim.Prices[i] = api.Micro(r.IntN(8))
		}
		if proved, err := bundle.Check(p, claim, bundle.CheckSteps); !proved || err != nil {
			t.Fatalf("under other prices: %v, %v", proved, err)
		}
		lot := r.IntN(len(p.Bids))
		s := other(p, func(i int) bool { return i == lot })
		if s == nil || slices.Contains(s.Winners, lot) || slices.Equal(s.Winners, best.Winners) {
			continue
		}
		refused++
		if proved, err := bundle.Check(p, s, bundle.CheckSteps); proved || api.ReasonOf(err) != api.ReasonWrongSolution {
			t.Fatalf("%+v: %+v instead of %+v: %v, %v", p, s, best, proved, err)
		}
	}
	if refused < cases/10 {
		t.Errorf("only %d claims were made", refused)
	}
}

// The order in which bids are listed changes nothing, also if they came at once.
func TestTheListingDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for n := range 60 {
		p := instances.Make(instances.Kinds[n%len(instances.Kinds)], 12, 40, uint64(n))
		for i := range p.Bids {
			p.Bids[i].Order /= 8
			p.Bids[i].Price = (p.Bids[i].Price/10_000_000 + 1) * 10_000_000 // many alike
		}
		q := *p
		q.Bids = slices.Clone(p.Bids)
		r.Shuffle(len(q.Bids), func(i, j int) { q.Bids[i], q.Bids[j] = q.Bids[j], q.Bids[i] })
		if diff := cmp.Diff(result(t, p), result(t, &q)); diff != "" {
			t.Fatalf("%d:\n%s", n, diff)
		}
	}
}

// result lists who pays what for what, by bidder.
func result(t *testing.T, p *bundle.Problem) map[string][]any {
	s, err := bundle.Solve(p, bundle.DefaultSteps)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]any{"": {s.Welfare, s.Prices, s.Steps}}
	for _, a := range s.Awards {
		m[a.Bidder] = []any{a.Items, a.Offer, a.Pays, a.Without.Welfare}
	}
	return m
}
