package placement

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Moves tells where agents that run may go on instead, by the rules of Plan, with the moves counted that were made before. What must be
// holds after every move; and no move makes worse what should be: fewer preferred tags, or agents that are no longer near one another.
// It is not safe for concurrent use.
type Moves struct {
	v    *view
	node map[string]int32 // by the id of the host
	at   map[string]int32 // where each agent runs
	near map[string][]string
}

// NewMoves looks at a namespace. The order of the records does not matter, and none is changed.
func NewMoves(hosts []*api.Host, agents []*api.Agent) *Moves {
	m := &Moves{v: newView(hosts, agents, nil, nil), node: map[string]int32{}, at: map[string]int32{}, near: map[string][]string{}}
	for i := range m.v.nodes {
		m.node[m.v.nodes[i].ID] = int32(i)
	}
	for _, a := range agents {
		if a == nil || !a.Status.Active() || a.RuntimeOrDefault() == api.RuntimeExternal {
			continue
		}
		n, ok := m.v.leases[a.HostLease]
		if !ok {
			continue
		}
		m.at[a.ID] = n
		if a.Placement != nil {
			for _, id := range a.Placement.Near {
				m.near[id] = append(m.near[id], a.ID)
			}
		}
	}
	return m
}

// May tells whether agents that run on one host, and are all of their group that run, may go on together on another.
func (m *Moves) May(agents []*api.Agent, host string) bool {
	to, known := m.node[host]
	if !known || len(agents) == 0 {
		return false
	}
	from, runs := m.at[agents[0].ID]
	if !runs || from == to {
		return false
	}
	n, u := &m.v.nodes[to], unitOf(agents)
	return !n.Draining && allowed(n, u) && fits(n, u) && !tornApart(u) && !m.barred(agents, to) && m.asLiked(agents, from, to)
}

func unitOf(agents []*api.Agent) *unit {
	u := &unit{agents: agents}
	for _, a := range agents {
		cpu, memory := needs(&a.AgentSpec)
		u.cpu, u.memory = sum(u.cpu, cpu), sum(u.memory, memory)
	}
	return u
}

// barred tells whether somebody on the node is to be apart from one of the agents.
func (m *Moves) barred(agents []*api.Agent, to int32) bool {
	for _, a := range agents {
		if slices.Contains(m.v.blocked[a.ID], to) {
			return true
		}
		if a.Placement == nil {
			continue
		}
		for _, id := range a.Placement.Apart {
			if n, ok := m.at[id]; ok && n == to {
				return true
			}
		}
	}
	return false
}

// asLiked tells whether what the agents should have, and what others should have of them, is no worse on the node to.
func (m *Moves) asLiked(agents []*api.Agent, from, to int32) bool {
	moves := func(id string) bool {
		return slices.ContainsFunc(agents, func(a *api.Agent) bool { return a.ID == id })
	}
	var was, will int32
	for _, a := range agents {
		for _, id := range m.near[a.ID] {
			if m.at[id] == from && !moves(id) {
				return false
			}
		}
		if a.Placement == nil {
			continue
		}
		was += matches(m.v.nodes[from].Tags, a.Placement.Prefer)
		will += matches(m.v.nodes[to].Tags, a.Placement.Prefer)
		for _, id := range a.Placement.Near {
			switch n, ok := m.at[id]; {
			case !ok || moves(id):
			case n == from:
				was += nearFirst
			case n == to:
				will += nearFirst
			}
		}
	}
	return will >= was
}

// Take counts a move that May has allowed.
func (m *Moves) Take(agents []*api.Agent, host string) {
	from, to, u := m.at[agents[0].ID], m.node[host], unitOf(agents)
	n := &m.v.nodes[from]
	n.agents, n.cpu, n.memory = n.agents-len(agents), n.cpu-u.cpu, n.memory-u.memory
	m.v.nodes[to].take(len(agents), u.cpu, u.memory)
	for _, a := range agents {
		m.at[a.ID] = to
		if a.Placement == nil {
			continue
		}
		for _, id := range a.Placement.Apart {
			if i := slices.Index(m.v.blocked[id], from); i >= 0 {
				m.v.blocked[id][i] = to
			}
		}
	}
}
