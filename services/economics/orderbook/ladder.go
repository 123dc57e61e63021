package orderbook

import (
	"cmp"
	"slices"
	"sort"

	"github.com/mabus-project/mabus/shared/api"
)

// entry is a resting order: in the queue of its price, and in the list of its owner.
type entry struct {
	Order
	level            *level
	prev, next       *entry
	trader           *trader
	ownPrev, ownNext *entry
}

// level is the queue of one price: who came first trades first.
type level struct {
	price       api.Micro
	first, last *entry
	quantity    int64
	orders      int
}

func (l *level) push(e *entry) {
	e.level, e.prev, e.next = l, l.last, nil
	if l.last == nil {
		l.first = e
	} else {
		l.last.next = e
	}
	l.last = e
	l.quantity += e.Quantity
	l.orders++
}

func (l *level) remove(e *entry) {
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	l.quantity -= e.Quantity
	l.orders--
}

// ladder has the prices of one side, the best at the end: there most orders come and go, so that little has to be moved.
type ladder struct {
	levels  []*level
	falling bool // the lowest price is the best: sells
}

// find returns the place of a price, and whether it is there.
func (s *ladder) find(price api.Micro) (int, bool) {
	i := sort.Search(len(s.levels), func(i int) bool {
		if s.falling {
			return s.levels[i].price <= price
		}
		return s.levels[i].price >= price
	})
	return i, i < len(s.levels) && s.levels[i].price == price
}

// trader has the resting orders of one owner, the oldest first.
type trader struct {
	name        string
	first, last *entry
	orders      int
}

func (t *trader) push(e *entry) {
	e.trader, e.ownPrev, e.ownNext = t, t.last, nil
	if t.last == nil {
		t.first = e
	} else {
		t.last.ownNext = e
	}
	t.last = e
	t.orders++
}

func (t *trader) remove(e *entry) {
	if e.ownPrev == nil {
		t.first = e.ownNext
	} else {
		e.ownPrev.ownNext = e.ownNext
	}
	if e.ownNext == nil {
		t.last = e.ownPrev
	} else {
		e.ownNext.ownPrev = e.ownPrev
	}
	t.orders--
}

// sort puts the orders by age.
func (t *trader) sort() {
	var all []*entry
	for e := t.first; e != nil; e = e.ownNext {
		all = append(all, e)
	}
	slices.SortFunc(all, func(x, y *entry) int { return cmp.Compare(x.Number, y.Number) })
	t.first, t.last, t.orders = nil, nil, 0
	for _, e := range all {
		t.push(e)
	}
}
