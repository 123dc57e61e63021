package replog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

const (
	turn        = 5 * time.Second // by which a member waits longer than the one before it, in the order of their names
	againAfter  = 5 * time.Second // after a snapshot that failed
	afterDiff   = time.Minute     // after one of which two replicas had different bytes
	snapshotMax = 30 * time.Minute
)

var errDisputed = errors.New("two replicas have different snapshots of the same entry")

// snapshots says what this replica knows of them. Only the keeper's goroutine and the one task that it has under way touch it, never
// both at once.
type snapshots struct {
	busy   chan struct{} // has a token while a task is under way
	kept   uint64        // entry of the newest snapshot that a replica can restore, as last seen
	due    time.Duration // since when there is something to do, by the clock of hooks.now; 0 when there is not
	what   step
	rest   time.Duration // until which nothing is tried
	looked bool          // kept was read from the store
	replay atomic.Bool   // two replicas had different bytes, so that what is in memory is not to be trusted for a snapshot any more
}

// step is what is to be done for a snapshot, and for which entry.
type step struct {
	kind stepKind
	seq  uint64
}

type stepKind int

const (
	nothing stepKind = iota
	propose
	verify
	publish
)

// tendSnapshots takes the next step towards a snapshot, if it is this replica's turn: the first in the order of names begins at once,
// the others when those before have had time.
func (l *Log[S]) tendSnapshots(now time.Duration) {
	s := &l.snapshots
	select {
	case s.busy <- struct{}{}:
	default:
		return
	}
	if now < s.rest {
		<-s.busy
		return
	}
	st, rank := l.nextStep()
	if st.kind != s.what.kind || st.kind != propose && st != s.what {
		s.what, s.due = st, now
	}
	if st.kind == nothing || now-s.due < time.Duration(rank)*turn {
		<-s.busy
		return
	}
	l.work.Go(func() {
		defer func() { <-s.busy }()
		ctx, cancel := context.WithTimeout(l.ctx, snapshotMax)
		defer cancel()
		err := l.takeStep(ctx, st)
		s.what = step{}
		switch {
		case err == nil || l.ctx.Err() != nil:
		case errors.Is(err, errDisputed):
			s.rest = l.cfg.hooks.now() + afterDiff
			l.log.Error().Err(err).Msg("a snapshot failed")
		default:
			s.rest = l.cfg.hooks.now() + againAfter
			l.log.Warn().Err(err).Msg("a snapshot failed: it is tried again")
		}
	})
}

// nextStep says what there is to do, and after how many others it is this replica's turn.
func (l *Log[S]) nextStep() (step, int) {
	s, me := &l.snapshots, l.writer.id()
	l.mu.RLock()
	defer l.mu.RUnlock()
	verified, _ := l.engine.Verified()
	proposed, _, by := l.engine.Proposed()
	var live []string
	for _, m := range l.engine.Members() {
		if l.engine.Live(m.Writer) {
			live = append(live, m.Writer)
		}
	}
	rank, found := slices.BinarySearch(live, me)
	grown := l.engine.Seq() - min(s.kept, l.engine.Seq())
	switch {
	case !found:
		return step{}, 0 // nobody has heard of this replica yet
	case !s.looked:
		return step{publish, verified}, 0
	case proposed > verified && by == me && len(live) == 1:
		return step{verify, proposed}, 0
	case proposed > verified && by == me:
		return step{}, 0 // another one verifies it
	case proposed > verified:
		if i, ok := slices.BinarySearch(live, by); ok && i < rank {
			rank--
		}
		return step{verify, proposed}, rank
	case verified > s.kept:
		return step{publish, verified}, rank
	case grown > 0 && (grown >= l.cfg.SnapshotEntries || l.grown >= l.cfg.SnapshotBytes || l.health.isFull()):
		return step{propose, 0}, rank
	}
	return step{}, 0
}

func (l *Log[S]) takeStep(ctx context.Context, st step) error {
	switch st.kind {
	case propose:
		return l.proposeSnapshot(ctx)
	case verify:
		return l.verifySnapshot(ctx, st.seq)
	}
	return l.publishSnapshot(ctx)
}

