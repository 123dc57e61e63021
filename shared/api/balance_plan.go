package api

import (
	"slices"
	"time"
)

// Defaults and bounds of a plan.
const (
	MaxPlanMoves     = 1_000 // moves of one plan
	MaxPlanAgents    = 5_000 // agents of all its moves: its run is one record of a bucket
	MaxPlanInFlight  = 32    // agents on the move at once
	DefaultPlanMoves = 100   // moves of one plan
	MaxPlanRest      = 86400 // seconds
)

// Reasons of plans.
const (
	ReasonPlanRunning  = "plan_running"   // conflict: one plan runs at a time
	ReasonPlanNotFound = "plan_not_found" // not_found
	ReasonNoLoads      = "no_loads"       // failed_precondition: of several hosts fewer than two tell their loads
)

// PlanBy says what a plan levels.
type PlanBy string

// What a plan may level.
const (
	PlanByLoad   PlanBy = "load"   // how busy hosts are, by their reports
	PlanByAgents PlanBy = "agents" // agents for each processor
)

// PlanBys lists what a plan may level.
var PlanBys = []PlanBy{PlanByLoad, PlanByAgents}

// PlanRequest says how hosts are to be levelled. The zero value has all defaults.
type PlanRequest struct {
	// By is load unless given.
	By PlanBy `json:"by,omitempty"`
	// Band is how far from the mean a host may be before anything is moved; then moves bring it to within half of that. By load it is a
	// share of a whole host, by agents a share of the mean; 0.15 unless given.
	Band Decimal `json:"band,omitzero"`
	// MaxMoves is how many moves the plan has at most; 100 unless given.
	MaxMoves int `json:"max_moves,omitempty"`
	// Rest is for how long an agent that has come to its host, or was started, stays there; 1m unless given.
	Rest Duration `json:"rest,omitzero"`
	// MaxShare is the share of a host's agents that may be leaving it at once, of few always one; 0.1 unless given.
	MaxShare Decimal `json:"max_share,omitzero"`
	// InFlight is how many agents are on the move at once in all; 32 unless given. A group that is larger moves alone.
	InFlight int `json:"in_flight,omitempty"`
}

// WithDefaults returns the request with what was left out.
func (r PlanRequest) WithDefaults() PlanRequest {
	if r.By == "" {
		r.By = PlanByLoad
	}
	if r.Band == 0 {
		r.Band = 150_000
	}
	if r.MaxMoves == 0 {
		r.MaxMoves = DefaultPlanMoves
	}
	if r.Rest == 0 {
		r.Rest = Duration(time.Minute)
	}
	if r.MaxShare == 0 {
		r.MaxShare = 100_000
	}
	if r.InFlight == 0 {
		r.InFlight = MaxPlanInFlight
	}
	return r
}

// Validate implements Validator.
func (r *PlanRequest) Validate() error {
	if r.By != "" && !slices.Contains(PlanBys, r.By) {
		return Errorf(Invalid, "by must be one of %q", PlanBys).WithFields("by")
	}
	if r.Band < 0 || r.Band > One || r.MaxShare < 0 || r.MaxShare > One {
		return Errorf(Invalid, "band and max_share must be above 0 and at most 1, or left out for 0.15 and 0.1").WithFields("band", "max_share")
	}
	if r.MaxMoves < 0 || r.MaxMoves > MaxPlanMoves || r.InFlight < 0 || r.InFlight > MaxPlanInFlight {
		return Errorf(Invalid, "max_moves must be 1 to %d, in_flight 1 to %d", MaxPlanMoves, MaxPlanInFlight).WithFields("max_moves", "in_flight")
	}
	if r.Rest < 0 || r.Rest > Duration(MaxPlanRest*time.Second) {
		return Errorf(Invalid, "rest must be 0s to %ds", MaxPlanRest).WithFields("rest")
	}
	return nil
}

// Plan says which agents would go on on other hosts, and what would come of it.
type Plan struct {
	// Request is by what the plan was made.
	Request PlanRequest `json:"request"`
	MadeAt  time.Time   `json:"made_at"`
	// Mean is the mean level of the hosts. By load, a level is the share of its scarcest resource that is in use: its processors, what
	// is above the half of its memory, or its queues; by agents, agents for each processor over the mean.
	Mean  Measure    `json:"mean"`
	Hosts []PlanHost `json:"hosts"`
	// Moves are empty when every host is within the band, or nothing that may be moved would help.
	Moves []PlanMove `json:"moves"`
}

