package auction_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

var item = json.RawMessage(`{"gpu":"h100"}`)

func forLot(id string, t api.AuctionType) api.AuctionSpec {
	return api.AuctionSpec{ID: id, Type: t, Item: item}
}

// The reference system's first bid at the reserve was refused, and its own example too.
func TestEnglish(t *testing.T) {
	h := newHouse(t)
	spec := forLot("x", api.AuctionEnglish)
	spec.Reserve = 10 * unit
	x := must(h, "owner", api.AuctionsCreate, spec)
	if x.State != api.AuctionOpen || x.NextPrice != 10*unit || x.EndsAt.Sub(x.CreatedAt) != time.Hour || x.MaxBidders != 50 || x.QualityGuarantee != 800_000 ||
		x.Increment != 100_000 || x.Completion.Std() != time.Hour {
		t.Fatalf("defaults: %+v", x)
	}
	refused(h, "a", api.AuctionsBid, bidding("x", 9), api.ReasonBidTooLow)
	r := must(h, "a", api.AuctionsBid, bidding("x", 10))
	if !r.Leading || r.Price != 10*unit || r.Number != 2 || r.Head != h.get("x").Head {
		t.Fatalf("receipt %+v", r)
	}
	must(h, "a", api.AuctionsBid, bidding("x", 15))
	if got := h.get("x").Price; got != 10*unit {
		t.Errorf("a leader raised its own price to %s", got)
	}
	refused(h, "b", api.AuctionsBid, bidding("x", 10), api.ReasonBidTooLow)
	r = must(h, "b", api.AuctionsBid, bidding("x", 20))
	if x := h.get("x"); x.Leader != "b" || x.Price != 20*unit || !r.Leading {
		t.Fatalf("15 then 20: %+v", x)
	}
	if h.balance("a") != 1000*unit || h.balance("b") != 980*unit {
		t.Errorf("a has %s, b has %s", h.balance("a"), h.balance("b"))
	}
	refused(h, "owner", api.AuctionsCancel, api.AuctionCancelRequest{Auction: "x"}, api.ReasonCannotCancel)
	h.pass(time.Hour)
	x = h.get("x")
	if x.State != api.AuctionClosed || len(x.Outcome.Awards) != 1 || x.Outcome.Awards[0].Bidder != "b" || x.Price != 20*unit {
		t.Fatalf("it did not sell to its winner: %+v", x)
	}
	if len(h.contracts.Contracts) != 1 {
		t.Fatal("there is no contract")
	}
	for _, c := range h.contracts.Contracts {
		if c.Buyer != "b" || c.Provider != "owner" || c.Price != 20*unit || string(c.Item) != string(item) || c.ID != x.Outcome.Awards[0].Contracts[0] {
			t.Errorf("contract %+v", c)
		}
	}
	refused(h, "c", api.AuctionsBid, bidding("x", 30), api.ReasonAuctionExpired)
	h.sound()
}

