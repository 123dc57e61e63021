package bazaar_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestBuy(t *testing.T) {
	w := begin(t, "buyer", "poor")
	w.create(api.BazaarSpec{ID: "m", TransactionFee: 50_000})
	w.list("p", api.ListingSpec{Bazaar: "m", ID: "l", ServiceType: "dig", Price: 1000, Quality: 900_000, Completion: hours(2)})
	request := api.ServiceRequest{Bazaar: "m", ID: "x", Listing: "l", MaxCost: 5000, Item: []byte(`{"deep":2}`)}
	below := request
	below.MaxCost = 999
	w.not(api.FailedPrecondition, api.ReasonAboveMaxCost, "buyer", "request_service", below)
	w.not(api.PermissionDenied, api.ReasonOwnListing, "p", "request_service", request)
	w.not(api.FailedPrecondition, api.ReasonInsufficientFunds, "nobody", "request_service", request)
	foreign := request
	foreign.Account = "poor"
	w.not(api.PermissionDenied, api.ReasonNotOwner, "buyer", "request_service", foreign)
	x := w.buy("buyer", request)
	if x.Price != 1000 || x.State != api.ContractOpen || x.ServiceType != "dig" { // max_cost is a ceiling, and raises nothing
		t.Errorf("%+v", x)
	}
	if have, held := w.Balance("buyer"); have != rich-1000 || held != 1000 {
		t.Errorf("the buyer has %s and holds %s", have, held)
	}
	w.not(api.Overloaded, api.ReasonListingBusy, "poor", "request_service", api.ServiceRequest{Bazaar: "m", Listing: "l", MaxCost: 1000})
	if found := w.search(api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig"}); len(found) != 0 {
		t.Errorf("what is busy is found: %+v", found)
	}
	if found := w.search(api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig", Busy: true}); len(found) != 1 || found[0].Availability != 0 {
		t.Errorf("%+v", found)
	}
	c, err := w.Contracts.Get(x.Contract)
	if err != nil || c.Terms.QualityGuarantee != 900_000 || c.Terms.Completion != hours(2) || c.Domain != "dig" || string(c.Item) != `{"deep":2}` ||
		c.Ceiling != 5000 {
		t.Fatalf("%+v, %v", c, err)
	}
	w.contract("p", "deliver", api.ContractDeliverRequest{ID: x.Contract})
	w.Pass(time.Minute)
	quality := api.Decimal(950_000)
	w.contract("buyer", "accept", api.ContractAcceptRequest{ID: x.Contract, Quality: &quality})
	if have, _ := w.Balance("p"); have != 950 || w.Fees() != 50 {
		t.Errorf("the provider has %s, the system %s", have, w.Fees())
	}
	w.not(api.Conflict, api.ReasonTransactionExists, "buyer", "request_service", request)
	got, err := w.markets.Transactions(&api.BazaarTransactionsRequest{Bazaar: "m"}, w.Contracts)
	if err != nil || len(got) != 1 || got[0].State != api.ContractFulfilled || got[0].Paid != 1000 || got[0].Fee != 50 || got[0].Quality != quality ||
		got[0].EndedAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	a, err := w.markets.Analytics("m")
	if err != nil || a.Listings != 1 || a.Providers != 1 || a.Price != 1000 || a.Open != 0 || a.Total.Opened != 1 || a.Total.Fulfilled != 1 ||
		a.Total.Paid != 1000 || a.Total.Quality != quality || len(a.ByService) != 1 || a.ByService[0].ServiceType != "dig" {
		t.Errorf("%+v, %v", a, err)
	}
	if m := w.market("m"); m.Open != 0 || w.markets.Listings["m/l"].Busy != 0 {
		t.Errorf("%+v", m)
	}
	w.Audit()
}

func TestClose(t *testing.T) {
	w := begin(t, "buyer")
	w.create(api.BazaarSpec{ID: "m"})
	w.list("p", api.ListingSpec{Bazaar: "m", ID: "l", ServiceType: "dig", Price: 10, Expires: hours(9)})
	w.list("p", api.ListingSpec{Bazaar: "m", ID: "k", ServiceType: "cut", Price: 10})
	x := w.buy("buyer", api.ServiceRequest{Bazaar: "m", Listing: "l", MaxCost: 10})
	w.not(api.PermissionDenied, api.ReasonNotOwner, "p", "close", api.BazaarRequest{ID: "m"})
	if _, err := w.Call("owner", "bazaars.close", api.BazaarRequest{ID: "m"}); err != nil {
		t.Fatal(err)
	}
	w.not(api.FailedPrecondition, api.ReasonBazaarClosed, "owner", "close", api.BazaarRequest{ID: "m"})
	w.not(api.FailedPrecondition, api.ReasonBazaarClosed, "p", "list_service", api.ListingSpec{Bazaar: "m", ServiceType: "dig", Price: 1})
	w.not(api.FailedPrecondition, api.ReasonBazaarClosed, "buyer", "request_service", api.ServiceRequest{Bazaar: "m", Listing: "k", MaxCost: 10})
	if w.Gone["bazaar/m"] != 0 || w.market("m").Open != 1 || w.market("m").Listings != 0 {
		t.Errorf("%+v", w.market("m"))
	}
	w.contract("p", "deliver", api.ContractDeliverRequest{ID: x.Contract})
	w.contract("buyer", "accept", api.ContractAcceptRequest{ID: x.Contract})
	if have, _ := w.Balance("p"); have != 10 || w.Gone["bazaar/m"] != 1 {
		t.Errorf("the provider has %s, archived are %v", have, w.Gone)
	}
	w.DropEnded()
	if s := w.markets; len(s.Markets)+len(s.Listings)+len(s.Shelves)+len(s.Deals)+len(s.Tallies)+len(w.Contracts.Contracts)+len(w.Timers) != 0 {
		t.Errorf("left is %s", w.bytes())
	}
}

