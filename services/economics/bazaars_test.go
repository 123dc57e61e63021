package economics_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestBazaarOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(10_000, "buyer", "p", "q")
	must(t, r.as("owner"), api.BazaarsCreate, api.BazaarSpec{ID: "m", Name: "holes", ListingFee: 1000, FeeDiscount: 500_000, TransactionFee: 100_000})
	p := must(t, r.as("p"), api.BazaarsListService, api.ListingSpec{Bazaar: "m", ID: "fine", ServiceType: "dig", Price: 2000, Quality: 950_000})
	must(t, r.as("q"), api.BazaarsListService, api.ListingSpec{Bazaar: "m", ID: "cheap", ServiceType: "dig", Price: 1000})
	if p.Fee != 750 { // of a provider of whom nothing is known
		t.Errorf("%+v", p)
	}
	buyer := r.as("buyer")
	found := must(t, buyer, api.BazaarsSearch, api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig", MinRevision: p.Revision})
	natstest.Eventually(t, patience, func() bool {
		found = must(t, buyer, api.BazaarsSearch, api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig"})
		return found.Found == 2
	}, "both are found")
	if l := found.Listings[0]; l.ID != "cheap" || l.Reputation != 500_000 || l.PriceScore != api.One || l.QualityScore != 500_000 ||
		l.Availability != api.One || l.Score != 700_000 {
		t.Errorf("%+v", l)
	}
	refused(t, buyer, api.BazaarsRequestService, api.ServiceRequest{Bazaar: "m", ServiceType: "dig", MaxCost: 999}, api.NotFound, api.ReasonNothingSuits)
	refused(t, buyer, api.BazaarsRequestService, api.ServiceRequest{Bazaar: "m", Listing: "fine", MaxCost: 1999}, api.FailedPrecondition, api.ReasonAboveMaxCost)
	refused(t, buyer, api.BazaarsSearch, api.BazaarSearchRequest{Bazaar: "n", ServiceType: "dig"}, api.NotFound, api.ReasonBazaarNotFound)
	x := must(t, buyer, api.BazaarsRequestService, api.ServiceRequest{
		Bazaar: "m", ID: "x", ServiceType: "dig", MinQuality: 900_000, MaxCost: 5000,
		Judge: "judge",
	})
	if x.Listing != "fine" || x.Price != 2000 {
		t.Fatalf("%+v", x)
	}
	r.comes("buyer", 8000, 2000)
	must(t, r.as("p"), api.ContractsDeliver, api.ContractDeliverRequest{ID: x.Contract})
	low := api.Decimal(475_000)
	refused(t, buyer, api.ContractsAccept, api.ContractAcceptRequest{ID: x.Contract, Quality: &low}, api.PermissionDenied, api.ReasonJudged)
	must(t, buyer, api.ContractsReject, api.ContractRejectRequest{ID: x.Contract, Reason: "half a hole"})
	must(t, r.as("judge"), api.ContractsAccept, api.ContractAcceptRequest{ID: x.Contract, Quality: &low, Reason: "it is half a hole"})
	r.comes("buyer", 9000, 0)
	r.comes("p", 10_000-750+900, 0)
	var list *api.BazaarTransactionsResponse
	natstest.Eventually(t, patience, func() bool {
		list = must(t, buyer, api.BazaarsTransactions, api.BazaarTransactionsRequest{Bazaar: "m", Party: "p"})
		return len(list.Transactions) == 1 && list.Transactions[0].State == api.ContractFulfilled
	}, "the transaction has ended")
	if got := list.Transactions[0]; got.Paid != 1000 || got.Fee != 100 || got.Quality != low {
		t.Errorf("%+v", got)
	}
	var a *api.BazaarAnalytics
	natstest.Eventually(t, patience, func() bool {
		a = must(t, buyer, api.BazaarsAnalytics, api.BazaarRequest{ID: "m"})
		return a.Open == 0
	}, "it is added up")
	if a.Listings != 2 || a.Providers != 2 || a.Price != 1500 || a.ListingFees != 1500 || a.Total.Fulfilled != 1 || a.Total.Paid != 1000 ||
		a.Total.Quality != low {
		t.Errorf("%+v", a)
	}
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, buyer, api.BazaarsRequestService, api.ServiceRequest{Bazaar: "m", ID: "x", ServiceType: "dig", MaxCost: 5000})
		return api.ReasonOf(err) == api.ReasonTransactionExists && len(must(t, buyer, api.ContractsList, api.ContractsListRequest{}).Contracts) == 0
	}, "what is archived is taken too")
	must(t, r.as("owner"), api.BazaarsClose, api.BazaarRequest{ID: "m"})
	natstest.Eventually(t, patience, func() bool { return len(must(t, buyer, api.BazaarsList, api.BazaarsListRequest{}).Bazaars) == 0 }, "it is archived")
	if m := must(t, buyer, api.BazaarsGet, api.BazaarRequest{ID: "m"}); m.ClosedAt.IsZero() || m.Owner != "owner" {
		t.Errorf("%+v", m)
	}
	r.audit()
}

// Many want the best listing at once: each gets one that is free, none is sold beyond its capacity, and a request that is repeated buys
// once.
func TestBuyersRace(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	must(t, r.as("owner"), api.BazaarsCreate, api.BazaarSpec{ID: "m", Name: "holes"})
	for i := range 8 {
		must(t, r.as("p"), api.BazaarsListService, api.ListingSpec{
			Bazaar: "m", ID: fmt.Sprint("l", i), ServiceType: "dig", Price: api.Micro(100 + i),
			Capacity: 2, Expires: api.Duration(time.Hour),
		})
	}
	conns := make([]*rpc.Conn, 24)
	for i := range conns {
		who := fmt.Sprint("buyer", i)
		r.mint(1000, who)
		conns[i] = r.as(who)
	}
	var buyers sync.WaitGroup
	bought := make([]string, len(conns))
	for i, conn := range conns {
		buyers.Go(func() {
			ctx := rpc.WithRequestID(t.Context(), "once")
			for range 2 {
				x, err := rpc.Call(ctx, conn, api.BazaarsRequestService, &api.ServiceRequest{Bazaar: "m", ServiceType: "dig", MaxCost: 1000})
				switch reason := api.ReasonOf(err); {
				case err == nil && bought[i] == "":
					bought[i] = x.ID
				case err == nil && bought[i] == x.ID, err != nil && bought[i] == "" && (reason == api.ReasonNothingSuits || reason == api.ReasonListingBusy):
				default:
					t.Errorf("%+v, %v after %q", x, err, bought[i])
				}
			}
		})
	}
	buyers.Wait()
	have := 0
	for _, x := range bought {
		if x != "" {
			have++
		}
	}
	natstest.Eventually(t, patience, func() bool {
		a := must(t, conns[0], api.BazaarsAnalytics, api.BazaarRequest{ID: "m"})
		return a.Open == have && have > 0 && have <= 16
	}, "what was bought is under way")
	for i := range conns {
		who := fmt.Sprint("buyer", i)
		if list := must(t, conns[i], api.BazaarsTransactions, api.BazaarTransactionsRequest{Bazaar: "m", Party: who}); len(list.Transactions) > 1 {
			t.Errorf("%s has bought %+v", who, list.Transactions)
		}
	}
	r.audit()
}
