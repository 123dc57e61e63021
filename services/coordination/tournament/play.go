package tournament

import (
	"encoding/json"
	"slices"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/fixed"
)

// game is a tournament as it stands.
type game struct {
	s       *api.Session
	p       api.TournamentParams
	works   map[string]json.RawMessage
	alive   []string // in the order of seeds
	bracket []api.TournamentRound
	out     []string // contenders without work
	rounds  int
}

// Step implements protocol.Protocol. Every round is waited for to its end: each vote counts in the shares.
func (Selection) Step(s *api.Session) protocol.Step {
	current := protocol.Current(s)
	if current != nil && !protocol.Closed(current) {
		return protocol.Step{}
	}
	g := game{s: s, works: map[string]json.RawMessage{}}
	err := codec.Read(s.Params, &g.p)
	if err == nil {
		err = check(&g.p)
	}
	if err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	g.alive = contenders(s, &g.p)
	played := s.Rounds
	if s.Algorithm == Judged {
		if current == nil {
			return g.invite()
		}
		g.works, played = g.presented(&s.Rounds[0]), s.Rounds[1:]
	}
	g.rounds = rounds(len(g.alive))
	for i := range played {
		g.play(&played[i])
	}
	switch {
	case len(g.alive) == 0:
		return protocol.Step{Reason: form.NoAnswers + ": no contender is left that has shown work or reported a score"}
	case len(g.alive) == 1:
		return protocol.Step{Result: g.result()}
	}
	return g.next()
}

// invite asks the contenders for their work.
func (g *game) invite() protocol.Step {
	r := &protocol.Round{Phase: present}
	for _, id := range g.alive {
		r.Asks = append(r.Asks, protocol.Ask{Member: id})
	}
	return protocol.Step{Round: r}
}

// presented takes the works; a contender without one is out.
func (g *game) presented(r *api.SessionRound) map[string]json.RawMessage {
	works := map[string]json.RawMessage{}
	for _, a := range r.Asks {
		if a.State == api.AskAnswered {
			works[a.Member] = a.Answer
		}
	}
	var left []string
	for _, id := range g.alive {
		if works[id] == nil {
			g.out = append(g.out, id)
			continue
		}
		left = append(left, id)
	}
	g.alive = left
	return works
}

// next asks for the next round.
func (g *game) next() protocol.Step {
	_, matches := pair(g.alive)
	body := api.TournamentAsk{Round: len(g.bracket) + 1, Rounds: g.rounds}
	r := &protocol.Round{Phase: judge}
	if g.s.Algorithm == Scored {
		r.Phase = score
		for _, m := range matches {
			for _, side := range []match{m, {m.b, m.a}} {
				body.Opponent = side.b
				r.Asks = append(r.Asks, protocol.Ask{Member: side.a, Body: form.Body(body)})
			}
		}
		return protocol.Step{Round: r}
	}
	for i := range g.s.Members {
		body.Matches = nil
		for _, seen := range g.docket(i, matches) {
			a, b := g.works[seen.a], g.works[seen.b]
			if seen.swapped {
				a, b = b, a
			}
			body.Matches = append(body.Matches, api.TournamentPair{A: a, B: b})
		}
		if len(body.Matches) > 0 {
			r.Asks = append(r.Asks, protocol.Ask{Member: g.s.Members[i].ID, Body: form.Body(body)})
		}
	}
	return protocol.Step{Round: r}
}

// seen is a match as a judge sees it.
type seen struct {
	match
	at      int // among the matches of the round
	swapped bool
}

// docket returns the matches that a member judges: those in which it does not meet anybody itself. Every second judge sees the two the
// other way round, because judges may prefer what they read first (Zheng and others 2023, on language models as judges).
func (g *game) docket(member int, matches []match) []seen {
	id := g.s.Members[member].ID
	if len(g.p.Judges) > 0 && !slices.Contains(g.p.Judges, id) {
		return nil
	}
	var list []seen
	for i, m := range matches {
		if m.a != id && m.b != id {
			list = append(list, seen{match: m, at: i, swapped: (member+i)%2 == 1})
		}
	}
	return list
}

// play carries out a round that is over.
func (g *game) play(r *api.SessionRound) {
	byes, matches := pair(g.alive)
	tallies := make([]tally, len(matches))
	if g.s.Algorithm == Scored {
		scores(r, matches, tallies)
	} else {
		g.votes(r, matches, tallies)
	}
	round := api.TournamentRound{Round: len(g.bracket) + 1, Byes: byes}
	for i, m := range matches {
		round.Matches = append(round.Matches, decide(m, tallies[i], *g.p.EliminationThreshold))
	}
	g.alive = advance(g.alive, byes, round.Matches)
	g.bracket = append(g.bracket, round)
}

func answer(r *api.SessionRound, member string) json.RawMessage {
	for i := range r.Asks {
		if r.Asks[i].Member == member && r.Asks[i].State == api.AskAnswered {
			return r.Asks[i].Answer
		}
	}
	return nil
}

func (g *game) votes(r *api.SessionRound, matches []match, tallies []tally) {
	for i := range g.s.Members {
		list := g.docket(i, matches)
		votes, err := readVotes(len(list), answer(r, g.s.Members[i].ID))
		if err != nil {
			continue // it failed or was silent: it abstains
		}
		for j, m := range list {
			switch {
			case votes[j] == "":
			case (votes[j] == "a") != m.swapped:
				tallies[m.at].a += api.One
			default:
				tallies[m.at].b += api.One
			}
		}
	}
}

func scores(r *api.SessionRound, matches []match, tallies []tally) {
	for i, m := range matches {
		a, errA := readScore(answer(r, m.a))
		b, errB := readScore(answer(r, m.b))
		tallies[i] = tally{a: a, b: b, outA: errA != nil, outB: errB != nil}
	}
}

func (g *game) result() api.TournamentResult {
	r := api.TournamentResult{Winner: g.alive[0], Rounds: g.rounds, Bracket: g.bracket, Withdrawn: g.out}
	sum, n := api.Decimal(0), 0
	for _, round := range g.bracket {
		for _, m := range round.Matches {
			if m.Winner == r.Winner {
				r.Confidence = m.Share
				sum, n = sum+m.Share, n+1
			}
		}
	}
	r.Quality = fixed.Div(sum, fixed.Int(n))
	r.ConsensusReached = n > 0 && r.Confidence >= *g.p.ConsensusThreshold
	r.QualityMet = n > 0 && r.Quality >= *g.p.QualityThreshold
	return r
}
