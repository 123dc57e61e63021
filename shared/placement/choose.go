package placement

import (
	"cmp"
	"iter"
	"math"
	"slices"
)

// liked is how many agents a host may have for the sake of those that prefer it or are near others there, however small its
// part.
const liked = 16

// placeAll places every unit: first those that have no choice, then the most constrained while there is room, then the largest,
// and those near others when the others have their places.
func (v *view) placeAll() {
	v.rankClasses()
	order := make([]*unit, len(v.units))
	for i := range v.units {
		order[i] = &v.units[i]
	}
	slices.SortFunc(order, func(a, b *unit) int {
		return cmp.Or(
			cmp.Compare(stage(a), stage(b)), cmp.Compare(a.class.rank, b.class.rank), cmp.Compare(len(b.agents), len(a.agents)),
			cmp.Compare(a.hash, b.hash), InOrder(a.agents[0], b.agents[0]),
		)
	})
	first := len(order)
	for i, u := range order {
		if u.near && !u.bound {
			first = i
			break
		}
		v.place(u)
	}
	v.placeNear(order[first:])
}

func stage(u *unit) int {
	switch {
	case u.bound:
		return 0
	case !u.near:
		return 1
	}
	return 2
}

// placeNear places each unit after those that it wants to be near. In a ring those come first that are near something besides.
func (v *view) placeNear(units []*unit) {
	of := map[string]*unit{}
	for _, u := range units {
		for _, a := range u.agents {
			of[a.ID] = u
		}
	}
	var stack, ring []*unit
	for _, u := range units {
		for stack, ring = append(stack[:0], u), ring[:0]; len(stack) > 0; {
			top, depth := stack[len(stack)-1], len(stack)
			if !top.begun {
				top.begun = true
				for id := range top.nears() {
					if next := of[id]; next != nil && !next.begun {
						stack = append(stack, next)
					}
				}
			}
			if len(stack) > depth {
				continue
			}
			stack = stack[:depth-1]
			if v.hasNear(top) {
				v.place(top)
			} else {
				ring = append(ring, top)
			}
		}
		for _, r := range ring {
			v.place(r)
		}
	}
}

// nears goes through the ids that a unit wants to be near.
func (u *unit) nears() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, a := range u.agents {
			if a.Placement == nil {
				continue
			}
			for _, id := range a.Placement.Near {
				if !yield(id) {
					return
				}
			}
		}
	}
}

// hasNear tells whether any that a unit wants to be near has a place.
func (v *view) hasNear(u *unit) bool {
	for id := range u.nears() {
		if v.where[id] >= 0 {
			return true
		}
	}
	return false
}

// place gives a unit its node, or the reason why there is none.
func (v *view) place(u *unit) {
	if u.done {
		return
	}
	u.done = true
	constrained := v.bar(u)
	if u.bound {
		if u.at < 0 || !slices.Contains(u.class.open, u.at) || constrained && v.barred[u.at] || !fits(&v.nodes[u.at], u) || tornApart(u) {
			u.err = v.refuseBound(u)
			return
		}
	} else if u.at = v.bestElsewhere(u, constrained); u.at < 0 || tornApart(u) {
		u.err = v.refuse(u, constrained)
		return
	}
	v.nodes[u.at].take(len(u.agents), u.cpu, u.memory)
	for _, a := range u.agents {
		v.settle(a, u.at)
	}
}

// bar marks the nodes that apart forbids to a unit, both those where the ones are that it names and those where the ones are
// that name it, and how much the unit likes each node for who is there. It returns false when there is nothing of the kind.
func (v *view) bar(u *unit) bool {
	if v.where == nil && v.blocked == nil {
		return false
	}
	clear(v.barred)
	clear(v.tiers)
	any := false
	for _, a := range u.agents {
		for _, n := range v.blocked[a.ID] {
			v.barred[n], any = true, true
		}
		if a.Placement == nil {
			continue
		}
		for _, id := range a.Placement.Apart {
			if n := v.where[id]; n >= 0 {
				v.barred[n], any = true, true
			}
		}
		for _, id := range a.Placement.Near {
			if n := v.where[id]; n >= 0 {
				v.tiers[n]++
				any = true
			}
		}
	}
	return any
}

// bid is how good a node is for a unit. Bids are compared field by field, less is better.
type bid struct {
	late  float64 // how much fuller than its part the node would be, once every node is at its part
	crowd int32   // agents of the unit's type above what the node should have of them
	cost  float64 // the rendezvous score
	tier  int32   // more is better, and comes after late
}

func (b bid) better(o bid) bool {
	switch {
	case (b.late > 0) != (o.late > 0):
		return o.late > 0
	case b.tier != o.tier:
		return b.tier > o.tier
	case b.crowd != o.crowd:
		return b.crowd < o.crowd
	case b.late != o.late:
		return b.late < o.late
	}
	return b.cost < o.cost
}

// bestElsewhere returns the best node for a unit, or -1: one where a member has failed to start comes after all others.
func (v *view) bestElsewhere(u *unit, constrained bool) int32 {
	if at := v.best(u, constrained); at >= 0 || u.shun < 0 {
		return at
	}
	u.shun = -1
	return v.best(u, constrained)
}

// best returns the best node for a unit, or -1.
func (v *view) best(u *unit, constrained bool) int32 {
	c := u.class
	v.weigh(c)
	best, found := bid{}, int32(-1)
	size := float64(len(u.agents))
	even, bySize := v.mostOf(u)
	onNode := v.onNode[u.kind*len(v.nodes):]
	for i, at := range c.open {
		n := &v.nodes[at]
		if constrained && v.barred[at] || at == u.shun || !fits(n, u) {
			continue
		}
		b := bid{tier: c.prefer[i]}
		if constrained {
			b.tier += v.tiers[at] * nearFirst
		}
		part := c.part[i]
		if b.tier > 0 {
			part = max(2*part, liked)
		}
		if before := float64(n.agents); before > 0 && before+size-1 >= part {
			b.late = (before + size) / n.size
		}
		if same, most := float64(onNode[at]), even+bySize*n.size; same >= most {
			b.crowd = 1 + int32(same-math.Ceil(most))
		}
		chance := uniform(u.hash, n.hash)
		if found >= 0 {
			if b.cost = (1 - chance) / c.weight[i]; !b.better(best) {
				continue // its logarithm is larger still
			}
		}
		if b.cost = -math.Log(chance) / c.weight[i]; found < 0 || b.better(best) {
			best, found = b, at
		}
	}
	return found
}

// nearFirst makes one agent near by outweigh all preferred tags.
const nearFirst = 1 << 16
