package risk

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/shared/api"
)

// violationOf names the entity of a violation.
func violationOf(id string) string { return "violation/" + id }

// occasionOf is what a violation is about: an agent is slashed once for it.
func occasionOf(v *api.Violation) string {
	return "violation/" + v.Accused + "/" + v.Kind + "/" + v.Ref
}

func report(a *act.Act, d *Draft, r *api.ViolationReportRequest) (*api.Violation, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	v := &Violation{api.Violation{
		ID: r.ID, Accused: r.Accused, Reporter: a.Principal, Kind: r.Kind, Ref: r.Ref, Harm: r.Harm, Evidence: r.Evidence,
		State: api.ViolationReported, ReportedAt: a.Time,
	}}
	if v.ID == "" {
		v.ID = a.ID
	}
	if r.Harmed != "" {
		v.Harmed, _ = api.ParseAccount(string(r.Harmed)) // which Validate has read
	}
	_, taken := d.violations.Get(v.ID)
	_, known := d.occasions.Get(occasionOf(&v.Violation))
	by, ok := d.reporters.Edit(a.Principal)
	if !ok {
		by = &Reporter{}
		d.reporters.Put(a.Principal, by)
	}
	switch {
	case r.Accused == a.Principal || v.Harmed.Owner() == r.Accused && v.Harmed != "":
		return nil, ownCase()
	case taken:
		return nil, api.Errorf(api.Conflict, "there is a violation %s", v.ID).WithReason(api.ReasonViolationExists).WithFields("id")
	case known:
		return nil, api.Errorf(api.Conflict, "%s is accused of %s in %s already", v.Accused, v.Kind, v.Ref).WithReason(api.ReasonAlreadyReported).WithFields("ref")
	case by.Open >= api.MaxOpenReports && !a.Operator:
		return nil, api.Errorf(api.Overloaded, "%d violations that you have reported are not judged yet", by.Open).WithReason(api.ReasonManyReportsOpen)
	case d.violations.Len() >= api.MaxViolations:
		return nil, api.Errorf(api.Overloaded, "%d violations are remembered, which is as many as there can be", api.MaxViolations).
			WithReason(api.ReasonManyViolations)
	}
	by.Open++
	rules := d.rules()
	v.Jury = draw(&rules, a, v.ID, v.Accused, v.Reporter, v.Harmed.Owner())
	d.occasions.Put(occasionOf(&v.Violation), &Occasion{v.ID})
	d.violations.Put(v.ID, v)
	d.until(a, v, rules.Judging)
	return told(a, v), nil
}

// until sets when a violation changes by itself.
func (d *Draft) until(a *act.Act, v *Violation, wait api.Duration) {
	v.Due = a.Time.Add(wait.Std())
	a.At("risk/"+violationOf(v.ID), v.Due)
}

func told(a *act.Act, v *Violation) *api.Violation {
	a.Changed(violationOf(v.ID))
	return &v.Clone().Violation
}

func ownCase() error {
	return api.Errorf(api.PermissionDenied, "nobody reports or judges a case of its own").WithReason(api.ReasonOwnCase)
}

func (d *Draft) accusation(id string) (*Violation, error) {
	if v, ok := d.violations.Edit(id); ok {
		return v, nil
	}
	return nil, noViolation(id)
}

func noViolation(id string) error {
	return api.Errorf(api.NotFound, "there is no violation %s", id).WithReason(api.ReasonViolationNotFound)
}

// JudgeViolation is the body of the command "violations.judge": the request, and the session that it names, as it stands.
type JudgeViolation struct {
	Request api.ViolationJudgeRequest `json:"request"`
	Session *api.Session              `json:"session,omitempty"`
}

func judge(a *act.Act, d *Draft, r *JudgeViolation) (*api.Violation, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	v, err := d.accusation(r.Request.ID)
	if err != nil {
		return nil, err
	}
	if v.State != api.ViolationReported {
		return nil, api.Errorf(api.FailedPrecondition, "violation %s is %s", v.ID, v.State).WithReason(api.ReasonAlreadyJudged)
	}
	uphold, by := r.Request.Uphold, a.Principal
	switch {
	case r.Request.Session != "":
		if uphold, err = verdict(r.Session, r.Request.Session, Question{Violation: v.ID}, v.Jury); err != nil {
			return nil, err
		}
		by = "session/" + r.Request.Session
	case !a.Operator:
		return nil, a.NeedOperator()
	case a.Principal == v.Accused || a.Principal == v.Harmed.Owner():
		return nil, ownCase()
	}
	v.JudgedBy, v.JudgedAt, v.Note = by, a.Time, r.Request.Note
	d.judged(v)
	if !uphold {
		d.end(a, v, api.ViolationDismissed)
		return told(a, v), nil
	}
	rules := d.rules()
	v.State = api.ViolationUpheld
	if s, ok := d.stakes.Edit(v.Accused); ok {
		v.Slash = Slash(&s.Stake, rules.Rate(v.Kind))
		s.Pending += v.Slash
		a.Changed(stakeOf(s.Agent))
	}
	d.until(a, v, rules.Appeal)
	return told(a, v), nil
}