// PlanHost is a host before a plan and, as far as can be foretold, after it.
type PlanHost struct {
	Host        string  `json:"host"`
	Level       Measure `json:"level"`
	After       Measure `json:"after"`
	Agents      int     `json:"agents"`
	AgentsAfter int     `json:"agents_after"`
}

// PlanMoveStatus is where a move stands.
type PlanMoveStatus string

// The statuses of a move.
const (
	MoveWaiting PlanMoveStatus = "waiting"
	MoveMoving  PlanMoveStatus = "moving"
	MoveMoved   PlanMoveStatus = "moved"
	MoveFailed  PlanMoveStatus = "failed"  // the agent has stayed, or is taken up where it is best placed
	MoveSkipped PlanMoveStatus = "skipped" // the agent does not run on From any more, or the plan was stopped
)

// PlanMove is one step of a plan: an agent, or the members of a group, from one host to another.
type PlanMove struct {
	Agents []string `json:"agents"`
	From   string   `json:"from"`
	To     string   `json:"to"`
	// Weight is how much of From's level is theirs, as far as their messages tell.
	Weight Measure `json:"weight"`
	// Status is set once the plan runs.
	Status PlanMoveStatus `json:"status,omitempty"`
	// Error says why the move failed.
	Error *Error `json:"error,omitempty"`
}

func (p *Plan) validate() error {
	if err := p.Request.Validate(); err != nil {
		return err
	}
	if len(p.Moves) > MaxPlanMoves || len(p.Hosts) > MaxBulk {
		return Errorf(Invalid, "a plan has at most %d moves and tells of %d hosts", MaxPlanMoves, MaxBulk).WithFields("plan.moves", "plan.hosts")
	}
	agents := 0
	for _, m := range p.Moves {
		if agents += len(m.Agents); agents > MaxPlanAgents {
			return Errorf(Invalid, "the moves of a plan have at most %d agents together: make several plans", MaxPlanAgents).WithFields("plan.moves")
		}
		if len(m.Agents) == 0 {
			return Errorf(Invalid, "plan.moves: a move names its agents").WithReason(ReasonMissingFields).WithFields("plan.moves")
		}
		if err := checkIDs("plan.moves", append([]string{m.From, m.To}, m.Agents...), MaxBulk); err != nil {
			return err
		}
		if m.From == m.To || m.Status != "" || m.Error != nil {
			return Errorf(Invalid, "plan.moves: from and to must differ, status and error are left out").WithFields("plan.moves")
		}
	}
	for _, h := range p.Hosts {
		if err := CheckID("plan.hosts", h.Host); err != nil {
			return err
		}
	}
	return nil
}

// PlanRunStatus is where the run of a plan stands.
type PlanRunStatus string

// The statuses of a run.
const (
	PlanRunning PlanRunStatus = "running"
	PlanDone    PlanRunStatus = "done"
	PlanStopped PlanRunStatus = "stopped" // somebody asked for it, or too many moves failed
)

// PlanRun is a plan that is, or was, carried out.
type PlanRun struct {
	ID   string `json:"id"`
	Plan Plan   `json:"plan"`
	// Status is running until every move has ended.
	Status PlanRunStatus `json:"status"`
	// Why says why it was stopped.
	Why string `json:"why,omitempty"`
	// Runner is the replica that carries it out. When that is lost another goes on.
	Runner    string    `json:"runner"`
	StartedAt time.Time `json:"started_at"`
	ChangedAt time.Time `json:"changed_at"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Moved     int       `json:"moved"`
	Failed    int       `json:"failed"`
	Skipped   int       `json:"skipped"`
	Revision  string    `json:"revision,omitempty"`
}

// PlanRunRequest has a plan carried out: the one that is given, as plans.make has returned it, or one that is made now.
type PlanRunRequest struct {
	PlanRequest
	Plan *Plan `json:"plan,omitempty"`
}

// Validate implements Validator.
func (r *PlanRunRequest) Validate() error {
	if r.Plan == nil {
		return r.PlanRequest.Validate()
	}
	if r.PlanRequest != (PlanRequest{}) {
		return Errorf(Invalid, "give a plan or what to make one by, not both: the plan has its request").WithFields("plan")
	}
	return r.Plan.validate()
}

// PlanGetRequest names a run; the newest unless an id is given.
type PlanGetRequest struct {
	ID          string `json:"id,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *PlanGetRequest) Validate() error { return CheckOptionalID("id", r.ID) }
