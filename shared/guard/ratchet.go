package guard

import (
	"sync"
	"time"
)

// ratchet is a time that only goes forward: at the pace of the monotonic clock from the latest time that it was shown.
type ratchet struct {
	mu           sync.Mutex
	shown, local time.Time
}

// at returns the time, after it was shown another.
func (r *ratchet) at(other time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	t := r.shown
	if !r.local.IsZero() {
		t = t.Add(now.Sub(r.local))
	}
	if other.After(t) {
		t, r.shown, r.local = other, other, now
	}
	return t
}
