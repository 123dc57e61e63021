package economics_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Ten thousand bids in one message are refused as a whole; as many as one may have are each answered for itself.
func TestTooManyBidsInOneMessage(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(100_000_000, "ann")
	must(t, r.as("ann"), api.TendersAnnounce, api.TenderSpec{ID: "t", Task: api.TenderTask{Capability: "c"}, Budget: 50_000_000})
	bids := make([]api.TenderBidRequest, 10_000)
	for i := range bids {
		bids[i] = api.TenderBidRequest{ID: "t", Price: api.Micro(40_000_000 - i)}
		if i%2 == 1 {
			bids[i].ID = fmt.Sprintf("none-%d", i)
		}
	}
	if _, err := settled(t, r.as("bob"), api.TendersBidMany, api.TendersBidManyRequest{Bids: bids}, ""); api.CodeOf(err) != api.Invalid {
		t.Errorf("10,000 bids: %v", err)
	}
	if n := must(t, r.as("bob"), api.TendersGet, api.TenderGetRequest{ID: "t"}).BidCount; n != 0 {
		t.Errorf("%d bids of a message that was refused", n)
	}
	resp := must(t, r.as("bob"), api.TendersBidMany, api.TendersBidManyRequest{Bids: bids[:api.MaxBulk]})
	for i, one := range resp.Results {
		if (one.Error != nil) != (i%2 == 1) || one.Error != nil && one.Error.Details.Reason != api.ReasonTenderNotFound {
			t.Fatalf("bid %d: %+v", i, one.Error)
		}
	}
	if n := must(t, r.as("bob"), api.TendersGet, api.TenderGetRequest{ID: "t"}).BidCount; n != 1 {
		t.Errorf("%d bids of one bidder", n)
	}
}

// A request that is nothing but long is refused, or done: what it is stored as is bounded.
func TestLongRequests(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(100_000_000, "ann")
	for _, size := range []int{100 << 10, 600 << 10, 1000 << 10} {
		space := strings.Repeat(" ", size)
		for _, body := range []string{`{"from":"ann",` + space + `"to":"bob","amount":"1"}`, `{"from":"ann","to":"bob","amount":"1"}` + space} {
			msg := nats.NewMsg(api.As("mabus", "ann", api.AccountsTransfer.Subject("mabus")))
			msg.Data = []byte(body)
			msg.Header.Set(api.HeaderTimeout, "20s")
			answer, err := r.as("ann").NC.RequestMsg(msg, patience)
			if err != nil {
				t.Fatalf("%d bytes: %v", len(body), err)
			}
			if code := answer.Header.Get(api.HeaderErrorCode); code != "" && code != string(api.Invalid) {
				t.Errorf("%d bytes: %s, %.300s", len(body), code, answer.Data)
			}
		}
	}
	must(t, r.as("ann"), api.AccountsTransfer, api.TransferRequest{From: "ann", To: "bob", Amount: 1})
}

// The id of what has ended stays taken: before it is archived, and afterwards.
func TestIDsAreUsedOnce(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(100_000_000, "ann")
	ann := r.as("ann")
	must(t, ann, api.AssetsCreate, api.AssetCreateRequest{ID: "gold"})
	auction := api.AuctionSpec{ID: "x", Type: api.AuctionEnglish, Item: []byte("1")}
	tender := api.TenderSpec{ID: "x", Task: api.TenderTask{Capability: "c"}, Budget: 1_000_000}
	market := api.MarketSpec{ID: "x", Name: "n", Type: api.MarketContinuous, Commodity: "gold"}
	must(t, ann, api.AuctionsCreate, auction)
	must(t, ann, api.TendersAnnounce, tender)
	must(t, ann, api.MarketsCreate, market)
	must(t, ann, api.AuctionsCancel, api.AuctionCancelRequest{Auction: "x"})
	must(t, ann, api.TendersCancel, api.TenderCancelRequest{ID: "x"})
	must(t, ann, api.MarketsClose, api.MarketIDRequest{ID: "x"})
	again := func() {
		t.Helper()
		refused(t, r.as("bob"), api.AuctionsCreate, auction, api.Conflict, api.ReasonAuctionExists)
		refused(t, ann, api.TendersAnnounce, tender, api.Conflict, api.ReasonTenderExists)
		refused(t, r.as("bob"), api.MarketsCreate, market, api.Conflict, api.ReasonMarketExists)
	}
	again()
	natstest.Eventually(t, patience, func() bool { // all are in the archive alone
		a := must(t, ann, api.AuctionsList, api.AuctionsListRequest{})
		b := must(t, ann, api.TendersList, api.TendersListRequest{})
		c := must(t, ann, api.MarketsList, api.MarketsListRequest{})
		return len(a.Auctions)+len(b.Tenders)+len(c.Markets) == 0
	})
	again()
	refused(t, r.as("bob"), api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Price: new(api.Micro(1_000_000))}, api.FailedPrecondition, api.ReasonAuctionNotOpen)
	refused(t, ann, api.MarketsOrder, api.MarketOrderRequest{Market: "x", Side: api.OrderBuy, Price: 1, Quantity: 1}, api.FailedPrecondition, api.ReasonMarketClosed)
}

