package plan

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// halfQueue is how many messages for each processor make a host half as busy as it can be by its queues, as in package placement.
const halfQueue = 16

// idle is what an agent without messages weighs beside one that has one message: something, since it may have been at work in
// between reports.
const idle = 0.001

// Level is how busy a host is: the share in use of what it has least of, from 0 to 1. Memory counts from a half on.
func (k *Known) Level() float64 {
	queue := k.Waiting / float64(max(k.CPUs, 1))
	level := queue / (queue + halfQueue)
	for _, share := range []float64{k.CPU, 2 * (k.Memory - 0.5)} {
		if !math.IsNaN(share) {
			level = max(level, share)
		}
	}
	return level
}

// sites finds the hosts that take part, and their levels. It returns how many others would if they told their loads.
func (p *planner) sites(hosts []*api.Host, loads map[string]Known) (silent int) {
	for _, h := range hosts {
		if h == nil || h.Status != api.HostLive || h.Draining {
			continue
		}
		s := &site{host: h, size: float64(max(h.CPUs, 1))}
		if p.request.By == api.PlanByLoad {
			k, ok := loads[h.Lease]
			if !ok || math.IsNaN(k.CPU) {
				silent++
				continue
			}
			if k.Draining {
				continue
			}
			s.level = k.Level()
		}
		p.all = append(p.all, s)
	}
	slices.SortFunc(p.all, func(a, b *site) int { return cmp.Compare(a.host.ID, b.host.ID) })
	return silent
}

// units finds what may be moved and what it weighs, and the mean.
func (p *planner) units(agents []*api.Agent, loads map[string]Known, now time.Time) {
	sites := map[string]*site{}
	for _, s := range p.all {
		sites[s.host.Lease] = s
	}
	sorted := slices.DeleteFunc(slices.Clone(agents), func(a *api.Agent) bool {
		return a == nil || !a.Status.Active() || a.RuntimeOrDefault() == api.RuntimeExternal
	})
	slices.SortFunc(sorted, func(a, b *api.Agent) int { return cmp.Or(compareGroups(a, b), cmp.Compare(a.ID, b.ID)) })
	total := map[*site]float64{}
	for i := 0; i < len(sorted); {
		end := i + 1
		for end < len(sorted) && sorted[i].Group != nil && compareGroups(sorted[i], sorted[end]) == 0 {
			end++
		}
		u := &unit{agents: sorted[i:end]}
		i = end
		s, movable := sites[u.agents[0].HostLease], true
		for _, a := range u.agents {
			at := sites[a.HostLease]
			movable = movable && at == s && at != nil && a.Status == api.AgentRunning && now.Sub(a.ChangedAt) >= p.request.Rest.Std()
			if at == nil {
				continue
			}
			weight := 1.0
			if p.request.By == api.PlanByLoad {
				weight = idle + loads[a.HostLease].Activity[a.ID]
			}
			at.agents++
			u.weight += weight
			total[at] += weight
		}
		if movable {
			s.units = append(s.units, u)
		}
	}
	p.weigh(total)
}

// compareGroups sorts by the group; agents without one come first.
func compareGroups(a, b *api.Agent) int {
	name := func(a *api.Agent) string {
		if a.Group == nil {
			return ""
		}
		return a.Group.Name
	}
	return cmp.Compare(name(a), name(b))
}

// weigh turns the weights of units into parts of their hosts' levels. By agents, a level is what a host has over the mean.
func (p *planner) weigh(total map[*site]float64) {
	var all, size float64
	for _, s := range p.all {
		size += s.size
		all += total[s]
	}
	for _, s := range p.all {
		factor := 0.0
		switch {
		case p.request.By == api.PlanByAgents && all > 0:
			factor = size / all
			s.level = total[s] / s.size * factor
		case total[s] > 0:
			factor = s.level * s.size / total[s]
		}
		for _, u := range s.units {
			u.weight *= factor
		}
		slices.SortStableFunc(s.units, func(a, b *unit) int { return cmp.Compare(b.weight, a.weight) })
		p.mean += s.level * s.size / size
	}
}
