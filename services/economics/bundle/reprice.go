package bundle

import (
	"math/bits"
	"slices"
)

const (
	repriceOffers   = 60 // for fewer, better prices cost more than they save
	repriceRounds   = 12
	repricePatience = 2
)

// at returns the frame of a level, made if there is none.
func (f *search) at(level int) *frame {
	for len(f.frames) <= level {
		f.frames = append(f.frames, &frame{})
	}
	x := f.frames[level]
	x.profit = slices.Grow(x.profit[:0], len(f.count))[:len(f.count)]
	return x
}

// reprice goes on with walk under prices that are made for what remains, in a frame of its own, as a branch and bound by linear
// programming solves its program anew at each node. The bound that they give is often low enough to end the matter.
func (f *search) reprice(items Set, open bitset, from, to int, lost int64) {
	above := f.frame
	bound := worth(&above.price, items)
	for w := range open {
		for g := open[w]; g != 0; g &= g - 1 {
			bound += above.profit[w<<6+bits.TrailingZeros64(g)]
		}
	}
	need := bound - (f.limit - lost) // what remains must gain this at least
	x := f.at(f.level + 1)
	x.items, x.price, x.rest = items, above.price, x.rest[:0]
	for _, i := range f.stack[from:to] {
		x.rest = append(x.rest, f.all[above.offers[i].place])
	}
	slices.SortFunc(x.rest, byGroup)
	*f.steps -= (1 + x.relax(need-1, repriceRounds, repricePatience)) * len(x.rest)
	tighter := x.settle()
	if tighter < need {
		return
	}
	limit, found, start := f.limit, f.found, len(f.stack)
	f.frame, f.limit, f.found = x, tighter-need, false
	f.level++
	for i := range x.offers {
		f.stack = append(f.stack, int32(i))
	}
	f.walk(items, open, start, len(f.stack), 0, true)
	f.stack = f.stack[:start]
	if f.found { // what it gains, as a loss against the bound above
		gained := tighter - (f.limit + 1)
		limit = lost + bound - gained - 1
	}
	f.level--
	f.frame, f.limit, f.found = above, limit, found || f.found
}
