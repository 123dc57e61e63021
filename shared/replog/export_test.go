package replog

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Points of the request path.
const (
	Queued    = pointQueued
	Published = pointPublished
	Acked     = pointAcked
	Done      = pointApplied
)

// At calls f at the points of the request path; when it returns false the replica ends there.
func At[S any](c *Config[S], f func(point string) bool) { c.hooks.at = f }

// Clock gives the replica another clock.
func Clock[S any](c *Config[S], now func() time.Duration) { c.hooks.now = now }

// Tamper changes each batch before it is published.
func Tamper[S any](c *Config[S], f func(*engine.Batch)) { c.hooks.batch = f }

// Kill stops a replica without a word to the others, as the death of its process does.
func (l *Log[S]) Kill() {
	l.closer.Do(l.stop)
}

// Cut ends everything that goes out, and returns at once.
func (l *Log[S]) Cut() { l.cut() }

// Snapshot is the whole of a replica's engine.
func (l *Log[S]) Snapshot() (uint64, []byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	data, err := l.engine.Snapshot()
	return l.engine.Seq(), data, err
}

// Writer is the id under which the replica appends now.
func (l *Log[S]) Writer() string { return l.writer.id() }

// Stream is the name of the stream.
func (l *Log[S]) Stream() string { return l.store.stream }

// Subject is where entries are published.
func (l *Log[S]) Subject() string { return l.store.subject }

// LogTime is the time of the log, after the newest entry.
func (l *Log[S]) LogTime() time.Time {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.engine.Time()
}

// Spoil changes the state as nothing in the log does.
func (l *Log[S]) Spoil(f func(S)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.engine.State())
}

// Kept is the entry of the newest snapshot that can be restored.
func (l *Log[S]) Kept(ctx context.Context) (uint64, error) {
	p, _, err := l.shelf.newest(ctx)
	return p.Seq, err
}

// Peek shows the state, ready or not.
func (l *Log[S]) Peek(f func(S)) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	f(l.engine.State())
}

// HeardOf says that there is an entry.
func (l *Log[S]) HeardOf(seq uint64) { l.heardOf(seq) }

// Served queues commands of requests that arrived at these places, and returns the order in which a batch takes them.
func Served(arrived ...uint64) []uint64 {
	q := newQueue(len(arrived))
	for _, n := range arrived {
		_ = q.put(newCall(engine.Command{}, n))
	}
	batch, _ := q.take(nil, engine.MaxEntry)
	order := make([]uint64, len(batch))
	for i, c := range batch {
		order[i] = c.arrived
	}
	return order
}
