package history

import (
	"slices"

	"github.com/mabus-project/mabus/shared/sketch"
)

// blockOverhead is what a block takes beside its entries, in bytes.
const blockOverhead = 160

// entryOverhead is what an entry takes beside its sketch, in bytes.
const entryOverhead = 8

// Entry is one series' sketch, in its binary form.
type Entry struct {
	ID     uint32
	Sketch []byte
}

// Block has the sketches of one time. It does not change.
type Block struct {
	// From and To are Unix seconds; To is not within the block.
	From, To int64

	ids  []uint32 // ascending, each once
	ends []uint32 // of the sketches in data
	data []byte
}

// NewBlock returns a block of entries, whose order and sketches it may change and does not keep. The sketches of an id that comes twice are
// merged. Every sketch must be a valid one.
func NewBlock(from, to int64, entries []Entry) *Block {
	slices.SortStableFunc(entries, func(a, b Entry) int { return int(int64(a.ID) - int64(b.ID)) })
	size := 0
	for _, e := range entries {
		size += len(e.Sketch)
	}
	b := newBlock(from, to, len(entries), size)
	for i := 0; i < len(entries); {
		same := i + 1
		for same < len(entries) && entries[same].ID == entries[i].ID {
			same++
		}
		b.add(entries[i].ID, same-i, func(k int) []byte { return entries[i+k].Sketch })
		i = same
	}
	return b
}

func newBlock(from, to int64, entries, size int) *Block {
	return &Block{From: from, To: to, ids: make([]uint32, 0, entries), ends: make([]uint32, 0, entries), data: make([]byte, 0, size)}
}

// add appends an entry made of n sketches.
func (b *Block) add(id uint32, n int, part func(int) []byte) {
	if n == 1 {
		b.data = append(b.data, part(0)...)
	} else {
		var sum sketch.Sketch
		for k := range n {
			// A sum of more than 2^53 samples stays as it is: that many in a minute are not measured but made up.
			_ = sum.MergeBinary(part(k))
		}
		b.data = sum.AppendBinary(b.data)
	}
	b.ids, b.ends = append(b.ids, id), append(b.ends, uint32(len(b.data)))
}

// Len returns the number of entries.
func (b *Block) Len() int { return len(b.ids) }

// Bytes returns what the block takes in memory.
func (b *Block) Bytes() int64 {
	return blockOverhead + int64(len(b.ids))*entryOverhead + int64(cap(b.data))
}

// Find returns the sketch of a series, or nil.
func (b *Block) Find(id uint32) []byte {
	i, ok := slices.BinarySearch(b.ids, id)
	if !ok {
		return nil
	}
	return b.sketch(i)
}

// At returns the i-th entry in the order of ids.
func (b *Block) At(i int) Entry { return Entry{b.ids[i], b.sketch(i)} }

func (b *Block) sketch(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.data[start:b.ends[i]:b.ends[i]]
}

// Fold returns one block of several, in which the sketches of each series are merged. Of none it returns an empty block.
func Fold(from, to int64, blocks []*Block) *Block {
	entries, size := 0, 0
	for _, b := range blocks {
		entries, size = max(entries, b.Len()), max(size, len(b.data))
	}
	out := newBlock(from, to, entries+entries/8, size+size/4)
	at := make([]int, len(blocks)) // the next entry of each
	parts := make([][]byte, 0, len(blocks))
	for {
		next, some := uint32(0), false
		for k, b := range blocks {
			if at[k] < len(b.ids) && (!some || b.ids[at[k]] < next) {
				next, some = b.ids[at[k]], true
			}
		}
		if !some {
			return out.clip()
		}
		parts = parts[:0]
		for k, b := range blocks {
			if at[k] < len(b.ids) && b.ids[at[k]] == next {
				parts = append(parts, b.sketch(at[k]))
				at[k]++
			}
		}
		out.add(next, len(parts), func(k int) []byte { return parts[k] })
	}
}

// clip gives back memory that is not used.
func (b *Block) clip() *Block {
	if cap(b.data)-len(b.data) > len(b.data)/8 {
		b.data = slices.Clone(b.data)
	}
	if cap(b.ids)-len(b.ids) > len(b.ids)/8 {
		b.ids, b.ends = slices.Clone(b.ids), slices.Clone(b.ends)
	}
	return b
}
