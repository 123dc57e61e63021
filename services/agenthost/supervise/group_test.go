package supervise_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/agenthost/supervise"
	"github.com/mabus-project/mabus/shared/api"
)

// puppets are the members of a group as a host would run them. Each does what it is told, one step at a time.
type puppets struct {
	g       supervise.Group
	members map[string]*puppet
	now     time.Time
	log     []string
}

type puppet struct {
	*supervise.Member
	id       string
	spec     api.AgentSpec
	up       bool
	making   bool
	instance int // how many it has had, or tried to
}

func newPuppets() *puppets { return &puppets{members: map[string]*puppet{}, now: zero} }

func (p *puppets) join(spec api.AgentSpec) {
	p.members[spec.ID] = &puppet{Member: p.g.Join(&spec), id: spec.ID, spec: spec, up: true, instance: 1}
}

func (p *puppets) ids() []string {
	var ids []string
	for id := range p.members {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (p *puppets) leave(m *puppet, how string) {
	p.g.Leave(m.Member)
	delete(p.members, m.id)
	p.log = append(p.log, how+" "+m.id)
}

// end is an end of m by itself, or a start that failed.
func (p *puppets) end(m *puppet, crashed bool) supervise.Verdict {
	if m.making {
		m.instance++ // as if it had been made and had ended at once
	}
	m.up, m.making = false, false
	v := p.g.Ended(m.Member, p.now, crashed)
	if !v.Restart {
		p.leave(m, "end")
	}
	return v
}

// step carries out m's order, and tells whether there was one.
func (p *puppets) step(m *puppet) bool {
	if m.making {
		m.making, m.up = false, true
		m.instance++
		p.log = append(p.log, "start "+m.id)
		p.g.Started(m.Member)
		return true
	}
	switch o := p.g.Order(m.Member); o.Do {
	case supervise.Stop:
		m.up = false
		p.log = append(p.log, "stop "+m.id)
		p.g.Stopped(m.Member)
	case supervise.Start:
		if o.Due.After(p.now) {
			p.now = o.Due
		}
		m.making = p.g.Starting(m.Member)
		return m.making
	case supervise.Depart:
		p.leave(m, "depart")
	case supervise.GiveUp:
		p.leave(m, "give up")
	default:
		return false
	}
	return true
}

// settle carries out all orders, in the order of ids or against it: it must not matter.
func (p *puppets) settle(t interface{ Fatalf(string, ...any) }, backwards bool) {
	for range 1000 {
		ids, moved := p.ids(), false
		if backwards {
			slices.Reverse(ids)
		}
		for _, id := range ids {
			if m := p.members[id]; m != nil && p.step(m) {
				moved = true
			}
		}
		if !moved {
			return
		}
	}
	t.Fatalf("no end of orders: %s", p.log)
}

func member(id string, strategy api.GroupStrategy, restart api.RestartPolicy, most int) api.AgentSpec {
	seconds := 60
	return api.AgentSpec{ID: id, RestartPolicy: restart, MaxRestarts: &most, MaxSeconds: &seconds, Group: &api.Group{Name: "g", Strategy: strategy}}
}

// What one end does to a group of four at rest; b is the one that ends.
func TestGroup(t *testing.T) {
	for _, c := range []struct {
		name     string
		strategy api.GroupStrategy
		restart  api.RestartPolicy
		most     int
		crashed  bool
		want     string
	}{
		{"one for one", api.OneForOne, "permanent", 10, true, "start b"},
		{"no strategy", "", "permanent", 10, true, "start b"},
		{"one for all", api.OneForAll, "permanent", 10, true, "stop d, stop c, stop a, start a, start b, start c, depart d"},
		{"rest for one", api.RestForOne, "permanent", 10, true, "stop d, stop c, start b, start c, depart d"},
		{"one for all, a permanent one ends in order", api.OneForAll, "permanent", 10, false, "stop d, stop c, stop a, start a, start b, start c, depart d"},
		{"one for all, a transient one ends in order", api.OneForAll, "transient", 10, false, "end b"},
		{"one for all, a transient one crashes", api.OneForAll, "transient", 10, true, "stop d, stop c, stop a, start a, start b, start c, depart d"},
		{"one for all, a temporary one crashes", api.OneForAll, "temporary", 10, true, "end b"},
		{"one for one, given up", api.OneForOne, "permanent", 0, true, "end b"},
		{"one for all, given up", api.OneForAll, "permanent", 0, true, "end b, stop d, stop c, stop a, give up a, give up c, give up d"},
		{"rest for one, given up", api.RestForOne, "permanent", 0, true, "end b, stop d, stop c, give up c, give up d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, backwards := range []bool{false, true} {
				p := newPuppets()
				p.join(member("d", api.OneForOne, "temporary", 10))
				p.join(member("b", c.strategy, c.restart, c.most))
				p.join(member("a", api.OneForOne, "", 10))
				p.join(member("c", api.OneForOne, "transient", 10))
				p.end(p.members["b"], c.crashed)
				p.settle(t, backwards)
				if got := sorted(p.log); got != sorted(strings.Split(c.want, ", ")) {
					t.Errorf("got %s, want %s", strings.Join(p.log, ", "), c.want)
				}
			}
		})
	}
}

