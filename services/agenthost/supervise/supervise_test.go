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
	}{
		"permanent, crash":               {policy("permanent", 10, 60), nil, true, restart(0)},
		"permanent, in order":            {policy("permanent", 10, 60), nil, false, restart(0)},
		"transient, crash":               {policy("transient", 10, 60), nil, true, restart(0)},
		"transient, in order":            {policy("transient", 10, 60), at(1), false, supervise.Verdict{}},
		"temporary, crash":               {policy("temporary", 10, 60), nil, true, supervise.Verdict{}},
		"temporary, in order":            {policy("temporary", 10, 60), nil, false, supervise.Verdict{}},
		"none allowed":                   {policy("permanent", 0, 60), nil, true, supervise.Verdict{Exhausted: true}},
		"second":                         {policy("permanent", 10, 60), at(1), true, restart(100 * time.Millisecond)},
		"third":                          {policy("permanent", 10, 60), at(2, 1), true, restart(200 * time.Millisecond)},
		"tenth":                          {policy("permanent", 10, 60), at(9, 8, 7, 6, 5, 4, 3, 2, 1), true, restart(10 * time.Second)},
		"eleventh crash in a minute":     {policy("permanent", 10, 60), at(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), true, supervise.Verdict{Exhausted: true}},
		"what is older does not count":   {policy("permanent", 2, 60), at(61, 60, 59), true, restart(100 * time.Millisecond)},
		"the window's end does not":      {policy("permanent", 1, 60), at(60), true, restart(0)},
		"a moment before it does":        {policy("permanent", 1, 60), []time.Time{zero.Add(-time.Minute + 1)}, true, supervise.Verdict{Exhausted: true}},
		"a clock that went back counts":  {policy("permanent", 1, 60), at(-5), true, supervise.Verdict{Exhausted: true}},
		"the delay stays at its longest": {policy("permanent", 100, 60), at(make([]int, 50)...), true, restart(10 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want.Exhausted {
				if got := c.policy.Decide(nil, c.earlier, zero, c.crashed); got != c.want {
					t.Errorf("others' restarts: got %+v, want %+v", got, c.want)
				}
			}
			if got := c.policy.Decide(c.earlier, nil, zero, c.crashed); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// However the members of a group crash, no window has more restarts than are allowed, and delays grow and are bounded.
func TestNeverTooOften(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most, seconds := rapid.IntRange(0, 12).Draw(t, "most"), rapid.IntRange(1, 30).Draw(t, "seconds")
		window := time.Duration(seconds) * time.Second
		var g supervise.Group
		var members []*supervise.Member
		for i := range rapid.IntRange(1, 4).Draw(t, "members") {
			members = append(members, g.Join(&api.AgentSpec{ID: string(rune('a' + i)), MaxRestarts: &most, MaxSeconds: &seconds}))
		}
		now := zero
		all := map[*supervise.Member][]time.Time{}
		for range rapid.IntRange(1, 60).Draw(t, "crashes") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(t, "after")))
			m := rapid.SampledFrom(members).Draw(t, "member")
			verdict := g.Ended(m, now, true)
			inWindow, own := 0, 0
			for who, times := range all {
				for _, r := range times {
					if now.Sub(r) >= window {
						continue
					}
					inWindow++
					if who == m {
						own++
					}
				}
			}
			if verdict.Restart == verdict.Exhausted || verdict.Exhausted != (inWindow >= most) {
				t.Fatalf("%+v after %d restarts of %d", verdict, inWindow, most)
			}
			if !verdict.Restart {
				return
			}
			all[m] = append(all[m], now)
			want := min(supervise.MaxDelay, supervise.FirstDelay<<max(0, own-1))
			if own == 0 {
				want = 0
			}
			if o := g.Order(m); verdict.Delay != want || o.Do != supervise.Start || !o.Due.Equal(now.Add(want)) {
				t.Fatalf("restart %d after %s, order %+v, want %s", own+1, verdict.Delay, o, want)
			}
			if !g.Starting(m) {
				t.Fatal("a member that is told to start may not")
			}
			g.Started(m)
		}
	})
}
