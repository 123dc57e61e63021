package bundle_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/services/economics/bundle/instances"
	"github.com/mabus-project/mabus/shared/api"
)

const m = 1_000_000

func TestSolve(t *testing.T) {
	bid := func(bidder string, items bundle.Set, price api.Micro) bundle.Bid {
		return bundle.Bid{Bidder: bidder, Items: items, Price: price * m}
	}
	or := func(b bundle.Bid) bundle.Bid { b.Or = true; return b }
	items := []string{"cpu", "mem", "disk"}
	for name, row := range map[string]struct {
		p       bundle.Problem
		winners []int
		welfare api.Micro
		pays    map[string]api.Micro
	}{
		"nobody bids":                {bundle.Problem{}, []int{}, 0, nil},
		"disjoint bundles both win":  {bundle.Problem{Bids: []bundle.Bid{bid("a", 1, 100), bid("b", 2, 90)}}, []int{0, 1}, 190, map[string]api.Micro{"a": 0, "b": 0}},
		"alone pays the reserve":     {bundle.Problem{Reserve: []api.Micro{30 * m, 0, 0}, Bids: []bundle.Bid{bid("a", 1, 100)}}, []int{0}, 70, map[string]api.Micro{"a": 30}},
		"just the reserve is enough": {bundle.Problem{Reserve: []api.Micro{30 * m, 5 * m, 0}, Bids: []bundle.Bid{bid("a", 3, 35)}}, []int{0}, 0, map[string]api.Micro{"a": 35}},
		"less than the reserve":      {bundle.Problem{Reserve: []api.Micro{30 * m, 5 * m, 0}, Bids: []bundle.Bid{bid("a", 3, 34)}}, []int{}, 0, nil},
		"vickrey":                    {bundle.Problem{Bids: []bundle.Bid{bid("a", 1, 100), bid("b", 1, 80), bid("c", 1, 90)}}, []int{0}, 100, map[string]api.Micro{"a": 90}},
		"a tie goes to the first":    {bundle.Problem{Bids: []bundle.Bid{bid("a", 2, 80), bid("a", 1, 80), bid("b", 1, 80), bid("c", 2, 80)}}, []int{0, 2}, 160, map[string]api.Micro{"a": 80, "b": 80}},
		"many small beat one large": {
			bundle.Problem{Bids: []bundle.Bid{bid("a", 3, 12), bid("b", 1, 10), bid("c", 2, 8)}},
			[]int{1, 2},
			18,
			map[string]api.Micro{"b": 4, "c": 2},
		},
		"one of a bidder's bids":  {bundle.Problem{Bids: []bundle.Bid{bid("a", 1, 10), bid("a", 2, 9)}}, []int{0}, 10, map[string]api.Micro{"a": 0}},
		"both of a bidder's bids": {bundle.Problem{Bids: []bundle.Bid{or(bid("a", 1, 10)), or(bid("a", 2, 9)), bid("b", 3, 12)}}, []int{0, 1}, 19, map[string]api.Micro{"a": 12}},
		"procurement": {
			bundle.Problem{Reverse: true, Reserve: []api.Micro{50 * m, 50 * m, 0}, Bids: []bundle.Bid{bid("a", 3, 60), bid("b", 1, 20), bid("c", 2, 30), bid("d", 2, 70)}},
			[]int{1, 2},
			50,
			map[string]api.Micro{"b": 30, "c": 40},
		},
		"procurement from one alone": {bundle.Problem{Reverse: true, Reserve: []api.Micro{50 * m, 0, 0}, Bids: []bundle.Bid{bid("a", 1, 20)}}, []int{0}, 30, map[string]api.Micro{"a": 50}},
	} {
		t.Run(name, func(t *testing.T) {
			row.p.Items = items
			for i := range row.p.Bids {
				row.p.Bids[i].Order = uint64(i)
			}
			r, err := bundle.Solve(&row.p, bundle.DefaultSteps)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.Winners, row.winners) || r.Welfare != row.welfare*m {
				t.Errorf("bids %v win with %v, want %v with %d", r.Winners, r.Welfare, row.winners, row.welfare)
			}
			pays := map[string]api.Micro{}
			for _, a := range r.Awards {
				pays[a.Bidder] = a.Pays / m
			}
			if row.pays == nil {
				row.pays = map[string]api.Micro{}
			}
			if diff := cmp.Diff(row.pays, pays); diff != "" {
				t.Error(diff)
			}
			if proved, err := bundle.Check(&row.p, r, bundle.CheckSteps); err != nil || !proved {
				t.Error(proved, err)
			}
		})
	}
}

