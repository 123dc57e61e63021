package kv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
)

// forgetTime is for how long Forget waits for the outbox.
const forgetTime = 3 * time.Second

// Forget removes the revisions of a key that was deleted, and leaves the deletion, which has no value, to Sweep: a mirror may not have read it yet.
// It waits until the bucket's outbox, if there is one, has told of all of them, and is unavailable (events_behind) when that takes too long.
// A key that is there, or was never written, is left alone.
func (b *Bucket) Forget(ctx context.Context, key string) error {
	e, err := b.Get(ctx, key)
	if err != nil || e.Revision == 0 || !e.Deleted {
		return err
	}
	stream, err := b.js.Stream(ctx, b.stream)
	if err != nil {
		return fmt.Errorf("forget %s in %s: %w", key, b.name, err)
	}
	for until := time.Now().Add(forgetTime); ; {
		out, err := told(ctx, stream, e.Revision)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("forget %s in %s: %w", key, b.name, err)
		}
		if out {
			break
		}
		if time.Now().After(until) || pause(ctx, 5) != nil {
			return api.Errorf(api.Unavailable, "the events of %s in %s are not out yet: ask again", key, b.name).WithReason(api.ReasonEventsBehind)
		}
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSubject(b.prefix+key), jetstream.WithPurgeSequence(e.Revision)); err != nil {
		return fmt.Errorf("forget %s in %s: %w", key, b.name, err)
	}
	return nil
}

// told tells whether the outbox is past a revision.
func told(ctx context.Context, stream jetstream.Stream, revision uint64) (bool, error) {
	c, err := stream.Consumer(ctx, api.OutboxConsumer)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	i := c.CachedInfo()
	return i.AckFloor.Stream >= revision || i.NumPending == 0 && i.NumAckPending == 0, nil
}
