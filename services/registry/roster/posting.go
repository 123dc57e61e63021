package roster

import (
	"iter"
	"slices"
	"sort"
)

// A chunk is cut in two above maxChunk, and joined with its neighbour when together they are below half of that.
const maxChunk = 256

// posting is a set of documents in the order of their ids, cut into chunks so that an insertion into a long one moves little.
// It costs about six bytes for each document.
type posting struct {
	chunks [][]int32
	n      int
}

// place returns where the id is, or would be: the chunk and the place in it.
func (x *Index) place(p *posting, id string) (chunk, at int, found bool) {
	chunk = max(0, sort.Search(len(p.chunks), func(i int) bool { return x.docs[p.chunks[i][0]].id > id })-1)
	if chunk == len(p.chunks) {
		return chunk, 0, false
	}
	at, found = slices.BinarySearchFunc(p.chunks[chunk], id, func(doc int32, id string) int {
		switch have := x.docs[doc].id; {
		case have < id:
			return -1
		case have > id:
			return 1
		}
		return 0
	})
	return chunk, at, found
}

func (x *Index) insert(p *posting, doc int32) {
	c, at, found := x.place(p, x.docs[doc].id)
	if found {
		return
	}
	p.n++
	if c == len(p.chunks) {
		p.chunks = append(p.chunks, []int32{doc})
		return
	}
	chunk := slices.Insert(p.chunks[c], at, doc)
	p.chunks[c] = chunk
	if len(chunk) > maxChunk {
		half := len(chunk) / 2
		p.chunks[c] = slices.Clone(chunk[:half])
		p.chunks = slices.Insert(p.chunks, c+1, slices.Clone(chunk[half:]))
	}
}

func (x *Index) remove(p *posting, doc int32) {
	c, at, found := x.place(p, x.docs[doc].id)
	if !found {
		return
	}
	p.n--
	p.chunks[c] = slices.Delete(p.chunks[c], at, at+1)
	if c > 0 && len(p.chunks[c-1])+len(p.chunks[c]) < maxChunk/2 {
		p.chunks[c-1] = slices.Concat(p.chunks[c-1], p.chunks[c])
		p.chunks = slices.Delete(p.chunks, c, c+1)
	} else if len(p.chunks[c]) == 0 {
		p.chunks = slices.Delete(p.chunks, c, c+1)
	}
}

// after yields the documents whose ids follow cursor, in order.
func (x *Index) after(p *posting, cursor string) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		c, at, found := x.place(p, cursor)
		if found {
			at++
		}
		for ; c < len(p.chunks); c, at = c+1, 0 {
			for _, doc := range p.chunks[c][at:] {
				if !yield(doc) {
					return
				}
			}
		}
	}
}
