package doctor

import (
	"maps"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	leaseTime = 45 * time.Second // three times what a watcher waits before it declares a lease dead
	startTime = time.Minute      // in which a wanted agent should run somewhere
	takeTime  = 30 * time.Second // three times what a task waits before another host gets it
)

// core are the services that a namespace needs as soon as their stores exist, with one of those stores.
var core = map[string]string{
	"registry": "agents", "coordination": "log_coordination", "economics": "log_economics", "perfmon": "perf", "loadbalancer": "balance", "agenthost": "tasks",
}

var fleetRules = []rule{
	{
		code: "service_missing", severity: Critical,
		why: "Its requests are answered by nobody, and what it looks after stands still: sessions, auctions, leases, events.", do: "mabus serve %s",
		find: func(f *Facts, found func(string, string, ...any)) {
			silent := slices.Sorted(slices.Values(f.Silent))
			for _, name := range slices.Compact(silent) {
				found(name, "nobody answers its requests")
			}
			if !f.Looked.Services {
				return
			}
			stores, live := map[string]bool{}, map[string]bool{}
			each(f, func(s Stream) { stores[s.Store] = true })
			for _, s := range f.Services {
				live[s.Name] = live[s.Name] || s.Live
			}
			for _, name := range []string{"registry", "coordination", "economics", "perfmon", "loadbalancer", "agenthost"} {
				if stores[core[name]] && !live[name] && !slices.Contains(silent, name) {
					found(name, "its stores are there and no process of it lives")
				}
			}
		},
	},
	{
		code: "service_not_ready", severity: Critical,
		why: "A replica that is not ready is behind its log, or others contradict it; with none that is ready nobody answers.", do: "look at /readyz and the log of its processes (mabus services list --json names them)",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, name := range slices.Sorted(maps.Keys(f.Ready)) {
				if r := f.Ready[name]; r.Live > 0 && r.Ready == 0 {
					found(name, "0 of %d replicas can answer", r.Live)
				}
			}
		},
	},
	{
		code: "replica_not_ready", severity: Warning, // which the others make up for; one that was killed lives by its lease for 15 s
		why: "It is behind its log, others contradict it, or it has died a moment ago and its lease has not.", do: "look again after 15 s; then at /readyz and the log of its processes (mabus services list --json names them)",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, name := range slices.Sorted(maps.Keys(f.Ready)) {
				if r := f.Ready[name]; r.Ready > 0 && r.Ready < r.Live {
					found(name, "%d of %d replicas can answer", r.Ready, r.Live)
				}
			}
		},
	},
	{
		code: "single_service", severity: Notice,
		why: "Until another one is started nobody answers when it dies.", do: "mabus serve %s, on another machine",
		find: func(f *Facts, found func(string, string, ...any)) {
			live := map[string]int{}
			for _, s := range f.Services {
				if s.Live {
					live[s.Name]++
				}
			}
			for _, name := range []string{"registry", "coordination", "economics", "perfmon", "loadbalancer", "agenthost"} {
				if f.Server.Nodes >= 3 && live[name] == 1 {
					found(name, "one process of it lives, on a cluster of %d servers", f.Server.Nodes)
				}
			}
		},
	},
	{
		code: "lease_not_marked", severity: Critical,
		why: "Nobody watches the leases: what dead processes had is not taken up, and their locks stay held.", do: "start a registry or a coordination: mabus serve registry",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, l := range f.Leases {
				if age := f.At.Sub(l.Renewed); !l.Dead && age > leaseTime {
					found("lease "+l.ID, "it was renewed %s ago and nobody has declared it dead", age.Round(time.Second))
				}
			}
		},
	},
	{
		code: "no_host", severity: Critical,
		why: "No agent and no task can run.", do: "mabus serve agenthost",
		find: func(f *Facts, found func(string, string, ...any)) {
			wanted := 0
			for _, a := range f.Agents {
				if a.Wanted {
					wanted++
				}
			}
			if f.Looked.Hosts && wanted > 0 && !anyLive(f) {
				found("hosts", "%d agents are to run and no host lives", wanted)
			}
		},
	},
	{
		code: "agent_nowhere", severity: Warning,
		why: "It is to run and does not.", do: "mabus agents get %s says why; mabus agents start %s tries again",
		find: func(f *Facts, found func(string, string, ...any)) {
			live := liveHosts(f)
			for _, a := range f.Agents {
				if !a.Wanted || f.At.Sub(a.Changed) < startTime {
					continue
				}
				switch {
				case a.Status != api.AgentRunning && a.Status != api.AgentStarting && a.Status != api.AgentStopping:
					found(a.ID, "it is wanted and %s", a.Status)
				case f.Looked.Hosts && a.Host != "" && !live[a.Host]:
					found(a.ID, "it is %s on the host %s, which does not live", a.Status, a.Host)
				}
			}
		},
	},
	{
		code: "orphaned_state", severity: Notice,
		why: "It takes room, and nobody will read it.", do: "nothing while a host runs: hosts sweep it by and by",
		find: func(f *Facts, found func(string, string, ...any)) {
			if !f.Looked.Agents {
				return
			}
			known := map[string]bool{}
			for _, a := range f.Agents {
				known[a.ID] = true
			}
			for _, id := range f.States {
				if !known[id] {
					found(id, "its state is kept and it is not registered")
				}
			}
		},
	},
	{
		code: "orphaned_task", severity: Warning,
		why: "Its host is dead and no other has taken it.", do: "start a host that has its capability; mabus tasks get %s shows it",
		find: func(f *Facts, found func(string, string, ...any)) {
			live := liveHosts(f)
			for _, t := range f.Tasks {
				if f.Looked.Hosts && t.Host != "" && !live[t.Host] && f.At.Sub(t.Started) > takeTime {
					found(t.ID, "it runs on the host %s, which does not live, since %s", t.Host, t.Started.Format(time.RFC3339))
				}
			}
		},
	},
	{
		code: "orphaned_budget", severity: Notice,
		why: "The host that made the calls has died. They count against the cap as if they had cost all that they may.", do: "nothing, unless the cap is in the way: raise it with mabus budgets set",
		find: func(f *Facts, found func(string, string, ...any)) {
			for _, b := range f.Budgets {
				if f.At.Sub(b.Since) > startTime {
					found(b.Name, "%s are reserved for %d calls that should have ended", b.Reserved, b.Open)
				}
			}
		},
	},
}

func liveHosts(f *Facts) map[string]bool {
	live := map[string]bool{}
	for _, h := range f.Hosts {
		live[h.ID] = h.Live
	}
	return live
}

func anyLive(f *Facts) bool {
	for _, h := range f.Hosts {
		if h.Live {
			return true
		}
	}
	return false
}
