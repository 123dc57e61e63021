package placement

import (
	"math"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// allowed tells whether a host has the module, the name and the tags that a unit asks for.
func allowed(n *node, u *unit) bool {
	return hasModules(n, u) && meets(n, u)
}

func hasModules(n *node, u *unit) bool {
	for _, a := range u.agents {
		if a.RuntimeOrDefault() == api.RuntimeNative && !slices.Contains(n.Modules, a.Module) {
			return false
		}
	}
	return true
}

func meets(n *node, u *unit) bool {
	for _, a := range u.agents {
		p := a.Placement
		if p == nil {
			continue
		}
		if len(p.Hosts) > 0 && !slices.Contains(p.Hosts, n.ID) {
			return false
		}
		for _, tag := range p.Tags {
			if !slices.Contains(n.Tags, tag) {
				return false
			}
		}
	}
	return true
}

func matches(has, wanted []string) (count int32) {
	for _, tag := range wanted {
		if slices.Contains(has, tag) {
			count++
		}
	}
	return count
}

// fits tells whether a host has room for a unit. What a host does not state, or a unit does not ask for, is not bounded.
func fits(n *node, u *unit) bool {
	return (n.MaxAgents <= 0 || n.agents+len(u.agents) <= n.MaxAgents) &&
		(n.CPUs <= 0 || u.cpu == 0 || sum(n.cpu, u.cpu) <= min(int64(n.CPUs), math.MaxInt64/1000)*1000) &&
		(n.Host.Memory <= 0 || u.memory == 0 || sum(n.memory, u.memory) <= n.Host.Memory)
}

// sum adds two numbers that are not negative, and stops at the largest there is.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// tornApart tells whether members of one group are to be apart, which cannot be.
func tornApart(u *unit) bool {
	if len(u.agents) == 1 {
		return false
	}
	for _, a := range u.agents {
		if a.Placement == nil {
			continue
		}
		if slices.ContainsFunc(u.agents, func(b *api.Agent) bool { return b != a && slices.Contains(a.Placement.Apart, b.ID) }) {
			return true
		}
	}
	return false
}

// refuse says why a unit fits nowhere.
func (v *view) refuse(u *unit, constrained bool) *api.Error {
	if tornApart(u) {
		return api.Errorf(api.FailedPrecondition, "the group %s runs on one host, but members of it ask to be apart from others of it: take that out of their placement", u.agents[0].Group.Name).WithReason(api.ReasonNoPlace)
	}
	plain := len(u.agents) == 1 && !constrained && (u.cpu == 0 && u.memory == 0 || len(u.class.open) == 0)
	if !plain {
		return v.explain(u, constrained)
	}
	if u.class.refusal == nil {
		u.class.refusal = v.explain(u, false)
	}
	return u.class.refusal
}

// explain counts what each live host lacks.
func (v *view) explain(u *unit, constrained bool) *api.Error {
	var module, draining, placement, apart, full int
	for i := range v.nodes {
		n := &v.nodes[i]
		switch {
		case !hasModules(n, u):
			module++
		case n.Draining:
			draining++
		case !meets(n, u):
			placement++
		case constrained && v.barred[i]:
			apart++
		default:
			full++
		}
	}
	switch {
	case len(v.nodes) == 0:
		return api.Errorf(api.FailedPrecondition, "no agent host is live: start one").WithReason(api.ReasonNoPlace)
	case module == len(v.nodes):
		return api.Errorf(api.FailedPrecondition, "none of %d live hosts has the module %s: start one that has it compiled in", module, modules(u)).WithReason(api.ReasonModuleNotFound)
	case full == 0:
		return api.Errorf(api.FailedPrecondition, "none of %d live hosts may run it: %d lack its module, %d drain, %d are not what its placement asks for (hosts, tags), %d run an agent that is to be apart from it; start another host or change its placement",
			len(v.nodes), module, draining, placement, apart).WithReason(api.ReasonNoPlace)
	}
	return api.Errorf(api.Overloaded, "none of the %d live hosts that may run it has room for %d agent(s) with %d thousandths of a processor and %d bytes: start another host or stop agents",
		full, len(u.agents), u.cpu, u.memory).WithReason(api.ReasonHostFull)
}

// modules names what a host must have compiled in for a unit.
func modules(u *unit) string {
	var names []string
	for _, a := range u.agents {
		if a.RuntimeOrDefault() == api.RuntimeNative && !slices.Contains(names, a.Module) {
			names = append(names, a.Module)
		}
	}
	return strings.Join(names, ", ")
}

// refuseBound says why a unit cannot join the rest of its group.
func (v *view) refuseBound(u *unit) *api.Error {
	group := u.agents[0].Group.Name
	if u.at < 0 {
		return api.Errorf(api.FailedPrecondition, "the group %s runs on a host that drains: wait until it has moved", group).WithReason(api.ReasonNoPlace)
	}
	n := &v.nodes[u.at]
	switch {
	case tornApart(u):
		return v.refuse(u, false)
	case !hasModules(n, u):
		return api.Errorf(api.FailedPrecondition, "the group %s runs on host %s, which lacks the module %s: stop the group so that it can start elsewhere", group, n.ID, modules(u)).WithReason(api.ReasonModuleNotFound)
	case !slices.Contains(u.class.open, u.at) || fits(n, u):
		return api.Errorf(api.FailedPrecondition, "the group %s runs on host %s, which is not what the placement of the others asks for: stop the group so that it can start elsewhere, or change their placement", group, n.ID).WithReason(api.ReasonNoPlace)
	}
	return api.Errorf(api.Overloaded, "the group %s runs on host %s, which has no room for %d more with %d thousandths of a processor and %d bytes: stop agents there, or the group so that it can start elsewhere", group, n.ID, len(u.agents), u.cpu, u.memory).WithReason(api.ReasonHostFull)
}
