// Package draft holds the pure rules of changing tables of records without touching them: a command works on copies of the few records
// that it edits, and they take the place of the originals all at once, or, when it is refused half-way, never.
package draft

import (
	"iter"
	"maps"
	"slices"
)

// Record is a pointer to a record that can be copied. Clone copies whatever an edit may change; a slice that only grows may be shared,
// since the original keeps its shorter length.
type Record[T any] interface{ Clone() T }

// Table has records by id.
type Table[T Record[T]] map[string]T

// IDs returns the ids in their order.
func (t Table[T]) IDs() []string { return slices.Sorted(maps.Keys(t)) }

// Draft collects changes of a table. It belongs to one command.
type Draft[T Record[T]] struct {
	table   Table[T]
	changes []change[T]
	places  map[string]int // of the changes, when they are many
}

type change[T any] struct {
	id   string
	row  T
	gone bool
}

// many is from how many changes on they are looked up in a map.
const many = 16

// Of returns a draft without changes. The table must not be nil.
func Of[T Record[T]](t Table[T]) Draft[T] { return Draft[T]{table: t} }

func (d *Draft[T]) find(id string) *change[T] {
	if d.places != nil {
		if i, ok := d.places[id]; ok {
			return &d.changes[i]
		}
		return nil
	}
	for i := range d.changes {
		if d.changes[i].id == id {
			return &d.changes[i]
		}
	}
	return nil
}

func (d *Draft[T]) set(c change[T]) {
	if old := d.find(c.id); old != nil {
		*old = c
		return
	}
	d.changes = append(d.changes, c)
	switch {
	case d.places != nil:
		d.places[c.id] = len(d.changes) - 1
	case len(d.changes) > many:
		d.places = make(map[string]int, 4*many)
		for i := range d.changes {
			d.places[d.changes[i].id] = i
		}
	}
}

// Get returns a record as it would be, to read: it must not be changed.
func (d *Draft[T]) Get(id string) (T, bool) {
	if c := d.find(id); c != nil {
		return c.row, !c.gone
	}
	row, ok := d.table[id]
	return row, ok
}

// Edit returns the draft's own copy of a record, to change.
func (d *Draft[T]) Edit(id string) (T, bool) {
	if c := d.find(id); c != nil {
		return c.row, !c.gone
	}
	row, ok := d.table[id]
	if ok {
		row = row.Clone()
		d.set(change[T]{id: id, row: row})
	}
	return row, ok
}

// Put adds a record, or replaces one. It is the draft's own from now on.
func (d *Draft[T]) Put(id string, row T) { d.set(change[T]{id: id, row: row}) }

// Delete removes a record, if there is one.
func (d *Draft[T]) Delete(id string) { d.set(change[T]{id: id, gone: true}) }

// Len is how many records there would be.
func (d *Draft[T]) Len() int {
	n := len(d.table)
	for i := range d.changes {
		c := &d.changes[i]
		if _, had := d.table[c.id]; had == c.gone {
			if had {
				n--
			} else {
				n++
			}
		}
	}
	return n
}

// IDs returns the ids of the records that there would be, in their order. It looks at all of them.
func (d *Draft[T]) IDs() []string {
	ids := make([]string, 0, len(d.table)+len(d.changes))
	for id := range d.table {
		if _, ok := d.Get(id); ok {
			ids = append(ids, id)
		}
	}
	for i := range d.changes {
		if _, had := d.table[d.changes[i].id]; !had && !d.changes[i].gone {
			ids = append(ids, d.changes[i].id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Changes yields what was put, edited and deleted, in the order of the first change of each; a deleted record is the zero value.
func (d *Draft[T]) Changes() iter.Seq2[string, T] {
	return func(yield func(string, T) bool) {
		for i := range d.changes {
			if !yield(d.changes[i].id, d.changes[i].row) {
				return
			}
		}
	}
}

// Before returns the record as it is without the draft.
func (d *Draft[T]) Before(id string) (T, bool) {
	row, ok := d.table[id]
	return row, ok
}

// Apply writes the changes into the table. The draft is over then.
func (d *Draft[T]) Apply() {
	for i := range d.changes {
		if c := &d.changes[i]; c.gone {
			delete(d.table, c.id)
		} else {
			d.table[c.id] = c.row
		}
	}
	d.changes, d.places = nil, nil
}
