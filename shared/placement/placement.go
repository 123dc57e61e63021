// Package placement holds the pure rules of where agents run. Every agent host makes the same plan from the same records and
// claims its own share of it by compare-and-set, so that there is no scheduler to lose.
//
// A plan is weighted rendezvous hashing with bounded loads: an agent goes to the host with the best score of the two, among
// those that may run it and are not over their part. The weight of a host is its room, that is its part of all agents less
// those it has. Two things follow. What is missing or extra in one host's view moves few other agents, and since a host is
// never late in counting its own agents, it holds itself fuller than others hold it: where views differ, hosts rather leave an
// agent alone for a moment than both claim it. Pace says how a host goes about its share; the simulation in the tests goes by it.
//
// Must comes before should. An agent must have a host that lives and does not drain, has its module, is allowed by its
// placement, runs nothing that is to be apart from it, and has room (agents, requested processors, requested memory); a group
// must be whole. It should, in this order, be near those it names, have what it prefers (both for up to twice a host's part),
// be on another host than those of its type, and make the hosts equally full. The busier a host has reported to be, the less it
// counts for, down to a quarter of its size: so a host that is idle for a moment gets more than the others, and never all.
//
// Scores are floating point. Two hosts of different processors may differ in a last bit, which costs a claim at most.
package placement

import (
	"cmp"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Result is a plan.
type Result struct {
	// Assignments are the agents to be taken up, in the order of their ids.
	Assignments []Assignment
	// Unplaced are those that fit nowhere now, in the order of their ids.
	Unplaced []Unplaced
}

// Assignment says where an agent is to run.
type Assignment struct {
	Agent *api.Agent
	Host  string
}

// Unplaced is an agent that fits nowhere.
type Unplaced struct {
	Agent *api.Agent
	// Err says what is missing: failed_precondition (no_place, module_not_found) or overloaded (host_full).
	Err *api.Error
}

// Live returns the leases of the live hosts.
func Live(hosts []*api.Host) map[string]bool {
	leases := make(map[string]bool, len(hosts))
	for _, h := range hosts {
		if h != nil && h.Status == api.HostLive {
			leases[h.Lease] = true
		}
	}
	return leases
}

// Waits tells whether an agent is to be taken up: it is wanted and no live host runs it.
func Waits(a *api.Agent, live map[string]bool) bool {
	return a != nil && a.Wanted && !(a.Status.Active() && live[a.HostLease]) && a.RuntimeOrDefault() != api.RuntimeExternal
}

// Plan places every agent of the namespace that waits. Agents that a live host runs stay where they are and count as its load.
// The order of the records does not matter, and none is changed. If nobody waits it only looks at each agent once. Loads may be nil.
func Plan(hosts []*api.Host, agents []*api.Agent, loads Loads) Result {
	live := Live(hosts)
	var waiting []*api.Agent
	for _, a := range agents {
		if Waits(a, live) {
			waiting = append(waiting, a)
		}
	}
	if len(waiting) == 0 {
		return Result{}
	}
	v := newView(hosts, agents, waiting, loads)
	v.placeAll()
	r := Result{Assignments: make([]Assignment, 0, len(v.waiting))}
	for i := range v.units {
		u := &v.units[i]
		for _, a := range u.agents {
			if u.err != nil {
				r.Unplaced = append(r.Unplaced, Unplaced{a, u.err})
			} else {
				r.Assignments = append(r.Assignments, Assignment{a, v.nodes[u.at].ID})
			}
		}
	}
	slices.SortFunc(r.Assignments, func(a, b Assignment) int { return cmp.Compare(a.Agent.ID, b.Agent.ID) })
	slices.SortFunc(r.Unplaced, func(a, b Unplaced) int { return cmp.Compare(a.Agent.ID, b.Agent.ID) })
	return r
}

// Share returns what one host is to claim, the members of a group one after another in the order in which they start. Claim
// them in this order; when the claim of a member is lost to another host, leave those after it.
func (r Result) Share(host string) []*api.Agent {
	var share []*api.Agent
	for _, a := range r.Assignments {
		if a.Host == host {
			share = append(share, a.Agent)
		}
	}
	slices.SortFunc(share, InOrder)
	return share
}

// Choose returns the best host for one agent that is started, or that leaves its host: failed_precondition (no_place,
// module_not_found) or overloaded (host_full) if there is none. An agent joins those of its group that run on a host which does not
// drain; otherwise the host has room for it and for all of the group that wait or leave a draining host too.
func Choose(hosts []*api.Host, agents []*api.Agent, spec *api.AgentSpec, loads Loads) (string, error) {
	if spec == nil {
		return "", api.Errorf(api.Invalid, "an agent to place is required").WithReason(api.ReasonMissingFields)
	}
	live := Live(hosts)
	for _, h := range hosts {
		if h != nil && h.Draining {
			delete(live, h.Lease)
		}
	}
	moving := []*api.Agent{{AgentSpec: *spec, Wanted: true}}
	if spec.Group != nil {
		for _, a := range agents {
			if a != nil && a.ID != spec.ID && a.Group != nil && a.Group.Name == spec.Group.Name && Waits(a, live) {
				moving = append(moving, a)
			}
		}
	}
	gone := make(map[string]bool, len(moving))
	for _, a := range moving {
		gone[a.ID] = true
	}
	staying := make([]*api.Agent, 0, len(agents))
	for _, a := range agents {
		if a != nil && !gone[a.ID] {
			staying = append(staying, a)
		}
	}
	v := newView(hosts, staying, moving, loads)
	v.placeAll()
	u := &v.units[0]
	if u.err != nil {
		return "", u.err
	}
	return v.nodes[u.at].ID, nil
}

// InOrder compares agents so that the members of a group come together, in the order of their start.
func InOrder(a, b *api.Agent) int {
	if a.Group == nil && b.Group == nil {
		return cmp.Compare(a.ID, b.ID)
	}
	if a.Group == nil {
		return -1
	}
	if b.Group == nil {
		return 1
	}
	return cmp.Or(cmp.Compare(a.Group.Name, b.Group.Name), cmp.Compare(a.Group.Position, b.Group.Position), cmp.Compare(a.ID, b.ID))
}
