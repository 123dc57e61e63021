package engine

import (
	"errors"
	"fmt"
	"math"

	"github.com/mabus-project/mabus/shared/api"
)

var errSnapshot = errors.New("not a snapshot of this machine")

// Restore returns the machine as it was when the snapshot was made. It takes nothing but what Snapshot has written, whole; ErrVersion
// says that the snapshot needs a newer binary.
func Restore[S any](m Machine[S], snapshot []byte) (*Engine[S], error) {
	last := len(snapshotMagic) - 1
	if len(snapshot) <= last || string(snapshot[:last]) != snapshotMagic[:last] {
		return nil, errSnapshot
	}
	if snapshot[last] != snapshotMagic[last] {
		return nil, fmt.Errorf("%w: the snapshot has another format", ErrVersion)
	}
	r := &reader{data: snapshot[len(snapshotMagic):]}
	if r.string() != m.Name {
		return nil, errSnapshot
	}
	e := &Engine[S]{book: newBook(), machine: m}
	e.read(r)
	state := r.bytes()
	if !r.done() {
		return nil, errSnapshot
	}
	rules, ok := m.Rules[e.version]
	if !ok {
		return nil, fmt.Errorf("%w: machine %s lacks version %d", ErrVersion, m.Name, e.version)
	}
	e.rules = rules
	var err error
	if text := guarded(func() { e.state, err = m.Decode(state) }); text != "" {
		return nil, fmt.Errorf("decode the state of %s: %s", m.Name, text)
	}
	if err != nil {
		return nil, fmt.Errorf("decode the state of %s: %w", m.Name, err)
	}
	return e, nil
}

// read reads what append has written. What is out of order is refused, so that no two snapshots are of the same machine.
func (b *book) read(r *reader) {
	b.log, b.version, b.seq, b.time = r.string(), r.number(), r.uvarint(), r.int()
	if b.seq > math.MaxInt64 || b.seq-b.oldest() > uint64(len(r.data)/32) {
		r.fail()
		return
	}
	for seq := b.oldest(); seq <= b.seq; seq++ {
		b.history[seq%MaxLag] = r.sum()
	}
	b.hash = b.history[b.seq%MaxLag]
	b.verified, b.proposed = r.ref(), r.ref()
	b.readTimers(r)
	b.readKept(r)
	b.readEffects(r)
	b.readMembers(r)
}

func (r *reader) ref() snapshotRef { return snapshotRef{r.uvarint(), r.sum(), r.string()} }

func (b *book) readTimers(r *reader) {
	var before *timer
	for range r.count(9) {
		at, id := r.int(), r.string()
		if at == never || b.timers.byID[id] != nil || r.bad {
			r.fail()
			return
		}
		b.timers.set(id, at)
		t := b.timers.byID[id]
		if before != nil && compareTimers(before, t) >= 0 {
			r.fail()
			return
		}
		before = t
	}
}

func (b *book) readKept(r *reader) {
	b.kept.floor = r.int()
	before := int64(math.MinInt64)
	for range r.count(12) {
		key, hash, until := r.bytes(), r.string(), r.int()
		var body []byte
		var refused *api.Error
		if r.flag() {
			refused = r.error()
		} else {
			body = r.bytes()
		}
		if b.kept.byKey[string(key)] != nil || until < before || r.bad {
			r.fail()
			return
		}
		before = until
		_, timed := idTime(requestID(string(key)))
		b.kept.add(newAnswer(key, hash, body, refused), until, timed)
	}
}

func (r *reader) error() *api.Error {
	e := &api.Error{Code: api.Code(r.string()), Message: r.string()}
	d := &e.Details
	d.Reason, d.MaybeExecuted, d.LogID, d.RetryAfter = r.string(), r.flag(), r.string(), api.Duration(r.int())
	for range r.count(1) {
		d.Fields = append(d.Fields, r.string())
	}
	return e
}

func (b *book) readEffects(r *reader) {
	for range r.count(12) {
		f := Effect{ID: r.string(), Kind: r.string(), Body: r.bytes()}
		owner, deadline := r.string(), r.int()
		if r.bad || b.effects.start(f, owner, deadline) == nil {
			r.fail()
			return
		}
	}
}

func (b *book) readMembers(r *reader) {
	before := ""
	for range r.count(13) {
		id := r.string()
		m := &member{number: r.uvarint(), seen: r.int(), low: r.number(), high: r.number(), left: r.flag()}
		if id <= before || r.bad {
			r.fail()
			return
		}
		before = id
		if b.members.byID == nil {
			b.members.byID = map[string]*member{}
		}
		b.members.byID[id] = m
	}
}
