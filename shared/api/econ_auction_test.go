package api_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Each row changes good terms of a type, and names the reason for which they are refused; "" when they are still good.
func TestAuctionSpecValidate(t *testing.T) {
	long := api.Duration(367 * 24 * time.Hour)
	rows := []struct {
		kind   api.AuctionType
		change func(s *api.AuctionSpec)
		reason string
	}{
		{api.AuctionEnglish, func(*api.AuctionSpec) {}, ""},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.Reserve = api.MaxAmount }, ""},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.Reserve = api.MaxAmount + 1 }, api.ReasonInvalidReserve},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.Duration = &long }, api.ReasonInvalidDuration},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.SoftClose = -1 }, api.ReasonInvalidDuration},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.Increment = -1 }, api.ReasonAuctionTerms},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.Fee = api.One + 1 }, api.ReasonAuctionTerms},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.Quantity = 2 }, api.ReasonAuctionTerms},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.Asset, s.Quantity = "gpu", api.MaxQuantity+1 }, api.ReasonInvalidQuantity},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.BuyNow, s.Reserve = 5, 6 }, api.ReasonAuctionTerms},
		{api.AuctionEnglish, func(s *api.AuctionSpec) {
			s.Item = json.RawMessage(`"` + strings.Repeat("x", api.MaxAuctionItem) + `"`)
		}, api.ReasonPayloadTooLarge},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.ID = "a.b" }, ""},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.Account = "a/b/c/d" }, api.ReasonInvalidAccount},
		{api.AuctionEnglish, func(s *api.AuctionSpec) { s.MaxBidders = api.MaxAuctionBidders }, ""},
		{api.AuctionVickrey, func(s *api.AuctionSpec) { s.MaxBidders = api.MaxAuctionBidders }, api.ReasonAuctionTerms},
		{api.AuctionUniform, func(s *api.AuctionSpec) { s.MaxBidders = api.MaxSealedBidders }, api.ReasonAuctionTerms},
		{api.AuctionUniform, func(s *api.AuctionSpec) { s.Quantity, s.Reserve = api.MaxQuantity, api.MaxAmount }, api.ReasonInvalidReserve},
		{api.AuctionVickrey, func(s *api.AuctionSpec) { s.Increment = 1 }, api.ReasonAuctionTerms},
		{api.AuctionVickrey, func(s *api.AuctionSpec) { s.Deposit = 1 }, api.ReasonAuctionTerms},
		{api.AuctionVickrey, func(s *api.AuctionSpec) { s.Reveal, s.Deposit, s.Forfeit = 1, 1, api.One }, ""},
		{api.AuctionVickrey, func(s *api.AuctionSpec) { s.Reverse = true }, api.ReasonInvalidReserve},
		{api.AuctionVickrey, func(s *api.AuctionSpec) { s.Rule = "fair" }, api.ReasonAuctionTerms},
		{api.AuctionDouble, func(s *api.AuctionSpec) { s.Reverse, s.Reserve = true, 1 }, api.ReasonAuctionTerms},
		{api.AuctionDouble, func(s *api.AuctionSpec) { s.Rule = api.RuleMcAfee }, ""},
		{api.AuctionDouble, func(s *api.AuctionSpec) { s.Rule = api.RuleSecondScore }, api.ReasonAuctionTerms},
		{api.AuctionDouble, func(s *api.AuctionSpec) { s.Items = []api.AuctionItem{{Name: "a"}} }, api.ReasonAuctionTerms},
		{api.AuctionDutch, func(*api.AuctionSpec) {}, api.ReasonMissingFields},
		{api.AuctionDutch, func(s *api.AuctionSpec) { s.StartPrice, s.Step, s.Interval = 1, 1, api.Duration(time.Second) }, ""},
		{api.AuctionDutch, func(s *api.AuctionSpec) {
			s.StartPrice, s.Step, s.Interval, s.Reserve = 1, 1, api.Duration(time.Second), 2
		}, api.ReasonAuctionTerms},
		{api.AuctionCombinatorial, func(*api.AuctionSpec) {}, api.ReasonAuctionTerms},
		{api.AuctionCombinatorial, func(s *api.AuctionSpec) { s.Items = []api.AuctionItem{{Name: "a"}, {Name: "b", Asset: "gpu"}} }, ""},
		{api.AuctionCombinatorial, func(s *api.AuctionSpec) { s.Items = []api.AuctionItem{{Name: "a"}, {Name: "a"}} }, api.ReasonAuctionTerms},
		{api.AuctionCombinatorial, func(s *api.AuctionSpec) { s.Items = []api.AuctionItem{{Name: "a", Quantity: 2}} }, api.ReasonInvalidQuantity},
		{api.AuctionCombinatorial, func(s *api.AuctionSpec) {
			s.Items = []api.AuctionItem{{Name: "a", Reserve: api.MaxAmount}, {Name: "b", Reserve: 1}}
		}, api.ReasonInvalidReserve},
		{api.AuctionCombinatorial, func(s *api.AuctionSpec) { s.Items = slices.Repeat([]api.AuctionItem{{Name: "a"}}, 65) }, api.ReasonAuctionTerms},
		{api.AuctionMultiTrait, func(*api.AuctionSpec) {}, api.ReasonMissingFields},
		{api.AuctionIncentive, func(s *api.AuctionSpec) { s.Reverse, s.Reserve = true, 1 }, api.ReasonMissingFields},
		{api.AuctionIncentive, func(s *api.AuctionSpec) { s.Incentive = &api.IncentiveTerms{} }, api.ReasonAuctionTerms},
		{api.AuctionIncentive, func(s *api.AuctionSpec) {
			s.Reverse, s.Reserve, s.Incentive = true, 1, &api.IncentiveTerms{ReputationRate: -1}
		}, api.ReasonAuctionTerms},
	}
	for i, row := range rows {
		s := &api.AuctionSpec{Type: row.kind, Item: json.RawMessage(`1`)}
		row.change(s)
		err := s.Validate()
		if s.ID == "a.b" {
			if api.CodeOf(err) != api.Invalid {
				t.Errorf("row %d: a bad id passes", i)
			}
			continue
		}
		if api.ReasonOf(err) != row.reason || (err == nil) != (row.reason == "") {
			t.Errorf("row %d (%s): %v, want %q", i, row.kind, err, row.reason)
		}
	}
}

