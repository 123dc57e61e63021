package engine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// snapshotMagic begins each snapshot; the last byte is the format.
const snapshotMagic = "msnp\x02"

// Snapshot returns everything there is, in a form that is the same on every replica after the same entry: numbers as uvarints, times
// as big-endian nanoseconds, texts after their lengths, and whatever has no order of its own in the order of its names.
func (e *Engine[S]) Snapshot() ([]byte, error) {
	if e.broken != nil {
		return nil, e.broken
	}
	return e.book.snapshot(e.machine.Name, func() ([]byte, error) { return e.machine.Encode(e.state) })
}

// Freeze returns what Snapshot would return now, from a function that may be called later and by another goroutine, whatever is applied
// meanwhile; nil when the machine cannot be frozen.
func (e *Engine[S]) Freeze() func() ([]byte, error) {
	if e.broken != nil || e.machine.Freeze == nil {
		return nil
	}
	var encode func() ([]byte, error)
	if text := guarded(func() { encode = e.machine.Freeze(e.state) }); text != "" || encode == nil {
		return nil
	}
	b, name := e.book.copy(), e.machine.Name
	return func() ([]byte, error) { return b.snapshot(name, encode) }
}

func (b *book) snapshot(machine string, encode func() ([]byte, error)) ([]byte, error) {
	var state []byte
	var err error
	if text := guarded(func() { state, err = encode() }); text != "" {
		return nil, fmt.Errorf("encode the state of %s: %s", machine, text)
	}
	if err != nil {
		return nil, fmt.Errorf("encode the state of %s: %w", machine, err)
	}
	dst := make([]byte, 0, len(state)+b.kept.size+MaxLag*32+4096)
	dst = appendString(append(dst, snapshotMagic...), machine)
	return appendString(b.append(dst), state), nil
}

// copy returns a book that has all that goes into a snapshot, and nothing that is ever changed.
func (b *book) copy() *book {
	c := *b
	c.sum, c.result, c.key = nil, nil, nil
	c.timers = timers{queue: make(timerHeap, len(b.timers.queue))}
	all := make([]timer, len(b.timers.queue))
	for i, t := range b.timers.queue {
		all[i] = *t
		c.timers.queue[i] = &all[i]
	}
	c.kept.byKey, c.kept.timed, c.kept.other = nil, slices.Clone(b.kept.timed), slices.Clone(b.kept.other)
	c.effects = effects{byID: make(map[string]*effect, len(b.effects.byID))}
	for f := b.effects.first; f != nil; f = f.next {
		n := *f
		c.effects.append(&n)
	}
	c.members.byID = make(map[string]*member, len(b.members.byID))
	for id, m := range b.members.byID {
		n := *m
		c.members.byID[id] = &n
	}
	return &c
}

func (b *book) append(dst []byte) []byte {
	dst = appendString(dst, b.log)
	dst = binary.AppendUvarint(dst, uint64(b.version))
	dst = binary.AppendUvarint(dst, b.seq)
	dst = appendInt(dst, b.time)
	for seq := b.oldest(); seq <= b.seq; seq++ {
		dst = append(dst, b.history[seq%MaxLag][:]...)
	}
	dst = appendRef(appendRef(dst, b.verified), b.proposed)
	dst = b.appendTimers(dst)
	dst = b.appendKept(dst)
	dst = b.appendEffects(dst)
	return b.appendMembers(dst)
}

// oldest is the first sequence whose hash is known.
func (b *book) oldest() uint64 {
	if b.seq < MaxLag {
		return 0
	}
	return b.seq - MaxLag + 1
}

func appendRef(dst []byte, s snapshotRef) []byte {
	return appendString(append(binary.AppendUvarint(dst, s.seq), s.digest[:]...), s.by)
}

func (b *book) appendTimers(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b.timers.queue)))
	for _, t := range slices.SortedFunc(slices.Values(b.timers.queue), compareTimers) {
		dst = appendString(appendInt(dst, t.at), t.id)
	}
	return dst
}

func (b *book) appendKept(dst []byte) []byte {
	dst = appendInt(dst, b.kept.floor)
	all := slices.Concat(b.kept.timed, b.kept.other)
	dst = binary.AppendUvarint(dst, uint64(len(all)))
	slices.SortFunc(all, func(x, y due) int { return cmp.Or(cmp.Compare(x.until, y.until), cmp.Compare(x.place, y.place)) })
	for _, d := range all {
		hash, body := d.says()
		dst = appendString(dst, d.key())
		dst = appendString(dst, hash)
		dst = appendInt(dst, d.until)
		if dst = appendFlag(dst, d.err != nil); d.err != nil {
			dst = appendError(dst, d.err)
		} else {
			dst = appendString(dst, body)
		}
	}
	return dst
}

func appendError(dst []byte, e *api.Error) []byte {
	d := &e.Details
	dst = appendString(appendString(dst, e.Code), e.Message)
	dst = appendString(appendFlag(appendString(dst, d.Reason), d.MaybeExecuted), d.LogID)
	dst = appendInt(dst, int64(d.RetryAfter))
	dst = binary.AppendUvarint(dst, uint64(len(d.Fields)))
	for _, f := range d.Fields {
		dst = appendString(dst, f)
	}
	return dst
}

func (b *book) appendEffects(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b.effects.byID)))
	for f := b.effects.first; f != nil; f = f.next {
		dst = appendString(appendString(appendString(dst, f.ID), f.Kind), f.Body)
		dst = appendInt(appendString(dst, f.owner), f.deadline)
	}
	return dst
}

func (b *book) appendMembers(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b.members.byID)))
	for _, id := range slices.Sorted(maps.Keys(b.members.byID)) {
		m := b.members.byID[id]
		dst = binary.AppendUvarint(appendString(dst, id), m.number)
		dst = appendInt(dst, m.seen)
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(m.low)), uint64(m.high))
		dst = appendFlag(dst, m.left)
	}
	return dst
}
