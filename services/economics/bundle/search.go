package bundle

import "math/bits"

// search looks for the allocation of a part that gains most.
type search struct {
	*frame // where it stands: the part, or what remains of it under other prices
	frames []*frame
	level  int     // of the frame
	all    []offer // of the problem, by place
	steps  *int    // that are left

	worthwhile int // offers that remain, or more, are given new prices

	limit  int64 // more must not be lost, against the bound of the frame
	first  bool  // the first allocation within the limit is enough
	found  bool
	chosen []int32 // places of the offers on the way to where the search stands
	best   []int32 // places of the offers of the best allocation known
	with   []int32 // offers that must win, scratch
	order  []int32 // offers as they came, scratch
	stack  []int32 // offers
	count  []int32 // of each group's offers, scratch
}

// run searches among the allocations that have the offers in with. If one loses no more than the limit, it is found and becomes the best;
// unless the first one is enough, it is one that loses least.
func (f *search) run(items Set, with []int32, limit int64) {
	f.limit, f.found = limit, false
	f.chosen, f.stack = f.chosen[:0], f.stack[:0]
	var open bitset
	for i := range f.offers {
		open.add(f.offers[i].group)
		if !f.offers[i].out {
			f.stack = append(f.stack, int32(i))
		}
	}
	lost := int64(0)
	for _, i := range with {
		o := &f.offers[i]
		items &^= o.items
		open.remove(o.group)
		lost += o.loss
		f.chosen = append(f.chosen, o.place)
	}
	f.walk(items, open, 0, len(f.stack), lost, true)
}

// walk visits the allocations that remain: items are still to be sold, groups in open still to be served, by the offers at from:to of the
// stack, and lost is lost already. Fresh are prices that were just made for what remains.
func (f *search) walk(items Set, open bitset, from, to int, lost int64, fresh bool) {
	if *f.steps < 0 || f.found && f.first {
		return
	}
	start := len(f.stack)
	defer func() { f.stack = f.stack[:start] }()
	base := start
	var per [MaxItems]int32
	for settled := false; !settled; {
		f.stack = f.stack[:base]
		*f.steps -= to - from + 1
		for m := items; m != 0; m &= m - 1 {
			per[bits.TrailingZeros64(uint64(m))] = 0
		}
		var live bitset
		covered := Set(0)
		for _, i := range f.stack[from:to] {
			o := &f.offers[i]
			if o.loss > f.limit-lost { // by loss: so all that follow
				break
			}
			if o.items&^items != 0 || !open.has(o.group) {
				continue
			}
			f.stack = append(f.stack, i)
			covered |= o.items
			if !live.has(o.group) {
				live.add(o.group)
				f.count[o.group] = 0
			}
			f.count[o.group]++
			for m := o.items; m != 0; m &= m - 1 {
				per[bits.TrailingZeros64(uint64(m))]++
			}
		}
		// What no offer can sell or serve any more is lost, which may rule out further offers.
		more := worth(&f.price, items&^covered)
		for w := range open {
			for g := open[w] &^ live[w]; g != 0; g &= g - 1 {
				more += f.profit[w<<6+bits.TrailingZeros64(g)]
			}
		}
		items, open = covered, live
		lost += more
		if lost > f.limit {
			return
		}
		settled = more == 0
		from, to = base, len(f.stack)
		if !settled {
			base = to
		}
	}
	if from == to {
		f.found = true
		f.limit = lost - 1
		f.best = append(f.best[:0], f.chosen...)
		return
	}
	if !fresh && to-from >= f.worthwhile {
		f.reprice(items, open, from, to, lost)
		return
	}
	f.branch(items, open, from, to, lost, &per)
}

// branch tries all that can become of one item or one group: that of which least can become.
func (f *search) branch(items Set, open bitset, from, to int, lost int64, per *[MaxItems]int32) {
	fewest, item, group := int32(1<<30), -1, int32(-1)
	for m := items; m != 0; m &= m - 1 {
		j := bits.TrailingZeros64(uint64(m))
		n := per[j]
		if f.price[j] <= f.limit-lost {
			n++
		}
		if n < fewest {
			fewest, item = n, j
		}
	}
	for w := range open {
		for g := open[w]; g != 0; g &= g - 1 {
			j := int32(w<<6 + bits.TrailingZeros64(g))
			n := f.count[j]
			if f.profit[j] <= f.limit-lost {
				n++
			}
			if n < fewest {
				fewest, item, group = n, -1, j
			}
		}
	}
	for k := from; k < to; k++ {
		i := f.stack[k]
		o := &f.offers[i]
		if item >= 0 && !o.items.Has(item) || item < 0 && o.group != group {
			continue
		}
		if o.loss > f.limit-lost {
			break
		}
		rest := open
		rest.remove(o.group)
		f.chosen = append(f.chosen, o.place)
		f.walk(items&^o.items, rest, from, to, lost+o.loss, false)
		f.chosen = f.chosen[:len(f.chosen)-1]
		if f.found && f.first {
			return
		}
	}
	if item >= 0 {
		f.walk(items&^(1<<uint(item)), open, from, to, lost+f.price[item], false)
	} else {
		open.remove(group)
		f.walk(items, open, from, to, lost+f.profit[group], false)
	}
}