func TestAuctionBidValidate(t *testing.T) {
	amount := func(n int64) *api.Micro { m := api.Micro(n); return &m }
	for i, row := range []struct {
		r      api.AuctionBidRequest
		fields string
	}{
		{api.AuctionBidRequest{Price: amount(1)}, "auction"},
		{api.AuctionBidRequest{Auction: "x", Price: amount(0)}, "price"},
		{api.AuctionBidRequest{Auction: "x", Price: amount(api.MaxAmount)}, ""},
		{api.AuctionBidRequest{Auction: "x", Price: amount(api.MaxAmount + 1)}, "price"},
		{api.AuctionBidRequest{Auction: "x", Max: amount(-1)}, "max"},
		{api.AuctionBidRequest{Auction: "x", Price: amount(1), Quantity: -1}, "quantity"},
		{api.AuctionBidRequest{Auction: "x", Price: amount(1), Side: "both"}, "side"},
		{api.AuctionBidRequest{Auction: "x", Price: amount(1), Items: []string{"a b"}}, "items"},
		{api.AuctionBidRequest{Auction: "x", Price: amount(1), Commitment: strings.Repeat("a", 64)}, "commitment"},
		{api.AuctionBidRequest{Auction: "x", Commitment: strings.Repeat("A", 64)}, "commitment"},
		{api.AuctionBidRequest{Auction: "x", Commitment: strings.Repeat("a", 64), Deposit: 5}, ""},
		{api.AuctionBidRequest{Auction: "x", Price: amount(1), Deposit: 5}, "deposit"},
		{api.AuctionBidRequest{Auction: "x", Price: amount(1), Attributes: make([]api.AuctionAttribute, 17)}, "attributes"},
	} {
		e := api.AsError(row.r.Validate())
		if (e == nil) != (row.fields == "") || e != nil && (e.Code != api.Invalid || !slices.Contains(e.Details.Fields, row.fields)) {
			t.Errorf("row %d: %v, want %q", i, e, row.fields)
		}
	}
	for i, row := range []struct {
		r  api.AuctionRevealRequest
		ok bool
	}{
		{api.AuctionRevealRequest{Auction: "x", Price: amount(1), Salt: strings.Repeat("s", 16)}, true},
		{api.AuctionRevealRequest{Auction: "x", Price: amount(1), Salt: strings.Repeat("s", 15)}, false},
		{api.AuctionRevealRequest{Auction: "x", Price: amount(1), Salt: strings.Repeat("s", 129)}, false},
		{api.AuctionRevealRequest{Auction: "x", Salt: strings.Repeat("s", 16)}, false},
	} {
		if err := row.r.Validate(); (err == nil) != row.ok {
			t.Errorf("reveal %d: %v", i, err)
		}
	}
}