// sorted brings departures, which have no order among the starts, to the end.
func sorted(log []string) string {
	rank := func(s string) int {
		switch {
		case strings.HasPrefix(s, "depart"), strings.HasPrefix(s, "give up"):
			return 1
		}
		return 0
	}
	log = slices.Clone(log)
	slices.SortStableFunc(log, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 || rank(a) == 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return strings.Join(log, ", ")
}

func TestPositionComesBeforeID(t *testing.T) {
	p := newPuppets()
	for i, id := range []string{"z", "y", "x"} {
		spec := member(id, api.OneForAll, "", 10)
		spec.Group.Position = i
		p.join(spec)
	}
	p.end(p.members["z"], true)
	p.settle(t, false)
	if got := strings.Join(p.log, ", "); got != "stop x, stop y, start z, start y, start x" {
		t.Error(got)
	}
}

// Two that crash at once are restarted once, by one restart that counts.
func TestSimultaneousCrashes(t *testing.T) {
	p := newPuppets()
	for _, id := range []string{"a", "b", "c"} {
		p.join(member(id, api.OneForAll, "", 1))
	}
	if v := p.end(p.members["a"], true); !v.Restart {
		t.Fatal(v)
	}
	if v := p.end(p.members["b"], true); !v.Restart {
		t.Fatal("the second was judged by itself")
	}
	p.settle(t, false)
	if got := strings.Join(p.log, ", "); got != "stop c, start a, start b, start c" {
		t.Error(got)
	}
	if v := p.end(p.members["c"], true); !v.Exhausted {
		t.Errorf("the crash of another does not count: %+v", v)
	}
}

// A start that fails is a crash, and one that was overtaken is stopped again.
func TestCrashDuringTheRestart(t *testing.T) {
	p := newPuppets()
	for _, id := range []string{"a", "b", "c"} {
		p.join(member(id, api.RestForOne, "", 10))
	}
	a, b := p.members["a"], p.members["b"]
	p.end(b, true)
	p.step(p.members["c"]) // stops
	p.step(b)              // begins to start
	p.end(a, true)         // which takes b and c along
	if o := p.g.Order(a.Member); o.Do != supervise.Wait {
		t.Fatalf("a starts while b is being made: %+v", o)
	}
	p.settle(t, false)
	if got := strings.Join(p.log, ", "); got != "stop c, start b, stop b, start a, start b, start c" {
		t.Error(got)
	}
	p.log = nil
	p.end(a, true)
	for !b.making {
		for _, id := range p.ids() {
			if !b.making {
				p.step(p.members[id])
			}
		}
	}
	if v := p.end(b, true); !v.Restart || v.Delay != supervise.FirstDelay {
		t.Fatalf("a failed start: %+v", v)
	}
	p.settle(t, true)
	if got := strings.Join(p.log, ", "); got != "stop c, stop b, start a, start b, start c" {
		t.Error(got)
	}
}

// Whatever happens in whatever order: nobody waits for ever, whom a restart concerns gets a new instance and whom none concerns
// keeps its own, and while anybody of a restart is still to stop nobody of it starts.
func TestGroupsSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPuppets()
		strategies := []api.GroupStrategy{"", api.OneForOne, api.OneForAll, api.RestForOne}
		policies := []api.RestartPolicy{"", api.RestartPermanent, api.RestartTransient, api.RestartTemporary}
		n := 0
		join := func() {
			spec := member(fmt.Sprintf("m%02d", n), rapid.SampledFrom(strategies).Draw(t, "strategy"), rapid.SampledFrom(policies).Draw(t, "policy"),
				rapid.IntRange(0, 6).Draw(t, "most"))
			spec.Group.Position = rapid.IntRange(0, 2).Draw(t, "position")
			n++
			p.join(spec)
		}
		for range rapid.IntRange(1, 6).Draw(t, "members") {
			join()
		}
		fresh := map[string]int{}   // the instance that each must have passed in the end
		doomed := map[string]bool{} // those that must be gone
		reach := func(m *puppet, f func(other *puppet)) {
			for _, other := range p.members {
				a, b := m.spec.Group, other.spec.Group
				later := b.Position > a.Position || b.Position == a.Position && other.id > m.id
				if other != m && (a.Strategy == api.OneForAll || a.Strategy == api.RestForOne && later) {
					f(other)
				}
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			ids := p.ids()
			if len(ids) == 0 {
				break
			}
			m := p.members[rapid.SampledFrom(ids).Draw(t, "who")]
			switch rapid.SampledFrom([]string{"step", "step", "step", "step", "end", "end", "join", "leave"}).Draw(t, "what") {
			case "step":
				p.step(m)
			case "join":
				join()
			case "leave":
				p.leave(m, "stop")
			case "end":
				if !m.up && !m.making {
					continue
				}
				v := p.end(m, m.making || rapid.Bool().Draw(t, "crashed"))
				switch {
				case v.Exhausted:
					reach(m, func(other *puppet) { doomed[other.id] = true })
				case v.Restart && p.g.Order(m.Member).Because == m.id: // an end of its own
					fresh[m.id] = m.instance
					reach(m, func(other *puppet) {
						fresh[other.id] = other.instance
						if other.making {
							fresh[other.id]++
						}
						doomed[other.id] = doomed[other.id] || other.spec.RestartPolicy == api.RestartTemporary
					})
				}
			}
			p.now = p.now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
		}
		p.settle(t, rapid.Bool().Draw(t, "backwards"))
		for id, m := range p.members {
			if o := p.g.Order(m.Member); o.Do != supervise.Run || !m.up {
				t.Fatalf("%s is left with %+v, up %t: %s", id, o, m.up, p.log)
			}
			if doomed[id] || m.instance <= fresh[id] {
				t.Fatalf("%s goes on: doomed %t, instance %d, must be after %d: %s", id, doomed[id], m.instance, fresh[id], p.log)
			}
			if _, touched := fresh[id]; !touched && m.instance != 1 {
				t.Fatalf("%s was restarted for nothing: %s", id, p.log)
			}
		}
		if p.g.Len() != len(p.members) {
			t.Fatalf("%d members, %d run", p.g.Len(), len(p.members))
		}
	})
}
