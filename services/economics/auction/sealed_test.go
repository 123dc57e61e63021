package auction_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// A second bid takes the place of the first, also in the order, and what is withdrawn counts no more.
func TestReplacedAndWithdrawn(t *testing.T) {
	h := newHouse(t)
	must(h, "owner", api.AuctionsCreate, gpu(api.AuctionFirstPrice))
	must(h, "a", api.AuctionsBid, bidding("x", 50))
	must(h, "b", api.AuctionsBid, bidding("x", 60))
	must(h, "a", api.AuctionsBid, bidding("x", 60))
	must(h, "c", api.AuctionsBid, bidding("x", 90))
	must(h, "c", api.AuctionsWithdraw, api.AuctionRequest{Auction: "x"})
	if h.balance("a") != 940*unit || h.balance("c") != 1000*unit {
		t.Error("what is held is wrong")
	}
	refused(h, "d", api.AuctionsWithdraw, api.AuctionRequest{Auction: "x"}, api.ReasonBidNotFound)
	if x := must(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"}); x.Outcome.Awards[0].Bidder != "b" || x.Price != 60*unit {
		t.Errorf("%+v", x.Outcome)
	}
	for who, want := range map[string]api.BidState{"a": api.BidLost, "b": api.BidWon, "c": api.BidWithdrawn} {
		if b, _ := h.auctions.BidOf(h.auctions.Auctions["x"], who, true); b.State != want || b.Held != 0 {
			t.Errorf("the bid of %s is %+v", who, b)
		}
	}
	h.sound()

	again := gpu(api.AuctionVickrey)
	again.ID = "y"
	must(h, "owner", api.AuctionsCreate, again)
	must(h, "a", api.AuctionsBid, bidding("y", 50))
	must(h, "a", api.AuctionsBid, bidding("y", 55))
	must(h, "a", api.AuctionsWithdraw, api.AuctionRequest{Auction: "y"})
	refused(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "y"}, api.ReasonNoBids)
	must(h, "a", api.AuctionsBid, bidding("y", 5))
	must(h, "a", api.AuctionsWithdraw, api.AuctionRequest{Auction: "y"})
	if y := must(h, "owner", api.AuctionsCancel, api.AuctionCancelRequest{Auction: "y"}); y.State != api.AuctionCancelled {
		t.Errorf("%+v", y)
	}
	s := h.auctions.Stats()
	if s.Total != 2 || s.Traded != 60*unit || len(s.Types) != 2 || s.Types[0] != (api.AuctionTypeStats{Type: "first_price", Created: 1, Closed: 1, Bids: 4, Traded: 60 * unit}) ||
		s.Types[1] != (api.AuctionTypeStats{Type: "vickrey", Created: 1, Cancelled: 1, Bids: 3}) {
		t.Errorf("%+v", s)
	}
}

// When the last commitment is revealed there is nothing more to wait for.
func TestAllRevealed(t *testing.T) {
	h := newHouse(t)
	spec := gpu(api.AuctionVickrey)
	spec.Reveal = api.Duration(time.Hour)
	must(h, "owner", api.AuctionsCreate, spec)
	salt := strings.Repeat("s", 16)
	for who, n := range map[string]int64{"a": 40, "b": 30} {
		must(h, who, api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Commitment: api.SealBid("x", who, *price(n), 1, salt)})
	}
	if x := must(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"}); x.State != api.AuctionClosing || x.RevealEndsAt.Sub(h.now) != time.Hour {
		t.Fatalf("%+v", x)
	}
	must(h, "a", api.AuctionsReveal, api.AuctionRevealRequest{Auction: "x", Price: price(40), Salt: salt})
	// A price that nobody could pay stays hidden.
	refused(h, "b", api.AuctionsReveal, api.AuctionRevealRequest{Auction: "x", Price: price(40), Salt: salt}, api.ReasonCommitmentMismatch)
	r := must(h, "b", api.AuctionsReveal, api.AuctionRevealRequest{Auction: "x", Price: price(30), Salt: salt})
	if x := h.get("x"); r.State != api.AuctionClosed || x.Price != 30*unit || x.Outcome.Awards[0].Bidder != "a" || r.Head != x.Head {
		t.Errorf("%+v %+v", r, x)
	}
	h.sound()
}