// proposeSnapshot stores what the machine is after the newest entry, and proposes it: frozen, or when it cannot be, replayed by a shadow.
// Another replica, when there is one, verifies it by a replay in any case.
func (l *Log[S]) proposeSnapshot(ctx context.Context) error {
	l.mu.RLock()
	seq, hash := l.engine.Seq(), l.engine.Hash()
	var snapshot func() ([]byte, error)
	if !l.snapshots.replay.Load() {
		snapshot = l.engine.Freeze()
	}
	l.mu.RUnlock()
	if snapshot == nil {
		sh, err := l.newShadow(ctx)
		if err != nil {
			return err
		}
		defer sh.close()
		if err := l.shade(ctx, sh, seq, hash); err != nil {
			return err
		}
		snapshot = sh.engine.Snapshot
	}
	data, err := snapshot()
	if err != nil {
		return err
	}
	if err := l.shelf.put(ctx, seq, data); err != nil {
		return err
	}
	_, err = l.own(ctx, engine.SnapshotCommand(seq, sha256.Sum256(data)))
	if api.CodeOf(err) == api.FailedPrecondition {
		return nil // another replica was quicker
	}
	if err != nil {
		return fmt.Errorf("propose the snapshot of entry %d: %w", seq, err)
	}
	l.metrics.snapshots.Inc()
	return nil
}

// verifySnapshot compares the proposed snapshot with what this replica finds.
func (l *Log[S]) verifySnapshot(ctx context.Context, seq uint64) error {
	digest, err := l.digestOf(ctx, seq)
	if err != nil {
		return err
	}
	_, err = l.own(ctx, engine.VerifiedCommand(seq, digest))
	switch api.CodeOf(err) {
	case "":
		l.metrics.snapshots.Inc()
	case api.Conflict:
		return fmt.Errorf("%w %d", errDisputed, seq)
	case api.NotFound, api.FailedPrecondition: // another replica was quicker
	default:
		return fmt.Errorf("verify the snapshot of entry %d: %w", seq, err)
	}
	return nil
}

// digestOf returns the digest of the snapshot of an entry: from a shadow of its own, or when this replica is alone and made the
// proposal itself, from what is stored, restored and written again.
func (l *Log[S]) digestOf(ctx context.Context, seq uint64) (sum [32]byte, err error) {
	l.mu.RLock()
	_, proposed, by := l.engine.Proposed()
	last, hash := l.engine.Seq(), l.engine.Hash()
	at, known := l.engine.HashAt(seq)
	l.mu.RUnlock()
	if by == l.writer.id() {
		data, err := l.shelf.get(ctx, pointTo("", seq, proposed))
		if err != nil {
			return sum, err
		}
		e, err := engine.Restore(l.cfg.Machine, data)
		if err != nil {
			return sum, fmt.Errorf("restore the snapshot of entry %d: %w", seq, err)
		}
		data, err = e.Snapshot()
		return sha256.Sum256(data), err
	}
	sh, err := l.newShadow(ctx)
	if err != nil {
		return sum, err
	}
	defer sh.close()
	if known {
		last, hash = seq, at
	}
	if err := sh.replay(ctx, seq); err != nil {
		return sum, err
	}
	data, err := sh.engine.Snapshot()
	if err != nil {
		return sum, err
	}
	return sha256.Sum256(data), l.shade(ctx, sh, last, hash)
}

// readBack looks whether a verified snapshot is stored as it was verified. If it is not, say after a power cut, it is made again: the log
// goes on only from one that is verified to the next, so nothing would ever be purged any more.
func (l *Log[S]) readBack(ctx context.Context, p pointer) error {
	get := func() error {
		ctx, cancel := context.WithTimeout(ctx, fetchTime)
		defer cancel()
		_, err := l.shelf.get(ctx, p)
		return err
	}
	err := get()
	if err == nil || ctx.Err() != nil {
		return err
	}
	l.log.Warn().Err(err).Msg("a verified snapshot cannot be read: it is made again")
	sh, err := l.newShadow(ctx)
	if err != nil {
		return err
	}
	defer sh.close()
	if err := sh.replay(ctx, p.Seq); err != nil {
		return err
	}
	data, err := sh.engine.Snapshot()
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(data); pointTo(p.Log, p.Seq, sum) != p {
		return fmt.Errorf("the snapshot of entry %d is not the one that was verified, made again", p.Seq)
	}
	if err := l.shelf.put(ctx, p.Seq, data); err != nil {
		return err
	}
	return get()
}

// publishSnapshot makes the verified snapshot the one that replicas restore, and purges the log below it.
func (l *Log[S]) publishSnapshot(ctx context.Context) error {
	s := &l.snapshots
	l.mu.RLock()
	seq, digest := l.engine.Verified()
	p := pointTo(l.engine.Log(), seq, digest)
	l.mu.RUnlock()
	have, _, err := l.shelf.newest(ctx)
	if err != nil {
		return err
	}
	s.looked = true
	if have.Seq < seq {
		if err := l.readBack(ctx, p); err != nil { // before anything is purged
			return err
		}
		if err := l.shelf.point(ctx, p); err != nil {
			return err
		}
	}
	seq = max(seq, have.Seq)
	if seq > engine.MaxLag {
		if err := l.store.purge(ctx, seq-engine.MaxLag); err != nil {
			return err
		}
	}
	s.kept = seq
	return nil
}
