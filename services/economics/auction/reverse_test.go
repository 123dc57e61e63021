package auction_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

// The owner of a reverse auction buys: its budget is held, the lowest price wins, and bidders deliver.
func TestReverse(t *testing.T) {
	for _, c := range []struct {
		kind   api.AuctionType
		bids   map[string]int64
		winner string
		price  api.Micro
	}{
		{api.AuctionEnglish, map[string]int64{"a": 70, "b": 60}, "b", 60 * unit},
		{api.AuctionFirstPrice, map[string]int64{"a": 70, "b": 60, "c": 65}, "b", 60 * unit},
		{api.AuctionVickrey, map[string]int64{"a": 70, "b": 60, "c": 65}, "b", 65 * unit},
		{api.AuctionVickrey, map[string]int64{"b": 60}, "b", 80 * unit},
		{api.AuctionUniform, map[string]int64{"b": 60}, "b", 80 * unit},
	} {
		h := newHouse(t)
		spec := gpu(c.kind)
		spec.Reverse, spec.Reserve, spec.Quantity = true, 80*unit, 1
		must(h, "owner", api.AuctionsCreate, spec)
		if h.balance("owner") != 920*unit {
			t.Fatalf("%s: the budget is not held", c.kind)
		}
		refused(h, "d", api.AuctionsBid, bidding("x", 81), api.ReasonBidTooHigh)
		for _, who := range []string{"a", "b", "c"} {
			if n, ok := c.bids[who]; ok {
				must(h, who, api.AuctionsBid, bidding("x", n))
			}
		}
		if h.gpus("b") != 99*unit {
			t.Errorf("%s: what b sells is not held", c.kind)
		}
		h.pass(time.Hour)
		x := h.get("x")
		if x.State != api.AuctionClosed || x.Outcome.Awards[0].Bidder != c.winner || x.Price != c.price {
			t.Fatalf("%s: %+v", c.kind, x)
		}
		if h.balance(c.winner) != 1000*unit+c.price || h.balance("owner") != 1000*unit-c.price || h.gpus("owner") != 101*unit || h.gpus("a") != 100*unit {
			t.Errorf("%s: it is paid wrongly", c.kind)
		}
		h.sound()
	}
}

func TestReverseDutch(t *testing.T) {
	h := newHouse(t)
	spec := forLot("x", api.AuctionDutch)
	spec.Reverse, spec.Reserve, spec.StartPrice, spec.Step, spec.Interval = true, 100*unit, 10*unit, 10*unit, api.Duration(time.Minute)
	must(h, "owner", api.AuctionsCreate, spec)
	h.pass(2 * time.Minute)
	refused(h, "a", api.AuctionsBid, bidding("x", 31), api.ReasonBidTooHigh)
	if r := must(h, "a", api.AuctionsBid, bidding("x", 30)); r.Price != 30*unit || r.State != api.AuctionClosed {
		t.Errorf("receipt %+v", r)
	}
	for _, c := range h.contracts.Contracts {
		if c.Buyer != "owner" || c.Provider != "a" || c.Price != 30*unit {
			t.Errorf("contract %+v", c)
		}
	}
	h.sound()
}

// Che's scoring: the better quality wins at the higher price.
func TestMultiAttribute(t *testing.T) {
	for rule, want := range map[api.AuctionRule]api.Micro{api.RuleFirstScore: 60 * unit, api.RuleSecondScore: 90 * unit} {
		h := newHouse(t)
		spec := forLot("x", api.AuctionMultiTrait)
		spec.Reverse, spec.Reserve, spec.Rule = true, 100*unit, rule
		spec.Scoring = &api.ScoringTerms{
			PriceWeight: api.One / 2, WorstPrice: 100 * unit,
			Attributes: []api.ScoringWeight{{Name: "quality", Weight: api.One / 2, High: api.One}},
		}
		must(h, "owner", api.AuctionsCreate, spec)
		offer := func(n int64, quality api.Decimal) api.AuctionBidRequest {
			r := bidding("x", n)
			r.Attributes = []api.AuctionAttribute{{Name: "quality", Value: quality}}
			return r
		}
		must(h, "a", api.AuctionsBid, offer(40, api.One/2))
		must(h, "b", api.AuctionsBid, offer(60, api.One))
		bad := offer(60, api.One)
		bad.Attributes[0].Name = "charm"
		refused(h, "c", api.AuctionsBid, bad, api.ReasonAuctionTerms)
		h.pass(time.Hour)
		x := h.get("x")
		// a scores 0.3 + 0.25, b 0.2 + 0.5: at 90 b would score 0.05 + 0.5.
		if x.Outcome.Awards[0].Bidder != "b" || x.Price != want || x.Outcome.Awards[0].Score != 700_000 {
			t.Errorf("%s: %+v", rule, x.Outcome)
		}
		h.sound()
	}
}

func incentive(h *house) {
	spec := forLot("x", api.AuctionIncentive)
	spec.Reverse, spec.Reserve, spec.Fee, spec.QualityGuarantee = true, 500*unit, 100_000, 900_000
	spec.Incentive = &api.IncentiveTerms{Target: 920_000, QualityRate: 10 * unit, SpeedRate: 5 * unit, ReputationRate: 100_000}
	must(h, "owner", api.AuctionsCreate, spec)
}

