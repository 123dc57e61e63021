package api

import "slices"

// AllocateRequest asks who shall do which subtask.
type AllocateRequest struct {
	// Budget bounds what all subtasks cost together; 0 for no bound.
	Budget   Micro             `json:"budget,omitempty"`
	Subtasks []AllocateSubtask `json:"subtasks"`
	Agents   []AllocateAgent   `json:"agents"`
	// Weights are 1 each unless given.
	Weights     *AllocateWeights `json:"weights,omitempty"`
	MinRevision string           `json:"min_revision,omitempty"`
}

// AllocateSubtask is a piece of work for one agent.
type AllocateSubtask struct {
	ID string `json:"id"`
	// Specialization is what its agent must have, if given.
	Specialization string         `json:"specialization,omitempty"`
	Priority       ChoicePriority `json:"priority,omitempty"`
	// Budget is the most that it may cost; 0 for no bound.
	Budget Micro `json:"budget,omitempty"`
	// Work is by how much an agent's price is multiplied, 1 unless given.
	Work Decimal `json:"work,omitempty"`
}

// AllocateAgent is somebody who may do it.
type AllocateAgent struct {
	ID              string   `json:"id"`
	Specializations []string `json:"specializations,omitempty"`
	// Reputation is from 0 to 1; that of the service's own records unless given.
	Reputation *Decimal `json:"reputation,omitempty"`
	// Price is for one unit of work.
	Price Micro `json:"price"`
	// Load is how many subtasks the agent has already, Capacity how many it can have; 1 unless given.
	Load     int `json:"load,omitempty"`
	Capacity int `json:"capacity,omitempty"`
}

// AllocateWeights say what matters in an agent: reputation, a low price for the subtask, and that it is not busy. Not all are 0.
type AllocateWeights struct {
	Reputation Decimal `json:"reputation"`
	Price      Decimal `json:"price"`
	Load       Decimal `json:"load"`
}

// Validate implements Validator.
func (r *AllocateRequest) Validate() error {
	if len(r.Subtasks) == 0 || len(r.Subtasks) > MaxAllocateTasks {
		return Errorf(Invalid, "give 1 to %d subtasks", MaxAllocateTasks).WithFields("subtasks")
	}
	if len(r.Agents) > MaxAllocateAgent {
		return Errorf(Invalid, "%d agents are more than the %d that are allowed", len(r.Agents), MaxAllocateAgent).WithFields("agents")
	}
	if len(r.Agents) == 0 {
		return Errorf(Invalid, "there must be agents to share the subtasks out to").WithReason(ReasonEmptyAgentPool).WithFields("agents")
	}
	if err := checkSums(sum{"budget", r.Budget}); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, t := range r.Subtasks {
		if err := checkOnce("subtasks", t.ID, seen); err != nil {
			return err
		}
		if err := CheckOptionalID("specialization", t.Specialization); err != nil {
			return err
		}
		if err := checkPriority(t.Priority); err != nil {
			return err
		}
		if err := checkSums(sum{"budget", t.Budget}); err != nil {
			return err
		}
		if err := checkMultipliers(figure{"work", t.Work}); err != nil {
			return err
		}
	}
	seen = map[string]bool{}
	for _, a := range r.Agents {
		if err := checkOnce("agents", a.ID, seen); err != nil {
			return err
		}
		if err := checkIDs("specializations", a.Specializations, MaxCapabilities); err != nil {
			return err
		}
		if err := checkFractions(figure{"reputation", deref(a.Reputation)}); err != nil {
			return err
		}
		if err := checkSums(sum{"price", a.Price}); err != nil {
			return err
		}
		if a.Load < 0 || a.Load > MaxChoiceLoad || a.Capacity < 0 || a.Capacity > MaxChoiceLoad {
			return Errorf(Invalid, "load and capacity must be 0 to %d", MaxChoiceLoad).WithFields("load", "capacity")
		}
	}
	if w := r.Weights; w != nil {
		if w.Reputation+w.Price+w.Load == 0 {
			return Errorf(Invalid, "at least one of the weights must be more than 0").WithFields("weights")
		}
		return checkMultipliers(figure{"weights.reputation", w.Reputation}, figure{"weights.price", w.Price}, figure{"weights.load", w.Load})
	}
	return nil
}

// AllocateResponse tells who does what.
type AllocateResponse struct {
	// Assignments are in the order of the subtasks.
	Assignments []AllocateAssignment `json:"assignments"`
	Cost        Micro                `json:"cost"`
	// Unassigned are the subtasks that nobody does.
	Unassigned []AllocateLeft `json:"unassigned,omitempty"`
	Revision   string         `json:"revision,omitempty"`
}

// AllocateAssignment is a subtask with its agent.
type AllocateAssignment struct {
	Subtask string `json:"subtask"`
	Agent   string `json:"agent"`
	Price   Micro  `json:"price"`
	// Score is how well they go together, from 0 to 1: the weighted mean of reputation, of how far below the dearest agent for the subtask
	// the price is, and of the agent's free capacity before it takes the subtask.
	Score Decimal `json:"score"`
}

// AllocateLeft is a subtask that nobody does.
type AllocateLeft struct {
	Subtask string         `json:"subtask"`
	Reason  AllocateReason `json:"reason"`
}

// AllocateReason is why nobody does a subtask.
type AllocateReason string

// The reasons.
const (
	LeftNobody   AllocateReason = "no_specialist" // no agent has the specialization
	LeftTooDear  AllocateReason = "too_dear"      // every one of them wants more than the subtask's budget
	LeftBusy     AllocateReason = "no_capacity"   // all who could have other things to do
	LeftUnfunded AllocateReason = "over_budget"   // the budget for all goes further with others
)

// AllocateReasons lists every reason.
var AllocateReasons = []AllocateReason{LeftNobody, LeftTooDear, LeftBusy, LeftUnfunded}

// Specialist tells whether the agent has what a subtask asks for.
func (a *AllocateAgent) Specialist(t *AllocateSubtask) bool {
	return t.Specialization == "" || slices.Contains(a.Specializations, t.Specialization)
}
