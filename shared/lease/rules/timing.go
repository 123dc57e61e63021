// Package rules holds the pure rules of leases: when a holder may act and when it renews, and when a watcher may declare a
// lease dead.
//
// A time is a duration since a start of the process's own choice, by a clock that never goes back. No rule compares the
// clocks of two processes: each measures a duration by its own, and the durations are apart by more than clocks drift.
package rules

import (
	"fmt"
	"time"
)

// Timing holds the durations that the holders and the watchers of a namespace must agree on.
type Timing struct {
	// Renew is how often a holder renews.
	Renew time.Duration
	// Hold is for how long a holder may act after the send time of its last successful renewal.
	Hold time.Duration
	// Challenge is for how long a watcher must have seen a lease unchanged before it declares it dead.
	Challenge time.Duration
}

// Check tells whether the durations keep a holder and a watcher apart: a holder whose clock is a hundredth slow must have
// stopped before a watcher whose clock is a hundredth fast declares its lease dead.
func (t Timing) Check() error {
	if t.Renew <= 0 || t.Renew >= t.Hold || t.Hold/99 >= t.Challenge/101 {
		return fmt.Errorf("want 0 < renew < hold, and hold shorter than challenge by a fiftieth; have %s, %s, %s", t.Renew, t.Hold, t.Challenge)
	}
	return nil
}

// Tick is how often a watcher looks.
func (t Timing) Tick() time.Duration { return max(t.Challenge/15, 1) }

// Retry is how long a holder waits after a renewal that failed.
func (t Timing) Retry() time.Duration { return max(t.Renew/20, 1) }

// stale is the age from which a view counts as broken.
func (t Timing) stale() time.Duration { return 3 * t.Renew }

// gap is how long a watcher may be late to look before it counts as having been stopped.
func (t Timing) gap() time.Duration { return max(t.Challenge/3, 1) }

// grace is for how long a holder must have been able to renew before its lease is dead.
func (t Timing) grace() time.Duration { return min(2*t.Renew, (t.Challenge-t.Renew)/2) }

// doubtAfter is for how long a lease is unchanged when it is doubted: early enough that it can be declared dead in time.
func (t Timing) doubtAfter() time.Duration {
	return max(t.Challenge-t.grace()-2*t.Tick(), t.Challenge/4)
}