// A request id is its principal's, and stands for one request.
func TestRequestIDsOfOthers(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(100_000_000, "ann", "bob")
	ask := func(who string, r2 api.TransferRequest) (*api.TransferResponse, error) {
		ctx, cancel := context.WithTimeout(rpc.WithRequestID(t.Context(), "shared"), patience)
		defer cancel()
		return rpc.Call(ctx, r.as(who), api.AccountsTransfer, &r2)
	}
	first, err := ask("ann", api.TransferRequest{From: "ann", To: "eve", Amount: 5_000_000, Note: "a secret"})
	if err != nil {
		t.Fatal(err)
	}
	if x, err := ask("bob", api.TransferRequest{From: "ann", To: "eve", Amount: 5_000_000, Note: "a secret"}); api.ReasonOf(err) != api.ReasonNotOwner {
		t.Errorf("bob repeats ann's request: %+v, %v", x, err)
	}
	if _, err := ask("ann", api.TransferRequest{From: "ann", To: "eve", Amount: 6_000_000, Note: "a secret"}); api.ReasonOf(err) != api.ReasonRequestReused {
		t.Errorf("another request of that id: %v", err)
	}
	ctx, cancel := context.WithTimeout(rpc.WithRequestID(t.Context(), "shared"), patience)
	defer cancel()
	if _, err := rpc.Call(ctx, r.as("ann"), api.AccountsBurn, &api.BurnRequest{From: "ann", Amount: 5_000_000}); api.ReasonOf(err) != api.ReasonRequestReused {
		t.Errorf("another method of that id: %v", err)
	}
	if again, err := ask("ann", api.TransferRequest{From: "ann", To: "eve", Amount: 5_000_000, Note: "a secret"}); err != nil || again.Entry != first.Entry {
		t.Errorf("%+v, %v, first %+v", again, err, first)
	}
	if a := must(t, r.as("eve"), api.AccountsGet, api.AccountGetRequest{Account: "eve"}); a.Available != 5_000_000 {
		t.Errorf("eve has %s", a.Available)
	}
}

