package placement

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// slack is how much above its fair part a host may be planned. It is what keeps a plan stable: with less of it more hosts are
// full, and an agent that finds its best host full goes where another would have gone.
const slack = 1.1

// reserve is how much above its fair part a host still has weight. With less of it than slack, hosts that have fewer agents
// than others get more of the new ones.
const reserve = 1.02

// class is what all units with the same conditions have in common.
type class struct {
	key    string
	open   []int32 // the nodes that meet the conditions, in order
	prefer []int32 // by place in open: how many preferred tags the node has
	count  int     // agents to place
	rank   int     // the most constrained are placed first, while there is room
	ready  bool
	part   []float64 // by place in open: how many agents the node may have
	weight []float64 // by place in open, for cost
	size   float64   // of all in open
	// refusal of one of the class without needs: there will be no room for the next one either
	refusal *api.Error
}

func (v *view) classOf(u *unit) *class {
	v.key = v.key[:0]
	for _, a := range u.agents {
		v.key = appendConditions(v.key, &a.AgentSpec)
	}
	if c := v.classes[string(v.key)]; c != nil {
		return c
	}
	c := &class{key: string(v.key)}
	for i := range v.nodes {
		n := &v.nodes[i]
		if n.Draining || !allowed(n, u) {
			continue
		}
		c.open = append(c.open, int32(i))
		c.size += n.size
		preferred := int32(0)
		for _, a := range u.agents {
			if a.Placement != nil {
				preferred += matches(n.Tags, a.Placement.Prefer)
			}
		}
		c.prefer = append(c.prefer, preferred)
	}
	v.classes[c.key] = c
	return c
}

// appendConditions writes what a host must and should have for an agent, so that equal bytes are equal conditions.
func appendConditions(key []byte, s *api.AgentSpec) []byte {
	if s.RuntimeOrDefault() == api.RuntimeNative {
		key = appendItem(append(key, 1), s.Module)
	} else {
		key = append(key, 0)
	}
	if s.Placement == nil {
		return append(key, 0, 0, 0)
	}
	for _, list := range [][]string{s.Placement.Hosts, s.Placement.Tags, s.Placement.Prefer} {
		key = binary.AppendUvarint(key, uint64(len(list)))
		for _, item := range list {
			key = appendItem(key, item)
		}
	}
	return key
}

func appendItem(key []byte, item string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(item))), item...)
}

// rankClasses puts the classes with the fewest hosts first.
func (v *view) rankClasses() {
	all := make([]*class, 0, len(v.classes))
	for _, c := range v.classes {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *class) int { return cmp.Or(cmp.Compare(len(a.open), len(b.open)), cmp.Compare(a.key, b.key)) })
	for i, c := range all {
		c.rank = i
	}
}

// weigh sets the part and the weight of each node of the class, once, from what has been placed by then.
func (v *view) weigh(c *class) {
	if c.ready {
		return
	}
	c.ready = true
	level := max(v.level, v.fair(c.open, c.count))
	c.part, c.weight = make([]float64, len(c.open)), make([]float64, len(c.open))
	for i, at := range c.open {
		n := &v.nodes[at]
		c.part[i] = level * n.size
		room := c.part[i] * reserve / slack
		if n.MaxAgents > 0 {
			room = min(room, float64(n.MaxAgents))
		}
		free := 1.0
		if n.CPUs > 0 {
			free = 1 - float64(n.cpu)/(float64(n.CPUs)*1000)
		}
		if n.Memory > 0 {
			free = min(free, 1-float64(n.memory)/float64(n.Memory))
		}
		c.weight[i] = max(room-float64(n.agents), room/100) * max(free, 0.1)
	}
}

// fair returns how many agents a node of size 1 may have if the nodes, all that do not drain when there is no list, take more
// agents to those they have, each in proportion to its size as far as its MaxAgents lets it.
func (v *view) fair(open []int32, more int) float64 {
	total, size := float64(more), 0.0
	each := func(f func(n *node)) {
		if open == nil {
			for i := range v.nodes {
				if !v.nodes[i].Draining {
					f(&v.nodes[i])
				}
			}
		}
		for _, at := range open {
			f(&v.nodes[at])
		}
	}
	each(func(n *node) { total, size = total+float64(n.agents), size+n.size })
	if size == 0 {
		return 0
	}
	total *= slack
	level := total / size
	for range v.nodes { // each round finds one more node full, or ends
		left, open := total, 0.0
		each(func(n *node) {
			if n.MaxAgents > 0 && float64(n.MaxAgents) < level*n.size {
				left -= float64(n.MaxAgents)
			} else {
				open += n.size
			}
		})
		if open == 0 || left <= 0 || left/open <= level*(1+1e-9) {
			break
		}
		level = left / open
	}
	return level
}

// mostOf returns how many agents of a unit's type a node should have: even plus bySize times the node's size. Few are spread
// evenly whatever the sizes of the hosts, so that the loss of one host costs the fewest of them; many in proportion to the sizes, with
// slack.
func (v *view) mostOf(u *unit) (even, bySize float64) {
	total, nodes := float64(v.totals[u.kind]), float64(len(u.class.open))
	if total <= few*nodes {
		return math.Ceil(total / nodes), 0
	}
	return 0, slack * total / u.class.size
}

// few is how many agents of a type a host has on average up to which they are spread evenly.
const few = 4
