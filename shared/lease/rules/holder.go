package rules

import "time"

// Holder is what the holder of a lease knows of it. Its lease is held until Hold after the send time of the last renewal
// that succeeded; from then on it is suspended, until a renewal succeeds again or proves that the lease is lost.
type Holder struct {
	timing Timing
	rev    uint64
	until  time.Duration
}

// NewHolder returns the holder of a lease that was acquired by a write sent at sent and stored at rev.
func NewHolder(t Timing, rev uint64, sent time.Duration) Holder {
	return Holder{timing: t, rev: rev, until: sent + t.Hold}
}

// Revision is what the next renewal must expect.
func (h *Holder) Revision() uint64 { return h.rev }

// Until is when the lease is suspended unless it is renewed.
func (h *Holder) Until() time.Duration { return h.until }

// Held tells whether the holder may act now.
func (h *Holder) Held(now time.Duration) bool { return now < h.until }

// Renewed notes a renewal that was sent at sent and stored at rev. It counts from when it was sent, because it may have been
// stored at once and its answer have taken long: a holder that hears of it too late is still suspended.
func (h *Holder) Renewed(rev uint64, sent time.Duration) {
	h.rev, h.until = rev, max(h.until, sent+h.timing.Hold)
}

// Found notes what is stored at rev in the place of what a renewal expected. It is the holder's own if mine is set: a renewal
// whose answer was lost. It does not say when that was sent, so only the next renewal counts. Otherwise the lease is lost.
func (h *Holder) Found(rev uint64, mine bool) (lost bool) {
	if mine {
		h.rev = rev
	}
	return !mine
}

// Next returns how long to wait for the next renewal after one that was sent at sent and succeeded or not.
func (h *Holder) Next(sent, now time.Duration, ok bool) time.Duration {
	if !ok {
		return h.timing.Retry()
	}
	return max(sent+h.timing.Renew-now, 0)
}
