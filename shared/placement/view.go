package placement

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
)

// node is a live host and what runs on it, planned agents included.
type node struct {
	*api.Host
	hash   uint64
	size   float64 // its part of all work, before MaxAgents; 0 if it takes no agents
	agents int
	cpu    int64 // requested, in thousandths of a processor
	memory int64 // requested, in bytes
}

// unit is what is placed as a whole: one agent, or those of a group that wait.
type unit struct {
	agents      []*api.Agent
	class       *class
	hash        uint64
	kind        int // of the first agent's type
	cpu, memory int64
	near        bool
	bound       bool // some of the group run already: at node at, or -1 if their hosts drain
	begun, done bool // done: placed, or refused with err
	at          int32
	shun        int32 // where a member has failed to start, so that any other node is better; -1 if nowhere
	err         *api.Error
}

// view is what a plan is made from and what it has come to so far.
type view struct {
	nodes   []node
	leases  map[string]int32 // to node
	waiting []*api.Agent     // sorted by InOrder, so that a unit is a stretch of it
	units   []unit
	classes map[string]*class
	level   float64 // how many agents a host of size 1 may have, if all hosts may have all agents

	kinds  map[string]int // the types of those that wait
	totals []int          // agents of a kind
	onNode []int32        // agents of kind k on node n at k*len(nodes)+n

	where   map[string]int32   // where the agents are that some name as near or apart; -1 if nowhere yet
	blocked map[string][]int32 // where an agent may not be because one there wants it apart
	tiers   []int32            // scratch: how much a unit likes each node
	barred  []bool             // scratch: the nodes that apart forbids
	key     []byte             // scratch
}

func newView(hosts []*api.Host, agents, waiting []*api.Agent, loads Loads) *view {
	v := &view{leases: make(map[string]int32, len(hosts)), classes: map[string]*class{}, kinds: map[string]int{}}
	v.addHosts(hosts, loads)
	slices.SortFunc(waiting, func(a, b *api.Agent) int { return cmp.Or(InOrder(a, b), cmp.Compare(b.Epoch, a.Epoch)) })
	v.waiting = slices.CompactFunc(waiting, func(a, b *api.Agent) bool { return a.ID == b.ID })
	v.addUnits()
	v.addRunning(agents)
	for i := range v.units {
		u := &v.units[i]
		u.class = v.classOf(u)
		u.class.count += len(u.agents)
	}
	more := 0
	for _, c := range v.classes {
		if len(c.open) > 0 {
			more += c.count
		}
	}
	v.level = v.fair(nil, more)
	return v
}

func (v *view) addHosts(hosts []*api.Host, loads Loads) {
	v.nodes = make([]node, 0, len(hosts))
	for _, h := range hosts {
		if h != nil && h.Status == api.HostLive {
			v.nodes = append(v.nodes, node{Host: h, hash: hash(h.ID), size: size(h, loads)})
		}
	}
	slices.SortFunc(v.nodes, func(a, b node) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Lease, b.Lease)) })
	v.nodes = slices.CompactFunc(v.nodes, func(a, b node) bool { return a.ID == b.ID })
	for i := range v.nodes {
		v.leases[v.nodes[i].Lease] = int32(i)
	}
	v.tiers, v.barred = make([]int32, len(v.nodes)), make([]bool, len(v.nodes))
}

// idleShare is what remains of the size of a host whose processors are all in use.
const idleShare = 0.25

// size counts processors, the less the more of them are in use. MaxAgents does not go in: it is a bound, and most leave it at
// its default whatever the machine.
func size(h *api.Host, loads Loads) float64 {
	if h.Draining {
		return 0
	}
	busy := h.Load
	if l, ok := loads[h.Lease]; ok {
		busy = l.Busy()
	}
	return float64(max(h.CPUs, 1)) * (1 - (1-idleShare)*float64(min(max(busy, 0), 100))/100)
}

// failedToStart tells whether an agent waits because the host that had claimed it could not start it.
func failedToStart(a *api.Agent) bool {
	return a.Status == api.AgentFailed && strings.HasPrefix(a.Reason, api.ReasonStartFailed)
}

