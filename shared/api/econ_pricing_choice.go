package api

// Bounds of choices.
const (
	MaxChoiceTasks   = 500  // tasks of one choice under a budget
	MaxChoiceOptions = 1000 // options of one choice by several objectives
	MaxObjectives    = 16   // objectives of one choice
	MaxAllocateTasks = 32   // subtasks that are shared out at once
	MaxAllocateAgent = 64   // agents that they are shared out to
	MaxChoiceLoad    = 1000 // subtasks that one agent may have at once
)

// ChoiceValueLimit bounds the value of one task.
const ChoiceValueLimit = 1_000_000 * One

// ChoicePriority is how much a task matters.
type ChoicePriority string

// The priorities.
const (
	ChoiceHigh   ChoicePriority = "high"   // counts 3
	ChoiceMedium ChoicePriority = "medium" // counts 2
	ChoiceLow    ChoicePriority = "low"    // counts 1 (the default)
)

// ChoicePriorities lists every priority.
var ChoicePriorities = []ChoicePriority{ChoiceHigh, ChoiceMedium, ChoiceLow}

// KnapsackRequest asks which tasks to do under a budget.
type KnapsackRequest struct {
	Budget Micro `json:"budget"`
	// Reserve is a part of the budget that is not spent.
	Reserve Micro `json:"reserve,omitempty"`
	// MaxPerTask refuses a task that costs more; 0 for no bound.
	MaxPerTask Micro          `json:"max_per_task,omitempty"`
	Tasks      []KnapsackTask `json:"tasks"`
}

// KnapsackTask is a task that may be done.
type KnapsackTask struct {
	ID   string `json:"id"`
	Cost Micro  `json:"cost"`
	// Priority says what the task is worth: 3, 2 or 1.
	Priority ChoicePriority `json:"priority,omitempty"`
	// Value says it instead of the priority, more than 0.
	Value Decimal `json:"value,omitempty"`
}

// Validate implements Validator.
func (r *KnapsackRequest) Validate() error {
	if err := checkSums(sum{"budget", r.Budget}, sum{"reserve", r.Reserve}, sum{"max_per_task", r.MaxPerTask}); err != nil {
		return err
	}
	if r.Reserve > r.Budget {
		return Errorf(Invalid, "reserve is more than the budget").WithFields("reserve")
	}
	if len(r.Tasks) > MaxChoiceTasks {
		return Errorf(Invalid, "%d tasks are more than the %d that are allowed", len(r.Tasks), MaxChoiceTasks).WithFields("tasks")
	}
	seen := map[string]bool{}
	for _, t := range r.Tasks {
		if err := checkOnce("tasks", t.ID, seen); err != nil {
			return err
		}
		if err := checkSums(sum{"cost", t.Cost}); err != nil {
			return err
		}
		if err := checkPriority(t.Priority); err != nil {
			return err
		}
		if t.Value < 0 || t.Value > ChoiceValueLimit {
			return Errorf(Invalid, "value must be more than 0 and at most %v, or left out", ChoiceValueLimit).WithFields("value")
		}
	}
	return nil
}

// KnapsackResponse is the best choice: no other under the budget is worth more, and of those worth as much it is the one with the first
// task that any of them has, of those with the next, and so on.
type KnapsackResponse struct {
	// Chosen are the tasks to do, in the order of the request.
	Chosen []string `json:"chosen"`
	Cost   Micro    `json:"cost"`
	Value  Decimal  `json:"value"`
	// Refused cost more than max_per_task.
	Refused []string `json:"refused,omitempty"`
	// Left is what remains of the budget, with the reserve.
	Left Micro `json:"left"`
}

// ParetoRequest asks for the best of several options under several objectives.
type ParetoRequest struct {
	Objectives []Objective    `json:"objectives"`
	Options    []ChoiceOption `json:"options"`
}

// ObjectiveGoal is which way is better.
type ObjectiveGoal string

// The goals.
const (
	GoalMaximize ObjectiveGoal = "maximize" // more is better (the default)
	GoalMinimize ObjectiveGoal = "minimize" // less is better
)

// ObjectiveGoals lists every goal.
var ObjectiveGoals = []ObjectiveGoal{GoalMaximize, GoalMinimize}

