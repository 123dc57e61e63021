package quota_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/guard/quota"
)

// TestRetries compares the budget with a list of everything that happened.
func TestRetries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		percent := rapid.IntRange(1, 200).Draw(t, "percent")
		r := quota.Retries{Percent: percent}
		var calls, retries []int64 // the half seconds in which they were
		latest := time.Duration(0)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now := latest + time.Duration(rapid.Int64Range(-int64(time.Second), int64(2*time.Second)).Draw(t, "pass"))
			if rapid.IntRange(0, 40).Draw(t, "long") == 0 {
				now += 15 * time.Second
			}
			now = max(now, 0)
			latest = max(latest, now)
			present := int64(latest / (500 * time.Millisecond))
			recent := func(of []int64) (n int) {
				for _, at := range of {
					if at > present-20 {
						n++
					}
				}
				return n
			}
			allowed := max(0, max(10, recent(calls)*percent/100)-recent(retries))
			if got := r.Allowed(now); got != allowed {
				t.Fatalf("at %s the budget allows %d, want %d", now, got, allowed)
			}
			if rapid.IntRange(0, 2).Draw(t, "what") > 0 {
				r.Call(now)
				calls = append(calls, present)
				continue
			}
			if got := r.Retry(now); got != (allowed > 0) {
				t.Fatalf("with %d allowed, Retry is %v", allowed, got)
			}
			if allowed > 0 {
				retries = append(retries, present)
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	const base, most = 200 * time.Millisecond, 30 * time.Second
	for n, want := range map[int]time.Duration{1: base, 2: 2 * base, 3: 4 * base, 8: 128 * base, 9: most, 63: most, 64: most, 100: most} {
		if got := quota.Backoff(base, most, 0, n, 1); got != want {
			t.Errorf("repetition %d waits up to %s, want %s", n, got, want)
		}
	}
	if got := quota.Backoff(base, most, time.Minute, 1, 0.5); got != time.Minute {
		t.Errorf("what the endpoint asked for is %s, want 1m", got)
	}
	if got := quota.Backoff(base, most, 0, 1, 0); got != 0 {
		t.Errorf("the jitter is not full: %s at its least", got)
	}
}