// As long as bids are sealed nobody else learns them: not from any answer of any method.
func TestNoAnswerTellsASealedBid(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(1_000_000_000_000, "ann", "bob")
	ann, bob := r.as("ann"), r.as("bob")
	const price, max = api.Micro(76_543_219_876), api.Micro(87_654_321_987) // so long that no time, id or hash has them by chance
	secrets := []string{"76543219876", "76543.219876", "87654321987", "87654.321987", `"side":"buy"`}
	must(t, ann, api.AssetsCreate, api.AssetCreateRequest{ID: "gold"})
	must(t, ann, api.AccountsMint, api.MintRequest{To: "ann/main/gold", Amount: 9_000_000})
	must(t, ann, api.AuctionsCreate, api.AuctionSpec{ID: "x", Type: api.AuctionVickrey, Item: []byte("1")})
	must(t, bob, api.AuctionsBid, api.AuctionBidRequest{Auction: "x", Price: new(price)})
	must(t, ann, api.AuctionsCreate, api.AuctionSpec{ID: "english", Type: api.AuctionEnglish, Item: []byte("1")})
	must(t, bob, api.AuctionsBid, api.AuctionBidRequest{Auction: "english", Price: new(api.Micro(1_000_000)), Max: new(max)})
	reveal := api.Duration(patience)
	must(t, ann, api.AuctionsCreate, api.AuctionSpec{ID: "reveal", Type: api.AuctionFirstPrice, Item: []byte("1"), Reveal: reveal})
	salt := strings.Repeat("s", mechanism.LeastSalt)
	for _, who := range []string{"bob", "cat"} { // who reveals first is not to be seen by the other
		must(t, r.as(who), api.AuctionsBid, api.AuctionBidRequest{Auction: "reveal", Commitment: mechanism.Commitment("reveal", who, price, 1, salt)})
	}
	must(t, ann, api.AuctionsClose, api.AuctionRequest{Auction: "reveal"})
	must(t, bob, api.AuctionsReveal, api.AuctionRevealRequest{Auction: "reveal", Price: new(price), Salt: salt})
	must(t, ann, api.AuctionsCreate, api.AuctionSpec{ID: "double", Type: api.AuctionDouble, Item: []byte("1")})
	must(t, bob, api.AuctionsBid, api.AuctionBidRequest{Auction: "double", Price: new(price), Side: api.OrderBuy})
	must(t, ann, api.TendersAnnounce, api.TenderSpec{ID: "x", Task: api.TenderTask{Capability: "c"}, Budget: 100_000_000_000})
	must(t, bob, api.TendersBid, api.TenderBidRequest{ID: "x", Price: price})
	must(t, ann, api.MarketsCreate, api.MarketSpec{ID: "x", Name: "n", Type: api.MarketSealed, Commodity: "gold"})
	must(t, bob, api.MarketsOrder, api.MarketOrderRequest{Market: "x", Side: api.OrderBuy, Price: price, Quantity: 1})

	asked := 0
	look := func(t *testing.T, who string, m api.Descriptor, body string) {
		t.Helper()
		msg, err := r.raw(who, m, body)
		if err != nil {
			t.Fatalf("%s %s: %v", m.Name(), body, err)
		}
		for _, secret := range secrets {
			if strings.Contains(msg, secret) {
				t.Errorf("%s learns from %s %s: %s", who, m.Name(), body, msg)
			}
		}
		asked++
	}
	for _, m := range api.Methods {
		if m.Service != "economics" || m.Write || strings.HasSuffix(m.Verb, "wait") {
			continue
		}
		for _, body := range []string{
			`{}`, `{"id":"x"}`, `{"auction":"x"}`, `{"auction":"x","bidder":"bob"}`, `{"auction":"english"}`, `{"auction":"english","bidder":"bob"}`, `{"id":"english"}`, `{"auction":"reveal"}`,
			`{"auction":"double"}`, `{"id":"double"}`, `{"auction":"reveal","bidder":"bob"}`, `{"id":"reveal"}`, `{"market":"x"}`, `{"market":"x","owner":"bob"}`, `{"owner":"bob"}`, `{"account":"bob"}`, `{"account":"bob/main/credit"}`,
			`{"agent":"bob"}`, `{"agent":"cat"}`, `{"id":"auction/x/bob"}`, `{"id":"auction/english/bob"}`, `{"id":"market/x/1"}`, `{"after":0}`, `{"state":"open"}`, `{"announcer":"ann"}`, `{"holder":"bob"}`,
		} {
			for _, who := range []string{"ann", "cat", ""} {
				look(t, who, m, body)
			}
		}
	}
	if asked < 1000 {
		t.Errorf("only %d looks", asked)
	}
	for _, m := range []api.Descriptor{api.AuctionsWait.Describe(), api.MarketsWait.Describe()} {
		for _, body := range []string{`{"auction":"x","wait":"1ms"}`, `{"auction":"english","wait":"1ms"}`, `{"auction":"reveal","wait":"1ms"}`, `{"id":"x","wait":"1ms"}`} {
			look(t, "ann", m, body)
		}
	}
	// They are there all the same: the one whose they are sees them.
	for what, m := range map[string]api.Descriptor{`{"auction":"x"}`: api.AuctionsTranscript.Describe(), `{"id":"x"}`: api.TendersGet.Describe(), `{"market":"x"}`: api.MarketsOrders.Describe()} {
		if msg, err := r.raw("bob", m, what); err != nil || !strings.Contains(msg, "76543219876") {
			t.Errorf("%s: %s, %v", m.Name(), msg, err)
		}
	}
}

// raw asks in somebody's name and returns all that comes back.
func (r *rig) raw(who string, m api.Descriptor, body string) (string, error) {
	c := r.as(who)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	msg, err := c.NC.RequestWithContext(ctx, api.As("mabus", who, api.MethodSubject("mabus", m.Service, m.Noun, m.Verb)), []byte(body))
	if err != nil {
		return "", err
	}
	all, err := codec.Marshal(msg.Header)
	return string(all) + string(msg.Data), err
}
