package kv

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Sweep removes every trace of keys that were deleted more than age ago, by the store's clock, and returns how many. It
// removes at most limit keys. Outboxes and repeated requests must have no use for a deletion of that age.
func (b *Bucket) Sweep(ctx context.Context, age time.Duration, limit int) (int, error) {
	stream, err := b.js.Stream(ctx, b.stream)
	if err != nil {
		return 0, fmt.Errorf("sweep %s: %w", b.name, err)
	}
	before := stream.CachedInfo().TimeStamp.Add(-age)
	cons, err := b.js.CreateConsumer(ctx, b.stream, b.lastOfEach(">", true))
	if err != nil {
		return 0, fmt.Errorf("sweep %s: %w", b.name, err)
	}
	name := cons.CachedInfo().Name
	defer b.dropConsumer(name)
	removed := 0
	for left := cons.CachedInfo().NumPending; left > 0 && removed < limit && ctx.Err() == nil; {
		batch, err := cons.FetchNoWait(int(min(left, 500)))
		if err != nil {
			return removed, fmt.Errorf("sweep %s: %w", b.name, err)
		}
		came := false
		for m := range batch.Messages() {
			came = true
			meta, err := m.Metadata()
			if err != nil {
				return removed, fmt.Errorf("sweep %s: %w", b.name, err)
			}
			left = meta.NumPending
			if removed >= limit || !deletion(m.Headers()) || meta.Timestamp.After(before) {
				continue
			}
			// Only up to the deletion: a key that was written again meanwhile keeps what is newer.
			if err := stream.Purge(ctx, jetstream.WithPurgeSubject(m.Subject()), jetstream.WithPurgeSequence(meta.Sequence.Stream+1)); err != nil {
				return removed, fmt.Errorf("sweep %s: %w", b.name, err)
			}
			removed++
		}
		if err := batch.Error(); err != nil {
			return removed, fmt.Errorf("sweep %s: %w", b.name, err)
		}
		if !came { // others sweep as well: the server stops at what is gone, and goes on behind it when it is asked again
			info, err := cons.Info(ctx)
			if err != nil {
				return removed, fmt.Errorf("sweep %s: %w", b.name, err)
			}
			left = info.NumPending
		}
	}
	return removed, ctx.Err()
}

// lastOfEach describes a short-lived consumer of the last message of each key, and then of all that follow.
func (b *Bucket) lastOfEach(filter string, headersOnly bool) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverLastPerSubjectPolicy,
		FilterSubject:     b.prefix + filter,
		AckPolicy:         jetstream.AckNonePolicy,
		HeadersOnly:       headersOnly,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: 30 * time.Second,
	}
}

// dropConsumer removes a consumer; if that fails, the server does so after its InactiveThreshold.
func (b *Bucket) dropConsumer(name string) {
	if !b.nc.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tryTimeout)
	defer cancel()
	_ = b.js.DeleteConsumer(ctx, b.stream, name)
}
