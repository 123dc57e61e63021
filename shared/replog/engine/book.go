package engine

import (
	"crypto/sha256"
	"hash"
	"iter"
	"maps"
	"slices"
	"time"
)

// book is what every machine has beside its state. All of it is in the snapshot, but for what only one Apply uses.
type book struct {
	log     string
	version int
	seq     uint64
	time    int64
	hash    [32]byte
	// history holds the hashes of the last MaxLag entries, that of a sequence at the sequence modulo MaxLag.
	history  [MaxLag][32]byte
	timers   timers
	kept     answers
	effects  effects
	members  members
	verified snapshotRef
	proposed snapshotRef

	sum    hash.Hash
	result []byte // what goes into the hash of the entry under way
	key    []byte
}

// snapshotRef names a snapshot, by the replica that proposed it.
type snapshotRef struct {
	seq    uint64
	digest [32]byte
	by     string
}

func newBook() *book { return &book{time: never, sum: sha256.New(), members: members{next: never}} }

// Seq is the sequence of the last entry that was applied; 0 before the first.
func (b *book) Seq() uint64 { return b.seq }

// Time is that of the log: of its last entry, or of an earlier one whose time was later. It is zero before the first.
func (b *book) Time() time.Time { return moment(b.time) }

// Hash is the head of the chain of hashes: 0 before the first entry.
func (b *book) Hash() [32]byte { return b.hash }

// HashAt is the head of the chain as it was after an entry; it is known for the last MaxLag entries.
func (b *book) HashAt(seq uint64) ([32]byte, bool) {
	if seq > b.seq || b.seq-seq >= MaxLag {
		return [32]byte{}, false
	}
	return b.history[seq%MaxLag], true
}

// Version is that of the rules in force.
func (b *book) Version() int { return b.version }

// Log is the id of the log; "" before the first batch.
func (b *book) Log() string { return b.log }

// Next is when the earliest timer is due.
func (b *book) Next() (time.Time, bool) {
	if len(b.timers.queue) == 0 {
		return time.Time{}, false
	}
	return moment(b.timers.queue[0].at), true
}

// Effects are the effects without an outcome, in the order in which they came to be.
func (b *book) Effects() iter.Seq[Pending] {
	return func(yield func(Pending) bool) {
		for f := b.effects.first; f != nil; f = f.next {
			if !yield(f.pending()) {
				return
			}
		}
	}
}

// Effect returns an effect without an outcome.
func (b *book) Effect(id string) (Pending, bool) {
	f := b.effects.byID[id]
	if f == nil {
		return Pending{}, false
	}
	return f.pending(), true
}

// Pending is how many effects have no outcome.
func (b *book) Pending() int { return len(b.effects.byID) }

// Kept is how many answers are kept for repetitions, and about how many bytes they take.
func (b *book) Kept() (n, size int) { return len(b.kept.byKey), b.kept.size }

// Members are the replicas that have appended something, until they were silent for ForgetTime, by name.
func (b *book) Members() []Member {
	list := make([]Member, 0, len(b.members.byID))
	for _, id := range slices.Sorted(maps.Keys(b.members.byID)) {
		m := b.members.byID[id]
		list = append(list, Member{id, m.number, moment(m.seen), m.low, m.high, m.left})
	}
	return list
}

// Live tells whether a replica counts as there: it was seen within MemberTime and has not left.
func (b *book) Live(writer string) bool {
	m := b.members.byID[writer]
	return m != nil && m.live(b.time)
}

// Verified is the newest snapshot that a replica has proposed and another one has found to be right; 0 when there is none.
func (b *book) Verified() (seq uint64, digest [32]byte) { return b.verified.seq, b.verified.digest }

// Proposed is a snapshot that waits to be verified, and who proposed it; 0 when there is none.
func (b *book) Proposed() (seq uint64, digest [32]byte, by string) {
	return b.proposed.seq, b.proposed.digest, b.proposed.by
}

// close ends an entry: the hash goes over the one before, the entry, and what came of it.
func (b *book) close(en *Entry) {
	var head [56]byte
	h := append(head[:0], b.hash[:]...)
	h = appendInt(h, int64(en.Seq))
	h = appendInt(h, nanos(en.Time))
	h = appendInt(h, int64(len(en.Data)))
	b.sum.Reset()
	b.sum.Write(h)
	b.sum.Write(en.Data)
	b.sum.Write(b.result)
	b.sum.Sum(b.hash[:0])
	b.seq = en.Seq
	b.history[en.Seq%MaxLag] = b.hash
	if cap(b.result) > MaxEntry {
		b.result = nil
	}
	b.result = b.result[:0]
}
