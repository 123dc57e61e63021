package balance

import (
	"cmp"
	"math"
	"slices"
)

// probes is how many places of the ring a key looks at: with 21 the most loaded member gets about 1.1 times the mean.
const probes = 21

// ring has one point for each member, and the sum of their weights.
type ring struct {
	points []point
	weight float64
}

type point struct {
	at     uint64
	member *member
}

func order(a, b point) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.member.id, b.member.id))
}

// digest is FNV-1a, mixed: the same in every process.
func digest(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix(h)
}

func (r *ring) add(m *member) {
	x := point{digest(m.id), m}
	i, _ := slices.BinarySearchFunc(r.points, x, order)
	r.points = slices.Insert(r.points, i, x)
	r.weight += m.weight
}

func (r *ring) remove(m *member) {
	if i, ok := slices.BinarySearchFunc(r.points, point{digest(m.id), m}, order); ok {
		r.points = slices.Delete(r.points, i, i+1)
		r.weight -= m.weight
	}
}

// find returns the place of the point to which a key belongs: the nearest one after any of its probes. The ring has points.
func (r *ring) find(key string) int {
	h, best, near := digest(key), 0, uint64(math.MaxUint64)
	for i := range uint64(probes) {
		at := mix(h + i*0x9e3779b97f4a7c15)
		lo, hi := 0, len(r.points)
		for lo < hi {
			if mid := (lo + hi) / 2; r.points[mid].at < at {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		lo %= len(r.points)
		if gap := r.points[lo].at - at; gap < near { // around the end of the ring by overflow
			best, near = lo, gap
		}
	}
	return best
}

// hash makes a pool's ring.
func (p *Picker) hash(l *pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.ring != nil {
		return
	}
	l.ring = &ring{points: make([]point, 0, len(l.members))}
	l.out.Store(0)
	for _, m := range l.members {
		l.ring.points = append(l.ring.points, point{digest(m.id), m})
		l.ring.weight += m.weight
		l.out.Add(m.out.Load())
	}
	slices.SortFunc(l.ring.points, order)
}

// keyed is consistent_hash: from the key's place on, the first member that has room. Each has room for LoadBound times its part, by
// weight, of all that is outstanding with this message. Of members over a threshold it is the same one, if none is fit.
func (c *choice) keyed() *member {
	r := c.pool.ring
	n := len(r.points)
	each := c.set.bound * float64(c.pool.out.Load()+1) / r.weight
	for i, start := 0, r.find(c.r.Key); i < n; i++ {
		at := (start + i) % n
		m := r.points[at].member
		f := c.fitness(m)
		if f != tries && f != fit && (f != over || c.home > 0) {
			continue
		}
		room := float64(m.out.Load()+1) <= math.Ceil(each*m.weight*m.ramp(c.set, c.now))
		switch {
		case f == tries || f == fit && room:
			return m
		case f == over && room:
			c.home = at + 1
		}
	}
	return c.two() // a moment's counts do not add up
}
