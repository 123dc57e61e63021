package events

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/mabus-project/mabus/services/perfmon/events/index"
)

// view is what this replica knows of the stream.
type view struct {
	seed    maphash.Seed
	created atomic.Int64  // incarnation of the stream, in Unix nanoseconds
	applied atomic.Uint64 // all up to this sequence is in the index, or gone
	floor   atomic.Uint64 // first sequence that the stream had when it was last asked
	synced  atomic.Bool   // all is read, and the stream is followed

	duplicates, junk atomic.Int64

	mu sync.RWMutex
	x  *index.Index

	waitMu  sync.Mutex
	changed chan struct{} // closed with the next change; nil while nobody waits
}

func newView(seed maphash.Seed) *view { return &view{seed: seed, x: index.New(seed)} }

// reset begins with another stream.
func (v *view) reset(created int64) {
	v.mu.Lock()
	v.x = index.New(v.seed)
	v.mu.Unlock()
	v.applied.Store(0)
	v.created.Store(created)
}

// add takes one message up; ok is false for one that is no event.
func (v *view) add(seq uint64, row index.Row, ok bool) {
	if ok {
		v.mu.Lock()
		ok = v.x.Add(row)
		v.mu.Unlock()
		if !ok {
			v.duplicates.Add(1)
		}
	} else {
		v.junk.Add(1)
	}
	v.advance(seq)
}

func (v *view) advance(seq uint64) {
	if seq > v.applied.Load() { // the reader alone writes it
		v.applied.Store(seq)
		v.wake()
	}
}

// drop forgets what is below the stream's first sequence.
func (v *view) drop(first uint64) {
	v.mu.Lock()
	v.x.DropBelow(first)
	v.mu.Unlock()
	v.floor.Store(first)
	v.advance(max(first, 1) - 1)
}

func (v *view) setSynced(to bool) {
	v.synced.Store(to)
	v.wake()
}

func (v *view) wake() {
	v.waitMu.Lock()
	defer v.waitMu.Unlock()
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}

// wait waits until something is so, or ctx ends.
func (v *view) wait(ctx context.Context, so func() bool) error {
	for !so() {
		v.waitMu.Lock()
		if v.changed == nil {
			v.changed = make(chan struct{})
		}
		changed := v.changed
		v.waitMu.Unlock()
		if so() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// selected is what was found, and how far the view had read then.
type selected struct {
	places  []index.Place
	applied uint64
}

func (v *view) find(q index.Query) selected {
	v.mu.RLock()
	defer v.mu.RUnlock()
	applied := v.applied.Load() // what is added later is not looked at, and comes with a later sequence
	return selected{v.x.Select(q), applied}
}
