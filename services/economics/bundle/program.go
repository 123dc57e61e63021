package bundle

import (
	"cmp"
	"math/bits"
	"slices"
)

// offer is a bid as the search sees it.
type offer struct {
	items  Set
	gain   int64 // 0 or more
	place  int32 // in the order of the bids: the earlier of two is the one with the lower place
	group  int32 // of which one wins at most: the exclusive bids of a bidder, or one Or bid alone
	bidder int32
	bid    int32 // its place in the problem
}

// solver holds scratch memory, since the payments of one auction are made of many problems. With steps, its zero value is ready.
type solver struct {
	steps int // that are left; a step looks at one bid once

	bidders map[string]int32
	all     []offer // of the problem, in their order
	members []int32 // of each group
	offers  []offer // of the program that is solved: all without a bidder's, and without the dominated
	search  search
}

// load reads a problem that is valid.
func (s *solver) load(p *Problem) {
	if s.bidders == nil {
		s.bidders = map[string]int32{}
	}
	clear(s.bidders)
	s.all, s.members = s.all[:0], s.members[:0]
	for i := range p.Bids {
		if g := p.gain(&p.Bids[i]); g >= 0 {
			s.all = append(s.all, offer{items: p.Bids[i].Items, gain: g, bid: int32(i)})
		}
	}
	slices.SortFunc(s.all, func(x, y offer) int {
		a, b := &p.Bids[x.bid], &p.Bids[y.bid]
		if c := cmp.Compare(a.Order, b.Order); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.Bidder, b.Bidder), cmp.Compare(a.Items, b.Items), cmp.Compare(y.gain, x.gain), cmp.Compare(x.bid, y.bid))
	})
	exclusive := make([]int32, 0, 8) // the group of each bidder
	for i := range s.all {
		o, b := &s.all[i], &p.Bids[s.all[i].bid]
		o.place = int32(i)
		n, known := s.bidders[b.Bidder]
		if !known {
			n = int32(len(s.bidders))
			s.bidders[b.Bidder] = n
			exclusive = append(exclusive, -1)
		}
		o.bidder = n
		if !b.Or && exclusive[n] >= 0 {
			o.group = exclusive[n]
			s.members[o.group]++
			continue
		}
		o.group = int32(len(s.members))
		s.members = append(s.members, 1)
		if !b.Or {
			exclusive[n] = o.group
		}
	}
	f := &s.search
	f.all, f.steps, f.worthwhile = s.all, &s.steps, repriceOffers
	f.count = slices.Grow(f.count[:0], len(s.members))[:len(s.members)]
}

// choose takes the offers that are not of a bidder (-1 for none) and not dominated. An offer is dominated by another that wants no
// item that it does not want, gains more (or as much, and came earlier), and can always stand in for it: being of the same group, or
// alone in its own.
func (s *solver) choose(without int32) {
	s.offers = s.offers[:0]
	for i := range s.all {
		if o := &s.all[i]; o.bidder != without && !s.dominated(o, without) {
			s.offers = append(s.offers, *o)
		}
	}
}

func (s *solver) dominated(o *offer, without int32) bool {
	s.steps -= 1 + len(s.all)/8
	for i := range s.all {
		x := &s.all[i]
		if x.items&^o.items == 0 && x.bidder != without && (x.gain > o.gain || x.gain == o.gain && x.place < o.place) &&
			(x.group == o.group || s.members[x.group] == 1) {
			return true
		}
	}
	return false
}

// component makes the frame of the offers that have to do with the first of those that are left, by items or groups.
func (s *solver) component() {
	s.search.level = 0
	f := s.search.at(0)
	items, grown := s.offers[0].items, true
	var group bitset
	f.rest = f.rest[:0]
	for grown {
		grown = false
		rest := s.offers[:0]
		for _, o := range s.offers {
			if o.items&items == 0 && !group.has(o.group) {
				rest = append(rest, o)
				continue
			}
			items |= o.items
			group.add(o.group)
			f.rest = append(f.rest, o)
			grown = true
		}
		s.offers = rest
	}
	slices.SortFunc(f.rest, byGroup)
	f.items, s.search.frame = items, f
}

func byGroup(x, y offer) int {
	if x.group != y.group {
		return int(x.group - y.group)
	}
	return int(x.place - y.place)
}

// bitset is a set of groups.
type bitset [(MaxBids + 63) / 64]uint64

func (b *bitset) has(i int32) bool { return b[i>>6]>>uint(i&63)&1 == 1 }
func (b *bitset) add(i int32)      { b[i>>6] |= 1 << uint(i&63) }
func (b *bitset) remove(i int32)   { b[i>>6] &^= 1 << uint(i&63) }

// worth is the price of a set under prices of items.
func worth(price *[MaxItems]int64, s Set) (sum int64) {
	for ; s != 0; s &= s - 1 {
		sum += price[bits.TrailingZeros64(uint64(s))]
	}
	return sum
}
