package roster

import (
	"slices"
	"strings"
)

// Field is a property by which things are found.
type Field uint8

// The fields.
const (
	FieldType Field = iota
	FieldCapability
	FieldTag
	FieldStatus
	FieldHost
	FieldLease // the lease whose end would change the thing
	FieldName
	FieldModule
	FieldKey
	fields
)

// Term is one value of a field.
type Term struct {
	Field Field
	Value string
}

// Index finds documents, which are ids with their terms, by any combination of terms and in the order of the ids. Each id and
// each term is held once; everything else is numbers of four bytes. An agent of 20 bytes id with six terms costs about 170
// bytes. It is not safe for concurrent use.
type Index struct {
	byID     map[string]int32
	docs     []doc
	freeDocs []int32

	byTerm    [fields]map[string]int32
	terms     []termList
	freeTerms []int32

	all posting
}

type doc struct {
	id    string
	terms []int32
}

type termList struct {
	Term
	posting
}

// NewIndex returns an empty index.
func NewIndex() *Index { return &Index{byID: make(map[string]int32)} }

// Len returns how many documents there are.
func (x *Index) Len() int { return x.all.n }

// Set stores a document, in place of an earlier one with its id.
func (x *Index) Set(id string, terms []Term) {
	d, known := x.byID[id]
	if !known {
		d = x.newDoc(id)
		x.byID[id] = d
		x.insert(&x.all, d)
	}
	before := x.docs[d].terms
	now := make([]int32, 0, len(terms))
	for _, t := range terms {
		n := x.intern(t)
		if slices.Contains(now, n) {
			continue
		}
		now = append(now, n)
		if !slices.Contains(before, n) {
			x.insert(&x.terms[n].posting, d)
		}
	}
	x.docs[d].terms = slices.Clip(now)
	for _, n := range before {
		if !slices.Contains(now, n) {
			x.dropTerm(n, d)
		}
	}
}

// Remove forgets a document, if there is one.
func (x *Index) Remove(id string) {
	d, known := x.byID[id]
	if !known {
		return
	}
	for _, n := range x.docs[d].terms {
		x.dropTerm(n, d)
	}
	x.remove(&x.all, d)
	delete(x.byID, id)
	x.docs[d] = doc{}
	x.freeDocs = append(x.freeDocs, d)
}

// List returns up to limit ids after cursor of the documents that have every one of the terms, and whether there are more.
// It walks the shortest list of any of the terms, so its cost is bounded by the rarest one.
func (x *Index) List(terms []Term, cursor string, limit int) (ids []string, more bool) {
	shortest := &x.all
	want := make([]int32, 0, len(terms))
	for _, t := range terms {
		n, known := x.byTerm[t.Field][t.Value]
		if !known {
			return nil, false
		}
		want = append(want, n)
		if p := &x.terms[n].posting; p.n < shortest.n {
			shortest = p
		}
	}
	for d := range x.after(shortest, cursor) {
		if !x.hasAll(d, want) {
			continue
		}
		if len(ids) == limit {
			return ids, true
		}
		ids = append(ids, x.docs[d].id)
	}
	return ids, false
}

// Counts returns how many documents there are with each value of a field.
func (x *Index) Counts(f Field) map[string]int {
	counts := make(map[string]int, len(x.byTerm[f]))
	for value, n := range x.byTerm[f] {
		counts[value] = x.terms[n].n
	}
	return counts
}

// Count returns how many documents have the term.
func (x *Index) Count(t Term) int {
	if n, known := x.byTerm[t.Field][t.Value]; known {
		return x.terms[n].n
	}
	return 0
}

func (x *Index) hasAll(d int32, want []int32) bool {
	for _, n := range want {
		if !slices.Contains(x.docs[d].terms, n) {
			return false
		}
	}
	return true
}

func (x *Index) newDoc(id string) int32 {
	if last := len(x.freeDocs) - 1; last >= 0 {
		d := x.freeDocs[last]
		x.freeDocs = x.freeDocs[:last]
		x.docs[d] = doc{id: id}
		return d
	}
	x.docs = append(x.docs, doc{id: id})
	return int32(len(x.docs) - 1)
}

// intern returns the number of a term, a new one if need be. The value is copied, since it may be part of a long message.
func (x *Index) intern(t Term) int32 {
	if n, known := x.byTerm[t.Field][t.Value]; known {
		return n
	}
	t.Value = strings.Clone(t.Value)
	if x.byTerm[t.Field] == nil {
		x.byTerm[t.Field] = make(map[string]int32)
	}
	n := int32(len(x.terms))
	if last := len(x.freeTerms) - 1; last >= 0 {
		n, x.freeTerms = x.freeTerms[last], x.freeTerms[:last]
		x.terms[n] = termList{Term: t}
	} else {
		x.terms = append(x.terms, termList{Term: t})
	}
	x.byTerm[t.Field][t.Value] = n
	return n
}

// dropTerm takes a document out of a term's list, and forgets a term that nobody has any more.
func (x *Index) dropTerm(n, d int32) {
	t := &x.terms[n]
	x.remove(&t.posting, d)
	if t.n == 0 {
		delete(x.byTerm[t.Field], t.Value)
		*t = termList{}
		x.freeTerms = append(x.freeTerms, n)
	}
}
