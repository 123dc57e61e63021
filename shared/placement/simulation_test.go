package placement_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// mostAttempts is how many claims an agent may cost on average.
const mostAttempts = 1.2

func typed(i int, a *api.Agent) { a.Type = fmt.Sprintf("type-%d", i%200) }

// finish lets all agents that wait be claimed and judges what it took. Waiting counts them.
func finish(t *testing.T, w *world, waiting int, most float64) {
	t.Helper()
	w.attempts, w.lost = 0, 0
	start := w.now
	if !w.runUntil(w.running+waiting, start+2*time.Minute) {
		t.Fatalf("%d agents do not run after %s", len(w.store)-w.running, w.now-start)
	}
	per := float64(w.attempts) / float64(waiting)
	high, low := balance(w.perHost(""))
	t.Logf("%d agents: %.3f attempts each (%d lost), all run after %s; fullest host %.3f of the mean, emptiest %.3f", waiting, per, w.lost, w.settled-start, high, low)
	if per > mostAttempts {
		t.Errorf("%.3f attempts per agent, more than %.1f", per, mostAttempts)
	}
	if high > most {
		t.Errorf("the fullest host has %.3f of the mean, more than %.2f", high, most)
	}
}

func TestSimulation(t *testing.T) {
	for seed := range uint64(simSeeds) {
		t.Run(fmt.Sprintf("all at once, then deaths and joins, seed %d", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(seed, fleet(50), crowd(simAgents, typed))
			finish(t, w, simAgents, 1.15)
			spread(t, w)

			before := w.running
			w.die(w.hosts[7])
			finish(t, w, before-w.running, 1.15)

			before = w.running
			for _, s := range w.hosts[10:20] {
				w.die(s)
			}
			finish(t, w, before-w.running, 1.15)
			spread(t, w)

			more := crowd(simAgents+simAgents/10, typed)[simAgents:]
			for i, h := range fleet(55)[50:] {
				w.after(time.Duration(i*10)*time.Millisecond, func() { w.join(h) })
			}
			for i := range more {
				w.grow(more[i], time.Duration(i/100*20)*time.Millisecond)
			}
			finish(t, w, len(more), 1.15)
		})
	}
	t.Run("one type", func(t *testing.T) {
		t.Parallel()
		w := newWorld(7, fleet(50), crowd(simAgents, nil))
		finish(t, w, simAgents, 1.15)
		before := w.running
		w.die(w.hosts[49])
		finish(t, w, before-w.running, 1.15)
	})
	t.Run("with conditions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(99, tagged(50), crowd(simAgents, constrained))
		finish(t, w, simAgents, 2)
		before := w.running
		w.die(w.hosts[0])
		finish(t, w, before-w.running, 2)
		together, groups := w.together()
		t.Logf("%d of %d groups are on one host", together, groups)
	})
}

// spread checks that no host has much more than its part of any type.
func spread(t *testing.T, w *world) {
	t.Helper()
	types, worst := 200, 0
	for k := range types {
		for _, n := range w.perHost(fmt.Sprintf("type-%d", k)) {
			worst = max(worst, n)
		}
	}
	live := len(w.perHost(""))
	even := (len(w.store)/types + live - 1) / live
	t.Logf("of any of the types of %d agents at most %d are on one of %d hosts", len(w.store)/types, worst, live)
	if worst > even+1 {
		t.Errorf("%d agents of one type on one host, where %d would be even", worst, even)
	}
}

// together counts the groups of which all members are on one host.
func (w *world) together() (whole, all int) {
	at := map[string]map[string]bool{}
	for _, a := range w.store {
		if a.Group != nil {
			if at[a.Group.Name] == nil {
				at[a.Group.Name] = map[string]bool{}
			}
			at[a.Group.Name][a.HostLease] = true
		}
	}
	for _, hosts := range at {
		if len(hosts) == 1 {
			whole++
		}
	}
	return whole, len(at)
}

// grow registers one more agent after a while. Every view has room for it from the start.
func (w *world) grow(a *api.Agent, after time.Duration) {
	i := len(w.store)
	w.index[a.ID] = i
	idle := *a
	idle.Wanted = false
	w.store, w.revs = append(w.store, &idle), append(w.revs, 0)
	for _, s := range w.hosts {
		s.agents, s.revs = append(s.agents, &idle), append(s.revs, 0)
	}
	w.after(after, func() { w.set(i, a) })
}
