package search

import (
	"encoding/json"
	"slices"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// trial is a candidate on a rung; without successive halving there is rung 0 alone.
type trial struct {
	number int
	rung   int
	config map[string]json.RawMessage
	budget *api.Decimal
	tried  []string     // by whom, in order
	score  *api.Decimal // nil as long as every evaluation has failed
	at     int          // where its last evaluation is in the history
}

// plan is a search as it stands.
type plan struct {
	s       *api.Session
	p       *api.SearchParams
	trials  []*trial
	history []api.SearchEvaluation
	idle    map[string]int // how many evaluations of a member have failed one after the other
}

// Step implements protocol.Protocol. A round is waited for to its end, so that what comes next depends on scores and not on who was fast.
func (Parameters) Step(s *api.Session) protocol.Step {
	current := protocol.Current(s)
	if current != nil && !protocol.Closed(current) {
		return protocol.Step{}
	}
	var p api.SearchParams
	err := codec.Read(s.Params, &p)
	if err == nil {
		err = check(&p, s.Algorithm)
	}
	if err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	pl := look(s, &p)
	if pl.reached() {
		return pl.finish("target")
	}
	room := p.MaxEvaluations - len(pl.history)
	if room == 0 {
		return pl.finish("max_evaluations")
	}
	if asks := pl.assign(room); len(asks) > 0 {
		return protocol.Step{Round: &protocol.Round{Phase: "evaluate", Asks: asks}}
	}
	return pl.finish("exhausted")
}

// look reads the transcript.
func look(s *api.Session, p *api.SearchParams) *plan {
	pl := &plan{s: s, p: p, idle: map[string]int{}}
	type place struct{ number, rung int }
	at := map[place]*trial{}
	for i := range s.Rounds {
		for _, ask := range s.Rounds[i].Asks {
			var body api.SearchAsk
			if codec.Read(ask.Ask, &body) != nil {
				continue
			}
			t := at[place{body.Candidate, body.Rung}]
			if t == nil {
				t = &trial{number: body.Candidate, rung: body.Rung, config: body.Config, budget: body.Budget}
				at[place{body.Candidate, body.Rung}] = t
				pl.trials = append(pl.trials, t)
			}
			e := api.SearchEvaluation{
				Candidate: t.number, Config: t.config, Rung: t.rung, Budget: t.budget, Round: s.Rounds[i].Number, Member: ask.Member,
			}
			score, err := readScore(ask.Answer)
			switch {
			case ask.State == api.AskAnswered && err == nil:
				e.Score, t.score = &score, &score
				pl.idle[ask.Member] = 0
			case ask.State == api.AskFailed:
				e.Error = "failed: " + form.Short(ask.Error)
				pl.idle[ask.Member]++
			default:
				e.Error = "no answer in time"
				pl.idle[ask.Member]++
			}
			t.tried, t.at = append(t.tried, ask.Member), len(pl.history)
			pl.history = append(pl.history, e)
		}
	}
	return pl
}

func (pl *plan) reached() bool {
	return pl.p.Target != nil && slices.ContainsFunc(pl.trials, func(t *trial) bool {
		return t.score != nil && !better(pl.p, *pl.p.Target, *t.score)
	})
}

func (pl *plan) over(t *trial) bool { return t.score != nil || len(t.tried) >= pl.p.MaxAttempts }

// assign gives the members what is next, one candidate each: first what has failed and may be tried again, by somebody who has not
// tried it as long as there is one, then what is new.
func (pl *plan) assign(room int) []protocol.Ask {
	free := pl.able()
	room = min(room, len(free))
	var asks []protocol.Ask
	give := func(t *trial) {
		fresh := func(m string) bool { return !slices.Contains(t.tried, m) }
		at := slices.IndexFunc(free, fresh)
		if at < 0 && slices.ContainsFunc(pl.able(), fresh) {
			return // whoever could try it is busy in this round
		}
		at = max(at, 0)
		body := api.SearchAsk{Candidate: t.number, Config: t.config, Rung: t.rung, Budget: t.budget, Attempt: len(t.tried) + 1}
		asks = append(asks, protocol.Ask{Member: free[at], Body: form.Body(body)})
		free = slices.Delete(free, at, at+1)
	}
	for _, t := range pl.trials {
		if len(asks) < room && !pl.over(t) {
			give(t)
		}
	}
	for _, t := range pl.fresh(room - len(asks)) {
		give(t)
	}
	return asks
}

// able returns the members to ask: those whose last evaluations have not all failed, max_attempts of them, unless that is everyone.
func (pl *plan) able() []string {
	var able, all []string
	for _, m := range pl.s.Members {
		all = append(all, m.ID)
		if pl.idle[m.ID] < pl.p.MaxAttempts {
			able = append(able, m.ID)
		}
	}
	if len(able) == 0 {
		return all
	}
	return able
}

// fresh returns up to n candidates that come next.
func (pl *plan) fresh(n int) []*trial {
	if pl.s.Algorithm != Halving {
		return pl.drawn(n)
	}
	last := 0
	for _, t := range pl.trials {
		last = max(last, t.rung)
	}
	rung := pl.rung(last)
	if last == 0 && len(rung) < pl.p.Candidates {
		if drawn := pl.drawn(min(n, pl.p.Candidates-len(rung))); len(drawn) > 0 || n == 0 {
			return drawn
		}
	}
	if last > 0 {
		var waiting []*trial
		for _, t := range survivors(pl.p, pl.rung(last-1)) {
			if !slices.ContainsFunc(rung, func(r *trial) bool { return r.number == t.number }) {
				waiting = append(waiting, t)
			}
		}
		if len(waiting) > 0 {
			return pl.promote(waiting, last, n)
		}
	}
	if slices.ContainsFunc(rung, func(t *trial) bool { return !pl.over(t) }) {
		return nil
	}
	return pl.promote(survivors(pl.p, rung), last+1, n)
}

func (pl *plan) rung(rung int) []*trial {
	return slices.DeleteFunc(slices.Clone(pl.trials), func(t *trial) bool { return t.rung != rung })
}

func (pl *plan) promote(from []*trial, rung, n int) []*trial {
	var next []*trial
	for _, t := range from[:min(n, len(from))] {
		next = append(next, &trial{number: t.number, rung: rung, config: t.config, budget: budget(pl.p, rung)})
	}
	return next
}

// drawn returns up to n candidates of rung 0 that were not there before.
func (pl *plan) drawn(n int) []*trial {
	number, seen := 0, map[string]bool{}
	for _, t := range pl.trials {
		number = max(number, t.number+1)
		seen[string(form.Body(t.config))] = true
	}
	give := source(pl.s, pl.p)
	var next []*trial
	for repeats := 0; len(next) < n && repeats < 1000; number++ {
		config, ok := give(number)
		if !ok {
			break
		}
		key := string(form.Body(config))
		if seen[key] && pl.s.Algorithm != Grid {
			repeats++
			continue
		}
		seen[key] = true
		t := &trial{number: number, config: config}
		if pl.s.Algorithm == Halving {
			t.budget = budget(pl.p, 0)
		}
		next = append(next, t)
	}
	return next
}
