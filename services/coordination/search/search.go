// Package search holds the pure rules of searching for the best parameters: which candidates are evaluated, by whom, and how far. The
// candidates are the points of a grid, or random draws, or draws of which the better ones are evaluated further and further (successive
// halving).
package search

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The algorithms.
const (
	Random  = "random"
	Grid    = "grid"
	Halving = "successive_halving" // Jamieson and Talwalkar 2016
)

const (
	maximise = "maximise"
	minimise = "minimise"
)

// MaxEvaluations bounds the evaluations of one session. It is below api.MaxSessionRounds, so that one member alone has rounds enough.
const MaxEvaluations = 500

// Parameters is the protocol of the type hyperparameter_search.
type Parameters struct{}

var _ protocol.Protocol = Parameters{}

// Check implements protocol.Protocol.
func (Parameters) Check(s *api.Session) (protocol.Settings, error) {
	if err := form.Members(s, 1, 20); err != nil {
		return protocol.Settings{}, err
	}
	algorithm, err := form.Algorithm(s, Random, Grid, Halving)
	if err != nil {
		return protocol.Settings{}, err
	}
	var p api.SearchParams
	if err := form.Params(s, &p); err != nil {
		return protocol.Settings{}, err
	}
	if err := check(&p, algorithm); err != nil {
		return protocol.Settings{}, err
	}
	return form.Settings(algorithm, p, time.Hour, api.PriorityHigh)
}

// check sets defaults and writes out the ranges with steps.
func check(p *api.SearchParams, algorithm string) error {
	switch p.Objective {
	case "", maximise, "maximize":
		p.Objective = maximise
	case minimise, "minimize":
		p.Objective = minimise
	default:
		return form.Config("objective", "objective must be maximise or minimise")
	}
	if err := form.Count("max_evaluations", &p.MaxEvaluations, 100, 1, MaxEvaluations); err != nil {
		return err
	}
	if err := form.Count("max_attempts", &p.MaxAttempts, 3, 1, 10); err != nil {
		return err
	}
	if len(p.Seed) > api.MaxTagLength {
		return form.Config("seed", "seed has %d bytes, at most %d are allowed", len(p.Seed), api.MaxTagLength)
	}
	if err := checkSpace(p.ParameterSpace); err != nil {
		return err
	}
	if n := longest(p.ParameterSpace) * p.MaxEvaluations; n > api.MaxSessionBytes/2 {
		return form.Config("max_evaluations", "%d evaluations may take %d bytes of questions, at most %d are allowed: take fewer, or shorter values", p.MaxEvaluations, n, api.MaxSessionBytes/2)
	}
	points := size(axes(p.ParameterSpace))
	switch algorithm {
	case Grid:
		if points == 0 {
			return form.Config("parameter_space", "a grid needs values or steps for every parameter")
		}
		if points > p.MaxEvaluations {
			return form.Config("max_evaluations", "the grid has more points than max_evaluations, %d, allows: take fewer steps, or the algorithm %s", p.MaxEvaluations, Random)
		}
	case Halving:
		return checkHalving(p)
	}
	if p.Eta != 0 || p.Candidates != 0 || p.MinBudget != nil || p.MaxBudget != nil {
		return form.Config("eta", "eta, candidates, min_budget and max_budget are for the algorithm %s", Halving)
	}
	return nil
}

// Accept implements protocol.Protocol.
func (Parameters) Accept(_ *api.Session, _ *api.SessionAsk, answer json.RawMessage) error {
	_, err := readScore(answer)
	return err
}

func readScore(raw json.RawMessage) (api.Decimal, error) {
	if d, ok := form.ReadNumber(raw); ok {
		return d, nil
	}
	var a api.SearchAnswer
	if form.Kind(raw) != '{' || codec.Decode(raw, &a) != nil || a.Score == nil {
		return 0, form.Refuse("answer a number, or {\"score\": number}, of at most %d in either direction", api.DecimalLimit/api.One)
	}
	return *a.Score, nil
}

// better tells whether score a is better than b.
func better(p *api.SearchParams, a, b api.Decimal) bool {
	if p.Objective == minimise {
		return a < b
	}
	return a > b
}
