package quota

import "time"

const (
	slot  = 500 * time.Millisecond
	slots = 20 // ten seconds

	// minRetries is how many repetitions ten seconds allow in any case.
	minRetries = 10
)

// Retries is the budget of repetitions: so many percent of the calls of the last ten seconds, ten at least. Time is counted in
// slots of half a second, and the last ten seconds are the present slot and the nineteen before it. Now is the time since
// whatever the caller likes; one that goes back counts as the latest.
type Retries struct {
	Percent int

	slots [slots]struct{ calls, retries int }
	last  int64 // number of the present slot
}

// Call counts a call.
func (r *Retries) Call(now time.Duration) { r.slots[r.turn(now)].calls++ }

// Retry counts a repetition and tells whether the budget allows it; if not it is not counted.
func (r *Retries) Retry(now time.Duration) bool {
	i := r.turn(now)
	if r.Allowed(now) == 0 {
		return false
	}
	r.slots[i].retries++
	return true
}

// Allowed returns how many more repetitions the budget allows.
func (r *Retries) Allowed(now time.Duration) int {
	r.turn(now)
	calls, retries := 0, 0
	for _, s := range r.slots {
		calls += s.calls
		retries += s.retries
	}
	return max(0, max(minRetries, calls*r.Percent/100)-retries)
}

// turn drops the slots that are past and returns the present one.
func (r *Retries) turn(now time.Duration) int64 {
	for n := int64(now / slot); r.last < n; {
		r.last = max(r.last+1, n-slots+1)
		r.slots[r.last%slots] = struct{ calls, retries int }{}
	}
	return r.last % slots
}

// Backoff returns how long to wait before repetition n, counted from 1: a random part, u of 0 to 1, of base doubled for each
// further repetition, most at the most, but not less than the endpoint has asked for.
func Backoff(base, most, asked time.Duration, n int, u float64) time.Duration {
	ceiling := most
	if n < 63 && base <= most>>(n-1) {
		ceiling = base << (n - 1)
	}
	return max(asked, time.Duration(u*float64(ceiling)))
}
