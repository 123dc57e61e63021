package auction_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

var players = []string{"owner", "a", "b", "c", "d"}

// drawSpec makes terms of a type, most of them good.
func drawSpec(t *rapid.T, id string, kind api.AuctionType) api.AuctionSpec {
	small := func(name string) api.Micro { return api.Micro(rapid.IntRange(0, 40).Draw(t, name)) * unit / 2 }
	s := api.AuctionSpec{ID: id, Type: kind, Reserve: small("reserve"), Fee: api.Decimal(rapid.IntRange(0, 300_000).Draw(t, "fee"))}
	s.Reverse = s.Type != api.AuctionDouble && rapid.Bool().Draw(t, "reverse")
	described := s.Type == api.AuctionMultiTrait || s.Type == api.AuctionIncentive
	if s.Item = item; !described && rapid.Bool().Draw(t, "asset") {
		s.Item, s.Asset, s.Quantity = nil, "gpu", int64(rapid.IntRange(1, 30).Draw(t, "quantity"))
	}
	if s.Type == api.AuctionUniform {
		s.Quantity = int64(rapid.IntRange(1, 20).Draw(t, "units"))
	}
	if s.Type == api.AuctionDouble || s.Asset == "" && s.Type != api.AuctionUniform {
		s.Quantity = 0
	}
	switch s.Type {
	case api.AuctionEnglish:
		s.Increment, s.SoftClose = small("increment"), api.Duration(rapid.IntRange(0, 20).Draw(t, "soft"))*api.Duration(time.Minute)
		if rapid.IntRange(0, 3).Draw(t, "buy now") == 0 {
			if s.BuyNow = s.Reserve + 10*unit; s.Reverse {
				s.BuyNow = max(s.Reserve/2, 1)
			}
		}
	case api.AuctionDutch:
		if s.StartPrice = s.Reserve + 20*unit; s.Reverse {
			s.StartPrice = max(s.Reserve/4, 1)
		}
		s.Step, s.Interval = 2*unit, api.Duration(time.Minute)
	case api.AuctionCombinatorial:
		s.Reserve, s.Asset, s.Quantity, s.Item = 0, "", 0, nil
		for _, name := range []string{"cpu", "mem", "disk"} {
			one := api.AuctionItem{Name: name, Reserve: small("reserve of " + name)}
			if !s.Reverse && rapid.Bool().Draw(t, name+" is an asset") {
				one.Asset, one.Quantity = "gpu", 2
			}
			s.Items = append(s.Items, one)
		}
	case api.AuctionMultiTrait:
		s.Rule = rapid.SampledFrom([]api.AuctionRule{"", api.RuleFirstScore, api.RuleSecondScore}).Draw(t, "rule")
		s.Scoring = &api.ScoringTerms{PriceWeight: api.One / 3, Attributes: []api.ScoringWeight{{Name: "q", Weight: api.One, High: api.One}}}
		if s.Scoring.BestPrice = 40 * unit; s.Reverse {
			s.Scoring.BestPrice, s.Scoring.WorstPrice = 0, 40*unit
		}
	case api.AuctionDouble:
		s.Rule = rapid.SampledFrom([]api.AuctionRule{"", api.RuleMidpoint, api.RuleMcAfee}).Draw(t, "rule")
	case api.AuctionIncentive:
		s.Reverse, s.Incentive = true, &api.IncentiveTerms{QualityRate: unit / 10, SpeedRate: unit / 10, ReputationRate: 100_000}
	}
	if s.Type.Committed() && rapid.Bool().Draw(t, "commitments") {
		s.Reveal, s.Deposit, s.Forfeit = api.Duration(5*time.Minute), small("deposit"), 0
		if s.Deposit > 0 {
			s.Forfeit = api.Decimal(rapid.IntRange(0, 1_000_000).Draw(t, "forfeit"))
		}
	}
	return s
}

