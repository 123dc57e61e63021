package instances

import (
	"fmt"
	"math/rand/v2"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/shared/api"
)

// Kind is a distribution.
type Kind string

// The distributions. In the first four each bid stands alone; in the last three each bidder has several bids that exclude one another.
const (
	Random    Kind = "random"    // any number of items, any price
	Weighted  Kind = "weighted"  // any number of items, a price for each
	Uniform   Kind = "uniform"   // three items, any price
	Decay     Kind = "decay"     // a further item with probability 3/4, a price for each
	Arbitrary Kind = "arbitrary" // items that complement one another in pairs, drawn at random
	Regions   Kind = "regions"   // neighbours on a grid
	Paths     Kind = "paths"     // roads of a network from one town to another
)

// Kinds lists every distribution.
var Kinds = []Kind{Random, Weighted, Uniform, Decay, Arbitrary, Regions, Paths}

const unit = 1_000_000 // micro

// Make draws an instance with at most as many bids as asked for: a few kinds cannot always give so many different ones.
func Make(kind Kind, items, bids int, seed uint64) *bundle.Problem {
	r := rand.New(rand.NewPCG(seed, uint64(items)<<32|uint64(bids)))
	items, bids = min(max(items, 1), bundle.MaxItems), min(max(bids, 0), bundle.MaxBids)
	d := &draw{Rand: r, p: &bundle.Problem{}, bids: bids}
	for i := range items {
		d.p.Items = append(d.p.Items, fmt.Sprintf("item-%d", i))
	}
	switch kind {
	case Arbitrary:
		d.complements(d.random())
	case Regions:
		d.complements(d.grid())
	case Paths:
		d.paths()
	default:
		for len(d.p.Bids) < bids {
			s, price := d.single(kind)
			d.add(fmt.Sprintf("bidder-%d", len(d.p.Bids)), s, price)
		}
	}
	return d.p
}

// draw is an instance in the making.
type draw struct {
	*rand.Rand
	p    *bundle.Problem
	bids int
}

// add appends a bid unless there are enough.
func (d *draw) add(bidder string, s bundle.Set, price int64) {
	if len(d.p.Bids) < d.bids {
		d.p.Bids = append(d.p.Bids, bundle.Bid{Bidder: bidder, Items: s, Price: api.Micro(price), Order: uint64(len(d.p.Bids) + 1)})
	}
}

// some draws n different items.
func (d *draw) some(n int) (s bundle.Set) {
	for s.Len() < n {
		s |= 1 << d.IntN(len(d.p.Items))
	}
	return s
}

// single draws a bid that stands alone.
func (d *draw) single(kind Kind) (bundle.Set, int64) {
	m := len(d.p.Items)
	switch kind {
	case Random:
		return d.some(1 + d.IntN(m)), 1 + d.Int64N(unit)
	case Weighted:
		n := 1 + d.IntN(m)
		return d.some(n), 1 + d.Int64N(int64(n)*unit)
	case Uniform:
		return d.some(min(3, m)), 1 + d.Int64N(unit)
	}
	n := 1
	for n < m && d.IntN(4) < 3 {
		n++
	}
	return d.some(n), 1 + d.Int64N(int64(n)*unit)
}
