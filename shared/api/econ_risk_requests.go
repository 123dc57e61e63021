package api

import (
	"encoding/json"
	"slices"
)

// StakePutRequest puts a stake for the principal who asks.
type StakePutRequest struct {
	Amount Micro `json:"amount"`
	// Account is where it is held; the principal's main account unless given.
	Account AccountID `json:"account,omitempty"`
}

// Validate implements Validator.
func (r *StakePutRequest) Validate() error {
	return first(CheckAmount("amount", r.Amount), checkCredit("account", r.Account))
}

// StakeAmountRequest changes the stake of the principal who asks.
type StakeAmountRequest struct {
	Amount Micro `json:"amount"`
}

// Validate implements Validator.
func (r *StakeAmountRequest) Validate() error { return CheckAmount("amount", r.Amount) }

// StakeWithdrawResponse tells what went back to the account.
type StakeWithdrawResponse struct {
	Amount Micro `json:"amount"`
	Stake  Stake `json:"stake"`
	// Revision is that of the write.
	Revision string `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (r *StakeWithdrawResponse) SetRevision(revision string) { r.Revision = revision }

// StakeGetRequest asks for an agent's stake.
type StakeGetRequest struct {
	Agent       string `json:"agent"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *StakeGetRequest) Validate() error { return CheckID("agent", r.Agent) }

// StakesListResponse is a page of stakes.
type StakesListResponse struct {
	Stakes   []Stake `json:"stakes"`
	Next     string  `json:"next,omitempty"`
	Revision string  `json:"revision,omitempty"`
}

// StakeRecovery is what an agent may get back of what it lost.
type StakeRecovery struct {
	Agent string `json:"agent"`
	// Days since it was slashed last, and the period, in days, after which the most is given back.
	Days   int `json:"days"`
	Period int `json:"period"`
	// Eligible from half the period on. Share is stake * min(1, days/period) * 0.5; Amount what of it may be restored: no more than
	// what was slashed and neither paid to who was harmed nor restored before.
	Eligible bool   `json:"eligible"`
	Share    Micro  `json:"share"`
	Amount   Micro  `json:"amount"`
	Revision string `json:"revision,omitempty"`
}

// StakeRestoreRequest gives an agent some of its stake back.
type StakeRestoreRequest struct {
	Agent  string `json:"agent"`
	Amount Micro  `json:"amount"`
}

// Validate implements Validator.
func (r *StakeRestoreRequest) Validate() error {
	return first(CheckID("agent", r.Agent), CheckAmount("amount", r.Amount))
}

// ViolationReportRequest says that an agent has broken the rules.
type ViolationReportRequest struct {
	// ID is permanent; one is made unless it is given.
	ID      string `json:"id,omitempty"`
	Accused string `json:"accused"`
	// Kind is quality_fraud, effort_manipulation, collusion_detected, performance_failure, task_abandonment, or another id.
	Kind string `json:"kind"`
	// Ref is the occasion, such as "contract/<id>".
	Ref string `json:"ref"`
	// Harmed is who shall get of the slashed amount up to the harm.
	Harmed   AccountID       `json:"harmed,omitempty"`
	Harm     Micro           `json:"harm,omitempty"`
	Evidence json.RawMessage `json:"evidence,omitempty"`
}

// Validate implements Validator.
func (r *ViolationReportRequest) Validate() error {
	if (r.Harmed == "") != (r.Harm == 0) {
		return Errorf(Invalid, "give both harmed and harm, or neither").WithReason(ReasonMissingFields).WithFields("harmed", "harm")
	}
	if r.Harm != 0 {
		if err := CheckAmount("harm", r.Harm); err != nil {
			return err
		}
	}
	return first(CheckOptionalID("id", r.ID), CheckID("accused", r.Accused), CheckID("kind", r.Kind), checkOccasion("ref", r.Ref),
		checkCredit("harmed", r.Harmed), checkEvidence(r.Evidence))
}

// ViolationJudgeRequest judges a violation.
type ViolationJudgeRequest struct {
	ID string `json:"id"`
	// Uphold says that it is one. Only operators judge so.
	Uphold bool `json:"uphold,omitempty"`
	// Session names a session of the jury whose decision counts in place of uphold. Anybody may bring it.
	Session string `json:"session,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Validate implements Validator.
func (r *ViolationJudgeRequest) Validate() error {
	if r.Uphold && r.Session != "" {
		return Errorf(Invalid, "give either uphold or a session, which decides by itself").WithFields("uphold", "session")
	}
	return first(CheckID("id", r.ID), CheckOptionalID("session", r.Session), checkRiskNote("note", r.Note))
}

// AppealRequest says why a verdict is wrong.
type AppealRequest struct {
	ID        string `json:"id"`
	Statement string `json:"statement"`
}

// Validate implements Validator.
func (r *AppealRequest) Validate() error {
	if r.Statement == "" {
		return Errorf(Invalid, "statement is required").WithReason(ReasonMissingFields).WithFields("statement")
	}
	return first(CheckID("id", r.ID), checkRiskNote("statement", r.Statement))
}

// OverturnRequest takes a verdict back.
type OverturnRequest struct {
	ID   string `json:"id"`
	Note string `json:"note,omitempty"`
}

// Validate implements Validator.
func (r *OverturnRequest) Validate() error {
	return first(CheckID("id", r.ID), checkRiskNote("note", r.Note))
}

// RiskGetRequest asks for a violation, a pool, a policy or a claim.
type RiskGetRequest struct {
	ID          string `json:"id"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *RiskGetRequest) Validate() error { return CheckID("id", r.ID) }

// ViolationsListRequest selects violations.
type ViolationsListRequest struct {
	Accused     string         `json:"accused,omitempty"`
	State       ViolationState `json:"state,omitempty"`
	After       string         `json:"after,omitempty"`
	Limit       int            `json:"limit,omitempty"`
	MinRevision string         `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ViolationsListRequest) Validate() error {
	if r.State != "" && !slices.Contains(ViolationStates, r.State) {
		return Errorf(Invalid, "state must be one of %v", ViolationStates).WithFields("state")
	}
	return first(CheckOptionalID("accused", r.Accused), CheckOptionalID("after", r.After), checkPage(r.Limit))
}

// ViolationsListResponse is a page of violations, without their evidence.
type ViolationsListResponse struct {
	Violations []Violation `json:"violations"`
	Next       string      `json:"next,omitempty"`
	Revision   string      `json:"revision,omitempty"`
}
