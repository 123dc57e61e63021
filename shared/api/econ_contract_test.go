package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Each row is a request of contracts, tenders or marketplaces, and the fields that its refusal names; none for one that is good.
func TestValidateContractsAndTenders(t *testing.T) {
	year := api.Duration(365 * 24 * time.Hour)
	share := func(d api.Decimal) *api.Decimal { return &d }
	tender := func(change func(*api.TenderSpec)) *api.TenderSpec {
		s := &api.TenderSpec{Task: api.TenderTask{Capability: "c"}, Budget: 1}
		change(s)
		return s
	}
	terms := func(x api.ContractTerms) *api.TenderSpec { return tender(func(s *api.TenderSpec) { s.Terms = x }) }
	listing := func(change func(*api.ListingSpec)) *api.ListingSpec {
		s := &api.ListingSpec{Bazaar: "m", ServiceType: "s", Price: 1}
		change(s)
		return s
	}
	market := func(change func(*api.BazaarSpec)) *api.BazaarSpec {
		s := &api.BazaarSpec{Name: "n"}
		change(s)
		return s
	}
	buy := func(change func(*api.ServiceRequest)) *api.ServiceRequest {
		r := &api.ServiceRequest{Bazaar: "m", Listing: "l", MaxCost: 1}
		change(r)
		return r
	}
	for _, r := range []struct {
		req    api.Validator
		fields string
	}{
		{tender(func(*api.TenderSpec) {}), ""},
		{tender(func(s *api.TenderSpec) { s.ID = "a/b" }), "id"},
		{tender(func(s *api.TenderSpec) { s.Budget = 0 }), "budget"},
		{tender(func(s *api.TenderSpec) { s.Budget = -1 }), "budget"},
		{tender(func(s *api.TenderSpec) { s.Budget = api.MaxAmount }), ""},
		{tender(func(s *api.TenderSpec) { s.Budget = api.MaxAmount + 1 }), "budget"},
		{tender(func(s *api.TenderSpec) { s.Account = "a/b" }), ""},
		{tender(func(s *api.TenderSpec) { s.Account = "a//" }), "account"},
		{tender(func(s *api.TenderSpec) { s.Rule = "dice" }), "rule"},
		{tender(func(s *api.TenderSpec) { s.Execution = "magic" }), "execution"},
		{tender(func(s *api.TenderSpec) { s.Bidding = api.Duration(721 * time.Hour) }), "bidding"},
		{tender(func(s *api.TenderSpec) { s.Bidding = -1 }), "bidding"},
		{tender(func(s *api.TenderSpec) { s.Expected = 1001 }), "expected"},
		{tender(func(s *api.TenderSpec) { s.MaxBidders = -1 }), "max_bidders"},
		{tender(func(s *api.TenderSpec) { s.MinReputation = api.One + 1 }), "min_reputation"},
		{tender(func(s *api.TenderSpec) { s.Invited = ids(1001) }), "invited"},
		{tender(func(s *api.TenderSpec) { s.Task.Capability = "" }), "task.capability"},
		{tender(func(s *api.TenderSpec) { s.Task.Name = strings.Repeat("n", 1025) }), "task.name"},
		{tender(func(s *api.TenderSpec) { s.Task.Payload = object(64<<10 + 1) }), "task.payload"},
		{tender(func(s *api.TenderSpec) { s.Weights = api.TenderWeights{Price: 500_000, Time: 500_000} }), ""},
		{tender(func(s *api.TenderSpec) { s.Weights = api.TenderWeights{Price: 500_000, Time: 500_001} }), "weights"},
		{tender(func(s *api.TenderSpec) { s.Weights = api.TenderWeights{Quality: api.One} }), "weights"},
		{tender(func(s *api.TenderSpec) { s.Weights = api.TenderWeights{Price: 2 * api.One, Time: -api.One} }), "weights.price"},
		{terms(api.ContractTerms{QualityGuarantee: api.One, Penalty: share(0), Completion: year, Judging: year, Judge: "j", Fee: api.One}), ""},
		{terms(api.ContractTerms{QualityGuarantee: -1}), "terms.quality_guarantee"},
		{terms(api.ContractTerms{Penalty: share(api.One + 1)}), "terms.penalty"},
		{terms(api.ContractTerms{Completion: year + 1}), "terms.completion"},
		{terms(api.ContractTerms{Judging: -1}), "terms.judging"},
		{terms(api.ContractTerms{Judge: "a b"}), "terms.judge"},
		{terms(api.ContractTerms{Fee: api.One + 1}), "terms.fee"},
		{terms(api.ContractTerms{Bonus: api.ContractBonus{Max: -1}}), "terms.bonus.max"},
		{terms(api.ContractTerms{Bonus: api.ContractBonus{SpeedRate: api.MaxAmount + 1}}), "terms.bonus.speed_rate"},
		{terms(api.ContractTerms{Bonus: api.ContractBonus{ReputationMultiplier: -1}}), "terms.bonus.reputation_multiplier"},
		{&api.TenderBidRequest{ID: "t", Price: 1, Time: year, Quality: api.One}, ""},
		{&api.TenderBidRequest{ID: "t"}, "price"},
		{&api.TenderBidRequest{Price: 1}, "id"},
		{&api.TenderBidRequest{ID: "t", Price: 1, Quality: 2 * api.One}, "quality"},
		{&api.TendersAnnounceManyRequest{Tenders: make([]api.TenderSpec, 1001)}, "tenders"},
		{&api.TendersAnnounceManyRequest{}, "tenders"},
		{&api.TendersBidManyRequest{Bids: make([]api.TenderBidRequest, 10_000)}, "bids"},
		{&api.TenderCompleteRequest{ID: "t", Outcome: api.OutcomeDone, Quality: share(api.One)}, ""},
		{&api.TenderCompleteRequest{ID: "t"}, "outcome"},
		{&api.TenderCompleteRequest{ID: "t", Outcome: api.OutcomeDone, Quality: share(-1)}, "quality"},
		{&api.TenderCompleteRequest{ID: "t", Outcome: api.OutcomeDone, Result: object(64<<10 + 1)}, "result"},
		{&api.TenderGetRequest{ID: "t", Since: "gone"}, "since"},
		{&api.TendersListRequest{State: "gone"}, "state"},
		{&api.TendersListRequest{Limit: 1001}, "limit"},
		{&api.ContractGetRequest{ID: "c", Wait: api.Duration(time.Hour + 1)}, "wait"},
		{&api.ContractsListRequest{State: "gone"}, "state"},
		{&api.ContractDeliverRequest{ID: "c", Result: object(64<<10 + 1)}, "result"},
		{&api.ContractAcceptRequest{ID: "c", Satisfaction: share(api.One + 1)}, "satisfaction"},
		{&api.ContractRejectRequest{ID: "c", Reason: strings.Repeat("r", 4097)}, "reason"},
		{&api.ContractCancelRequest{}, "id"},
		{market(func(*api.BazaarSpec) {}), ""},
		{market(func(s *api.BazaarSpec) { s.Name = "" }), "name"},
		{market(func(s *api.BazaarSpec) { s.ServiceTypes = ids(65) }), "service_types"},
		{market(func(s *api.BazaarSpec) { s.Gate.HistoryLength = 101 }), "gate.performance_history_length"},
		{market(func(s *api.BazaarSpec) { s.Gate.Consistency = -1 }), "gate.consistency_requirement"},
		{market(func(s *api.BazaarSpec) { s.ListingFee = -1 }), "listing_fee"},
		{market(func(s *api.BazaarSpec) { s.FeeDiscount = 2 * api.One }), "fee_discount"},
		{listing(func(*api.ListingSpec) {}), ""},
		{listing(func(s *api.ListingSpec) { s.Price = 0 }), "price"},
		{listing(func(s *api.ListingSpec) { s.ServiceType = "" }), "service_type"},
		{listing(func(s *api.ListingSpec) { s.Capacity = 1_000_001 }), "capacity"},
		{listing(func(s *api.ListingSpec) { s.Expires = -1 }), "expires"},
		{listing(func(s *api.ListingSpec) { s.Description = strings.Repeat("d", 4097) }), "description"},
		{buy(func(*api.ServiceRequest) {}), ""},
		{buy(func(r *api.ServiceRequest) { r.MaxCost = 0 }), "max_cost"},
		{buy(func(r *api.ServiceRequest) { r.Listing = "" }), "service_type"},
		{buy(func(r *api.ServiceRequest) { r.ServiceType = "s" }), "listing"},
		{buy(func(r *api.ServiceRequest) { r.Item = object(64<<10 + 1) }), "item"},
		{&api.BazaarSearchRequest{Bazaar: "m"}, "service_type"},
		{&api.BazaarSearchRequest{Bazaar: "m", ServiceType: "s", MinQuality: 2 * api.One}, "min_quality"},
	} {
		err := r.req.Validate()
		var e *api.Error
		if (err == nil) != (r.fields == "") || err != nil && (!errors.As(err, &e) || e.Code != api.Invalid) {
			t.Errorf("%+v: %v, want %q", r.req, err, r.fields)
			continue
		}
		if err != nil && r.fields != "account" && strings.Join(e.Details.Fields, " ") != r.fields {
			t.Errorf("%+v: names %v, want %q", r.req, e.Details.Fields, r.fields)
		}
	}
}
