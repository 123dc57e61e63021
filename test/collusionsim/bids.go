package collusionsim

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/mabus-project/mabus/shared/api"
)

// Scheme is what a ring does.
type Scheme int

// The schemes. Estimates have Honest, Copies and Biased.
const (
	Honest   Scheme = iota
	Copies          // all say what the first has found, give or take a thousandth
	Cover           // who has the lowest cost bids, the others bid 2 to 10 % more than that
	Turns           // the members win in turn, with what the cheapest of them would have bid; the others bid above that, each by itself
	Restrain        // the cheapest bids as always, and the others a tenth more than they would have: nothing is coordinated but that
	Biased          // all say about the same wrong thing, within a fifth of an honest error
)

// Series is how a series of procurement auctions is made, of which the lowest bid wins.
type Series struct {
	Agents, Rounds int
	// Ring is how many of the agents, the first ones, collude.
	Ring   int
	Scheme Scheme
}

// name of an agent.
func name(i int) string { return fmt.Sprintf("a%02d", i) }

// Bids makes the rounds of a series. A job has a cost; to each agent it is that times the agent's habit, cheap or dear (10 %), times what
// this job is to it, as wide as the agent is unsteady (3 to 12 %). Honest agents bid their cost and a mark-up of 5 to 10 %. One in ten
// has no time for a round.
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
		winner := 0
		for a, b := range bids {
			if a >= s.Ring && a > 0 && r.Float64() < 0.1 {
				continue
			}
			rounds[t].Values = append(rounds[t].Values, api.ScreenValue{Agent: name(a), Value: api.Decimal(b * 1e6)})
			if b < bids[winner] {
				winner = a
			}
		}
		rounds[t].Winner = name(winner)
	}
	return rounds
}

func (s Series) collude(r *rand.Rand, t int, bids []float64) {
	if s.Ring < 2 {
		return
	}
	ring := bids[:s.Ring]
	best := 0
	for a, b := range ring {
		if b < ring[best] {
			best = a
		}
	}
	switch s.Scheme {
	case Copies:
		for a := range ring[1:] {
			ring[a+1] = ring[0] * math.Exp(0.001*r.NormFloat64())
		}
	case Cover:
		for a := range ring {
			if a != best {
				ring[a] = ring[best] * (1.02 + 0.08*r.Float64())
			}
		}
	case Turns:
		lowest, turn := ring[best], t%s.Ring
		for a := range ring {
			if a != turn {
				ring[a] = math.Max(ring[a], lowest*(1.01+0.2*r.Float64()))
			}
		}
		ring[turn] = lowest
	case Restrain:
		for a := range ring {
			if a != best {
				ring[a] *= 1.1
			}
		}
	}
}

// Panel is how estimates of one thing are made.
type Panel struct {
	Agents, Ring int
	Scheme       Scheme
	// Known tells whether the truth is.
	Known bool
	// Heavy says that honest errors have the heavier tails of Laplace's distribution.
	Heavy bool
}

// Estimates makes one round: a truth around 76, honest errors with a standard deviation of 6, and all in whole numbers. A ring is wrong by
// 2 to 5 standard deviations.
func (p Panel) Estimates(seed uint64) []api.ScreenRound {
	r := rand.New(rand.NewPCG(seed, 2))
	truth := math.Round(76 + 10*r.NormFloat64())
	wrong := (2 + 3*r.Float64()) * 6
	if r.Float64() < 0.5 {
		wrong = -wrong
	}
	var round api.ScreenRound
	for a := range p.Agents {
		e := 6 * r.NormFloat64()
		if p.Heavy {
			e = 6 / math.Sqrt2 * r.ExpFloat64() * float64(1-2*r.IntN(2))
		}
		if a < p.Ring {
			switch p.Scheme {
			case Copies:
				e = wrong
			case Biased:
				e = wrong + e/5
			}
		}
		round.Values = append(round.Values, api.ScreenValue{Agent: name(a), Value: api.Decimal(math.Round(truth+e)) * api.One})
	}
	if p.Known {
		known := api.Decimal(truth) * api.One
		round.Truth = &known
	}
	return []api.ScreenRound{round}
}