// judged counts one report less of its reporter.
func (d *Draft) judged(v *Violation) {
	if by, ok := d.reporters.Edit(v.Reporter); ok {
		if by.Open--; by.Open <= 0 {
			d.reporters.Delete(v.Reporter)
		}
	}
}

// end ends a violation. It is forgotten after the retention.
func (d *Draft) end(a *act.Act, v *Violation, state api.ViolationState) {
	v.State, v.EndedAt = state, a.Time
	d.until(a, v, d.rules().Retention)
}

func appeal(a *act.Act, d *Draft, r *api.AppealRequest) (*api.Violation, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	v, err := d.accusation(r.ID)
	switch {
	case err != nil:
		return nil, err
	case a.Principal != v.Accused:
		return nil, api.Errorf(api.PermissionDenied, "%s is accused, and may appeal", v.Accused).WithReason(api.ReasonNotAccused)
	case v.State != api.ViolationUpheld:
		return nil, noAppeal(v)
	}
	v.State, v.Appeal = api.ViolationAppealed, r.Statement
	d.until(a, v, d.rules().Appeal)
	return told(a, v), nil
}

func noAppeal(v *Violation) error {
	return api.Errorf(api.FailedPrecondition, "violation %s is %s: there is no verdict to change", v.ID, v.State).WithReason(api.ReasonAppealClosed)
}

func overturn(a *act.Act, d *Draft, r *api.OverturnRequest) (*api.Violation, error) {
	if err := a.NeedOperator(); err != nil {
		return nil, err
	}
	v, err := d.accusation(r.ID)
	switch {
	case err != nil:
		return nil, err
	case a.Principal == v.Accused:
		return nil, ownCase()
	case v.State != api.ViolationUpheld && v.State != api.ViolationAppealed:
		return nil, noAppeal(v)
	}
	if s, ok := d.stakes.Edit(v.Accused); ok {
		s.Pending -= v.Slash
		a.Changed(stakeOf(s.Agent))
	}
	v.Slash = 0
	if r.Note != "" {
		v.Note = r.Note
	}
	d.end(a, v, api.ViolationOverturned)
	return told(a, v), nil
}

// due is a violation whose time has come. It never fails: what cannot be done now is tried again.
func (d *Draft) due(a *act.Act, id string) {
	v, ok := d.violations.Edit(id)
	if !ok || v.Due.After(a.Time) {
		return
	}
	switch v.State {
	case api.ViolationReported:
		d.judged(v)
		d.end(a, v, api.ViolationLapsed)
		d.occasions.Delete(occasionOf(&v.Violation)) // nobody has looked at it: it may be reported again
	case api.ViolationUpheld, api.ViolationAppealed:
		d.execute(a, v)
	default:
		if o, ok := d.occasions.Get(occasionOf(&v.Violation)); ok && o.ID == v.ID {
			d.occasions.Delete(occasionOf(&v.Violation))
		}
		d.violations.Delete(v.ID)
	}
	a.Changed(violationOf(id))
}

// tryAgain is after how long something is tried again that the ledger has refused.
const tryAgain = api.Duration(3_600_000_000_000)

// execute slashes, and takes what the violation costs off the reputation: in one command, once.
func (d *Draft) execute(a *act.Act, v *Violation) {
	if v.Slash > 0 {
		s, ok := d.stakes.Edit(v.Accused)
		if !ok || d.slash(a, s, v.Slash, v) != nil {
			d.until(a, v, tryAgain)
			return
		}
		d.tidy(s)
		a.Changed(stakeOf(s.Agent))
	}
	before := a.Reputation.Score(v.Accused, "", a.Time)
	if after, err := a.Reputation.Penalise(a.Time, v.Accused, "", v.Kind, violationOf(v.ID)); err == nil {
		v.Penalty = before - after
	}
	d.end(a, v, api.ViolationExecuted)
}
