package economics_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Many bid at once, at three replicas of which one stops meanwhile: each receipt is a step, the last leader wins, and all agree.
func TestConcurrentBids(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	const callers, each = 8, 20
	spec := lot("x", api.AuctionEnglish)
	spec.Increment = 1
	must(t, r.as("owner"), api.AuctionsCreate, spec)
	var mu sync.Mutex
	accepted := map[uint64]string{}
	for i := range callers {
		r.mint(1000*credit, fmt.Sprintf("p%d", i))
		r.as(fmt.Sprintf("p%d", i))
	}
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			who := fmt.Sprintf("p%d", i)
			for j := range each {
				amount := api.Micro(1 + j*callers + i)
				for ctx := rpc.WithRequestID(t.Context(), fmt.Sprintf("%s-%d", who, j)); ; {
					one, cancel := context.WithTimeout(ctx, patience)
					receipt, err := rpc.Call(one, r.as(who), api.AuctionsBid, &api.AuctionBidRequest{Auction: "x", Price: &amount})
					cancel()
					if api.CodeOf(err) == api.Unavailable { // its replica has stopped
						continue
					}
					if err == nil {
						mu.Lock()
						accepted[receipt.Number] = fmt.Sprintf("%s bids %d: %s", who, amount, receipt.Head)
						mu.Unlock()
					} else if api.ReasonOf(err) != api.ReasonBidTooLow {
						t.Error(err)
					}
					break
				}
			}
		})
	}
	r.stops[0]()
	all.Wait()
	x := must(t, r.as("owner"), api.AuctionsClose, api.AuctionRequest{Auction: "x"})
	// Who leads does not raise its own price, so that it may stay a little below the best bid.
	if x.Price <= callers*(each-1) || x.Price > callers*each || x.Outcome.Awards[0].Bidder != fmt.Sprintf("p%d", callers-1) {
		t.Errorf("%+v", x.Outcome)
	}
	whole := r.export("owner", "x", x.Revision)
	if err := transcript.Verify(whole, whole.Key); err != nil {
		t.Fatal(err)
	}
	if again, err := auction.Recompute(whole.Steps); err != nil || again.Outcome.Price != x.Price {
		t.Errorf("recomputed %+v: %v", again, err)
	}
	heads, _ := transcript.Heads(whole.Entity, whole.Steps)
	for number, receipt := range accepted {
		if !strings.HasSuffix(receipt, heads[number-1]) {
			t.Errorf("receipt %d of %s is not in the transcript", number, receipt)
		}
	}
	if n := len(whole.Steps); n != len(accepted)+3 { // created, paid, closed
		t.Errorf("%d steps for %d bids", n, len(accepted))
	}
	r.audit()
}

// The winners of bundles are determined by an effect: one replica solves, all check.
func TestCombinatorialAuction(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(1000*credit, "a", "b", "c")
	must(t, r.as("owner"), api.AuctionsCreate, api.AuctionSpec{ID: "x", Type: api.AuctionCombinatorial, Items: []api.AuctionItem{{Name: "cpu"}, {Name: "mem"}}})
	for who, b := range map[string]api.AuctionBidRequest{
		"a": {Items: []string{"cpu"}}, "b": {Items: []string{"mem"}}, "c": {Items: []string{"mem", "cpu"}},
	} {
		amount := map[string]api.Micro{"a": 100, "b": 90, "c": 150}[who] * credit
		b.Auction, b.Price = "x", &amount
		must(t, r.as(who), api.AuctionsBid, b)
	}
	must(t, r.as("owner"), api.AuctionsClose, api.AuctionRequest{Auction: "x"})
	x := must(t, r.as("a"), api.AuctionsWait, api.AuctionWaitRequest{Auction: "x", After: 5, Wait: api.Duration(20 * time.Second)})
	if x.State != api.AuctionClosed || x.Outcome.Welfare != 190*credit || x.Outcome.Traded != 110*credit {
		t.Fatalf("%+v %+v", x, x.Outcome)
	}
	r.owns("a", x.Revision, 940*credit, 60*credit)
	r.owns("b", x.Revision, 950*credit, 50*credit)
	r.owns("c", x.Revision, 1000*credit, 0)
	r.audit()
}

