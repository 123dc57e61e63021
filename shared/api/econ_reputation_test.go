package api_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Each row is a request about reputation or reports, and the field that its refusal names; none for one that is good.
func TestReputationRequests(t *testing.T) {
	record := func(change func(*api.ReputationRecordRequest)) *api.ReputationRecordRequest {
		r := &api.ReputationRecordRequest{Agent: "a", Ref: "contract/c1", Quality: api.One, Satisfaction: 0}
		change(r)
		return r
	}
	spec := func(change func(*api.ReportSpec)) *api.ReportSpec {
		r := &api.ReportSpec{Agent: "a", Kind: api.ReportEffort, Scale: 1}
		change(r)
		return r
	}
	long := 91 * 24 * time.Hour
	for i, row := range []struct {
		req   api.Validator
		field string
	}{
		{&api.ReputationGetRequest{Agent: "a"}, ""},
		{&api.ReputationGetRequest{Domain: "x"}, "agent"},
		{&api.ReputationGetRequest{Agent: "a", Domain: "x/y"}, "domain"},

		{record(func(*api.ReputationRecordRequest) {}), ""},
		{record(func(r *api.ReputationRecordRequest) { r.Agent = "" }), "agent"},
		{record(func(r *api.ReputationRecordRequest) { r.Domain = "a b" }), "domain"},
		{record(func(r *api.ReputationRecordRequest) { r.Ref = "" }), "ref"},
		{record(func(r *api.ReputationRecordRequest) { r.Ref = "a//b" }), "ref"},
		{record(func(r *api.ReputationRecordRequest) { r.Ref = "/a" }), "ref"},
		{record(func(r *api.ReputationRecordRequest) { r.Ref = "a/" }), "ref"},
		{record(func(r *api.ReputationRecordRequest) { r.Ref = "a\nb" }), "ref"},
		{record(func(r *api.ReputationRecordRequest) { r.Ref = strings.Repeat("abcdefg/", 31) + "abcdefgh" }), ""},
		{record(func(r *api.ReputationRecordRequest) { r.Ref = strings.Repeat("abcdefg/", 32) + "a" }), "ref"},
		{record(func(r *api.ReputationRecordRequest) { r.Quality = api.One + 1 }), "quality"},
		{record(func(r *api.ReputationRecordRequest) { r.Satisfaction = -1 }), "satisfaction"},
		{record(func(r *api.ReputationRecordRequest) { r.CostEfficiency = math.MinInt64 }), "cost_efficiency"},
		{record(func(r *api.ReputationRecordRequest) { r.Duration = -1 }), "duration"},

		{&api.ReputationPenaliseRequest{Agent: "a", Violation: "quality_fraud", Ref: "v/1"}, ""},
		{&api.ReputationPenaliseRequest{Violation: "x", Ref: "v"}, "agent"},
		{&api.ReputationPenaliseRequest{Agent: "a", Ref: "v"}, "violation"},
		{&api.ReputationPenaliseRequest{Agent: "a", Violation: "x"}, "ref"},

		{&api.ReputationRankRequest{}, ""},
		{&api.ReputationRankRequest{Limit: api.MaxRanking}, ""},
		{&api.ReputationRankRequest{Limit: api.MaxRanking + 1}, "limit"},
		{&api.ReputationRankRequest{MinRecords: -1}, "min_records"},
		{&api.ReputationHistoryRequest{Agent: "a", Limit: 100}, ""},
		{&api.ReputationHistoryRequest{Agent: "a", Limit: 101}, "limit"},
		{&api.ReputationWaitRequest{Agent: "a", Wait: api.Duration(time.Minute)}, ""},
		{&api.ReputationWaitRequest{Agent: "a", Wait: -1}, "wait"},

		{spec(func(*api.ReportSpec) {}), ""},
		{spec(func(r *api.ReportSpec) { r.ID = "a/b" }), "id"},
		{spec(func(r *api.ReportSpec) { r.Agent = "" }), "agent"},
		{spec(func(r *api.ReportSpec) { r.Kind = "" }), "kind"},
		{spec(func(r *api.ReportSpec) { r.Subject = strings.Repeat("x", 1025) }), "subject"},
		{spec(func(r *api.ReportSpec) { r.Judge = "a" }), "judge"},
		{spec(func(r *api.ReportSpec) { r.Scale = 0 }), "scale"},
		{spec(func(r *api.ReportSpec) { r.Scale = api.MaxReportPay + 1 }), "scale"},
		{spec(func(r *api.ReportSpec) { r.Base = -1 }), "base"},
		{spec(func(r *api.ReportSpec) { r.MakeWithin = api.Duration(long) }), "make_within"},
		{spec(func(r *api.ReportSpec) { r.SettleWithin = -1 }), "settle_within"},
		{&api.ReportSubmitRequest{ID: "r", Belief: api.One}, ""},
		{&api.ReportSubmitRequest{ID: "r", Belief: api.One + 1}, "belief"},
		{&api.ReportSettleRequest{ID: "r", Outcome: -1}, "outcome"},
		{&api.ReportGetRequest{}, "id"},
		{&api.ReportsListRequest{State: api.ReportMade}, ""},
		{&api.ReportsListRequest{State: "x"}, "state"},
		{&api.ReportsListRequest{Limit: api.MaxPage + 1}, "limit"},
	} {
		err := api.AsError(row.req.Validate())
		switch {
		case row.field == "" && err != nil:
			t.Errorf("row %d: %v", i, err)
		case row.field != "" && (err == nil || err.Code != api.Invalid || len(err.Details.Fields) != 1 || err.Details.Fields[0] != row.field):
			t.Errorf("row %d: %v, want one about %s", i, err, row.field)
		}
	}
	if err := spec(func(r *api.ReportSpec) { r.Payer = "a b" }).Validate(); api.ReasonOf(err) != api.ReasonInvalidAccount {
		t.Error(err)
	}
}
