package kv

import (
	"context"
	"sync"
	"time"
)

// clockTrust is how long the monotonic clock is trusted to run like the store's.
const clockTrust = 30 * time.Second

// clock remembers when the store's time was last read.
type clock struct {
	mu    sync.Mutex
	store time.Time
	local time.Time
}

// Now returns the time by the clock of the stream's leader, against which the times of entries are to be compared. It may
// be late by a round trip, never early.
func (b *Bucket) Now(ctx context.Context) (time.Time, error) {
	c := &b.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.local.IsZero() || time.Since(c.local) > clockTrust {
		err := Retry(ctx, func(ctx context.Context) error {
			info, err := b.refresh(ctx)
			if err == nil {
				c.store, c.local = info.TimeStamp, time.Now()
			}
			return err
		})
		if err != nil {
			return time.Time{}, b.unavailable(err, false)
		}
	}
	return c.store.Add(time.Since(c.local)), nil
}
