package auction_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

func gpu(kind api.AuctionType) api.AuctionSpec {
	return api.AuctionSpec{ID: "x", Type: kind, Asset: "gpu", Quantity: 10}
}

func TestProxiesSoftCloseAndBuyNow(t *testing.T) {
	h := newHouse(t)
	spec := gpu(api.AuctionEnglish)
	spec.Reserve, spec.Increment, spec.SoftClose, spec.BuyNow, spec.Fee = 10*unit, unit, api.Duration(10*time.Minute), 500*unit, 50_000
	must(h, "owner", api.AuctionsCreate, spec)
	must(h, "a", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Max: price(100)})
	if x := h.get("x"); x.Price != 10*unit || h.balance("a") != 900*unit {
		t.Fatalf("a proxy alone is at %s", x.Price)
	}
	r := must(h, "b", api.AuctionsBid, bidding("x", 50))
	if r.Leading || r.Price != 51*unit || h.balance("b") != 1000*unit {
		t.Fatalf("outbid at once: %+v", r)
	}
	refused(h, "c", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Price: price(80), Max: price(70)}, api.ReasonInvalidPrice)
	h.pass(55 * time.Minute)
	must(h, "c", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Max: price(200)})
	x := h.get("x")
	if x.Price != 101*unit || x.Leader != "c" || x.EndsAt.Sub(h.now) != 10*time.Minute {
		t.Fatalf("the better proxy: %+v", x)
	}
	h.pass(9 * time.Minute)
	if r = must(h, "d", api.AuctionsBid, bidding("x", 600)); r.State != api.AuctionClosed || r.Price != 500*unit {
		t.Fatalf("bought at once: %+v", r)
	}
	if h.balance("d") != 500*unit || h.balance("owner") != 1475*unit || h.balance("c") != 1000*unit || h.gpus("d") != 110*unit {
		t.Error("it is paid wrongly")
	}
	fees, _ := h.ledger.Draft().Balance(api.Account(api.SystemOwner, "fees", ""))
	if fees != 25*unit {
		t.Errorf("the fee is %s", fees)
	}
	h.sound()
}

// Who outbids nobody must be able to pay all the same: it drives the price.
func TestNobodyRaisesThePriceWithoutMoney(t *testing.T) {
	h := open(t, "owner", "a", "poor")
	d := h.ledger.Draft()
	if err := d.Transfer("poor/main/credit", "a/main/credit", 995*unit, why); err != nil {
		t.Fatal(err)
	}
	d.Apply()
	must(h, "owner", api.AuctionsCreate, gpu(api.AuctionEnglish))
	must(h, "a", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Max: price(100)})
	refused(h, "poor", api.AuctionsBid, bidding("x", 50), api.ReasonInsufficientFunds)
}

// Nobody needs more money than the price at which a lot is bought at once.
func TestBuyNowNeedsNoMore(t *testing.T) {
	h := newHouse(t)
	for id, bid := range map[string]api.AuctionBidRequest{"x": bidding("x", 5000), "y": {Auction: "y", Max: price(5000)}} {
		spec := gpu(api.AuctionEnglish)
		spec.ID, spec.BuyNow = id, 500*unit
		must(h, "owner", api.AuctionsCreate, spec)
		must(h, "a", api.AuctionsBid, bid)
	}
	if x, y := h.get("x"), h.get("y"); x.State != api.AuctionClosed || y.State != api.AuctionOpen || h.balance("a") != 0 {
		t.Errorf("a has %s: %+v %+v", h.balance("a"), x, y)
	}
	h.sound()
}

func TestDutch(t *testing.T) {
	h := newHouse(t)
	spec := gpu(api.AuctionDutch)
	spec.StartPrice, spec.Step, spec.Interval, spec.Reserve = 100*unit, 10*unit, api.Duration(time.Minute), 40*unit
	x := must(h, "owner", api.AuctionsCreate, spec)
	if x.EndsAt.Sub(x.CreatedAt) != 7*time.Minute || x.Price != 100*unit {
		t.Fatalf("it ends at %s", x.EndsAt)
	}
	h.pass(3*time.Minute + time.Second)
	refused(h, "a", api.AuctionsBid, bidding("x", 60), api.ReasonBidTooLow)
	r := must(h, "b", api.AuctionsBid, api.AuctionBidRequest{Auction: "x"})
	if r.Price != 70*unit || r.State != api.AuctionClosed || h.balance("b") != 930*unit || h.balance("owner") != 1070*unit {
		t.Errorf("sold for %s", r.Price)
	}
	refused(h, "c", api.AuctionsBid, api.AuctionBidRequest{Auction: "x"}, api.ReasonAuctionNotOpen)
	h.sound()
}

