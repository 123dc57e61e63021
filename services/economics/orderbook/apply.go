package orderbook

import "slices"

// Apply makes a change so. It panics when the book has changed since the change was made: that is a fault of the program, never of
// what came in.
func (b *Book) Apply(c Change) {
	if c.at != b.changes {
		panic("orderbook: the change was made for another state of the book")
	}
	b.changes++
	for i := range c.Fills {
		b.take(b.entries[c.Fills[i].Maker.Number], c.Fills[i].Quantity)
	}
	if e, ok := b.entries[c.withdrawn]; ok {
		b.remove(e)
	}
	b.last = max(b.last, c.Order.Number)
	if c.Rest > 0 {
		c.Order.Quantity = c.Rest
		b.insert(c.Order)
	}
}

func (b *Book) take(e *entry, n int64) {
	if n == e.Quantity {
		b.remove(e)
		return
	}
	e.Quantity -= n
	e.level.quantity -= n
}

func (b *Book) insert(o Order) {
	e := b.free
	if e == nil {
		e = &entry{}
	} else {
		b.free = e.next
	}
	e.Order = o
	s := b.side(o.Side)
	i, ok := s.find(o.Price)
	if !ok {
		s.levels = slices.Insert(s.levels, i, &level{price: o.Price})
	}
	s.levels[i].push(e)
	t, ok := b.traders[o.Owner]
	if !ok {
		t = &trader{name: o.Owner}
		b.traders[o.Owner] = t
	}
	t.push(e)
	b.entries[o.Number] = e
}

func (b *Book) remove(e *entry) {
	l, t := e.level, e.trader
	l.remove(e)
	if l.first == nil {
		s := b.side(e.Side)
		if i, ok := s.find(l.price); ok {
			s.levels = slices.Delete(s.levels, i, i+1)
		}
	}
	t.remove(e)
	if t.first == nil {
		delete(b.traders, t.name)
	}
	delete(b.entries, e.Number)
	*e = entry{next: b.free}
	b.free = e
}
