package balance_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/balance"
)

// One slow member of four takes little from the others, whether few or many ask.
func TestOneSlowMemberOfFour(t *testing.T) {
	for _, callers := range []int{2, 8, 64} {
		for _, report := range []time.Duration{0, 500 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d callers, reports %s", callers, report), func(t *testing.T) {
				agents := func(n int) (all []*simAgent) {
					for range n {
						all = append(all, &simAgent{service: exactly(time.Millisecond)})
					}
					return all
				}
				oracle := newSim(t, 1, agents(3)...)
				oracle.closed(oracle.picker(nil), callers, 0)
				oracle.run(2 * time.Second)
				with := newSim(t, 1, append(agents(3), &simAgent{service: exactly(20 * time.Millisecond)})...)
				with.report = report
				with.closed(with.picker(nil), callers, 0)
				with.run(2 * time.Second)
				best, have := len(oracle.since(0, 2*time.Second)), len(with.since(0, 2*time.Second))
				tail := p99(with.since(0, 2*time.Second))
				t.Logf("%d of %d, p99 %s (oracle %s), slow part %.4f", have, best, tail, p99(oracle.since(0, 2*time.Second)), part(with.calls, 3))
				if ratio := float64(have) / float64(best); ratio < 0.7 {
					t.Errorf("throughput is %.2f of an oracle's", ratio)
				}
				if tail > 25*time.Millisecond {
					t.Errorf("p99 is %s", tail)
				}
			})
		}
	}
}

// One of ten becomes 20 times slower: within a second the fleet is as quick as without.
func TestOneGreyMemberOfTen(t *testing.T) {
	for name, pickers := range map[string]int{"one caller's process": 1, "twenty": 20} {
		t.Run(name, func(t *testing.T) {
			tail := func(factor time.Duration) time.Duration {
				agents := crowd(10, time.Millisecond)
				healthy, grey := agents[3].service, takes(factor*time.Millisecond)
				agents[3].service = func(now time.Duration, rnd *rand.Rand) (time.Duration, bool) {
					if now < time.Second {
						return healthy(now, rnd)
					}
					return grey(now, rnd)
				}
				s := newSim(t, 2, agents...)
				for range pickers {
					s.closed(s.picker(nil), 40/pickers, 8*time.Millisecond)
				}
				s.run(4 * time.Second)
				after := s.since(2*time.Second, 4*time.Second)
				t.Logf("factor %d: %d calls, p50 %s, p99 %s, its part %.4f", factor, len(after), quantile(after, 0.5), p99(after), part(after, 3))
				return p99(after)
			}
			if healthy, grey := tail(1), tail(20); grey > healthy*3/2 {
				t.Errorf("p99 %s, healthy %s", grey, healthy)
			}
		})
	}
}

// An agent that fails at once gets less than a hundredth of the traffic half a second later.
func TestAFastFailingMember(t *testing.T) {
	for _, pickers := range []int{1, 4, 20} {
		t.Run(fmt.Sprint(pickers), func(t *testing.T) {
			agents := crowd(5, time.Millisecond)
			healthy := agents[2].service
			agents[2].service = func(now time.Duration, rnd *rand.Rand) (time.Duration, bool) {
				if now >= time.Second && now < 6*time.Second {
					return 20 * time.Microsecond, true
				}
				return healthy(now, rnd)
			}
			s := newSim(t, 3, agents...)
			for range pickers {
				s.closed(s.picker(nil), max(20/pickers, 1), 10*time.Millisecond)
			}
			s.run(20 * time.Second)
			bad := s.since(1500*time.Millisecond, 6*time.Second)
			t.Logf("%d calls, its part %.5f", len(bad), part(bad, 2))
			if x := part(bad, 2); x >= 0.01 {
				t.Errorf("it gets %.3f of the traffic", x)
			}
			back := s.since(16*time.Second, 20*time.Second)
			t.Logf("back: %.3f", part(back, 2))
			if x := part(back, 2); x < 0.1 || x > 0.3 {
				t.Errorf("when it has recovered it gets %.3f of the traffic", x)
			}
		})
	}
}

// A slow member that is quick again gets its part again.
func TestARecoveredMemberGetsItsPartAgain(t *testing.T) {
	agents := crowd(4, time.Millisecond)
	healthy, slow := agents[0].service, takes(30*time.Millisecond)
	agents[0].service = func(now time.Duration, rnd *rand.Rand) (time.Duration, bool) {
		if now < 5*time.Second {
			return slow(now, rnd)
		}
		return healthy(now, rnd)
	}
	s := newSim(t, 4, agents...)
	s.closed(s.picker(nil), 8, 2*time.Millisecond)
	s.run(25 * time.Second)
	if x := part(s.since(0, 5*time.Second), 0); x > 0.02 {
		t.Errorf("while slow it has %.3f", x)
	}
	if x := part(s.since(22*time.Second, 25*time.Second), 0); x < 0.18 || x > 0.32 {
		t.Errorf("quick again it has %.3f of the calls, want about a quarter", x)
	}
}

// Many callers that all hear at once that one agent is idle do not all go there.
func TestACrowdDoesNotHerd(t *testing.T) {
	for _, report := range []time.Duration{0, 500 * time.Millisecond} {
		t.Run(report.String(), func(t *testing.T) {
			s := newSim(t, 5, crowd(10, 2*time.Millisecond)...)
			s.report = report
			for range 50 {
				s.closed(s.picker(nil), 1, 20*time.Millisecond)
			}
			s.run(5 * time.Second)
			for i, a := range s.agents {
				if x := part(s.calls, i); x > 0.2 || x < 0.05 {
					t.Errorf("agent %d has %.3f of the calls", i, x)
				}
				if a.most > 20 {
					t.Errorf("%d of 50 callers were at agent %d at one time", a.most, i)
				}
			}
		})
	}
}

// All callers are told that nine agents are busy and one idle, which is old news when they hear of it: no more than some go there.
func TestOldNewsDoesNotHerd(t *testing.T) {
	const callers = 50
	got := map[string]int{}
	s := newSim(t, 6, crowd(10, 2*time.Millisecond)...)
	for range callers {
		p := s.picker(nil)
		for i, a := range s.agents {
			p.Observe(a.id, balance.Load{Waiting: 5 * min(i, 1), Active: min(i, 1), CPU: -1}, 0)
		}
		for range 4 {
			k, err := p.Pick(balance.Request{Now: time.Millisecond}, s.rnd.Uint64())
			if err != nil {
				t.Fatal(err)
			}
			got[k.ID]++
		}
	}
	if n := got["a0"]; n > 4*callers*3/10 || n < 4*callers/10 {
		t.Errorf("the idle one got %d of %d, want about a fifth", n, 4*callers)
	}
}