func sealedPrices(t *testing.T, kind api.AuctionType, reserve api.Micro, bids map[string]int64, winner string, pays api.Micro) {
	t.Helper()
	h := newHouse(t)
	must(h, "owner", api.AuctionsCreate, api.AuctionSpec{ID: "x", Type: kind, Asset: "gpu", Quantity: 4, Reserve: reserve})
	for _, who := range []string{"a", "b", "c"} {
		if n, ok := bids[who]; ok {
			must(h, who, api.AuctionsBid, bidding("x", n))
		}
	}
	x := must(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"})
	if x.Outcome == nil || x.Outcome.Awards[0].Bidder != winner || x.Outcome.Awards[0].Amount != pays || x.Outcome.Awards[0].Quantity != 4 {
		t.Fatalf("%s of %v: %+v", kind, bids, x.Outcome)
	}
	if h.balance(winner) != 1000*unit-pays || h.balance("owner") != 1000*unit+pays || h.gpus(winner) != 104*unit || h.gpus("owner") != 96*unit {
		t.Errorf("%s of %v has paid wrongly", kind, bids)
	}
	h.sound()
}

// Numbers 37 and 38 of the reference, and that ties go to the earliest.
func TestSealed(t *testing.T) {
	sealedPrices(t, api.AuctionVickrey, 0, map[string]int64{"a": 100, "b": 80, "c": 90}, "a", 90*unit)
	sealedPrices(t, api.AuctionVickrey, 0, map[string]int64{"a": 100, "b": 80}, "a", 80*unit)
	sealedPrices(t, api.AuctionVickrey, 0, map[string]int64{"a": 100, "b": 150, "c": 120}, "b", 120*unit)
	sealedPrices(t, api.AuctionVickrey, 30*unit, map[string]int64{"b": 150}, "b", 30*unit)
	sealedPrices(t, api.AuctionVickrey, 0, map[string]int64{"b": 150, "c": 150}, "b", 150*unit)
	sealedPrices(t, api.AuctionFirstPrice, 0, map[string]int64{"a": 100, "b": 80, "c": 100}, "a", 100*unit)
	sealedPrices(t, api.AuctionSealedBid, 5*unit, map[string]int64{"c": 7}, "c", 7*unit)
}

// Number 40.
func TestCreate(t *testing.T) {
	h := newHouse(t)
	zero := api.Duration(0)
	for _, bad := range []struct {
		spec   api.AuctionSpec
		reason string
	}{
		{api.AuctionSpec{}, api.ReasonMissingFields},
		{api.AuctionSpec{Type: api.AuctionEnglish}, api.ReasonMissingFields},
		{api.AuctionSpec{Type: "lottery", Item: item}, api.ReasonInvalidAuctionType},
		{api.AuctionSpec{Type: api.AuctionEnglish, Item: item, Reserve: -1}, api.ReasonInvalidReserve},
		{api.AuctionSpec{Type: api.AuctionEnglish, Item: item, Duration: &zero}, api.ReasonInvalidDuration},
		{api.AuctionSpec{Type: api.AuctionEnglish, Item: item, Reverse: true}, api.ReasonInvalidReserve},
		{api.AuctionSpec{Type: api.AuctionVickrey, Item: item, BuyNow: unit}, api.ReasonAuctionTerms},
		{api.AuctionSpec{Type: api.AuctionDutch, Item: item}, api.ReasonMissingFields},
		{api.AuctionSpec{Type: api.AuctionEnglish, Asset: "gpu", Quantity: 101}, api.ReasonInsufficientFunds},
		{api.AuctionSpec{Type: api.AuctionEnglish, Asset: "credit"}, api.ReasonAuctionTerms},
		{api.AuctionSpec{Type: api.AuctionEnglish, Asset: "gold"}, api.ReasonInsufficientFunds},
		{api.AuctionSpec{Type: api.AuctionEnglish, Item: item, Account: "a"}, api.ReasonNotOwner},
		{api.AuctionSpec{Type: api.AuctionVickrey, Item: item, Reverse: true, Reserve: 1001 * unit}, api.ReasonInsufficientFunds},
		{api.AuctionSpec{Type: api.AuctionEnglish, Item: item, MaxBidders: 100_001}, api.ReasonAuctionTerms},
	} {
		refused(h, "owner", api.AuctionsCreate, bad.spec, bad.reason)
	}
	refused(h, "", api.AuctionsCreate, forLot("x", api.AuctionEnglish), api.ReasonPrincipalMissing)
	for i, kind := range []api.AuctionType{api.AuctionEnglish, api.AuctionFirstPrice, api.AuctionSealedBid, api.AuctionVickrey, api.AuctionUniform, api.AuctionDouble} {
		must(h, "owner", api.AuctionsCreate, forLot("x"+string(rune('0'+i)), kind))
	}
	refused(h, "a", api.AuctionsCreate, forLot("x0", api.AuctionEnglish), api.ReasonAuctionExists)
	if x := must(h, "owner", api.AuctionsCreate, forLot("", api.AuctionEnglish)); x.ID == "" {
		t.Error("it has no id")
	}
	if s := h.auctions.Stats(); s.Total != 7 || len(s.Types) != 5 {
		t.Errorf("stats %+v", s)
	}
}

// Number 41, and the other ways to end.
func TestEnds(t *testing.T) {
	h := newHouse(t)
	must(h, "owner", api.AuctionsCreate, api.AuctionSpec{ID: "x", Type: api.AuctionEnglish, Asset: "gpu", Quantity: 100})
	refused(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"}, api.ReasonNoBids)
	refused(h, "a", api.AuctionsClose, api.AuctionRequest{Auction: "x"}, api.ReasonNotAuctionOwner)
	refused(h, "a", api.AuctionsCancel, api.AuctionCancelRequest{Auction: "x"}, api.ReasonNotAuctionOwner)
	refused(h, "a", api.AuctionsBid, bidding("nobody", 3), api.ReasonAuctionNotFound)
	if x := must(h, "owner", api.AuctionsCancel, api.AuctionCancelRequest{Auction: "x", Reason: "why not"}); x.State != api.AuctionCancelled || x.Reason != "why not" {
		t.Errorf("cancelled: %+v", x)
	}
	refused(h, "a", api.AuctionsBid, bidding("x", 3), api.ReasonAuctionNotOpen)
	refused(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"}, api.ReasonAuctionNotOpen)
	must(h, "owner", api.AuctionsCreate, api.AuctionSpec{ID: "y", Type: api.AuctionVickrey, Asset: "gpu", Quantity: 100})
	h.pass(time.Hour)
	if y := h.get("y"); y.State != api.AuctionExpired || h.gpus("owner") != 100*unit {
		t.Errorf("expired: %+v", y)
	}
	must(h, "owner", api.AuctionsCreate, forLot("z", api.AuctionEnglish))
	must(h, "a", api.AuctionsBid, bidding("z", 3))
	h.operator = true
	must(h, "root", api.AuctionsCancel, api.AuctionCancelRequest{Auction: "z"})
	if h.balance("a") != 1000*unit {
		t.Error("an operator has called it off, and the bid is still held")
	}
	h.sound()
}
