package bundle_test

import (
	"math/rand/v2"
	"testing"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/shared/api"
)

// table has bidder "b0" with true values, and what it wins by reporting something.
type table struct {
	p       bundle.Problem
	scratch bundle.Scratch
	others  []bundle.Bid
	without api.Micro
}

const self = "b0"

// seat fixes what the others bid.
func (g *table) seat(items []string, reserve []api.Micro, reverse bool, others []bundle.Bid) {
	g.p = bundle.Problem{Items: items, Reserve: reserve, Reverse: reverse, Bids: append(g.p.Bids[:0], others...)}
	g.others = others
	g.scratch.Load(&g.p)
	g.without = g.scratch.Best().Welfare
}

// utility is what the bidder has of a report: what its bundle is truly worth to it less what it pays; or in procurement, what it is paid
// less its true cost.
func (g *table) utility(report, truth []bundle.Bid) api.Micro {
	g.p.Bids = append(append(g.p.Bids[:0], g.others...), report...)
	g.scratch.Load(&g.p)
	a := g.scratch.Best()
	var got bundle.Set
	var offer api.Micro
	for _, k := range a.Winners {
		if k >= len(g.others) {
			got |= g.p.Bids[k].Items
			offer += g.p.Bids[k].Price
		}
	}
	if got == 0 {
		return 0
	}
	pays := g.scratch.Pays(offer, a.Welfare, g.without)
	if g.p.Reverse {
		return pays - cost(truth, got)
	}
	return worth(truth, got) - pays
}

// worth is the best of what exclusive bids say of parts of a bundle.
func worth(bids []bundle.Bid, s bundle.Set) (v api.Micro) {
	for _, b := range bids {
		if b.Items&^s == 0 {
			v = max(v, b.Price)
		}
	}
	return v
}

// cost is the least of what exclusive bids want for just a bundle.
func cost(bids []bundle.Bid, s bundle.Set) api.Micro {
	v := api.Micro(1 << 40) // cannot be delivered
	for _, b := range bids {
		if b.Items == s {
			v = min(v, b.Price)
		}
	}
	return v
}

// On a grid of types, no report whatever is better than the truth, whatever the other reports.
func TestVCGIsTruthful(t *testing.T) {
	const values = 3 // of each of the bundles {a}, {b} and {a, b}
	grid := func(bidder string, at uint64) (all [][]bundle.Bid) {
		for n := range values * values * values {
			all = append(all, []bundle.Bid{
				{Bidder: bidder, Items: 1, Price: api.Micro(n % 3), Order: at},
				{Bidder: bidder, Items: 2, Price: api.Micro(n / 3 % 3), Order: at + 1},
				{Bidder: bidder, Items: 3, Price: api.Micro(n / 9), Order: at + 2},
			})
		}
		return all
	}
	var g table
	for _, first := range []uint64{0, 20} { // before and after the other
		for _, reserve := range [][]api.Micro{nil, {1, 0}} {
			for _, other := range grid("b1", 10) {
				g.seat([]string{"a", "b"}, reserve, false, other)
				reports := grid(self, first)
				for i, truth := range reports {
					honest := g.utility(truth, truth)
					if honest < 0 {
						t.Fatalf("the truth %v costs %d against %v", truth, -honest, other)
					}
					for _, report := range reports {
						if u := g.utility(report, truth); u > honest {
							t.Fatalf("type %d %v gains %d by %v, and %d by the truth, against %v", i, truth, u, report, honest, other)
						}
					}
				}
			}
		}
	}
}

// Over a million random deviations in random auctions with ties, reserves and procurement, none is better than the truth.
func TestVCGDeviationsDoNotPay(t *testing.T) {
	const truths, lies = 16, 15
	r := rand.New(rand.NewPCG(7, 7))
	bids := func(bidder string, n, items int, price int) (b []bundle.Bid) {
		for range n {
			b = append(b, bundle.Bid{Bidder: bidder, Items: bundle.Set(1 + r.IntN(1<<items-1)), Price: api.Micro(r.IntN(price)), Order: uint64(r.IntN(100))})
		}
		return b
	}
	var g table
	checked, differ := 0, 0
	for range tables {
		items, reverse := 1+r.IntN(3), r.IntN(3) == 0
		var reserve []api.Micro
		if reverse || r.IntN(2) == 0 {
			for range items {
				reserve = append(reserve, api.Micro(r.IntN(6)))
			}
		}
		var others []bundle.Bid
		for k := range r.IntN(3) {
			others = append(others, bids(names[k+1], 1+r.IntN(2), items, 8)...)
		}
		g.seat([]string{"a", "b", "c"}[:items], reserve, reverse, others)
		for range truths {
			truth := bids(self, 1+r.IntN(2), items, 8)
			honest := g.utility(truth, truth)
			for range lies {
				lie := bids(self, 1+r.IntN(2), items, 9)
				if reverse { // it can deliver nothing else
					for i := range lie {
						lie[i].Items = truth[r.IntN(len(truth))].Items
					}
				}
				u := g.utility(lie, truth)
				if u > honest {
					t.Fatalf("%v gains %d by %v, and %d by the truth, against %v with reserve %v, reverse %v", truth, u, lie, honest, others, reserve, reverse)
				}
				if u != honest {
					differ++
				}
				checked++
			}
		}
	}
	t.Log(checked, "deviations,", differ, "of them worse than the truth")
	if checked != tables*truths*lies || differ < checked/10 {
		t.Errorf("%d of %d deviations matter: too few", differ, checked)
	}
}
