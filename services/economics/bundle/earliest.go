package bundle

import "slices"

// greedy makes an allocation of the offers that lose least the best one, to begin with.
func (f *search) greedy(items Set) {
	var used bitset
	f.best = f.best[:0]
	for i := range f.offers {
		if o := &f.offers[i]; o.items&^items == 0 && !used.has(o.group) {
			items &^= o.items
			used.add(o.group)
			f.best = append(f.best, o.place)
		}
	}
}

// earliest goes from the best allocation to the earliest of those that are as good: the one with the first offer that any of them has, of
// those the one with the next, and so on. It loses slack.
func (f *search) earliest(items Set, slack int64) {
	f.order = f.order[:0]
	for i := range f.offers {
		f.order = append(f.order, int32(i))
	}
	slices.SortFunc(f.order, func(x, y int32) int { return int(f.offers[x].place - f.offers[y].place) })
	f.first, f.with = true, f.with[:0]
	var used bitset
	free, lost := items, int64(0)
	for _, i := range f.order {
		o := &f.offers[i]
		if o.items&^free != 0 || used.has(o.group) || o.loss > slack-lost {
			continue
		}
		f.with = append(f.with, i)
		if !slices.Contains(f.best, o.place) {
			if f.run(items, f.with, slack); !f.found {
				f.with = f.with[:len(f.with)-1]
				o.out = true
				continue
			}
		}
		free &^= o.items
		used.add(o.group)
		lost += o.loss
	}
	f.first = false
}
