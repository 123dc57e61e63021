package supervise_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/agenthost/supervise"
	"github.com/mabus-project/mabus/shared/api"
)

var zero = time.Unix(1_700_000_000, 0).UTC()

func policy(restart api.RestartPolicy, most, seconds int) supervise.Policy {
	return supervise.PolicyOf(&api.AgentSpec{RestartPolicy: restart, MaxRestarts: &most, MaxSeconds: &seconds})
}

func TestPolicyOf(t *testing.T) {
	if got, want := supervise.PolicyOf(&api.AgentSpec{}), (supervise.Policy{Restart: api.RestartPermanent, MaxRestarts: 10, Window: time.Minute}); got != want {
		t.Errorf("defaults: %+v, want %+v", got, want)
	}
	if got, want := policy(api.RestartTransient, 0, 7), (supervise.Policy{Restart: api.RestartTransient, Window: 7 * time.Second}); got != want {
		t.Errorf("given: %+v, want %+v", got, want)
	}
	if got := policy("", 1, math.MaxInt); got.Window <= 0 {
		t.Errorf("the longest window is %s", got.Window)
	}
}

func TestDecide(t *testing.T) {
	at := func(seconds ...int) (all []time.Time) {
		for _, s := range seconds {
			all = append(all, zero.Add(-time.Duration(s)*time.Second))
		}
		return all
	}
	restart := func(d time.Duration) supervise.Verdict { return supervise.Verdict{Restart: true, Delay: d} }
	for name, c := range map[string]struct {
		policy  supervise.Policy
		earlier []time.Time
		crashed bool
		want    supervise.Verdict
		left    int
	}{
		"permanent, crash":               {policy("permanent", 10, 60), nil, true, restart(0), 1},
		"permanent, in order":            {policy("permanent", 10, 60), nil, false, restart(0), 1},
		"transient, crash":               {policy("transient", 10, 60), nil, true, restart(0), 1},
		"transient, in order":            {policy("transient", 10, 60), at(1), false, supervise.Verdict{}, 1},
		"temporary, crash":               {policy("temporary", 10, 60), nil, true, supervise.Verdict{}, 0},
		"temporary, in order":            {policy("temporary", 10, 60), nil, false, supervise.Verdict{}, 0},
		"none allowed":                   {policy("permanent", 0, 60), nil, true, supervise.Verdict{Exhausted: true}, 0},
		"second":                         {policy("permanent", 10, 60), at(1), true, restart(100 * time.Millisecond), 2},
		"third":                          {policy("permanent", 10, 60), at(2, 1), true, restart(200 * time.Millisecond), 3},
		"tenth":                          {policy("permanent", 10, 60), at(9, 8, 7, 6, 5, 4, 3, 2, 1), true, restart(10 * time.Second), 10},
		"eleventh crash in a minute":     {policy("permanent", 10, 60), at(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), true, supervise.Verdict{Exhausted: true}, 10},
		"what is older does not count":   {policy("permanent", 2, 60), at(61, 60, 59), true, restart(100 * time.Millisecond), 2},
		"the window's end does not":      {policy("permanent", 1, 60), at(60), true, restart(0), 1},
		"a moment before it does":        {policy("permanent", 1, 60), []time.Time{zero.Add(-time.Minute + 1)}, true, supervise.Verdict{Exhausted: true}, 1},
		"a clock that went back counts":  {policy("permanent", 1, 60), at(-5), true, supervise.Verdict{Exhausted: true}, 1},
		"the delay stays at its longest": {policy("permanent", 100, 60), at(make([]int, 50)...), true, restart(10 * time.Second), 51},
	} {
		t.Run(name, func(t *testing.T) {
			got, left := c.policy.Decide(c.earlier, zero, c.crashed)
			if got != c.want || len(left) != c.left {
				t.Errorf("got %+v and %d restarts, want %+v and %d", got, len(left), c.want, c.left)
			}
		})
	}
}

// However an agent crashes, no window has more restarts than are allowed, delays grow and are bounded, and what the caller
// passed in stays as it was.
func TestNeverTooOften(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policy("permanent", rapid.IntRange(0, 12).Draw(t, "most"), rapid.IntRange(1, 30).Draw(t, "seconds"))
		now := zero
		var recent, all []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "crashes") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(t, "after")))
			before := append([]time.Time(nil), recent...)
			verdict, next := p.Decide(recent, now, true)
			for i := range before {
				if !recent[i].Equal(before[i]) {
					t.Fatal("the caller's times were changed")
				}
			}
			recent = next
			if verdict.Restart == verdict.Exhausted {
				t.Fatalf("%+v", verdict)
			}
			if !verdict.Restart {
				if len(recent) < p.MaxRestarts {
					t.Fatalf("given up after %d restarts of %d", len(recent), p.MaxRestarts)
				}
				continue
			}
			all = append(all, now)
			inWindow := 0
			for _, r := range all {
				if now.Sub(r) < p.Window {
					inWindow++
				}
			}
			if inWindow > p.MaxRestarts || inWindow != len(recent) {
				t.Fatalf("%d restarts in %s, at most %d are allowed; %d are remembered", inWindow, p.Window, p.MaxRestarts, len(recent))
			}
			want := min(supervise.MaxDelay, supervise.FirstDelay<<max(0, inWindow-2))
			if inWindow == 1 {
				want = 0
			}
			if verdict.Delay != want {
				t.Fatalf("restart %d after %s, want %s", inWindow, verdict.Delay, want)
			}
		}
	})
}
