package agenthost

import (
	"sync"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/supervise"
	"github.com/mabus-project/mabus/shared/api"
)

// groups are the groups of which agents run on this host. The zero value has none.
type groups struct {
	mu     sync.Mutex
	byName map[string]*group
}

// group is one group at work. Nobody commands: each member's goroutine asks what it is to do, does it and says so, and is woken
// when something else has changed what it is to do. So nobody waits for a member but in its rules, and whoever leaves, at
// whatever moment, lets the others go on.
type group struct {
	mu      sync.Mutex
	rules   supervise.Group
	changed chan struct{} // closed when orders may have changed
}

// member is an agent's place in its group.
type member struct {
	*group
	of  *groups
	key string // "" for an agent that is a group by itself
	m   *supervise.Member
}

// join adds an agent that has started to its group.
func (gs *groups) join(spec *api.AgentSpec) member {
	in := member{of: gs}
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if spec.Group != nil {
		in.key = spec.Group.Name
		in.group = gs.byName[in.key]
	}
	if in.group == nil {
		in.group = &group{changed: make(chan struct{})}
		if gs.byName == nil {
			gs.byName = map[string]*group{}
		}
		if in.key != "" {
			gs.byName[in.key] = in.group
		}
	}
	in.act(func(g *supervise.Group) { in.m = g.Join(spec) })
	return in
}

// leave takes the agent out of its group.
func (in member) leave() {
	in.of.mu.Lock()
	defer in.of.mu.Unlock()
	in.act(func(g *supervise.Group) {
		g.Leave(in.m)
		if g.Len() == 0 && in.key != "" {
			delete(in.of.byName, in.key)
		}
	})
}

// order tells what the agent is to do, and returns what is closed when that may have changed.
func (in member) order() (supervise.Order, <-chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.rules.Order(in.m), in.changed
}

func (in member) stopped() { in.act(func(g *supervise.Group) { g.Stopped(in.m) }) }
func (in member) started() { in.act(func(g *supervise.Group) { g.Started(in.m) }) }

// starting returns false when it is not the agent's turn any more.
func (in member) starting() (mayStart bool) {
	in.act(func(g *supervise.Group) { mayStart = g.Starting(in.m) })
	return mayStart
}

func (in member) ended(crashed bool) (v supervise.Verdict) {
	in.act(func(g *supervise.Group) { v = g.Ended(in.m, time.Now(), crashed) })
	return v
}

func (g *group) act(f func(*supervise.Group)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.rules)
	close(g.changed)
	g.changed = make(chan struct{})
}
