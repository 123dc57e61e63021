// Package vclock holds the pure rules of vector clocks: which of two states of a distributed computation came before the other,
// or that neither did.
//
// A Clock counts the events of each node that its owner knows of. Each node counts its own events with Increment, sends its clock
// with every message, and merges what it receives. Clocks form a lattice, in which Merge is the least upper bound.
package vclock

import "math"

// Clock is how many events of each node are known. A node that is absent has had none: an entry of zero says the same. Its JSON
// is an object of numbers. The nil Clock is empty and ready to use, and no method changes the clock that it is called on.
type Clock map[string]uint64

// Order is how one clock stands to another.
type Order int

// The orders.
const (
	Equal      Order = iota // the same events are known
	Before                  // all that it knows, the other knows, and more
	After                   // it knows all that the other knows, and more
	Concurrent              // each knows of an event that the other does not
)

// String returns the order as a word.
func (o Order) String() string {
	switch o {
	case Equal:
		return "equal"
	case Before:
		return "before"
	case After:
		return "after"
	case Concurrent:
		return "concurrent"
	}
	return "invalid"
}

// Increment returns the clock after one more event of a node. A count at the end of 64 bits, which no node reaches by counting,
// stays there.
func (c Clock) Increment(node string) Clock {
	next := c.copy(1)
	if next[node] < math.MaxUint64 {
		next[node]++
	}
	return next
}

// Merge returns the clock that knows of what either knows, and of nothing else.
func (c Clock) Merge(other Clock) Clock {
	next := c.copy(len(other))
	for node, n := range other {
		if n > next[node] {
			next[node] = n
		}
	}
	return next
}

// Compare tells how the clock stands to another.
func (c Clock) Compare(other Clock) Order {
	more, less := false, false
	for node, n := range c {
		more = more || n > other[node]
		less = less || n < other[node]
	}
	for node, n := range other {
		less = less || n > c[node]
	}
	switch {
	case more && less:
		return Concurrent
	case more:
		return After
	case less:
		return Before
	}
	return Equal
}

// copy returns the entries that are not zero in a map with room for some more.
func (c Clock) copy(room int) Clock {
	next := make(Clock, len(c)+room)
	for node, n := range c {
		if n > 0 {
			next[node] = n
		}
	}
	return next
}
