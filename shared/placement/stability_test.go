package placement_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

// differing counts the agents that two plans place differently, of those in both.
func differing(a, b placement.Result) (count int) {
	at := map[string]string{}
	for _, x := range a.Assignments {
		at[x.Agent.ID] = x.Host
	}
	for _, x := range b.Assignments {
		if host, ok := at[x.Agent.ID]; ok && host != x.Host {
			count++
		}
	}
	return count
}

// without returns the agents with k of them, chosen at random, left out.
func without(rng *rand.Rand, agents []*api.Agent, k int) []*api.Agent {
	left := slices.Clone(agents)
	for range k {
		i := rng.IntN(len(left))
		left = slices.Delete(left, i, i+1)
	}
	return left
}

func halfRunning(rng *rand.Rand, hosts []*api.Host, agents []*api.Agent, types int) {
	for i, a := range agents {
		a.Type = fmt.Sprintf("type-%d", i%types)
		if i%2 == 0 {
			run(a, hosts[rng.IntN(len(hosts))])
		}
	}
}

// TestStability measures what a difference between two views does to 5,000 agents that wait, with 5,000 that run, on 50 hosts.
func TestStability(t *testing.T) {
	for _, c := range []struct {
		name    string
		types   int
		missing int // agents
		busier  int // hosts, by 10 percent
		taken   int // agents of the plan that are claimed already, as planned
		gone    int // hosts
		most    int // agents placed otherwise, on average
	}{
		{"one agent missing", 1, 1, 0, 0, 0, 5},
		{"ten agents missing", 1, 10, 0, 0, 0, 50},
		{"ten agents missing, 100 types", 100, 10, 0, 0, 0, 80},
		{"one host busier by 10 percent", 1, 0, 1, 0, 0, 50},
		{"one host busier by 10 percent, 100 types", 100, 0, 1, 0, 0, 150},
		{"a batch of one host claimed", 1, 0, 0, placement.Batch, 0, 100},
		{"a batch of one host claimed, 100 types", 100, 0, 0, placement.Batch, 0, 250},
		{"one host gone", 1, 0, 0, 0, 1, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			total, waiting, worst := 0, 0, 0
			for seed := range uint64(stabilityRounds) {
				rng := rand.New(rand.NewPCG(seed, 2))
				hosts, agents := fleet(50), crowd(10_000, nil)
				halfRunning(rng, hosts, agents, c.types)
				plan := placement.Plan(hosts, agents, nil)
				waiting = len(plan.Assignments)
				other := without(rng, agents, c.missing)
				for range c.busier {
					i := rng.IntN(len(hosts))
					h := *hosts[i]
					h.Load += 10
					hosts = slices.Clone(hosts)
					hosts[i] = &h
				}
				if c.taken > 0 {
					for _, a := range plan.Share(hosts[3].ID)[:c.taken] {
						i := slices.Index(other, a)
						b := *a
						run(&b, hosts[3])
						other[i] = &b
					}
				}
				n := differing(plan, placement.Plan(hosts[c.gone:], other, nil))
				total, worst = total+n, max(worst, n)
			}
			mean := float64(total) / float64(stabilityRounds)
			t.Logf("%.1f of %d agents are placed otherwise (at most %d), %.2f %%", mean, waiting, worst, 100*mean/float64(waiting))
			if mean > float64(c.most) {
				t.Errorf("more than %d", c.most)
			}
		})
	}
}

// TestTwoViewsRarelyClaimTheSame draws two hosts of which each knows of its own claims and not of the other's.
func TestTwoViewsRarelyClaimTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts, agents := fleet(10), crowd(1_000, nil)
		plan := placement.Plan(hosts, agents, nil)
		mine := map[string]bool{}
		both := 0
		for n, h := range hosts[:2] {
			view := slices.Clone(agents)
			for _, a := range plan.Share(h.ID)[:rapid.IntRange(0, placement.Batch).Draw(t, "claimed")] {
				b := *a
				run(&b, h)
				view[slices.Index(view, a)] = &b
			}
			for _, a := range placement.Plan(hosts, view, nil).Share(h.ID) {
				if n == 0 {
					mine[a.ID] = true
				} else if mine[a.ID] {
					both++
				}
			}
		}
		if both > 10 {
			t.Fatalf("%d agents are in the shares of both", both)
		}
	})
}

// TestNewcomer checks that a host which joins takes only what waits, and more of it than hosts that are full.
func TestNewcomer(t *testing.T) {
	hosts := fleet(11)
	agents := crowd(1_100, func(i int, a *api.Agent) {
		if i < 1_000 {
			run(a, hosts[i%10])
		}
	})
	r := placement.Plan(hosts, agents, nil)
	if len(r.Assignments) != 100 {
		t.Fatalf("%d agents are placed, 100 wait", len(r.Assignments))
	}
	if n := len(r.Share("host-10")); n < 60 {
		t.Errorf("the empty host gets %d of 100", n)
	}
}
