package desk

import (
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/services/economics/scoring"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	makeTime   = time.Hour      // for the reporter, unless the report says another
	settleTime = 24 * time.Hour // for the judge
	keepTime   = time.Hour      // for those who want to know how it has ended

	// timers of reports are those of the part "reputation", with the report's entity.
	timers = "reputation/"
)

func ask(a *act.Act, d *reputation.Draft, spec *api.ReportSpec) (*api.Report, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	s := *spec
	if s.ID == "" {
		s.ID = a.ID
	}
	if s.Judge == "" {
		s.Judge = a.Principal
	}
	if s.Judge == s.Agent {
		return nil, api.Errorf(api.Invalid, "judge must be named: %s does not judge what it reports itself", s.Agent).
			WithReason(api.ReasonReportParties).WithFields("judge")
	}
	var err error
	if s.Payer == "" {
		s.Payer = api.Account(a.Principal, "", "")
	} else if s.Payer, err = api.ParseAccount(string(s.Payer)); err != nil {
		return nil, err
	}
	if err := a.Owns(s.Payer); err != nil {
		return nil, err
	}
	s.MakeWithin, s.SettleWithin = or(s.MakeWithin, makeTime), or(s.SettleWithin, settleTime)
	if _, ok := d.Reports.Get(s.ID); ok {
		return nil, api.Errorf(api.Conflict, "there is a report %s", s.ID).WithReason(api.ReasonReportExists).WithFields("id")
	}
	if d.Reports.Len() >= api.MaxReports {
		return nil, api.Errorf(api.Overloaded, "there are %d reports; settle some first", api.MaxReports).WithReason(api.ReasonManyReports)
	}
	if err := a.Ledger.Hold(ReportEntity(s.ID), s.Payer, s.Base+s.Scale, ledger.Why{Kind: "report", Ref: ReportEntity(s.ID)}); err != nil {
		return nil, err
	}
	r := &reputation.Report{Report: api.Report{ReportSpec: s, State: api.ReportAsked, By: a.Principal, AskedAt: a.Time}}
	d.Reports.Put(s.ID, r)
	d.Totals.ReportsAsked++
	d.Totals.OpenReports++
	return put(a, r, a.Time.Add(s.MakeWithin.Std())), nil
}

func or(d api.Duration, otherwise time.Duration) api.Duration {
	if d == 0 {
		return api.Duration(otherwise)
	}
	return d
}

func submit(a *act.Act, d *reputation.Draft, r *api.ReportSubmitRequest) (*api.Report, error) {
	x, err := find(a, d, r.ID)
	if err != nil {
		return nil, err
	}
	if x.Agent != a.Principal {
		return nil, api.Errorf(api.PermissionDenied, "report %s is asked of %s", r.ID, x.Agent).WithReason(api.ReasonNotReporter)
	}
	if x.State != api.ReportAsked {
		return nil, over(&x.Report)
	}
	x.State, x.Belief, x.MadeAt = api.ReportMade, &r.Belief, a.Time
	return put(a, x, a.Time.Add(x.SettleWithin.Std())), nil
}

func settle(a *act.Act, d *reputation.Draft, r *api.ReportSettleRequest) (*api.Report, error) {
	x, err := find(a, d, r.ID)
	if err != nil {
		return nil, err
	}
	if x.Judge != a.Principal && !a.Operator {
		return nil, api.Errorf(api.PermissionDenied, "report %s is judged by %s", r.ID, x.Judge).WithReason(api.ReasonNotReportJudge)
	}
	if x.State != api.ReportMade {
		return nil, over(&x.Report)
	}
	x.Outcome = &r.Outcome
	d.Totals.ReportsSettled++
	return end(a, d, x, api.ReportSettled, scoring.Quadratic(x.Base, x.Scale, *x.Belief, r.Outcome))
}

func over(r *api.Report) error {
	return api.Errorf(api.FailedPrecondition, "report %s is %s", r.ID, r.State).WithReason(api.ReasonReportState)
}

// find returns the draft's own copy of a report.
func find(a *act.Act, d *reputation.Draft, id string) (*reputation.Report, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	x, ok := d.Reports.Edit(id)
	if !ok {
		return nil, reputation.NoReport(id)
	}
	return x, nil
}

// put counts a change of a report, sets when its state is over, and returns what to answer.
func put(a *act.Act, r *reputation.Report, until time.Time) *api.Report {
	r.Until = until
	r.Version++
	a.At(timers+ReportEntity(r.ID), until)
	a.Changed(ReportEntity(r.ID))
	answer := r.Report
	return &answer
}

// end pays a report, gives the rest back, and keeps it for a while. It is the one way out, and leads there from an open one alone.
func end(a *act.Act, d *reputation.Draft, r *reputation.Report, state api.ReportState, pay api.Micro) (*api.Report, error) {
	hold := ReportEntity(r.ID)
	if pay > 0 {
		to := api.Account(r.Agent, "", r.Payer.Asset())
		if err := a.Ledger.Capture(hold, to, pay, ledger.Why{Kind: "report", Ref: hold}); err != nil {
			return nil, err
		}
	}
	a.Ledger.Release(hold)
	r.State, r.Paid, r.EndedAt = state, pay, a.Time
	d.Totals.OpenReports--
	return put(a, r, a.Time.Add(keepTime)), nil
}

// Timer does what is due: a report that nobody made in time lapses, one that nobody has judged in time is paid its base, and one that
// has ended is forgotten.
func Timer(a *act.Act, d *reputation.Draft, key string) error {
	id, ok := strings.CutPrefix(key, ReportEntity(""))
	if !ok {
		return nil
	}
	x, ok := d.Reports.Edit(id)
	if !ok || a.Time.Before(x.Until) {
		return nil
	}
	pay := api.Micro(0)
	switch x.State {
	case api.ReportMade:
		pay = x.Base
	case api.ReportAsked:
	default:
		d.Reports.Delete(id)
		return nil
	}
	d.Totals.ReportsLapsed++
	_, err := end(a, d, x, api.ReportLapsed, pay)
	return err
}