// A listing that takes the id of one that was taken away does not inherit its work.
func TestAnotherListingOfTheSameID(t *testing.T) {
	w := begin(t, "buyer")
	w.create(api.BazaarSpec{ID: "m"})
	spec := api.ListingSpec{Bazaar: "m", ID: "l", ServiceType: "dig", Price: 10}
	w.list("p", spec)
	first := w.buy("buyer", api.ServiceRequest{Bazaar: "m", Listing: "l", MaxCost: 10})
	if _, err := w.Call("p", "bazaars.unlist", api.ListingRequest{Bazaar: "m", ID: "l"}); err != nil {
		t.Fatal(err)
	}
	w.list("p", spec)
	w.buy("buyer", api.ServiceRequest{Bazaar: "m", Listing: "l", MaxCost: 10})
	w.contract("p", "cancel", api.ContractCancelRequest{ID: first.Contract, Forfeit: true})
	if busy := w.markets.Listings["m/l"].Busy; busy != 1 {
		t.Errorf("the new listing is busy with %d", busy)
	}
}

// Whatever is listed, bought, delivered, judged and given up: no unit is made or lost, what is busy is what is under way, the sums are
// those of the transactions, and in the end nothing is held.
func TestHistories(t *testing.T) {
	people := []string{"a", "b", "c", "owner"}
	who := rapid.SampledFrom(people)
	rapid.Check(t, func(t *rapid.T) {
		w := begin(t, people...)
		w.create(api.BazaarSpec{ID: "m", ListingFee: 100, FeeDiscount: 500_000, TransactionFee: 30_000})
		var bought []string
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			id := fmt.Sprint("l", rapid.IntRange(0, 3).Draw(t, "id"))
			by := who.Draw(t, "who")
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				_, _ = w.Call(by, "bazaars.list_service", api.ListingSpec{
					Bazaar: "m", ID: id, ServiceType: rapid.SampledFrom([]string{"dig", "cut"}).Draw(t, "type"), Price: api.Micro(rapid.IntRange(1, 500).Draw(t, "price")),
					Capacity: rapid.IntRange(0, 2).Draw(t, "capacity"), Expires: hours(rapid.IntRange(0, 3).Draw(t, "expires")),
				})
			case 1, 2:
				x := fmt.Sprint("x", len(bought))
				if _, err := w.Call(by, "bazaars.request_service", api.ServiceRequest{Bazaar: "m", ID: x, Listing: id, MaxCost: api.Micro(rapid.IntRange(1,
					500).Draw(t, "most"))}); err == nil {
					bought = append(bought, x)
				}
			case 3:
				_, _ = w.Call(by, "bazaars.unlist", api.ListingRequest{Bazaar: "m", ID: id})
			case 4, 5:
				if len(bought) > 0 {
					x := w.markets.Deals["m/"+rapid.SampledFrom(bought).Draw(t, "x")]
					if x != nil {
						kind := rapid.SampledFrom([]string{"deliver", "accept", "reject", "cancel"}).Draw(t, "kind")
						_, _ = w.Call(rapid.SampledFrom([]string{x.Buyer, x.Provider}).Draw(t, "party"), "contracts."+kind, map[string]any{"id": x.Contract})
					}
				}
			case 6:
				w.Pass(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
			}
			w.Fire()
			w.sound(t)
		}
		if _, err := w.Call("owner", "bazaars.close", api.BazaarRequest{ID: "m"}); err != nil {
			t.Fatal(err)
		}
		w.Pass(4 * time.Hour)
		w.sound(t)
		if w.Gone["bazaar/m"] != 1 {
			t.Fatalf("archived are %v", w.Gone)
		}
		a, err := w.markets.Analytics("m")
		if err != nil || a.Total.Opened != int64(len(bought)) || a.Total.Fulfilled+a.Total.Breached+a.Total.Cancelled != a.Total.Opened ||
			a.Total.Fees+a.ListingFees != w.Fees() {
			t.Fatalf("%+v, %v, the system has %s", a, err, w.Fees())
		}
		total := w.Fees()
		for _, p := range people {
			have, held := w.Balance(p)
			if total += have; held != 0 {
				t.Fatalf("%s holds %s in the end", p, held)
			}
		}
		if total != rich*api.Micro(len(people)) {
			t.Fatalf("%s are there", total)
		}
	})
}

// sound checks the books of the marketplace against one another, and that the state reads back equal.
func (w *world) sound(t *rapid.T) {
	w.Audit()
	busy, listings := map[uint64]int{}, 0
	for _, x := range w.markets.Deals {
		busy[x.Order]++
	}
	for _, l := range w.markets.Listings {
		if l.Busy != busy[l.Order] || l.Busy > l.Capacity {
			t.Fatalf("listing %s is busy with %d, under way are %d of %d", l.ID, l.Busy, busy[l.Order], l.Capacity)
		}
	}
	for _, s := range w.markets.Shelves {
		listings += len(s.IDs)
	}
	if m := w.market("m"); m.Open != len(w.markets.Deals) || m.Listings != len(w.markets.Listings) || listings != m.Listings {
		t.Fatalf("%+v, %d deals, %d listings, %d on shelves", m, len(w.markets.Deals), len(w.markets.Listings), listings)
	}
	written, err := codec.Marshal(w.markets)
	if err != nil {
		t.Fatal(err)
	}
	back := bazaar.New()
	if err := codec.Read(written, back); err != nil {
		t.Fatal(err)
	}
	if again, _ := codec.Marshal(back); string(again) != string(written) {
		t.Fatalf("the state reads back as another: %s, %s", written, again)
	}
}
