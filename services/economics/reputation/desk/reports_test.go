package desk_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
)

func spec(id string) api.ReportSpec {
	return api.ReportSpec{ID: id, Agent: "worker", Kind: api.ReportQuality, Subject: "task/t1", Base: 1000, Scale: 10_000, Judge: "judge"}
}

func TestAReportIsPaidByTheRule(t *testing.T) {
	w := newWorld(t, "payer")
	r, err := run[api.Report](w, "payer", "reports.ask", spec("r1"))
	if err != nil || r.State != api.ReportAsked || r.By != "payer" || r.Payer != "payer/main/credit" || !r.Until.Equal(start.Add(time.Hour)) || r.Version != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.has("payer", 989_000, 11_000)
	w.pass(59 * time.Minute)
	r, err = run[api.Report](w, "worker", "reports.submit", api.ReportSubmitRequest{ID: "r1", Belief: 800_000})
	if err != nil || r.State != api.ReportMade || *r.Belief != 800_000 || !r.Until.Equal(w.now.Add(24*time.Hour)) {
		t.Fatalf("%+v, %v", r, err)
	}
	w.pass(23 * time.Hour)
	r, err = run[api.Report](w, "judge", "reports.settle", api.ReportSettleRequest{ID: "r1", Outcome: 700_000})
	if err != nil || r.State != api.ReportSettled || r.Paid != 10_900 || *r.Outcome != 700_000 { // 1000 + 10000 * (1 - 0.01)
		t.Fatalf("%+v, %v", r, err)
	}
	w.has("payer", 989_100, 0)
	w.has("worker", 10_900, 0)
	_, err = run[api.Report](w, "judge", "reports.settle", api.ReportSettleRequest{ID: "r1", Outcome: 800_000})
	refused(t, "twice", err, api.FailedPrecondition, api.ReasonReportState)
	w.pass(59 * time.Minute)
	_, err = run[api.Report](w, "payer", "reports.ask", spec("r1"))
	refused(t, "the same again", err, api.Conflict, api.ReasonReportExists)
	w.pass(2 * time.Minute)
	if len(w.Reports) != 0 || len(w.timers) != 0 {
		t.Errorf("%v and %v are left", w.Reports, w.timers)
	}
	w.has("worker", 10_900, 0)
	if s := w.Stats(); s.ReportsAsked != 1 || s.ReportsSettled != 1 || s.ReportsLapsed != 0 || s.OpenReports != 0 {
		t.Errorf("%+v", s)
	}
}