func (v *view) addUnits() {
	v.units = make([]unit, 0, len(v.waiting))
	for i := 0; i < len(v.waiting); {
		a, end := v.waiting[i], i+1
		name := a.ID
		if a.Group != nil {
			name = a.Group.Name
			for end < len(v.waiting) && v.waiting[end].Group.Name == name {
				end++
			}
		}
		u := unit{agents: v.waiting[i:end], hash: hash(name), kind: v.kind(a), at: -1, shun: -1}
		for j, m := range u.agents {
			if failedToStart(m) { // another host, and each time another one
				u.hash ^= hash(m.ID + " " + strconv.FormatUint(m.Epoch, 10))
				u.shun = int32(slices.IndexFunc(v.nodes, func(n node) bool { return n.ID == m.Host }))
			}
			if j > 0 {
				v.kind(m)
			}
			cpu, memory := needs(&m.AgentSpec)
			u.cpu, u.memory = sum(u.cpu, cpu), sum(u.memory, memory)
			v.totals[v.kind(m)]++
			if m.Placement != nil {
				u.near = u.near || len(m.Placement.Near) > 0
				v.watch(m.Placement.Near)
				v.watch(m.Placement.Apart)
			}
		}
		v.units = append(v.units, u)
		i = end
	}
	v.onNode = make([]int32, len(v.kinds)*len(v.nodes))
}

// watch makes the places of agents known by their ids.
func (v *view) watch(ids []string) {
	for _, id := range ids {
		if v.where == nil {
			v.where = map[string]int32{}
		}
		v.where[id] = -1
	}
}

func (v *view) kind(a *api.Agent) int {
	name := typeOf(a)
	k, ok := v.kinds[name]
	if !ok {
		k = len(v.kinds)
		v.kinds[name] = k
		v.totals = append(v.totals, 0)
	}
	return k
}

func typeOf(a *api.Agent) string {
	if a.Type == "" {
		return api.DefaultAgentType
	}
	return a.Type
}

// needs returns what an agent asks of its host: thousandths of a processor, and bytes.
func needs(s *api.AgentSpec) (cpu, memory int64) {
	if s.Resources != nil {
		cpu, memory = int64(s.Resources.CPU), s.Resources.Memory
	}
	if s.Placement != nil && s.Placement.CPU > 0 {
		cpu = int64(s.Placement.CPU)
	}
	if s.Placement != nil && s.Placement.Memory > 0 {
		memory = s.Placement.Memory
	}
	return max(cpu, 0), max(memory, 0)
}

// addRunning counts what runs on live hosts.
func (v *view) addRunning(agents []*api.Agent) {
	groups := map[string]*unit{}
	for i := range v.units {
		if g := v.units[i].agents[0].Group; g != nil {
			groups[g.Name] = &v.units[i]
		}
	}
	members := map[*unit][]int{}
	for _, a := range agents {
		if a == nil || !a.Status.Active() || a.RuntimeOrDefault() == api.RuntimeExternal {
			continue
		}
		n, ok := v.leases[a.HostLease]
		if !ok {
			continue
		}
		cpu, memory := needs(&a.AgentSpec)
		v.nodes[n].take(1, cpu, memory)
		if k, ok := v.kinds[typeOf(a)]; ok {
			v.totals[k]++
		}
		v.settle(a, n)
		if a.Group == nil || groups[a.Group.Name] == nil {
			continue
		}
		u := groups[a.Group.Name]
		if members[u] == nil {
			members[u] = make([]int, len(v.nodes))
		}
		members[u][n]++
	}
	for u, counts := range members {
		v.bind(u, counts)
	}
}

func (n *node) take(agents int, cpu, memory int64) {
	n.agents, n.cpu, n.memory = n.agents+agents, sum(n.cpu, cpu), sum(n.memory, memory)
}

// settle notes where an agent is.
func (v *view) settle(a *api.Agent, n int32) {
	if k, ok := v.kinds[typeOf(a)]; ok {
		v.onNode[k*len(v.nodes)+int(n)]++
	}
	if _, ok := v.where[a.ID]; ok {
		v.where[a.ID] = n
	}
	if a.Placement == nil {
		return
	}
	for _, id := range a.Placement.Apart {
		if v.blocked == nil {
			v.blocked = map[string][]int32{}
		}
		v.blocked[id] = append(v.blocked[id], n)
	}
}

// bind ties a unit to the host where most of its group run, of those that do not drain.
func (v *view) bind(u *unit, members []int) {
	u.bound = true
	for n, count := range members {
		if count > 0 && !v.nodes[n].Draining && (u.at < 0 || count > members[u.at]) {
			u.at = int32(n)
		}
	}
}