// Objective is something that options are measured by.
type Objective struct {
	Name string        `json:"name"`
	Goal ObjectiveGoal `json:"goal,omitempty"`
	// Weight is how much it counts among the options that nothing is better than in everything; 1 unless given, at most 1000.
	Weight *Decimal `json:"weight,omitempty"`
	// Min and Max are constraints: an option outside is not feasible.
	Min *Decimal `json:"min,omitempty"`
	Max *Decimal `json:"max,omitempty"`
}

// ChoiceOption is something to choose.
type ChoiceOption struct {
	ID string `json:"id"`
	// Values has one for each objective, by its name.
	Values map[string]Decimal `json:"values"`
}

// Validate implements Validator.
func (r *ParetoRequest) Validate() error {
	if len(r.Objectives) == 0 || len(r.Objectives) > MaxObjectives {
		return Errorf(Invalid, "give 1 to %d objectives", MaxObjectives).WithFields("objectives")
	}
	names, counts := map[string]bool{}, false
	for _, o := range r.Objectives {
		counts = counts || o.Weight == nil || *o.Weight != 0
		if err := checkOnce("objectives", o.Name, names); err != nil {
			return err
		}
		if o.Goal != "" && o.Goal != GoalMaximize && o.Goal != GoalMinimize {
			return Errorf(Invalid, "goal must be one of %v", ObjectiveGoals).WithFields("goal")
		}
		if err := checkMultipliers(figure{"weight", deref(o.Weight)}); err != nil {
			return err
		}
		if o.Min != nil && o.Max != nil && *o.Min > *o.Max {
			return Errorf(Invalid, "the min of %s is more than its max", o.Name).WithFields("min", "max")
		}
	}
	if !counts {
		return Errorf(Invalid, "at least one objective must have a weight above 0").WithFields("objectives")
	}
	if len(r.Options) == 0 || len(r.Options) > MaxChoiceOptions {
		return Errorf(Invalid, "give 1 to %d options", MaxChoiceOptions).WithFields("options")
	}
	seen := map[string]bool{}
	for _, o := range r.Options {
		if err := checkOnce("options", o.ID, seen); err != nil {
			return err
		}
		if len(o.Values) != len(r.Objectives) {
			return Errorf(Invalid, "option %s needs one value for each objective", o.ID).WithFields("values")
		}
		for _, goal := range r.Objectives {
			if _, ok := o.Values[goal.Name]; !ok {
				return Errorf(Invalid, "option %s has no value for %s", o.ID, goal.Name).WithFields("values")
			}
		}
	}
	return nil
}

// ParetoResponse tells which options are worth a thought, and which one is the best under the weights.
type ParetoResponse struct {
	// Chosen is the option of the front with the greatest score, the first of equals.
	Chosen string `json:"chosen"`
	// Front are the feasible options that no other one dominates: is as good in everything and better in something. They are in the order
	// of the request.
	Front []string `json:"front"`
	// Options are in the order of the request.
	Options []ParetoOption `json:"options"`
}

// ParetoOption is what was found of an option.
type ParetoOption struct {
	ID string `json:"id"`
	// Violates are the objectives whose constraints it breaks. An option that breaks none is feasible.
	Violates []string `json:"violates,omitempty"`
	// DominatedBy is the first feasible option that dominates it.
	DominatedBy string `json:"dominated_by,omitempty"`
	// Score is for an option of the front: the weighted mean of its places between the worst and the best of the front in each objective,
	// 0 to 1.
	Score *Decimal `json:"score,omitempty"`
}

// sum is an amount of a request by its name.
type sum struct {
	field string
	value Micro
}

// checkSums refuses amounts that are negative or beyond every account; 0 is allowed.
func checkSums(all ...sum) error {
	for _, x := range all {
		if x.value < 0 || x.value > MaxAmount {
			return Errorf(Invalid, "%s must be 0 to %d millionths", x.field, int64(MaxAmount)).WithFields(x.field)
		}
	}
	return nil
}

// checkOnce refuses an id that is none, or was there before.
func checkOnce(field, id string, seen map[string]bool) error {
	if err := CheckID(field, id); err != nil {
		return err
	}
	if seen[id] {
		return Errorf(Invalid, "%s names %s twice", field, id).WithFields(field)
	}
	seen[id] = true
	return nil
}

func checkPriority(p ChoicePriority) error {
	switch p {
	case "", ChoiceHigh, ChoiceMedium, ChoiceLow:
		return nil
	}
	return Errorf(Invalid, "priority must be one of %v", ChoicePriorities).WithFields("priority")
}
