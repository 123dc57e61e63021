package replog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// A shadow works for so long, and then rests so much longer, so that requests do not wait for the processor.
const (
	shadowWork = 2 * time.Millisecond
	shadowRest = 2
)

// shadow is a second engine that replays the log, so that a snapshot can be made without holding up the one that serves.
type shadow[S any] struct {
	engine *engine.Engine[S]
	feed   *feed
	work   time.Duration // since the last rest
}

// newShadow returns a shadow at the newest verified snapshot.
func (l *Log[S]) newShadow(ctx context.Context) (*shadow[S], error) {
	e, err := l.fromShelf(ctx)
	if err != nil {
		return nil, err
	}
	f, err := l.store.follow(ctx, e.Seq())
	if err != nil {
		return nil, err
	}
	return &shadow[S]{engine: e, feed: f}, nil
}

func (sh *shadow[S]) close() { sh.feed.drop() }

// replay applies entries up to one.
func (sh *shadow[S]) replay(ctx context.Context, seq uint64) error {
	for sh.engine.Seq() < seq {
		if err := ctx.Err(); err != nil {
			return err
		}
		en, err := sh.feed.next(heartbeat)
		if errors.Is(err, nats.ErrTimeout) {
			continue
		}
		if err != nil {
			return fmt.Errorf("replay for a snapshot: %w", err)
		}
		begin := time.Now()
		if _, err := sh.engine.Apply(en); err != nil {
			return fmt.Errorf("replay for a snapshot: %w", err)
		}
		if sh.work += time.Since(begin); sh.work > shadowWork {
			pause(ctx, shadowRest*sh.work)
			sh.work = 0
		}
	}
	return nil
}

// shade replays up to an entry and compares the chain with that of the replica. One that differs was not computed as the other was:
// the replica leaves and builds its state anew.
func (l *Log[S]) shade(ctx context.Context, sh *shadow[S], seq uint64, hash [32]byte) error {
	if err := sh.replay(ctx, seq); err != nil {
		return err
	}
	if sh.engine.Hash() == hash {
		return nil
	}
	l.health.contradictions.Add(1)
	l.metrics.contradictions.Inc()
	l.endSession(errDoubt)
	return fmt.Errorf("a replay has another result than this replica for entry %d", seq)
}