// drawBid makes a bid that may fit the auction, and returns its price, too, which it may hide.
func drawBid(t *rapid.T, s *api.AuctionSpec, by string) (r api.AuctionBidRequest, amount api.Micro) {
	amount = api.Micro(rapid.IntRange(1, 60).Draw(t, "price")) * unit / 2
	r = api.AuctionBidRequest{Auction: s.ID, Price: &amount}
	switch {
	case s.Reveal > 0:
		return api.AuctionBidRequest{Auction: s.ID, Commitment: mechanism.Commitment(s.ID, by, amount, 1, saltOf(amount))}, amount
	case s.Type == api.AuctionEnglish && rapid.Bool().Draw(t, "proxy"):
		r.Price, r.Max = nil, &amount
	case s.Type == api.AuctionDutch && rapid.Bool().Draw(t, "no limit"):
		r.Price = nil
	case s.Type == api.AuctionDouble:
		r.Side, r.Quantity = rapid.SampledFrom(api.OrderSides).Draw(t, "side"), int64(rapid.IntRange(1, 8).Draw(t, "quantity"))
	case s.Type == api.AuctionUniform:
		r.Quantity, r.Whole = int64(rapid.IntRange(1, 8).Draw(t, "quantity")), rapid.Bool().Draw(t, "whole")
	case s.Type == api.AuctionCombinatorial:
		r.Items = rapid.SampledFrom([][]string{{"cpu"}, {"mem"}, {"disk"}, {"cpu", "mem"}, {"mem", "disk"}, {"cpu", "mem", "disk"}}).Draw(t, "items")
	case s.Type == api.AuctionMultiTrait:
		r.Attributes = []api.AuctionAttribute{{Name: "q", Value: api.Decimal(rapid.IntRange(0, 1_000_000).Draw(t, "q"))}}
	}
	return r, amount
}

func saltOf(amount api.Micro) string { return fmt.Sprintf("%016d", amount) }

// turn does something to an auction, and says what everybody could see before.
func turn(t *rapid.T, h *house, s *api.AuctionSpec, bids map[string]api.Micro) {
	by := rapid.SampledFrom(players).Draw(t, "by")
	h.operator = false
	before := ""
	var err error
	refusal := rapid.IntRange(0, 7).Draw(t, "watched") == 0
	if refusal {
		before = h.state()
	}
	switch rapid.IntRange(0, 15).Draw(t, "what") {
	case 0:
		_, err = do(h, by, api.AuctionsWithdraw, api.AuctionRequest{Auction: s.ID})
	case 1:
		_, err = do(h, by, api.AuctionsClose, api.AuctionRequest{Auction: s.ID})
	case 2:
		if rapid.IntRange(0, 4).Draw(t, "call off") > 0 {
			return
		}
		h.operator = rapid.IntRange(0, 2).Draw(t, "by an operator") == 0
		_, err = do(h, by, api.AuctionsCancel, api.AuctionCancelRequest{Auction: s.ID})
	case 3:
		_, err = do(h, by, api.AuctionsSettle, api.AuctionSettleRequest{Auction: s.ID, Quality: api.Decimal(rapid.IntRange(0, 1_000_000).Draw(t, "quality")), Took: api.Duration(time.Hour)})
	case 4, 5:
		amount := bids[by]
		if rapid.IntRange(0, 9).Draw(t, "lie") == 0 {
			amount++
		}
		_, err = do(h, by, api.AuctionsReveal, api.AuctionRevealRequest{Auction: s.ID, Price: &amount, Salt: saltOf(amount)})
	case 6:
		h.pass(time.Duration(rapid.IntRange(1, 40).Draw(t, "minutes")) * time.Minute)
		return
	default:
		r, amount := drawBid(t, s, by)
		if _, err = do(h, by, api.AuctionsBid, r); err == nil {
			bids[by] = amount
		}
	}
	if err != nil && refusal && h.state() != before {
		t.Fatalf("it was refused (%v) and has changed something", err)
	}
}

// Whatever is done to auctions of any type: money is conserved, nothing stays held after the end, the transcript is proven by the rules
// alone, and the state reads back.
func TestHistories(t *testing.T) {
	for _, kind := range api.AuctionTypes {
		if kind == api.AuctionSealedBid { // only another name
			continue
		}
		t.Run(string(kind), func(t *testing.T) {
			ends := map[api.AuctionState]int{}
			enough := func() bool { return ends[api.AuctionClosed] >= 5 && ends[api.AuctionExpired] > 0 }
			for try := 0; try < 10 && !t.Failed() && !enough(); try++ { // of a hundred drawn at random few may be sold
				rapid.Check(t, func(t *rapid.T) { ends[history(t, kind)]++ })
			}
			if !t.Failed() && !enough() {
				t.Errorf("too few of one kind: %v", ends)
			}
		})
	}
}

