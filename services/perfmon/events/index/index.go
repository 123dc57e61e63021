// Package index holds the pure rules of finding events without reading them: a table of what can be asked for, one row for an event, in
// the order in which the store took them, and nothing of the events themselves.
//
// Texts are kept as hashes, so what Select finds is a superset of what is meant: who reads an event's body sees whether it is. The table
// is held by columns and looked through from end to end, which takes a millisecond or so for a million rows; only ids have a hash
// table, since each new row asks whether its id is there. A row takes 66 bytes, and its place in that table some 8 more.
package index

import (
	"hash/maphash"

	"github.com/mabus-project/mabus/shared/api"
)

// Row is what an index is told of an event.
type Row struct {
	Seq    uint64 // in the stream; grows from row to row
	Stored int64  // when the store took it, in Unix nanoseconds
	Time   int64  // the event's own time, in Unix nanoseconds
	Size   uint32 // bytes that it takes in the store

	ID, Type, Source, Subject, Principal, CorrelationID, CausationID string
}

// RowOf returns the row of an event without its place in the store.
func RowOf(e *api.Event) Row {
	return Row{
		Time: e.Time.UnixNano(), ID: e.ID, Type: e.Type, Source: e.Source, Subject: e.Subject, Principal: e.Principal,
		CorrelationID: e.CorrelationID, CausationID: e.CausationID,
	}
}

// Index is the table. It is not safe for concurrent use; reading alone is.
type Index struct {
	seed  maphash.Seed
	parts []*part // all but the last are full; of the first, the rows below first are gone
	first uint64  // number of the first row; rows are numbered from 0 for ever
	next  uint64  // number of the next row
	types types
	ids   ids
}

// New returns an empty index. The seed is that of its hashes: a random one lets nobody make texts that fall together.
func New(seed maphash.Seed) *Index { return &Index{seed: seed, types: newTypes()} }

// partRows is how many rows one part has. Rows go from the front a part at a time.
const partRows = 1 << 15

// part is some rows in columns.
type part struct {
	seq         []uint64
	stored      []int64
	time        []int64
	id          []uint64
	correlation []uint64
	causation   []uint64
	source      []uint32
	subject     []uint32
	principal   []uint32
	size        []uint32
	kind        []uint16 // number of the type
}

func newPart(room int) *part {
	return &part{
		seq: make([]uint64, 0, room), stored: make([]int64, 0, room), time: make([]int64, 0, room), id: make([]uint64, 0, room),
		correlation: make([]uint64, 0, room), causation: make([]uint64, 0, room), source: make([]uint32, 0, room),
		subject: make([]uint32, 0, room), principal: make([]uint32, 0, room), size: make([]uint32, 0, room), kind: make([]uint16, 0, room),
	}
}

// at returns the part of a row and its place there.
func (x *Index) at(row uint64) (*part, int) {
	return x.parts[row/partRows-x.first/partRows], int(row % partRows)
}

// hash is 0 for no text alone.
func (x *Index) hash(s string) uint64 {
	if s == "" {
		return 0
	}
	return max(maphash.String(x.seed, s), 1)
}

func (x *Index) short(s string) uint32 {
	if s == "" {
		return 0
	}
	return max(uint32(maphash.String(x.seed, s)), 1)
}

// Add adds an event behind all others. It tells false for one that is there: the same id of the same principal. A row that does not
// come after the last is none either.
func (x *Index) Add(r Row) bool {
	if x.Len() > 0 && r.Seq <= x.Last() {
		return false
	}
	id, principal := x.hash(r.ID), x.short(r.Principal)
	for row := range x.ids.find(x, id) {
		if p, i := x.at(row); p.principal[i] == principal {
			return false
		}
	}
	p := x.room()
	p.seq = append(p.seq, r.Seq)
	p.stored = append(p.stored, r.Stored)
	p.time = append(p.time, r.Time)
	p.id = append(p.id, id)
	p.correlation = append(p.correlation, x.hash(r.CorrelationID))
	p.causation = append(p.causation, x.hash(r.CausationID))
	p.source = append(p.source, x.short(r.Source))
	p.subject = append(p.subject, x.short(r.Subject))
	p.principal = append(p.principal, principal)
	p.size = append(p.size, r.Size)
	p.kind = append(p.kind, x.types.add(r.Type))
	x.next++
	x.ids.add(x, id, x.next-1)
	return true
}

// room returns the part that takes the next row.
func (x *Index) room() *part {
	n := len(x.parts)
	if n == 0 {
		x.parts = append(x.parts, newPart(64)) // the first grows with what comes
		return x.parts[0]
	}
	if len(x.parts[n-1].seq) == partRows {
		x.parts = append(x.parts, newPart(partRows))
	}
	return x.parts[len(x.parts)-1]
}

// DropBelow forgets the events below a sequence.
func (x *Index) DropBelow(seq uint64) {
	for x.first < x.next {
		p, i := x.at(x.first)
		if p.seq[i] >= seq {
			return
		}
		x.ids.remove(x, p.id[i], x.first)
		x.types.remove(p.kind[i])
		if x.first++; x.first%partRows == 0 {
			x.parts[0] = nil
			x.parts = x.parts[1:]
		}
	}
}

// Len returns how many rows there are.
func (x *Index) Len() int { return int(x.next - x.first) }

// Last returns the sequence of the newest event; 0 when there is none.
func (x *Index) Last() uint64 {
	if x.Len() == 0 {
		return 0
	}
	p, i := x.at(x.next - 1)
	return p.seq[i]
}