// Number 46: 450, 0.96 against 0.92, 16 h of 24: 40 + 40 + 45 make 575.
func TestIncentive(t *testing.T) {
	h := newHouse(t)
	incentive(h)
	if held := 1000*unit - h.balance("owner"); held != (500+80+120+50)*unit {
		t.Fatalf("%s is held", held)
	}
	must(h, "a", api.AuctionsBid, bidding("x", 460))
	must(h, "b", api.AuctionsBid, bidding("x", 450))
	h.pass(time.Hour)
	x := h.get("x")
	if x.State != api.AuctionAwarded || x.Outcome.Awards[0].Bidder != "b" {
		t.Fatalf("awarded %+v", x)
	}
	done := api.AuctionSettleRequest{Auction: "x", Quality: 960_000, Took: api.Duration(16 * time.Hour)}
	refused(h, "b", api.AuctionsSettle, done, api.ReasonNotAuctionOwner)
	h.pass(16 * time.Hour)
	x = must(h, "owner", api.AuctionsSettle, done)
	if s := x.Outcome.Settlement; x.State != api.AuctionClosed || s.QualityBonus != 40*unit || s.SpeedBonus != 40*unit || s.ReputationBonus != 45*unit || s.Total != 575*unit {
		t.Errorf("settlement %+v", x.Outcome.Settlement)
	}
	if h.balance("b") != 1000*unit+575*unit*9/10 || h.balance("owner") != 425*unit {
		t.Errorf("b has %s, the owner %s", h.balance("b"), h.balance("owner"))
	}
	refused(h, "owner", api.AuctionsSettle, done, api.ReasonAlreadySettled)
	if p := h.reputation.Draft().Profile("b", h.now); p.History != 1 || p.Quality != 960_000 {
		t.Errorf("the record of b: %+v", p)
	}
	h.sound()
}

// A judge that the terms name reports instead of the owner, and does not bid.
func TestIncentiveJudge(t *testing.T) {
	h := newHouse(t)
	spec := forLot("x", api.AuctionIncentive)
	spec.Reverse, spec.Reserve, spec.Incentive = true, 500*unit, &api.IncentiveTerms{Judge: "c"}
	must(h, "owner", api.AuctionsCreate, spec)
	refused(h, "c", api.AuctionsBid, bidding("x", 450), api.ReasonOwnAuction)
	must(h, "b", api.AuctionsBid, bidding("x", 400))
	must(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"})
	half := api.AuctionSettleRequest{Auction: "x", Quality: 400_000}
	refused(h, "owner", api.AuctionsSettle, half, api.ReasonNotAuctionOwner)
	must(h, "c", api.AuctionsSettle, half) // half of the guarantee: half of the price
	if h.balance("b") != 1200*unit || h.balance("owner") != 800*unit {
		t.Errorf("b has %s", h.balance("b"))
	}
	h.sound()
}

// Who buys and says nothing pays the price.
func TestIncentiveUnreported(t *testing.T) {
	h := newHouse(t)
	incentive(h)
	must(h, "b", api.AuctionsBid, bidding("x", 450))
	h.pass(time.Hour + 24*time.Hour + time.Hour)
	if x := h.get("x"); x.State != api.AuctionClosed || !x.Outcome.Settlement.Unreported || h.balance("b") != 1000*unit+405*unit {
		t.Errorf("%+v", x.Outcome)
	}
	h.sound()
}

func TestGates(t *testing.T) {
	h := newHouse(t)
	d := h.reputation.Draft()
	if err := d.Record(h.now, reputation.Record{Agent: "a", Domain: "sum", By: "b", Ref: "r", Source: api.SourceOperator, Quality: 900_000, Satisfaction: 900_000, CostEfficiency: 900_000}); err != nil {
		t.Fatal(err)
	}
	d.Apply()
	spec := forLot("x", api.AuctionEnglish)
	spec.MinReputation, spec.Domain, spec.MaxBidders = 510_000, "sum", 1
	must(h, "owner", api.AuctionsCreate, spec)
	refused(h, "b", api.AuctionsBid, bidding("x", 5), api.ReasonInsufficientRecord)
	refused(h, "owner", api.AuctionsBid, bidding("x", 5), api.ReasonOwnAuction)
	refused(h, "", api.AuctionsBid, bidding("x", 5), api.ReasonPrincipalMissing)
	must(h, "a", api.AuctionsBid, bidding("x", 5))
	refused(h, "c", api.AuctionsBid, bidding("x", 6), api.ReasonAuctionFull)
	refused(h, "a", api.AuctionsBid, api.AuctionBidRequest{Auction: "x"}, api.ReasonMissingPrice)
	minus := api.Micro(-5)
	refused(h, "a", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Price: &minus}, api.ReasonInvalidPrice)
	refused(h, "a", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Price: price(9), Account: "b"}, api.ReasonNotOwner)
	skilled := forLot("y", api.AuctionIncentive)
	skilled.Reverse, skilled.Reserve, skilled.Incentive = true, 10*unit, &api.IncentiveTerms{Skills: []string{"poetry"}}
	must(h, "owner", api.AuctionsCreate, skilled)
	refused(h, "a", api.AuctionsBid, bidding("y", 5), api.ReasonMissingSkills)
}
