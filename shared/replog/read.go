package replog

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Read calls f with the state, the entry after which it was so, and the time of the log; f must not change or keep the state, and
// holds up the log while it runs. With a minRevision, which an Answer or a Read gave out, it waits until that entry is applied. It
// returns the revision that f saw. The error is unavailable (not_ready) while this replica is not ready, failed_precondition
// (foreign_revision) for a revision of another log, or of this one before it was changed, and deadline_exceeded when ctx ends first.
func (l *Log[S]) Read(ctx context.Context, minRevision string, f func(state S, seq uint64, at time.Time)) (string, error) {
	want, err := l.parseToken(minRevision)
	if err != nil {
		return "", err
	}
	if err := l.waitFor(ctx, want.seq); err != nil {
		return "", err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if !l.health.ready() { // asked under the lock: a replica is not ready any more before its state is built anew
		return "", l.notReady()
	}
	seq := l.engine.Seq()
	if want.seq > seq {
		return "", l.notReady() // it was set back just now
	}
	if hash, ok := l.engine.HashAt(want.seq); ok && want.seq > 0 && binary.BigEndian.Uint64(hash[:]) != want.mark {
		return "", errForeign()
	}
	f(l.engine.State(), seq, l.engine.Time())
	return l.token(seq, l.engine.Hash()), nil
}

// waiter waits for an entry.
type waiter struct {
	seq uint64
	ch  chan struct{}
}

func (l *Log[S]) waitFor(ctx context.Context, seq uint64) error {
	if l.seen.Load() >= seq {
		return nil
	}
	w := waiter{seq, make(chan struct{})}
	l.waitMu.Lock()
	l.waits = append(l.waits, w)
	l.waitMu.Unlock()
	if l.seen.Load() >= seq {
		l.wakeReaders(l.seen.Load())
	}
	select {
	case <-w.ch:
		return nil
	case <-ctx.Done():
	case <-l.ctx.Done():
	}
	l.waitMu.Lock()
	l.waits = slices.DeleteFunc(l.waits, func(o waiter) bool { return o.ch == w.ch })
	l.waitMu.Unlock()
	if l.ctx.Err() != nil {
		return errClosed()
	}
	return api.Errorf(api.DeadlineExceeded, "this replica has not seen that revision yet: try again, or without min_revision").WithReason(api.ReasonTimeout)
}

// advance says that all up to an entry is applied.
func (l *Log[S]) advance(seq uint64) {
	l.seen.Store(seq)
	l.wakeReaders(seq)
}

func (l *Log[S]) wakeReaders(seq uint64) {
	l.waitMu.Lock()
	defer l.waitMu.Unlock()
	l.waits = slices.DeleteFunc(l.waits, func(w waiter) bool {
		if w.seq > seq {
			return false
		}
		close(w.ch)
		return true
	})
}

// heardOf says that there is an entry.
func (l *Log[S]) heardOf(seq uint64) {
	for {
		known := l.known.Load()
		if seq <= known || l.known.CompareAndSwap(known, seq) {
			return
		}
	}
}

// revision is what a token names: an entry, and the beginning of the chain's hash after it, so that an entry that has taken the
// place of another is told from it.
type revision struct {
	seq  uint64
	mark uint64
}

const (
	tokenVersion = 2 // 1 is that of buckets
	maxToken     = 256
)

// token returns the opaque, URL-safe name of a revision.
func (l *Log[S]) token(seq uint64, hash [32]byte) string {
	if seq == 0 {
		return ""
	}
	return encodeToken(l.store.stream, revision{seq, binary.BigEndian.Uint64(hash[:])})
}

func encodeToken(stream string, r revision) string {
	raw := append(make([]byte, 0, 128), tokenVersion)
	raw = binary.AppendUvarint(raw, r.seq)
	raw = binary.BigEndian.AppendUint64(raw, r.mark)
	raw = append(raw, stream...)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (l *Log[S]) parseToken(token string) (revision, error) {
	if token == "" {
		return revision{}, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(token) > maxToken || len(raw) < 2 {
		return revision{}, errMalformed()
	}
	if raw[0] != tokenVersion {
		return revision{}, errForeign()
	}
	seq, n := binary.Uvarint(raw[1:])
	if n <= 0 || len(raw) < 1+n+8 || seq == 0 {
		return revision{}, errMalformed()
	}
	r := revision{seq, binary.BigEndian.Uint64(raw[1+n:])}
	if name := string(raw[1+n+8:]); name != l.store.stream {
		return revision{}, errForeign()
	}
	if encodeToken(l.store.stream, r) != token {
		return revision{}, errMalformed()
	}
	return r, nil
}

func errMalformed() error {
	return api.Errorf(api.Invalid, "the revision is not one that Mabus gave out").WithReason(api.ReasonMalformed)
}

func errForeign() error {
	return api.Errorf(api.FailedPrecondition, "the revision is of another store, or of this one before it was changed: read again without it").WithReason(api.ReasonForeignRevision)
}
