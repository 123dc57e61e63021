// Package plan holds the pure rules of moving agents between hosts so that none is much busier than the others, and of carrying such
// a plan out a little at a time.
//
// Nothing is moved while every host is within a band around the mean. When one is not, moves bring it to within half of the band, so
// that what a plan has levelled does not call for the next plan at once. The moves are few: of the agents on a host that has too
// much the smallest goes that takes all of the excess with it, or else the largest, and no other host comes out of it above the half
// band, or fuller than the one was. What an agent weighs is its part of its host's level, by the messages that it has had waiting or in
// hand on the average.
//
// Where an agent may go is what package placement says; members of a group go together; agents that have come to their host a
// short while ago stay, so that none is moved to and fro. Hosts that drain or are dead take no part.
//
// Levels are floating point: one replica makes a plan, and nobody has to come to the same.
package plan

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/hostload"
	"github.com/mabus-project/mabus/shared/placement"
)

// Known is what has been reported of a host.
type Known struct {
	hostload.Host
	// Activity is how many messages each agent has had on the average; one that is not there has been idle.
	Activity map[string]float64
}

// Make makes a plan. Loads are by the leases of the hosts; by load, hosts that are not among them take no part. It is failed_precondition
// (no_loads) when that leaves fewer than two hosts. The request has been validated. None of the records is changed.
func Make(hosts []*api.Host, agents []*api.Agent, loads map[string]Known, request api.PlanRequest, now time.Time) (*api.Plan, error) {
	request = request.WithDefaults()
	p := &planner{request: request, band: float64(request.Band) / float64(api.One), may: placement.NewMoves(hosts, agents)}
	if silent := p.sites(hosts, loads); len(p.all) < 2 && silent > 0 {
		return nil, api.Errorf(api.FailedPrecondition, "%d of %d live hosts do not tell their loads: wait for their reports, or level by agents", silent, silent+len(p.all)).
			WithReason(api.ReasonNoLoads)
	}
	p.units(agents, loads, now)
	made := &api.Plan{Request: request, MadeAt: now, Mean: api.Measure(p.mean), Hosts: make([]api.PlanHost, 0, len(p.all)), Moves: []api.PlanMove{}}
	for _, s := range p.all {
		made.Hosts = append(made.Hosts, api.PlanHost{Host: s.host.ID, Level: api.Measure(s.level), Agents: s.agents})
	}
	p.shed()
	p.fill()
	made.Moves = append(made.Moves, p.moves...)
	for i, s := range p.all {
		made.Hosts[i].After, made.Hosts[i].AgentsAfter = api.Measure(s.level), s.agents
	}
	return made, nil
}

// planner is a plan in the making.
type planner struct {
	request api.PlanRequest
	band    float64
	mean    float64
	may     *placement.Moves
	all     []*site // in the order of their ids
	moves   []api.PlanMove
	moving  int // agents of moves
}

// site is a host that takes part.
type site struct {
	host   *api.Host
	size   float64 // processors
	level  float64
	agents int
	units  []*unit // those that may be moved, the heaviest first
}

// unit is what moves together.
type unit struct {
	agents []*api.Agent
	weight float64 // in processors, or agents
	gone   bool
}

// least is the level below which the part of a unit is not worth the pause that a move is for it.
const least = 0.005

// rounding is by how much a level may be beyond a bound for the last digits of its sum.
const rounding = 1e-9

// shed brings the hosts that have too much down, the fullest first.
func (p *planner) shed() {
	order := slices.Clone(p.all)
	slices.SortStableFunc(order, func(a, b *site) int { return cmp.Compare(b.level, a.level) })
	goal := p.mean + p.band/2
	for _, s := range order {
		if s.level <= p.mean+p.band+rounding {
			return
		}
		for s.level > goal+rounding && len(p.moves) < p.request.MaxMoves {
			if !p.moveOne(s, p.all, (s.level-goal)*s.size) {
				break
			}
		}
	}
}

// fill brings up the hosts that have too little, from those that have more than the mean.
func (p *planner) fill() {
	order := slices.Clone(p.all)
	slices.SortStableFunc(order, func(a, b *site) int { return cmp.Compare(a.level, b.level) })
	goal := p.mean - p.band/2
	for _, s := range order {
		if s.level >= p.mean-p.band-rounding {
			return
		}
		for s.level < goal-rounding && len(p.moves) < p.request.MaxMoves {
			moved := false
			for _, from := range p.fullest() {
				if from.level <= p.mean {
					break
				}
				if moved = p.moveOne(from, []*site{s}, min((goal-s.level)*s.size, (from.level-goal)*from.size)); moved {
					break
				}
			}
			if !moved {
				break
			}
		}
	}
}

func (p *planner) fullest() []*site {
	order := slices.Clone(p.all)
	slices.SortStableFunc(order, func(a, b *site) int { return cmp.Compare(b.level, a.level) })
	return order
}

// moveOne moves one unit from a host to one of the others: the lightest that weighs at least as much as there is to move, or else the
// heaviest. False means that nothing may move, or nothing helps.
func (p *planner) moveOne(from *site, to []*site, excess float64) bool {
	var best *unit
	var target *site
	for _, u := range from.units { // from the heaviest on
		if u.gone || u.weight < least*from.size || p.moving+len(u.agents) > api.MaxPlanAgents {
			continue
		}
		if best != nil && u.weight < excess*(1-1e-9) {
			break
		}
		if t := p.target(u, from, to); t != nil {
			best, target = u, t
		}
	}
	if best == nil {
		return false
	}
	p.take(best, from, target)
	return true
}

// target is the emptiest host that may have a unit, and with it stays within the half band and below what its host has now.
func (p *planner) target(u *unit, from *site, to []*site) (best *site) {
	if from.level-u.weight/from.size < p.mean-p.band/2-rounding {
		return nil
	}
	for _, t := range to {
		after := t.level + u.weight/t.size
		if t == from || after > min(p.mean+p.band/2, from.level)+rounding || best != nil && t.level >= best.level {
			continue
		}
		if p.may.May(u.agents, t.host.ID) {
			best = t
		}
	}
	return best
}

func (p *planner) take(u *unit, from, to *site) {
	p.may.Take(u.agents, to.host.ID)
	u.gone = true
	p.moving += len(u.agents)
	move := api.PlanMove{From: from.host.ID, To: to.host.ID, Weight: api.Measure(u.weight / from.size)}
	for _, a := range u.agents {
		move.Agents = append(move.Agents, a.ID)
	}
	p.moves = append(p.moves, move)
	from.level -= u.weight / from.size
	to.level += u.weight / to.size
	from.agents, to.agents = from.agents-len(u.agents), to.agents+len(u.agents)
	if math.Abs(from.level) < 1e-12 {
		from.level = 0
	}
}
