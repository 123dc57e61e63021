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
const snapshotMagic = "msnp\x01"

// Snapshot returns everything there is, in a form that is the same on every replica after the same entry: numbers as uvarints, times
// as big-endian nanoseconds, texts after their lengths, and whatever has no order of its own in the order of its names.
func (e *Engine[S]) Snapshot() ([]byte, error) {
	if e.broken != nil {
		return nil, e.broken
	}
	var state []byte
	var err error
	if text := guarded(func() { state, err = e.machine.Encode(e.state) }); text != "" {
		return nil, fmt.Errorf("encode the state of %s: %s", e.machine.Name, text)
	}
	if err != nil {
		return nil, fmt.Errorf("encode the state of %s: %w", e.machine.Name, err)
	}
	dst := make([]byte, 0, len(state)+e.kept.size+MaxLag*32+4096)
	dst = appendString(append(dst, snapshotMagic...), e.machine.Name)
	return appendString(e.append(dst), state), nil
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
	dst = binary.AppendUvarint(dst, uint64(len(b.kept.byKey)))
	byKey := func(x, y *answer) int { return cmp.Compare(x.key, y.key) }
	for _, a := range slices.SortedFunc(maps.Values(b.kept.byKey), byKey) {
		dst = appendString(dst, a.key)
		dst = appendString(dst, a.hash)
		dst = appendInt(dst, a.until)
		if dst = appendFlag(dst, a.err != nil); a.err != nil {
			dst = appendError(dst, a.err)
		} else {
			dst = appendString(dst, a.body)
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
