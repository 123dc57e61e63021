package api

import "encoding/json"

// SearchParams are those of hyperparameter_search: members evaluate candidates, and the best is kept. Its algorithms are random (the
// default), grid and successive_halving.
type SearchParams struct {
	// ParameterSpace says, by name, what each parameter may be: 1 to 32 parameters. It is required.
	ParameterSpace map[string]SearchRange `json:"parameter_space"`
	// Objective is maximise (the default; maximize is taken too) or minimise.
	Objective string `json:"objective,omitempty"`
	// MaxEvaluations is how many evaluations may be asked for, further tries of failed ones included: 1 to 500; 100 unless given.
	MaxEvaluations int `json:"max_evaluations,omitempty"`
	// MaxAttempts is how often a candidate whose evaluation fails is tried, 1 to 10; 3 unless given.
	MaxAttempts int `json:"max_attempts,omitempty"`
	// Seed is what random draws begin with; the session's id unless given.
	Seed string `json:"seed,omitempty"`
	// Target ends the search after the round in which a score reaches it.
	Target *Decimal `json:"target,omitempty"`
	// Eta is by how much successive_halving shortens the field and raises the budget each time, 2 to 10; 3 unless given.
	Eta int `json:"eta,omitempty"`
	// Candidates is how many successive_halving begins with; unless given the greatest power of eta that max_evaluations allows.
	Candidates int `json:"candidates,omitempty"`
	// MinBudget is what each evaluation of the first rung may use, in whatever the members understand; 1 unless given.
	MinBudget *Decimal `json:"min_budget,omitempty"`
	// MaxBudget bounds what one of a later rung may use; unbounded unless given.
	MaxBudget *Decimal `json:"max_budget,omitempty"`
}

// SearchRange is what one parameter may be: either some values, or the numbers from min to max. A session's own parameters list the
// numbers of a range with steps as values.
type SearchRange struct {
	// Values are any JSON values, of at most 1 KiB each, at most 1000.
	Values []json.RawMessage `json:"values,omitempty"`
	Min    *Decimal          `json:"min,omitempty"`
	Max    *Decimal          `json:"max,omitempty"`
	// Steps is how many numbers of the range are looked at, both ends included: 2 to 100. Grid needs it; the others take any number
	// of the range unless it is given.
	Steps int `json:"steps,omitempty"`
	// Scale is linear (equal differences, the default) or log (equal ratios; min must be above 0).
	Scale string `json:"scale,omitempty"`
	// Integer rounds to whole numbers.
	Integer bool `json:"integer,omitempty"`
}

// SearchAsk is the candidate that a member evaluates.
type SearchAsk struct {
	// Candidate is its number: that of the point of the grid, or of the draw, from 0.
	Candidate int                        `json:"candidate"`
	Config    map[string]json.RawMessage `json:"config"`
	// Rung counts the rungs of successive_halving from 0; Budget is what an evaluation may use there.
	Rung   int      `json:"rung,omitempty"`
	Budget *Decimal `json:"budget,omitempty"`
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
}

// SearchAnswer is the outcome of an evaluation. A bare number is one too. A failed evaluation is answered with an error.
type SearchAnswer struct {
	Score *Decimal `json:"score"`
}

// SearchResult is what a search has found.
type SearchResult struct {
	Best SearchEvaluation `json:"best"`
	// Evaluations are all that were asked for, in the order of rounds and members. When they would be too long, their configurations are
	// left out (they are in the transcript), and ConfigsLeftOut is set.
	Evaluations    []SearchEvaluation `json:"evaluations"`
	ConfigsLeftOut bool               `json:"configs_left_out,omitempty"`
	Candidates     int                `json:"candidates"`
	Failed         int                `json:"failed"`
	// Stopped is target, max_evaluations, or exhausted: everything there was to evaluate has been.
	Stopped string `json:"stopped"`
	// Rungs are the numbers of candidates of the rungs that were begun, with successive_halving.
	Rungs []int `json:"rungs,omitempty"`
}

// SearchEvaluation is one candidate evaluated once.
type SearchEvaluation struct {
	Candidate int                        `json:"candidate"`
	Config    map[string]json.RawMessage `json:"config,omitempty"`
	Rung      int                        `json:"rung,omitempty"`
	Budget    *Decimal                   `json:"budget,omitempty"`
	Round     int                        `json:"round"`
	Member    string                     `json:"member"`
	// Score is missing when the evaluation failed; Error says why, shortened to 120 bytes.
	Score *Decimal `json:"score,omitempty"`
	Error string   `json:"error,omitempty"`
}