func history(t *rapid.T, kind api.AuctionType) api.AuctionState {
	h := open(t, players...)
	h.twin = open(t, players...)
	s := drawSpec(t, "x", kind)
	if _, err := do(h, "owner", api.AuctionsCreate, s); err != nil {
		h.sound()
		t.Skip("terms that are refused, and have changed nothing, are no history: ", err)
	}
	// Another auction goes on at the same time, with the same money.
	other := drawSpec(t, "y", rapid.SampledFrom(api.AuctionTypes).Draw(t, "other type"))
	_, err := do(h, "a", api.AuctionsCreate, other)
	bids, elsewhere := map[string]api.Micro{}, map[string]api.Micro{}
	for range rapid.IntRange(0, 24).Draw(t, "turns") {
		if err == nil && rapid.IntRange(0, 4).Draw(t, "elsewhere") == 0 {
			turn(t, h, &other, elsewhere)
		} else {
			turn(t, h, &s, bids)
		}
		h.sound()
	}
	for range 3 { // bidding, revealing or solving, settling
		h.solve()
		h.pass(400 * 24 * time.Hour)
	}
	h.sound()
	x := h.auctions.Auctions["x"]
	if !x.State.Ended() {
		t.Fatalf("it is %s for ever", x.State)
	}
	best(t, h, x)
	prove(t, x)
	readBack(t, h)
	if h.state() != h.twin.state() {
		t.Fatal("two replicas have come to different states")
	}
	if err := h.command("", func(_ *act.Act, d *auction.Draft) error {
		auction.Drop(d, "x")
		auction.Drop(d, "y")
		return nil
	}); err != nil || len(h.auctions.Bids)+len(h.auctions.Auctions) != 0 {
		t.Fatal("something of it is left")
	}
	return x.State
}

// best looks for the winner of a lot by itself: the best price of all that stand, and of equal ones the earliest.
func best(t *rapid.T, h *house, x *auction.Auction) {
	kind := x.Terms.Type
	if x.State != api.AuctionClosed || kind != api.AuctionFirstPrice && kind != api.AuctionVickrey {
		return
	}
	var first, second *auction.Bid
	winner := ""
	for _, who := range x.Bidders {
		b := h.auctions.Bids["x/"+who]
		if b.State != "" {
			continue
		}
		better := func(o *auction.Bid) bool {
			if o == nil || b.Price == o.Price {
				return o == nil || b.Number < o.Number
			}
			return (b.Price > o.Price) != x.Terms.Reverse
		}
		switch {
		case better(first):
			first, second, winner = b, first, who
		case better(second):
			second = b
		}
	}
	want := first.Price
	if kind == api.AuctionVickrey {
		if want = x.Terms.Reserve; second != nil {
			want = second.Price
		}
	}
	if a := x.Outcome.Awards[0]; a.Bidder != winner || a.Price != want {
		t.Fatalf("%s wins at %s, not %s at %s", winner, want, a.Bidder, a.Price)
	}
}

// prove recomputes an auction, as it is and with something changed.
func prove(t *rapid.T, x *auction.Auction) {
	steps := x.Log.Recent
	r, err := auction.Recompute(steps)
	if err != nil {
		t.Fatal(err)
	}
	if r.State != x.State || r.Bids != x.Bids {
		t.Fatalf("recomputed: %+v", r)
	}
	a, _ := codec.Marshal(r.Outcome)
	b, _ := codec.Marshal(x.Outcome)
	if string(a) != string(b) {
		t.Fatalf("recomputed %s, was %s", a, b)
	}
	if _, err := auction.Recompute(auction.Steps(steps, "stranger", x.State)); err != nil {
		t.Fatalf("as a stranger sees it: %v", err)
	}
	if x.State != api.AuctionClosed {
		return
	}
	changed := append([]api.TranscriptStep(nil), steps...)
	last := &changed[len(changed)-1]
	winner := x.Outcome.Awards[0].Bidder
	last.Body = []byte(strings.Replace(string(last.Body), `"bidder":"`+winner+`"`, `"bidder":"nobody"`, 1))
	if _, err := auction.Recompute(changed); api.ReasonOf(err) != auction.ReasonTranscript || !strings.Contains(err.Error(), "nobody") {
		t.Fatalf("another winner passes: %v", err)
	}
	if len(r.Payments) > 0 {
		changed = append([]api.TranscriptStep(nil), steps...)
		for i := range changed {
			if changed[i].What == auction.StepPaid {
				p := auction.Paid{Payments: append([]api.AuctionPayment(nil), r.Payments...)}
				p.Payments[0].Amount++
				changed[i].Body, _ = codec.Marshal(p)
			}
		}
		if _, err := auction.Recompute(changed); !strings.Contains(fmt.Sprint(err), "payment 1 is") {
			t.Fatalf("another payment passes: %v", err)
		}
	}
}

// readBack writes the state and reads it.
func readBack(t *rapid.T, h *house) {
	raw, err := codec.Marshal(h.auctions)
	if err != nil {
		t.Fatal(err)
	}
	s := auction.New()
	if err := codec.Read(raw, s); err != nil {
		t.Fatal(err)
	}
	if again, err := codec.Marshal(s); err != nil || string(again) != string(raw) {
		t.Fatal("the state does not read back: ", err)
	}
}