// Winners, welfare and every payment are those of a search through all sets of bids.
func TestVCGEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 1))
	sold := 0
	for range cases {
		p := small(r, 1+r.IntN(5), r.IntN(10), 1+r.IntN(8))
		s, err := bundle.Solve(p, bundle.DefaultSteps)
		if err != nil {
			t.Fatal(err)
		}
		winners, welfare := brute(p, "")
		if !slices.Equal(s.Winners, winners) || s.Welfare != welfare {
			t.Fatalf("%+v: bids %v win with %d, want %v with %d", p, s.Winners, s.Welfare, winners, welfare)
		}
		for _, a := range s.Awards {
			_, others := brute(p, a.Bidder)
			pays := a.Offer - (welfare - others)
			if p.Reverse {
				pays = a.Offer + (welfare - others)
			}
			if a.Pays != pays {
				t.Fatalf("%+v: %s pays %d, want %d", p, a.Bidder, a.Pays, pays)
			}
			sold++
		}
		if proved, err := bundle.Check(p, s, bundle.CheckSteps); err != nil || !proved {
			t.Fatalf("%+v: the check of %+v: %v, %v", p, s, proved, err)
		}
	}
	if sold < cases {
		t.Errorf("only %d payments were compared", sold)
	}
}

// To make new prices at every turn changes how the winners are found, and not who they are.
func TestNewPricesChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	var scratch bundle.Scratch
	for n := range cases {
		p := small(r, 1+r.IntN(5), r.IntN(10), 1+r.IntN(8))
		if n%10 == 0 {
			p = instances.Make(instances.Kinds[n/10%len(instances.Kinds)], 12, 30, uint64(n))
		}
		s, err := bundle.Solve(p, bundle.DefaultSteps)
		if err != nil {
			t.Fatal(err)
		}
		for _, offers := range []int{1, 4} {
			scratch.Load(p)
			scratch.Reprice(offers)
			if a := scratch.Best(); !slices.Equal(a.Winners, s.Winners) || a.Welfare != s.Welfare {
				t.Fatalf("%+v: bids %v win with %d, and %v with %d", p, a.Winners, a.Welfare, s.Winners, s.Welfare)
			}
			for _, w := range s.Awards {
				if v := scratch.Without(w.Bidder); v != w.Without.Welfare {
					t.Fatalf("%+v: without %s it is %d and %d", p, w.Bidder, v, w.Without.Welfare)
				}
			}
		}
	}
}

// Nobody pays more than it offers or less than its reserve, nobody who gets nothing pays, and so the seller never pays anything.
func TestVCGIsIndividuallyRational(t *testing.T) {
	for _, kind := range instances.Kinds {
		for seed := range uint64(20) {
			p := instances.Make(kind, 10, 40, seed)
			if seed%2 == 1 {
				for range p.Items {
					p.Reserve = append(p.Reserve, api.Micro(seed)*10_000)
				}
				p.Reverse = seed%4 == 3
			}
			s, err := bundle.Solve(p, bundle.DefaultSteps)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range s.Awards {
				low, high := p.Reserved(a.Items), a.Offer
				if p.Reverse {
					low, high = high, low
				}
				if a.Pays < low || a.Pays > high || low < 0 {
					t.Fatalf("%s %d: %s pays %d, of %d to %d", kind, seed, a.Bidder, a.Pays, low, high)
				}
			}
		}
	}
}
