package index

import (
	"cmp"
	"slices"
	"sort"

	"github.com/mabus-project/mabus/shared/api"
)

// Place is where an event stands in an order.
type Place struct {
	Seq  uint64
	Time int64 // the event's own, in Unix nanoseconds
}

// Compare tells which of two places comes first in an order.
func Compare(order api.EventOrder, a, b Place) int {
	if order == api.EventsByTime {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))
	}
	return cmp.Compare(a.Seq, b.Seq)
}

// Query is what Select looks for.
type Query struct {
	Filter *api.EventFilter
	Order  api.EventOrder // by append unless given
	// Newest has the last come first.
	Newest bool
	// After leaves out all up to this place in the order; nil for nothing.
	After *Place
	Limit int
}

// Select returns the places of the first events in the order that may meet the filter. All that do are among them, and of others only those
// whose texts share a hash with what is meant, or whose type has no number.
func (x *Index) Select(q Query) []Place {
	m := x.matcher(q.Filter)
	if q.Order == api.EventsByTime {
		return x.byTime(q, m)
	}
	from, to := x.first, x.next // rows
	if q.After != nil && q.Newest {
		to = x.rowOf(q.After.Seq)
	} else if q.After != nil {
		from = x.rowOf(q.After.Seq + 1)
	}
	var found []Place
	for from < to && len(found) < q.Limit {
		row := from
		if q.Newest {
			to--
			row = to
		} else {
			from++
		}
		if p, i := x.at(row); m.matches(p, i) {
			found = append(found, Place{p.seq[i], p.time[i]})
		}
	}
	return found
}

// byTime selects by the events' own time: it looks at all of them and keeps those that come first, sorted out whenever there are twice
// as many as are wanted. It begins at the end where they are likely to be.
func (x *Index) byTime(q Query, m matcher) []Place {
	compare := func(a, b Place) int {
		if q.Newest {
			return -Compare(api.EventsByTime, a, b)
		}
		return Compare(api.EventsByTime, a, b)
	}
	var found []Place
	var last *Place // no further one is wanted that comes after it
	for n := range x.next - x.first {
		row := x.first + n
		if q.Newest {
			row = x.next - 1 - n
		}
		p, i := x.at(row)
		if !m.matches(p, i) {
			continue
		}
		at := Place{p.seq[i], p.time[i]}
		if q.After != nil && compare(at, *q.After) <= 0 || last != nil && compare(at, *last) > 0 {
			continue
		}
		if found = append(found, at); len(found) >= 2*q.Limit {
			slices.SortFunc(found, compare)
			found = found[:q.Limit]
			last = new(found[q.Limit-1])
		}
	}
	slices.SortFunc(found, compare)
	return found[:min(len(found), q.Limit)]
}

// matcher is a filter in the terms of the columns.
type matcher struct {
	types                      []bool
	correlation, causation     uint64
	source, subject, principal uint32
	since, until               int64
	timed                      bool
}

func (x *Index) matcher(f *api.EventFilter) matcher {
	m := matcher{
		types: x.types.meeting(f), correlation: x.hash(f.CorrelationID), causation: x.hash(f.CausationID),
		source: x.short(f.Source), subject: x.short(f.Subject), principal: x.short(f.Principal),
		since: -1 << 63, until: 1<<63 - 1, timed: !f.Since.IsZero() || !f.Until.IsZero(),
	}
	if !f.Since.IsZero() {
		m.since = f.Since.UnixNano()
	}
	if !f.Until.IsZero() {
		m.until = f.Until.UnixNano()
	}
	return m
}

func (m *matcher) matches(p *part, i int) bool {
	return (m.correlation == 0 || p.correlation[i] == m.correlation) && (m.causation == 0 || p.causation[i] == m.causation) &&
		(m.subject == 0 || p.subject[i] == m.subject) && (m.types == nil || m.types[p.kind[i]]) && (m.source == 0 || p.source[i] == m.source) &&
		(m.principal == 0 || p.principal[i] == m.principal) && (!m.timed || p.time[i] >= m.since && p.time[i] <= m.until)
}

// rowOf returns the first row whose sequence is not below seq.
func (x *Index) rowOf(seq uint64) uint64 {
	return x.first + uint64(sort.Search(x.Len(), func(n int) bool {
		p, i := x.at(x.first + uint64(n))
		return p.seq[i] >= seq
	}))
}

// ByID returns the sequences of the events that may have an id, the oldest first.
func (x *Index) ByID(id string) []uint64 {
	var found []uint64
	for row := range x.ids.find(x, x.hash(id)) {
		p, i := x.at(row)
		found = append(found, p.seq[i])
	}
	slices.Sort(found)
	return found
}

// StoredFrom returns the sequence of the first event that the store took at a time or later; all before it are strictly older. It is one
// more than the last when there is none.
func (x *Index) StoredFrom(t int64) uint64 {
	for row := x.first; row < x.next; row++ { // a store's clock may go back when its leader changes
		if p, i := x.at(row); p.stored[i] >= t {
			return p.seq[i]
		}
	}
	return x.Last() + 1
}

// StoredSince counts the newest events that the store took at a time or later.
func (x *Index) StoredSince(t int64) int {
	n := 0
	for row := x.next; row > x.first; row-- {
		if p, i := x.at(row - 1); p.stored[i] < t {
			break
		}
		n++
	}
	return n
}

// Fitting returns the sequence from which on the events take at most so many bytes.
func (x *Index) Fitting(bytes int64) uint64 {
	seq := x.Last() + 1
	for row := x.next; row > x.first; row-- {
		p, i := x.at(row - 1)
		if bytes -= int64(p.size[i]); bytes < 0 {
			break
		}
		seq = p.seq[i]
	}
	return seq
}