// A later bid that names no account is about the same one as before.
func TestAccountOfABid(t *testing.T) {
	h := newHouse(t)
	d := h.ledger.Draft()
	if err := d.Transfer("a/main/credit", "a/purse/credit", 100*unit, ledger.Why{}); err != nil {
		t.Fatal(err)
	}
	d.Apply()
	spec := gpu(api.AuctionEnglish)
	spec.Account = "owner/shop"
	refused(h, "owner", api.AuctionsCreate, spec, api.ReasonInsufficientFunds) // the units are in another account
	spec.Account = ""
	must(h, "owner", api.AuctionsCreate, spec)
	first := bidding("x", 10)
	first.Account = "a/purse"
	must(h, "a", api.AuctionsBid, first)
	must(h, "b", api.AuctionsBid, bidding("x", 20))
	must(h, "a", api.AuctionsBid, bidding("x", 30))
	refused(h, "a", api.AuctionsBid, bidding("x", 101), api.ReasonInsufficientFunds)
	wrong := bidding("x", 40)
	wrong.Account = "a/main/gpu"
	refused(h, "a", api.AuctionsBid, wrong, api.ReasonInvalidAccount)
	h.pass(time.Hour)
	units, _ := h.ledger.Draft().Balance("a/purse/gpu")
	if h.balance("a") != 900*unit || units != 10*unit {
		t.Errorf("a has %s, and %s units", h.balance("a"), units)
	}
	h.sound()
}

// Of sealed bids, and of what a proxy may spend, others see nothing before the end.
func TestSecrets(t *testing.T) {
	for _, kind := range []api.AuctionType{api.AuctionVickrey, api.AuctionEnglish, api.AuctionDouble, api.AuctionCombinatorial} {
		h := newHouse(t)
		spec := gpu(kind)
		if secret := api.Micro(77_312_345); kind == api.AuctionCombinatorial {
			spec.Asset, spec.Quantity, spec.Items = "", 0, []api.AuctionItem{{Name: "cpu"}}
			must(h, "owner", api.AuctionsCreate, spec)
			must(h, "a", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Price: &secret, Items: []string{"cpu"}})
		} else {
			must(h, "owner", api.AuctionsCreate, spec)
			r := api.AuctionBidRequest{Auction: "x", Price: &secret}
			switch kind {
			case api.AuctionEnglish:
				r.Price, r.Max = nil, &secret
			case api.AuctionDouble:
				r.Side = api.OrderBuy
			}
			must(h, "a", api.AuctionsBid, r)
		}
		told := func(by string) string {
			x := h.auctions.Auctions["x"]
			bid, _ := h.auctions.BidOf(x, "a", x.Open() || by == "a")
			archived := auction.Record(h.auctions.Draft(), "x").(auction.Archived)
			if !archived.Open && by != "a" {
				archived.Bids[0] = auction.Conceal(archived.Bids[0])
			}
			raw, err := codec.Marshal([]any{x.View(h.now), x.Brief(h.now), bid, archived, auction.Steps(x.Log.Recent, by, x.State)})
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
		if s := told("b"); strings.Contains(s, "77312345") {
			t.Errorf("%s: b is told %s", kind, s)
		}
		if s := told(""); strings.Contains(s, "77312345") {
			t.Errorf("%s: nobody in particular is told %s", kind, s)
		}
		if s := told("a"); strings.Count(s, "77312345") < 3 {
			t.Errorf("%s: a is told %s", kind, s)
		}
		h.operator = true
		must(h, "root", api.AuctionsCancel, api.AuctionCancelRequest{Auction: "x"})
		if s := told("b"); strings.Contains(s, "77312345") {
			t.Errorf("%s, called off: b is told %s", kind, s)
		}
	}
}

// What cannot end now, because there is no room, ends later: one timer goes on until it has.
func TestEndIsTriedAgain(t *testing.T) {
	h := newHouse(t)
	must(h, "owner", api.AuctionsCreate, gpu(api.AuctionVickrey))
	must(h, "a", api.AuctionsBid, bidding("x", 50))
	delete(h.timers, "auction/x") // as if it had been refused
	h.pass(2 * time.Hour)
	if x := h.get("x"); x.State != api.AuctionClosed || len(h.timers) != 0 {
		t.Errorf("it is %s, with the timers %v", x.State, h.timers)
	}
}
