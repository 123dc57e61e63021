package bundle

import (
	"math/bits"
	"slices"
)

// Under any prices of the items, 0 or more, no allocation gains more than the sum of the prices plus what each group would gain beyond
// them by its best offer: the Lagrangian bound (Held and Karp 1971; for auctions, de Vries and Vohra 2003, section 3). The least of these
// bounds is that of the linear program. An allocation loses against the bound
//   - the price of each item that nobody gets,
//   - the profit of each group that gets nothing,
//   - for each offer that wins, what its group would gain more by its best one,
//
// each 0 or more, and nothing else. So the best allocation is the one that loses least, and one that loses nothing is proved the best by
// the prices alone.

const (
	rounds   = 400 // of the search for prices
	patience = 12  // rounds without a better bound before the step is halved
)

// frame is a part of a problem with prices of its items.
type frame struct {
	items  Set
	rest   []offer // group by group
	price  [MaxItems]int64
	profit []int64 // of each group
	offers []lossy // by loss, then place
}

// lossy is an offer with what it loses if it wins.
type lossy struct {
	items Set
	loss  int64
	group int32
	place int32
	out   bool // it is known not to win
}

// settle computes profits and losses under the prices, and returns the bound.
func (f *frame) settle() (bound int64) {
	var wanted [MaxItems]int32
	bound = f.bound(&f.price, &wanted)
	f.offers = f.offers[:0]
	for i := range f.rest {
		o := &f.rest[i]
		loss := f.profit[o.group] - (o.gain - worth(&f.price, o.items))
		f.offers = append(f.offers, lossy{items: o.items, loss: loss, group: o.group, place: o.place})
	}
	slices.SortFunc(f.offers, func(x, y lossy) int {
		switch {
		case x.loss < y.loss:
			return -1
		case x.loss > y.loss:
			return 1
		}
		return int(x.place - y.place)
	})
	return bound
}

// bound returns the bound under prices, and counts how often the best offers of the groups want each item.
func (f *frame) bound(price *[MaxItems]int64, wanted *[MaxItems]int32) int64 {
	sum := worth(price, f.items)
	for m := f.items; m != 0; m &= m - 1 {
		wanted[bits.TrailingZeros64(uint64(m))] = 0
	}
	for i := 0; i < len(f.rest); {
		best, of, group := int64(0), -1, f.rest[i].group
		for ; i < len(f.rest) && f.rest[i].group == group; i++ {
			if profit := f.rest[i].gain - worth(price, f.rest[i].items); profit > best {
				best, of = profit, i
			}
		}
		f.profit[group] = best
		sum += best
		if of >= 0 {
			for m := f.rest[of].items; m != 0; m &= m - 1 {
				wanted[bits.TrailingZeros64(uint64(m))]++
			}
		}
	}
	return sum
}

// share sets the price of each item to the greatest share that it has in an offer, if the items of an offer share its gain alike: nobody
// profits under such prices (Fujishima, Leyton-Brown and Shoham 1999, section 3.1).
func (f *frame) share() {
	f.price = [MaxItems]int64{}
	for i := range f.rest {
		o, n := &f.rest[i], int64(f.rest[i].items.Len())
		for m := o.items; m != 0; m &= m - 1 {
			j := bits.TrailingZeros64(uint64(m))
			f.price[j] = max(f.price[j], (o.gain+n-1)/n)
		}
	}
}

// relax looks for prices under which the bound is low, by the subgradient method (Held, Wolfe and Crowder 1974): items that several want
// become dearer, those that nobody wants cheaper. It begins with the prices there are; the step is halved when patience rounds have brought
// no better bound. It ends early when the bound is no more than known. It returns how many rounds it took.
func (f *frame) relax(known int64, rounds, patience int) int {
	price, top := f.price, int64(0)
	for i := range f.rest {
		top = max(top, f.rest[i].gain)
	}
	var wanted [MaxItems]int32
	best, idle, shift := int64(-1), 0, uint(0)
	for round := range rounds {
		bound := f.bound(&price, &wanted)
		if best < 0 || bound < best {
			best, idle = bound, 0
			f.price = price
		} else if idle++; idle == patience {
			shift, idle = shift+1, 0
		}
		var norm int64
		for m := f.items; m != 0; m &= m - 1 {
			j := bits.TrailingZeros64(uint64(m))
			if d := int64(wanted[j]) - 1; d > 0 || price[j] > 0 {
				norm += d * d
			}
		}
		if best <= known || norm == 0 {
			return round + 1
		}
		step := (bound - known) / norm << 1 >> shift
		if step == 0 {
			return round + 1
		}
		for m := f.items; m != 0; m &= m - 1 {
			j := bits.TrailingZeros64(uint64(m))
			price[j] = min(max(price[j]+step*(int64(wanted[j])-1), 0), top)
		}
	}
	return rounds
}