// A request that is repeated is carried out once.
func TestBidOnce(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(1000*credit, "a")
	must(t, r.as("owner"), api.AuctionsCreate, lot("x", api.AuctionFirstPrice))
	ctx := rpc.WithRequestID(t.Context(), "once")
	ask := offer("x", 10*credit)
	first, err := rpc.Call(ctx, r.as("a"), api.AuctionsBid, &ask)
	if err != nil {
		t.Fatal(err)
	}
	again, err := rpc.Call(ctx, r.as("a"), api.AuctionsBid, &ask)
	if err != nil || again.Number != first.Number || again.Head != first.Head {
		t.Errorf("%+v and then %+v (%v)", first, again, err)
	}
	if x := must(t, r.as("a"), api.AuctionsGet, api.GetRequest{ID: "x", MinRevision: again.Revision}); x.Bids != 1 {
		t.Errorf("%d bids", x.Bids)
	}
}

// Whatever comes is answered by a typed error, and every replica survives.
func TestBadAuctionInput(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(1000*credit, "a")
	must(t, r.as("owner"), api.AuctionsCreate, lot("x", api.AuctionFirstPrice))
	send := func(verb, body string) string {
		msg, err := r.as("a").NC.RequestMsg(&nats.Msg{Subject: api.As("mabus", "a", "mabus.economics.auctions."+verb), Data: []byte(body)}, patience)
		if err != nil {
			t.Fatal(err)
		}
		return msg.Header.Get("Nats-Service-Error-Code") + string(msg.Data)
	}
	for _, amount := range []string{`"-1"`, `"0"`, `"1.5"`, `"NaN"`, `"Infinity"`, `"1e9"`, `"9223372036854775808"`, `"1000000000000001"`, `5`, `null`, `""`, `[]`, `{}`, `"5 "`} {
		if got := send("bid", `{"auction":"x","price":`+amount+`}`); !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("a bid of %s: %s", amount, got)
		}
		if got := send("create", `{"type":"english","item":1,"reserve":`+amount+`}`); amount != `"0"` && amount != "null" && !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("a reserve of %s: %s", amount, got)
		}
	}
	many := `[` + strings.Repeat(`{"auction":"x","price":"5"},`, 9_999) + `{"auction":"x","price":"5"}]`
	for _, body := range []string{
		many, `{"bids":` + many + `}`, `{"auction":"x","price":"5","price":"6"}`, `{"auction":"x","price":"5","quantity":2}`, `{"auction":"x","price":"5","quantity":-1}`,
		`{"auction":"x","price":"5","quantity":0.5}`, `{"auction":"../x","price":"5"}`, `{"auction":"x","price":"5","account":"a/b/c/d"}`, `{`, `null`, `"x"`, "\xff",
	} {
		if got := send("bid", body); !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("%.60s: %.200s", body, got)
		}
	}
	for body, reason := range map[string]string{
		`{"item":1}`: api.ReasonMissingFields, `{"type":"vickrey"}`: api.ReasonMissingFields, `{"type":"x","item":1}`: api.ReasonInvalidAuctionType,
		`{"type":"english","item":1,"duration":"0s"}`: api.ReasonInvalidDuration, `{"type":"english","item":1,"duration":"-1s"}`: api.ReasonInvalidDuration,
		`{"type":"english","item":1,"reserve":"-1"}`: api.ReasonInvalidReserve, `{"type":"english","item":1,"fee":1.1}`: api.ReasonAuctionTerms,
	} {
		if got := send("create", body); !strings.Contains(got, reason) {
			t.Errorf("%s: %s", body, got)
		}
	}
	if x := must(t, r.as("a"), api.AuctionsGet, api.GetRequest{ID: "x"}); x.Bids != 0 || x.Version != 1 {
		t.Errorf("something has changed: %+v", x)
	}
	r.account("a", 1000*credit, 0)
}

func TestMechanismCards(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	all := must(t, r.as("a"), api.AuctionsMechanisms, api.MechanismsRequest{}).Mechanisms
	if len(all) < 9 {
		t.Errorf("%d mechanisms", len(all))
	}
	one := must(t, r.as("a"), api.AuctionsMechanisms, api.MechanismsRequest{Name: "vickrey"}).Mechanisms
	if len(one) != 1 || one[0].Name != "vickrey" || len(one[0].Properties) == 0 {
		t.Errorf("%+v", one)
	}
	refused(t, r.as("a"), api.AuctionsMechanisms, api.MechanismsRequest{Name: "lottery"}, api.NotFound, api.ReasonMechanismNotFound)
}