func TestReportsLapse(t *testing.T) {
	w := newWorld(t, "payer")
	for _, id := range []string{"silent", "unjudged"} {
		if _, err := run[api.Report](w, "payer", "reports.ask", spec(id)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run[api.Report](w, "worker", "reports.submit", api.ReportSubmitRequest{ID: "unjudged", Belief: 0}); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	if r := w.Reports["silent"]; r.State != api.ReportLapsed || r.Paid != 0 {
		t.Errorf("%+v", r)
	}
	w.has("payer", 989_000, 11_000)
	_, err := run[api.Report](w, "worker", "reports.submit", api.ReportSubmitRequest{ID: "silent", Belief: 1})
	refused(t, "too late", err, api.FailedPrecondition, api.ReasonReportState)
	w.pass(23 * time.Hour)
	if r := w.Reports["unjudged"]; r.State != api.ReportLapsed || r.Paid != 1000 {
		t.Errorf("%+v", r)
	}
	w.has("payer", 999_000, 0)
	w.has("worker", 1000, 0)
	if s := w.Stats(); s.ReportsLapsed != 2 || s.OpenReports != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhoDoesWhatWithReports(t *testing.T) {
	w := newWorld(t, "payer")
	ask := func(change func(*api.ReportSpec)) error {
		s := spec("r1")
		change(&s)
		_, err := run[api.Report](w, "payer", "reports.ask", s)
		return err
	}
	refused(t, "another's account", ask(func(s *api.ReportSpec) { s.Payer = "judge" }), api.PermissionDenied, api.ReasonNotOwner)
	refused(t, "no account", ask(func(s *api.ReportSpec) { s.Payer = "a b" }), api.Invalid, api.ReasonInvalidAccount)
	refused(t, "too dear", ask(func(s *api.ReportSpec) { s.Scale = 1_000_000 }), api.FailedPrecondition, api.ReasonInsufficientFunds)
	refused(t, "more than there is", ask(func(s *api.ReportSpec) { s.Scale = api.MaxReportPay + 1 }), api.Invalid, "")
	refused(t, "for nothing", ask(func(s *api.ReportSpec) { s.Scale = 0 }), api.Invalid, "")
	refused(t, "less than nothing", ask(func(s *api.ReportSpec) { s.Base = -1 }), api.Invalid, "")
	refused(t, "its own judge", ask(func(s *api.ReportSpec) { s.Judge = "worker" }), api.Invalid, api.ReasonReportParties)
	refused(t, "its own judge by default", ask(func(s *api.ReportSpec) { s.Agent, s.Judge = "payer", "" }), api.Invalid, api.ReasonReportParties)
	refused(t, "another kind", ask(func(s *api.ReportSpec) { s.Kind = "x" }), api.Invalid, "")
	refused(t, "for ever", ask(func(s *api.ReportSpec) { s.MakeWithin = api.Duration(365 * 24 * time.Hour) }), api.Invalid, "")
	_, err := run[api.Report](w, "", "reports.ask", spec("r1"))
	refused(t, "by nobody", err, api.Unauthenticated, api.ReasonPrincipalMissing)
	w.has("payer", 1_000_000, 0)
	if err := ask(func(*api.ReportSpec) {}); err != nil {
		t.Fatal(err)
	}

	submit := func(by, id string, belief api.Decimal) error {
		_, err := run[api.Report](w, by, "reports.submit", api.ReportSubmitRequest{ID: id, Belief: belief})
		return err
	}
	settle := func(by string) error {
		_, err := run[api.Report](w, by, "reports.settle", api.ReportSettleRequest{ID: "r1", Outcome: api.One})
		return err
	}
	refused(t, "settled before it is made", settle("judge"), api.FailedPrecondition, api.ReasonReportState)
	refused(t, "another report", submit("worker", "r2", 0), api.NotFound, api.ReasonReportNotFound)
	refused(t, "another reporter", submit("payer", "r1", 0), api.PermissionDenied, api.ReasonNotReporter)
	refused(t, "an operator as reporter", submit("op", "r1", 0), api.PermissionDenied, api.ReasonNotReporter)
	refused(t, "no belief", submit("worker", "r1", api.One+1), api.Invalid, "")
	if err := submit("worker", "r1", 1); err != nil {
		t.Fatal(err)
	}
	refused(t, "another belief", submit("worker", "r1", 0), api.FailedPrecondition, api.ReasonReportState)
	refused(t, "another judge", settle("payer"), api.PermissionDenied, api.ReasonNotReportJudge)
	refused(t, "the reporter", settle("worker"), api.PermissionDenied, api.ReasonNotReportJudge)
	if err := settle("op"); err != nil {
		t.Error(err)
	}
}

// Whatever happens to reports, in whatever order: nothing is created or lost, and at the end nothing is held.
func TestReportsConserve(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, "payer", "other")
		people := []string{"payer", "other", "worker", "judge", "op", ""}
		who, id := rapid.SampledFrom(people), rapid.SampledFrom([]string{"r1", "r2", "r3"})
		part := rapid.Int64Range(-1, 1_000_001)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			by := who.Draw(rt, "by")
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				s := spec(id.Draw(rt, "id"))
				s.Base, s.Scale = api.Micro(rapid.Int64Range(-1, 600_000).Draw(rt, "base")), api.Micro(rapid.Int64Range(0, 600_000).Draw(rt, "scale"))
				s.Agent = rapid.SampledFrom([]string{"worker", "payer"}).Draw(rt, "agent")
				_, _ = run[api.Report](w, by, "reports.ask", s)
			case 1:
				_, _ = run[api.Report](w, by, "reports.submit", api.ReportSubmitRequest{ID: id.Draw(rt, "id"), Belief: api.Decimal(part.Draw(rt, "belief"))})
			case 2:
				_, _ = run[api.Report](w, by, "reports.settle", api.ReportSettleRequest{ID: id.Draw(rt, "id"), Outcome: api.Decimal(part.Draw(rt, "outcome"))})
			case 3:
				w.pass(time.Duration(rapid.IntRange(1, 50).Draw(rt, "minutes")) * 20 * time.Minute)
			}
			if err := w.ledger.Audit(); err != nil {
				rt.Fatal(err)
			}
		}
		w.pass(100 * 24 * time.Hour)
		var sum api.Micro
		for _, p := range people[:4] {
			available, held := w.ledger.Draft().Balance(api.Account(p, "", ""))
			if sum += available; held != 0 {
				rt.Fatalf("%d of %s is still held", held, p)
			}
		}
		if sum != 2_000_000 || len(w.Reports) != 0 || w.Totals.OpenReports != 0 || len(w.timers) != 0 {
			rt.Fatal(fmt.Sprint(sum, w.Reports, w.Totals, w.timers))
		}
	})
}
