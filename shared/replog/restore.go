package replog

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// fetchTime bounds how long it takes to get a snapshot.
const fetchTime = 2 * time.Minute

// restore begins anew: from the newest verified snapshot, or from nothing.
func (l *Log[S]) restore(ctx context.Context, info *jetstream.StreamInfo) error {
	r := &l.reader
	e, err := l.fromShelf(ctx)
	if err != nil {
		return err
	}
	switch seq := e.Seq(); {
	case r.log != "" && e.Log() != "" && e.Log() != r.log:
		return fmt.Errorf("%w: the newest snapshot is of the log %s, and %s was read", errOtherLog, e.Log(), r.log)
	case info.State.FirstSeq > seq+1:
		return fmt.Errorf("%w: it begins with %d, and the newest snapshot ends with %d", errIncomplete, info.State.FirstSeq, seq)
	case info.State.LastSeq < seq:
		return fmt.Errorf("%w: it ends with %d, and the newest snapshot with %d", errIncomplete, info.State.LastSeq, seq)
	}
	l.mu.Lock()
	l.engine, l.received, l.created, l.first = e, l.cfg.hooks.now(), info.Created.UnixNano(), info.State.FirstSeq
	l.size, l.grown = int64(info.State.Bytes), 0
	l.mu.Unlock()
	l.seen.Store(e.Seq())
	l.known.Store(info.State.LastSeq)
	r.anew, r.live, r.last = false, false, mark{}
	r.begin()
	l.keeper.planned(e.Next())
	l.cfg.Restored(e.State(), e.Seq())
	return nil
}

// fromShelf returns an engine with the newest verified snapshot, or a new one when there is none.
func (l *Log[S]) fromShelf(ctx context.Context) (*engine.Engine[S], error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	p, _, err := l.shelf.newest(ctx)
	if err != nil {
		return nil, err
	}
	if p.Seq == 0 {
		return engine.New(l.cfg.Machine), nil
	}
	data, err := l.shelf.get(ctx, p)
	if err != nil {
		return nil, err
	}
	e, err := engine.Restore(l.cfg.Machine, data)
	if err != nil {
		return nil, fmt.Errorf("restore snapshot %s: %w", l.shelf.object(p.Seq), err)
	}
	if e.Seq() != p.Seq || e.Log() != p.Log {
		return nil, fmt.Errorf("snapshot %s is of entry %d of log %s", l.shelf.object(p.Seq), e.Seq(), e.Log())
	}
	return e, nil
}

// pointTo is the pointer for a snapshot.
func pointTo(log string, seq uint64, digest [32]byte) pointer {
	return pointer{Log: log, Seq: seq, Digest: hex.EncodeToString(digest[:])}
}
