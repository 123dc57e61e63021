package history

import "slices"

// Ring keeps blocks in the order of their times, the oldest of which goes when they take too much or are too old.
type Ring struct {
	maxBytes int64
	maxAge   int64 // seconds
	blocks   []*Block
	bytes    int64
	since    int64
}

// NewRing returns a ring that keeps at most so many bytes, and blocks that ended at most so many seconds before the newest one.
func NewRing(maxBytes, maxAge int64) *Ring { return &Ring{maxBytes: maxBytes, maxAge: maxAge} }

// Add appends a block, and drops what goes over a bound; the newest block always stays. A block that begins before the newest has ended is
// not taken.
func (r *Ring) Add(b *Block) bool {
	if n := len(r.blocks); n > 0 && b.From < r.blocks[n-1].To {
		return false
	}
	if len(r.blocks) == 0 && r.since == 0 {
		r.since = b.From
	}
	r.blocks = append(r.blocks, b)
	r.bytes += b.Bytes()
	drop := 0
	for drop < len(r.blocks)-1 && (r.bytes > r.maxBytes || r.blocks[drop].To <= b.To-r.maxAge) {
		r.bytes -= r.blocks[drop].Bytes()
		r.since = r.blocks[drop].To
		drop++
	}
	r.blocks = slices.Delete(r.blocks, 0, drop)
	return true
}

// Begin says that there was nothing before a time, in Unix seconds, that the ring would have kept: it is a part of what it knows.
func (r *Ring) Begin(at int64) {
	if r.since == 0 || at < r.since && len(r.blocks) == 0 {
		r.since = at
	}
}

// Since returns from when on the ring has everything, in Unix seconds; 0 before there was a block.
func (r *Ring) Since() int64 { return r.since }

// Bytes returns what the blocks take.
func (r *Ring) Bytes() int64 { return r.bytes }

// Newest returns when the newest block ends, in Unix seconds; 0 if there is none.
func (r *Ring) Newest() int64 {
	if len(r.blocks) == 0 {
		return 0
	}
	return r.blocks[len(r.blocks)-1].To
}

// Between returns the blocks that begin at from or later and before to. The slice may be kept.
func (r *Ring) Between(from, to int64) []*Block {
	first, _ := slices.BinarySearchFunc(r.blocks, from, func(b *Block, at int64) int { return int(b.From - at) })
	last, _ := slices.BinarySearchFunc(r.blocks, to, func(b *Block, at int64) int { return int(b.From - at) })
	if first >= last {
		return nil
	}
	return slices.Clone(r.blocks[first:last])
}

// Find returns the block that begins at a time, or nil.
func (r *Ring) Find(from int64) *Block {
	i, ok := slices.BinarySearchFunc(r.blocks, from, func(b *Block, at int64) int { return int(b.From - at) })
	if !ok {
		return nil
	}
	return r.blocks[i]
}