func TestUniform(t *testing.T) {
	h := newHouse(t)
	spec := gpu(api.AuctionUniform)
	spec.Reserve = 2 * unit
	must(h, "owner", api.AuctionsCreate, spec)
	for who, b := range map[string]api.AuctionBidRequest{
		"a": {Auction: "x", Price: price(9), Quantity: 6}, "b": {Auction: "x", Price: price(8), Quantity: 3}, "c": {Auction: "x", Price: price(7), Quantity: 4},
	} {
		must(h, who, api.AuctionsBid, b)
	}
	refused(h, "d", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Price: price(9), Quantity: 11}, api.ReasonInvalidQuantity)
	refused(h, "d", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Price: price(1)}, api.ReasonBidTooLow)
	h.pass(time.Hour)
	x := h.get("x")
	if len(x.Outcome.Awards) != 3 || x.Price != 7*unit || x.Outcome.Traded != 70*unit || h.gpus("c") != 101*unit || h.balance("a") != 958*unit {
		t.Errorf("outcome %+v", x.Outcome)
	}
	h.sound()
}

// Number 47's pair, and McAfee's reduction.
func TestDouble(t *testing.T) {
	for rule, want := range map[api.AuctionRule]api.Micro{api.RuleMidpoint: 10 * unit, api.RuleMcAfee: 0} {
		h := newHouse(t)
		spec := gpu(api.AuctionDouble)
		spec.Quantity, spec.Rule = 0, rule
		must(h, "owner", api.AuctionsCreate, spec)
		refused(h, "a", api.AuctionsBid, bidding("x", 12), api.ReasonAuctionTerms)
		must(h, "a", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Side: api.OrderBuy, Price: price(12), Quantity: 10})
		must(h, "b", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Side: api.OrderSell, Price: price(8), Quantity: 10})
		refused(h, "c", api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Side: api.OrderSell, Price: price(8), Quantity: 101}, api.ReasonInsufficientFunds)
		if h.gpus("b") != 90*unit || h.balance("a") != 880*unit {
			t.Error("the sides are not held")
		}
		h.pass(time.Hour)
		x := h.get("x")
		switch {
		case rule == api.RuleMidpoint && (x.State != api.AuctionClosed || x.Price != want || h.gpus("a") != 110*unit || h.balance("b") != 1100*unit):
			t.Errorf("midpoint: %+v", x)
		case rule == api.RuleMcAfee && (x.State != api.AuctionClosed || len(x.Outcome.Awards) != 2):
			// Of ten units on each side the last is not traded, and the auctioneer keeps what is between.
			t.Errorf("mcafee: %+v", x)
		case rule == api.RuleMcAfee && (h.balance("a") != 1000*unit-9*12*unit || h.balance("b") != 1000*unit+9*8*unit || h.balance("owner") != 1000*unit+9*4*unit):
			t.Error("mcafee has paid wrongly")
		}
		h.sound()
	}
}

