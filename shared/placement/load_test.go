package placement_test

import (
	"math"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

func TestNewLoad(t *testing.T) {
	for _, c := range []struct {
		was           placement.Load
		cpu, memory   float64
		waiting, cpus int
		want          placement.Load
		busy          int
	}{
		{placement.Load{}, 0, 0, 0, 4, placement.Load{}, 0},
		{placement.Load{}, 0.52, 0.3, 0, 4, placement.Load{CPU: 50, Memory: 30}, 50},
		{placement.Load{CPU: 50}, 0.57, 0, 0, 4, placement.Load{CPU: 50}, 50},
		{placement.Load{CPU: 50}, 0.58, 0, 0, 4, placement.Load{CPU: 60}, 60},
		{placement.Load{CPU: 50}, 0.43, 0, 0, 4, placement.Load{CPU: 50}, 50},
		{placement.Load{}, 0, 0.9, 0, 4, placement.Load{Memory: 90}, 80},
		{placement.Load{}, 0, 0, 64, 4, placement.Load{Queue: 50}, 50},
		{placement.Load{}, 2, -1, -5, 0, placement.Load{CPU: 100}, 100},
		{placement.Load{CPU: 30}, math.NaN(), math.Inf(1), math.MaxInt, 1, placement.Load{CPU: 30, Memory: 100, Queue: 100}, 100},
	} {
		got := placement.NewLoad(c.was, c.cpu, c.memory, c.waiting, c.cpus)
		if got != c.want || got.Busy() != c.busy {
			t.Errorf("%+v, %g, %g, %d, %d: %+v, busy %d", c.was, c.cpu, c.memory, c.waiting, c.cpus, got, got.Busy())
		}
	}
}

// Starts that come all at once, while one of four hosts is idle for a moment, do not all go there, and those that are not
// given any way in the records follow the reports rather than the records.
func TestStartsDoNotHerd(t *testing.T) {
	for idle := range 4 {
		hosts := fleet(4)
		loads := placement.Loads{}
		for i, h := range hosts {
			h.Load, loads[h.Lease] = 0, placement.Load{CPU: 90, Queue: 80}
			if i == idle {
				h.Load, loads[h.Lease] = 100, placement.Load{}
			}
		}
		var one []*api.Agent // each start sees those before it
		for i := range 100 {
			a := crowd(i+1, nil)[i]
			host, err := placement.Choose(hosts, one, &a.AgentSpec, loads)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range hosts {
				if h.ID == host {
					run(a, h)
				}
			}
			one = append(one, a)
		}
		none := map[string]int{} // no start sees another
		for _, a := range crowd(100, nil) {
			host, err := placement.Choose(hosts, nil, &a.AgentSpec, loads)
			if err != nil {
				t.Fatal(err)
			}
			none[host]++
		}
		seen := map[string]int{}
		for _, a := range one {
			seen[a.Host]++
		}
		for _, h := range hosts {
			for name, n := range map[string]int{"one after another": seen[h.ID], "at once": none[h.ID]} {
				if h == hosts[idle] && (n < 35 || n > 70) || h != hosts[idle] && (n < 5 || n > 30) {
					t.Errorf("%s: %s, idle %v, has %d of 100", name, h.ID, h == hosts[idle], n)
				}
			}
		}
	}
}

// Hosts that have heard different reports of the same loads, which go on changing, still share the work out without much strife.
func TestSimulationWithLoads(t *testing.T) {
	t.Parallel()
	hosts := fleet(20)
	w := newWorld(5, hosts, crowd(simAgents/2, typed))
	w.hears = func(s *simHost) {
		s.loads = placement.Loads{}
		for i, h := range hosts {
			now := w.now / time.Second
			level := float64((i*37+int(now)*11)%100)/100 + 0.04*(w.rng.Float64()-0.5)
			s.loads[h.Lease] = placement.NewLoad(s.loads[h.Lease], level, 0.4, 0, h.CPUs)
		}
	}
	finish(t, w, simAgents/2, 2.2)
	before := w.running
	w.die(w.hosts[3])
	finish(t, w, before-w.running, 2.2)
}
