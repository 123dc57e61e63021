package search

import (
	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
)

// maxHistory bounds the history with its configurations, in bytes: with the rest it must stay below api.MaxSessionResult.
const maxHistory = 128 << 10

// finish ends the search with the best of the highest rung that has a score: scores of different budgets do not compare.
func (pl *plan) finish(stopped string) protocol.Step {
	var best *trial
	rungs := map[int]int{}
	for _, t := range pl.trials {
		rungs[t.rung]++
		if t.score != nil && (best == nil || t.rung > best.rung || t.rung == best.rung && compare(pl.p, t, best) < 0) {
			best = t
		}
	}
	if best == nil {
		return protocol.Step{Reason: form.NoAnswers + ": no evaluation has succeeded"}
	}
	r := api.SearchResult{Best: pl.history[best.at], Evaluations: pl.history, Candidates: rungs[0], Stopped: stopped}
	if pl.s.Algorithm == Halving {
		for i := range len(rungs) {
			r.Rungs = append(r.Rungs, rungs[i])
		}
	}
	for _, e := range r.Evaluations {
		if e.Score == nil {
			r.Failed++
		}
	}
	if len(form.Body(r.Evaluations)) > maxHistory {
		r.ConfigsLeftOut = true
		for i := range r.Evaluations {
			r.Evaluations[i].Config = nil
		}
	}
	return protocol.Step{Result: r}
}