// Number 43: {cpu} = 100 and {mem} = 90 both win.
func TestCombinatorial(t *testing.T) {
	h := newHouse(t)
	spec := api.AuctionSpec{ID: "x", Type: api.AuctionCombinatorial, Items: []api.AuctionItem{{Name: "cpu"}, {Name: "mem", Asset: "gpu", Quantity: 3}}}
	must(h, "owner", api.AuctionsCreate, spec)
	pack := func(n int64, items ...string) api.AuctionBidRequest {
		return api.AuctionBidRequest{Auction: "x", Price: price(n), Items: items}
	}
	must(h, "a", api.AuctionsBid, pack(100, "cpu"))
	must(h, "b", api.AuctionsBid, pack(90, "mem"))
	must(h, "b", api.AuctionsBid, pack(20, "cpu"))
	must(h, "c", api.AuctionsBid, pack(150, "cpu", "mem"))
	refused(h, "c", api.AuctionsBid, pack(150, "cpu", "cpu"), api.ReasonAuctionTerms)
	refused(h, "c", api.AuctionsBid, pack(150, "disk"), api.ReasonAuctionTerms)
	if h.balance("b") != 910*unit {
		t.Errorf("alternatives hold more than the greatest: %s is left", h.balance("b"))
	}
	must(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"})
	if x := h.get("x"); x.State != api.AuctionClosing {
		t.Fatalf("it is %s", x.State)
	}
	refused(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"}, api.ReasonAuctionUnderSolving)
	// What another replica brings is checked: twice wrong, then right.
	h.brings(h.effects[0], []byte(`{"solution":{"winners":[0],"welfare":"100000000","prices":["0","0"],"awards":[]}}`))
	h.brings(h.effects[0], []byte(`{}`)) // late, and of another try
	if x := h.get("x"); x.State != api.AuctionClosing || len(h.effects) != 2 {
		t.Fatalf("it is %s, with %d effects", x.State, len(h.effects))
	}
	h.solve()
	x := h.get("x")
	if x.State != api.AuctionClosed || x.Outcome.Welfare != 190*unit || len(x.Outcome.Awards) != 2 {
		t.Fatalf("outcome %+v", x.Outcome)
	}
	// Without a, c has both for 150 and b nothing: a pays 150 - 90. Without b, c again: b pays 150 - 100.
	if x.Outcome.Awards[0].Amount != 60*unit || x.Outcome.Awards[1].Amount != 50*unit || h.gpus("b") != 103*unit {
		t.Errorf("payments %+v", x.Outcome.Awards)
	}
	if h.balance("c") != 1000*unit {
		t.Error("what c has bid is still held")
	}
	if _, err := auction.Recompute(h.auctions.Auctions["x"].Log.Recent); err != nil {
		t.Error(err)
	}
	h.sound()
}

func TestCommitAndReveal(t *testing.T) {
	h := newHouse(t)
	spec := gpu(api.AuctionFirstPrice)
	spec.Reveal, spec.Deposit, spec.Forfeit = api.Duration(time.Minute), 20*unit, 250_000
	must(h, "owner", api.AuctionsCreate, spec)
	salt := strings.Repeat("s", 16)
	hide := func(who string, n int64) api.AuctionBidRequest {
		seal := api.SealBid("x", who, *price(n), 1, salt)
		if seal != mechanism.Commitment("x", who, *price(n), 1, salt) {
			t.Fatal("two forms of a commitment")
		}
		return api.AuctionBidRequest{Auction: "x", Commitment: seal}
	}
	show := func(n int64) api.AuctionRevealRequest {
		return api.AuctionRevealRequest{Auction: "x", Price: price(n), Salt: salt}
	}
	refused(h, "a", api.AuctionsBid, bidding("x", 50), api.ReasonAuctionTerms)
	must(h, "a", api.AuctionsBid, hide("a", 50))
	must(h, "b", api.AuctionsBid, hide("b", 60))
	must(h, "c", api.AuctionsBid, hide("c", 70))
	must(h, "d", api.AuctionsBid, hide("d", 80))
	must(h, "d", api.AuctionsWithdraw, api.AuctionRequest{Auction: "x"})
	refused(h, "d", api.AuctionsWithdraw, api.AuctionRequest{Auction: "x"}, api.ReasonBidNotFound)
	refused(h, "a", api.AuctionsReveal, show(50), api.ReasonNotRevealing)
	if h.balance("a") != 980*unit || h.balance("d") != 1000*unit {
		t.Error("the deposits are wrong")
	}
	h.pass(time.Hour)
	refused(h, "a", api.AuctionsReveal, show(51), api.ReasonCommitmentMismatch)
	refused(h, "a", api.AuctionsBid, hide("a", 51), api.ReasonAuctionExpired)
	refused(h, "owner", api.AuctionsClose, api.AuctionRequest{Auction: "x"}, api.ReasonAuctionRevealing)
	must(h, "a", api.AuctionsReveal, show(50))
	refused(h, "a", api.AuctionsReveal, show(50), api.ReasonNotRevealing)
	if h.balance("a") != 950*unit {
		t.Error("what is revealed is not held")
	}
	must(h, "b", api.AuctionsReveal, show(60))
	h.pass(time.Minute)
	x := h.get("x")
	if x.State != api.AuctionClosed || x.Outcome.Awards[0].Bidder != "b" || x.Price != 60*unit {
		t.Fatalf("outcome %+v", x)
	}
	if h.balance("c") != 995*unit || h.balance("owner") != 1065*unit {
		t.Errorf("c has %s: it should lose a quarter of its deposit", h.balance("c"))
	}
	if b, _ := h.auctions.BidOf(h.auctions.Auctions["x"], "c", true); b.State != api.BidForfeited {
		t.Errorf("the bid of c is %s", b.State)
	}
	h.sound()
	if _, err := auction.Recompute(h.auctions.Auctions["x"].Log.Recent); err != nil {
		t.Error(err)
	}
}
