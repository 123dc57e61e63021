package collusionsim

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/mabus-project/mabus/shared/api"
)

// Series is how a series of procurement auctions is made: the lowest bid wins.
type Series struct {
	Agents, Rounds int
	// Ring is how many of the agents, the first ones, collude; Scheme is how.
	Ring   int
	Scheme Scheme
}

// Scheme is what a ring does.
type Scheme int

// The schemes.
const (
	Honest    Scheme = iota
	Cover            // who has the lowest cost bids, the others bid a little more than that
	Copies           // all bid what the first has found, give or take a thousandth
	Turns            // the members win in turn; those whose turn it is not bid high, each by itself
	Unnoticed        // the members agree on who wins, and the others bid what they would have, if that is more
)

// Bids makes the rounds of a series. Each agent has a cost of its own: the job's, times its habit (cheap or dear, constant over the
// series), times what this job is to it, as wide as the agent is unsteady. Honest agents bid their cost and a mark-up.
func (s Series) Bids(seed uint64) []api.ScreenRound {
	r := rand.New(rand.NewPCG(seed, 1))
	habit, steady := make([]float64, s.Agents), make([]float64, s.Agents)
	for a := range s.Agents {
		habit[a], steady[a] = math.Exp(0.1*r.NormFloat64()), 0.03+0.09*r.Float64()
	}
	rounds := make([]api.ScreenRound, s.Rounds)
	for t := range rounds {
		job := 50 * math.Exp(r.NormFloat64())
		bids := make([]float64, s.Agents)
		for a := range bids {
			bids[a] = job * habit[a] * math.Exp(steady[a]*r.NormFloat64()) * (1.05 + 0.05*r.Float64())
		}
		s.collude(r, t, bids)
		best := 0
		for a, b := range bids {
			if r.Float64() < 0.1 && s.Agents > 4 && a >= s.Ring { // who has no time
				continue
			}
			rounds[t].Values = append(rounds[t].Values, api.ScreenValue{Agent: fmt.Sprintf("a%02d", a), Value: api.Decimal(b * 1e6)})
			if b <= bids[best] || best == a {
				best = a
			}
		}
		low := rounds[t].Values[0]
		for _, v := range rounds[t].Values {
			if v.Value < low.Value {
				low = v
			}
		}
		rounds[t].Winner = low.Agent
	}
	return rounds
}

func (s Series) collude(r *rand.Rand, t int, bids []float64) {
	ring := bids[:s.Ring]
	if len(ring) < 2 {
		return
	}
	best := 0
	for a, b := range ring {
		if b < ring[best] {
			best = a
		}
	}
	switch s.Scheme {
	case Cover:
		for a := range ring {
			if a != best {
				ring[a] = ring[best] * (1.02 + 0.08*r.Float64())
			}
		}
	case Copies:
		for a := range ring[1:] {
			ring[a+1] = ring[0] * math.Exp(0.001*r.NormFloat64())
		}
	case Turns:
		turn := t % s.Ring
		ring[turn] = math.Min(ring[turn], ring[best])
		for a := range ring {
			if a != turn {
				ring[a] = math.Max(ring[a], ring[turn]*(1.01+0.2*r.Float64()))
			}
		}
	case Unnoticed:
		for a := range ring {
			if a != best {
				ring[a] *= 1.1
			}
		}
	}
}
