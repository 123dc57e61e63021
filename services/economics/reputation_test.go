package economics_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
)

// work is what somebody found of an agent's work.
func work(agent, ref string, q api.Decimal) api.ReputationRecordRequest {
	return api.ReputationRecordRequest{Agent: agent, Domain: "sums", Ref: ref, Quality: q, Satisfaction: q, CostEfficiency: q, Duration: api.Duration(time.Second)}
}

func TestReputationOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	inADay(t)
	op, a, b := r.as(economics.DefaultOperator), r.as("a"), r.as("b")
	if got := must(t, b, api.ReputationGet, api.ReputationGetRequest{Agent: "a"}); got.Score != 500_000 || got.Records != 0 || got.Revision == "" {
		t.Errorf("%+v", got)
	}
	change := must(t, op, api.ReputationRecordWork, work("a", "r1", 900_000))
	if change.Score != 633_333 || change.Record.Source != api.SourceOperator || change.Record.By != economics.DefaultOperator || change.Revision == "" {
		t.Errorf("%+v", change)
	}
	got := must(t, b, api.ReputationGet, api.ReputationGetRequest{Agent: "a", Domain: "sums", MinRevision: change.Revision})
	if got.Score != 633_333 || got.Raw != 900_000 || got.Records != 1 || got.Proven != api.One || got.Version != 1 || got.Specialisations == nil {
		t.Errorf("%+v", got)
	}
	refused(t, op, api.ReputationRecordWork, work("a", "r1", 100_000), api.Conflict, api.ReasonAlreadyRecorded)
	refused(t, a, api.ReputationRecordWork, work("a", "r2", api.One), api.PermissionDenied, api.ReasonSelfRating)
	refused(t, r.as(""), api.ReputationRecordWork, work("a", "r2", api.One), api.Unauthenticated, api.ReasonPrincipalMissing)
	refused(t, b, api.ReputationRecordWork, work("a", "r2", 50*api.One), api.Invalid, "")
	fast := work("a", "r2", api.One)
	fast.Duration = api.Duration(time.Millisecond)
	refused(t, b, api.ReputationRecordWork, fast, api.Invalid, api.ReasonGaming)
	violation := api.ReputationPenaliseRequest{Agent: "a", Domain: "sums", Violation: "task_abandonment", Ref: "violation/v1"}
	refused(t, b, api.ReputationPenalise, violation, api.PermissionDenied, api.ReasonOperatorOnly)
	if change = must(t, op, api.ReputationPenalise, violation); change.Score != 533_333 || change.Penalty.Amount != 100_000 {
		t.Errorf("%+v", change)
	}
	refused(t, op, api.ReputationPenalise, violation, api.Conflict, api.ReasonAlreadyPenalised)
	last := must(t, b, api.ReputationRecordWork, work("a", "r2", 800_000))
	history := must(t, b, api.ReputationHistory, api.ReputationHistoryRequest{Agent: "a", Limit: 1, MinRevision: last.Revision})
	if len(history.Records) != 1 || history.Records[0].By != "b" || history.Records[0].Weight != 50_000 || len(history.Penalties) != 1 {
		t.Errorf("%+v", history)
	}
	last = must(t, op, api.ReputationRecordWork, work("b", "r1", 700_000))
	rank := must(t, a, api.ReputationRank, api.ReputationRankRequest{Domain: "sums", MinRevision: last.Revision})
	if rank.Ranked != 2 || len(rank.Places) != 2 || rank.Places[0].Agent != "b" || rank.Places[1].Place != 2 {
		t.Errorf("%+v", rank)
	}
	stats := must(t, a, api.ReputationStats, api.ReputationStatsRequest{MinRevision: last.Revision})
	if stats.Agents != 2 || stats.Standings != 4 || stats.ByOperators != 2 || stats.Opinions != 1 || stats.Penalties != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestAReputationIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	op := r.as(economics.DefaultOperator)
	first := must(t, op, api.ReputationRecordWork, work("a", "r1", 900_000))
	var done sync.WaitGroup
	for i := range 4 {
		c := r.as(fmt.Sprint("w", i))
		done.Go(func() {
			got, err := call(t, c, api.ReputationWait, api.ReputationWaitRequest{Agent: "a", After: 1, Wait: api.Duration(20 * time.Second)})
			if err != nil || got.Version != 2 || got.Records != 2 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	must(t, op, api.ReputationRecordWork, work("a", "r2", 900_000))
	done.Wait()
	if got := must(t, op, api.ReputationWait, api.ReputationWaitRequest{Agent: "nobody", After: 5, Wait: api.Duration(time.Millisecond)}); got.Version != 0 {
		t.Errorf("%+v after %+v", got, first)
	}
}

func TestReportsOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	op, buyer, worker := r.as(economics.DefaultOperator), r.as("buyer"), r.as("worker")
	r.mint(20_000, "buyer")
	spec := api.ReportSpec{ID: "r1", Agent: "worker", Kind: api.ReportQuality, Base: 1000, Scale: 10_000, Judge: "judge"}
	asked := must(t, buyer, api.ReportsAsk, spec)
	if asked.State != api.ReportAsked || asked.Revision == "" {
		t.Errorf("%+v", asked)
	}
	r.account("buyer", 9000, 11_000)
	refused(t, buyer, api.ReportsAsk, spec, api.Conflict, api.ReasonReportExists)
	spec.ID = "r2"
	refused(t, buyer, api.ReportsAsk, spec, api.FailedPrecondition, api.ReasonInsufficientFunds)
	refused(t, buyer, api.ReportsSubmit, api.ReportSubmitRequest{ID: "r1", Belief: 0}, api.PermissionDenied, api.ReasonNotReporter)
	ended := make(chan *api.Report, 1)
	go func() {
		got, err := call(t, buyer, api.ReportsGet, api.ReportGetRequest{ID: "r1", After: 2, Wait: api.Duration(20 * time.Second)})
		if err != nil {
			t.Error(err)
		}
		ended <- got
	}()
	must(t, worker, api.ReportsSubmit, api.ReportSubmitRequest{ID: "r1", Belief: 800_000})
	refused(t, worker, api.ReportsSettle, api.ReportSettleRequest{ID: "r1", Outcome: api.One}, api.PermissionDenied, api.ReasonNotReportJudge)
	settled := must(t, r.as("judge"), api.ReportsSettle, api.ReportSettleRequest{ID: "r1", Outcome: 700_000})
	if settled.Paid != 10_900 || settled.State != api.ReportSettled {
		t.Errorf("%+v", settled)
	}
	refused(t, r.as("judge"), api.ReportsSettle, api.ReportSettleRequest{ID: "r1", Outcome: api.One}, api.FailedPrecondition, api.ReasonReportState)
	if got := <-ended; got == nil || got.Version != 3 || *got.Belief != 800_000 {
		t.Errorf("%+v", got)
	}
	r.account("buyer", 9100, 0)
	r.account("worker", 10_900, 0)
	refused(t, op, api.ReportsGet, api.ReportGetRequest{ID: "r2"}, api.NotFound, api.ReasonReportNotFound)
	for agent, n := range map[string]int{"": 1, "worker": 1, "buyer": 0} {
		list := must(t, op, api.ReportsList, api.ReportsListRequest{Agent: agent, MinRevision: settled.Revision})
		if len(list.Reports) != n || list.Next != "" {
			t.Errorf("%s: %+v", agent, list)
		}
	}
	r.audit()
}

// A report that nobody makes lapses by the clock of the log, and the money goes back.
func TestAReportLapses(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	buyer := r.as("buyer")
	r.mint(20_000, "buyer")
	spec := api.ReportSpec{ID: "r1", Agent: "worker", Kind: api.ReportEffort, Scale: 10_000, Judge: "judge", MakeWithin: api.Duration(50 * time.Millisecond)}
	must(t, buyer, api.ReportsAsk, spec)
	got := must(t, buyer, api.ReportsGet, api.ReportGetRequest{ID: "r1", After: 1, Wait: api.Duration(20 * time.Second)})
	if got.State != api.ReportLapsed || got.Paid != 0 {
		t.Errorf("%+v", got)
	}
	refused(t, r.as("worker"), api.ReportsSubmit, api.ReportSubmitRequest{ID: "r1"}, api.FailedPrecondition, api.ReasonReportState)
	r.account("buyer", 20_000, 0)
}
