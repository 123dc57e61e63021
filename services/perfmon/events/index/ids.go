package index

import "iter"

// ids finds rows by the hash of their ids: a hash table with open addressing and linear probing, whose slots have the rows' numbers and
// nothing else. What is removed leaves no mark: those behind it move up (Knuth, The Art of Computer Programming 3, 6.4, algorithm R).
type ids struct {
	slots []uint32 // 0, or 1 more than a row's number modulo slotRange
	used  int
}

// slotRange is more than the rows of any index, so that a slot's remainder tells the row.
const slotRange = 1<<32 - 1

func slotOf(row uint64) uint32 { return uint32(row%slotRange) + 1 }

// row returns the row of a slot that is not empty.
func (t *ids) row(x *Index, slot uint32) uint64 {
	return x.first + (uint64(slot-1)+slotRange-x.first%slotRange)%slotRange
}

// idOf returns the hash of a row's id.
func (x *Index) idOf(row uint64) uint64 {
	p, i := x.at(row)
	return p.id[i]
}

// find yields the rows that have an id, in no order.
func (t *ids) find(x *Index, id uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		if t.used == 0 {
			return
		}
		mask := uint64(len(t.slots) - 1)
		for i := id & mask; t.slots[i] != 0; i = (i + 1) & mask {
			if row := t.row(x, t.slots[i]); x.idOf(row) == id && !yield(row) {
				return
			}
		}
	}
}

// add adds a row, which the index has already.
func (t *ids) add(x *Index, id, row uint64) {
	if 4*(t.used+1) > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]uint32, max(2*len(old), 64))
		for _, s := range old {
			if s != 0 {
				t.put(x.idOf(t.row(x, s)), s)
			}
		}
	}
	t.put(id, slotOf(row))
	t.used++
}

func (t *ids) put(id uint64, slot uint32) {
	mask := uint64(len(t.slots) - 1)
	i := id & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = slot
}

// remove removes a row, which the index still has.
func (t *ids) remove(x *Index, id, row uint64) {
	mask := uint64(len(t.slots) - 1)
	gap := id & mask
	for t.slots[gap] != slotOf(row) {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; t.slots[i] != 0; i = (i + 1) & mask {
		home := x.idOf(t.row(x, t.slots[i])) & mask
		if (i-home)&mask >= (i-gap)&mask { // it may stand where the gap is
			t.slots[gap] = t.slots[i]
			gap = i
		}
	}
	t.slots[gap] = 0
	t.used--
}
