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
	turn  chan struct{} // is full while somebody reads it, whom the others wait for no longer than they may
	mu    sync.Mutex
	store time.Time
	local time.Time
}

// now returns the store's time, if it was read a short while ago.
func (c *clock) now() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	past := time.Since(c.local)
	return c.store.Add(past), !c.local.IsZero() && past <= clockTrust
}

// Now returns the time by the clock of the stream's leader, against which the times of entries are to be compared. It may
// be late by a round trip, never early.
func (b *Bucket) Now(ctx context.Context) (time.Time, error) {
	c := &b.clock
	if now, ok := c.now(); ok {
		return now, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return time.Time{}, b.unavailable(ctx.Err(), false)
	}
	if now, ok := c.now(); ok {
		return now, nil
	}
	err := Retry(ctx, func(ctx context.Context) error {
		info, err := b.refresh(ctx)
		if err == nil {
			c.mu.Lock()
			c.store, c.local = info.TimeStamp, time.Now()
			c.mu.Unlock()
		}
		return err
	})
	if err != nil {
		return time.Time{}, b.unavailable(err, false)
	}
	now, _ := c.now()
	return now, nil
}
