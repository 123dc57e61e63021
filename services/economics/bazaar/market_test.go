package bazaar_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/shared/api"
)

func TestRank(t *testing.T) {
	listing := func(id string, price api.Micro, capacity, busy int, order uint64) *bazaar.Listing {
		return &bazaar.Listing{Listing: api.Listing{
			ListingSpec: api.ListingSpec{ID: id, Price: price, Capacity: capacity}, Provider: id, Busy: busy, Order: order,
		}}
	}
	known := map[string]api.Reputation{
		"good":  {Score: 900_000, Quality: 800_000, History: 4},
		"cheap": {Score: 500_000}, // without records: its score counts as its quality
		"late":  {Score: 900_000, Quality: 800_000, History: 4},
		"busy":  {Score: 900_000, Quality: 800_000, History: 4},
	}
	ranked := bazaar.Rank([]*bazaar.Listing{
		listing("late", 20, 4, 1, 9), listing("busy", 20, 4, 4, 1), listing("cheap", 10, 1, 0, 2), listing("good", 20, 4, 1, 3),
	}, func(p string) api.Reputation { return known[p] })
	var order []string
	for _, r := range ranked {
		order = append(order, fmt.Sprint(r.ID, " ", r.Score))
	}
	// good: 0.4*0.9 + 0.3*10/20 + 0.2*0.8 + 0.1*3/4; cheap: 0.4*0.5 + 0.3 + 0.2*0.5 + 0.1.
	want := []string{"good 0.745", "late 0.745", "cheap 0.7", "busy 0.67"}
	if !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
	if r := ranked[0]; r.Reputation != 900_000 || r.PriceScore != 500_000 || r.QualityScore != 800_000 || r.Availability != 750_000 {
		t.Errorf("%+v", r)
	}
}

// Whatever the listings, the rank is a total order that does not hang on how they come, and better figures never rank lower.
func TestRankIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "n")
		all := make([]*bazaar.Listing, n)
		known := map[string]api.Reputation{}
		for i := range all {
			id := fmt.Sprint("p", i)
			capacity := rapid.IntRange(1, 5).Draw(t, "capacity")
			all[i] = &bazaar.Listing{Listing: api.Listing{
				ListingSpec: api.ListingSpec{ID: id, Price: api.Micro(rapid.Int64Range(1, api.MaxAmount).Draw(t, "price")), Capacity: capacity},
				Provider:    id, Busy: rapid.IntRange(0, capacity).Draw(t, "busy"), Order: uint64(i),
			}}
			known[id] = api.Reputation{Score: api.Decimal(rapid.Int64Range(0, int64(api.One)).Draw(t, "score")), Quality: 500_000, History: rapid.IntRange(0,
				1).Draw(t, "history")}
		}
		standing := func(p string) api.Reputation { return known[p] }
		ranked := bazaar.Rank(all, standing)
		again := bazaar.Rank(rapid.Permutation(all).Draw(t, "another order"), standing)
		for i := range ranked {
			if ranked[i].ID != again[i].ID {
				t.Fatalf("the rank hangs on the order: %s and %s are number %d", ranked[i].ID, again[i].ID, i)
			}
			if r := ranked[i]; r.Score < 0 || r.Score > api.One {
				t.Fatalf("%+v", r)
			}
			for _, worse := range ranked[i+1:] {
				if a := ranked[i]; a.Reputation < worse.Reputation && a.PriceScore <= worse.PriceScore && a.QualityScore < worse.QualityScore &&
					a.Availability <= worse.Availability {
					t.Fatalf("%+v is ranked above %+v", a, worse)
				}
			}
		}
	})
}

func TestSearch(t *testing.T) {
	w := begin(t)
	w.create(api.BazaarSpec{ID: "m", ServiceTypes: []string{"dig", "cut"}})
	w.create(api.BazaarSpec{ID: "other"})
	w.not(api.Conflict, api.ReasonBazaarExists, "p", "create", api.BazaarSpec{ID: "m", Name: "again"})
	w.not(api.Invalid, api.ReasonMissingFields, "p", "create", api.BazaarSpec{ID: "n"})
	w.not(api.Unauthenticated, api.ReasonPrincipalMissing, "", "create", api.BazaarSpec{ID: "n", Name: "n"})
	w.not(api.NotFound, api.ReasonBazaarNotFound, "p", "list_service", api.ListingSpec{Bazaar: "n", ServiceType: "dig", Price: 1})
	w.not(api.Invalid, api.ReasonServiceNotAllowed, "p", "list_service", api.ListingSpec{Bazaar: "m", ServiceType: "sew", Price: 1})
	w.not(api.Invalid, api.ReasonInvalidContract, "p", "list_service", api.ListingSpec{Bazaar: "m", ServiceType: "dig"})
	for _, s := range []api.ListingSpec{
		{Bazaar: "m", ID: "plain", ServiceType: "dig", Price: 10},
		{Bazaar: "m", ID: "deep", ServiceType: "dig", Capabilities: []string{"deep", "wide"}, Price: 20, Quality: 950_000, Expires: hours(1)},
		{Bazaar: "m", ID: "cut", ServiceType: "cut", Price: 1},
		{Bazaar: "other", ID: "plain", ServiceType: "dig", Price: 1},
	} {
		w.list("p", s)
	}
	w.not(api.Conflict, api.ReasonListingExists, "p", "list_service", api.ListingSpec{Bazaar: "m", ID: "deep", ServiceType: "dig", Price: 1})
	check := func(want string, r api.BazaarSearchRequest) {
		t.Helper()
		got := ""
		for _, l := range w.search(r) {
			got += l.ID + " "
		}
		if got != want {
			t.Errorf("%+v finds %s", r, got)
		}
	}
	check("plain deep ", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig"})
	check("plain ", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig", Limit: 1})
	check("plain ", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig", MaxCost: 19})
	check("deep ", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig", Capabilities: []string{"wide", "deep"}})
	check("", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig", Capabilities: []string{"wide", "hot"}})
	check("deep ", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig", MinQuality: 900_000})
	check("", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "sew"})
	w.Pass(time.Hour)
	check("plain ", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig"})
	w.not(api.NotFound, api.ReasonListingNotFound, "p", "unlist", api.ListingRequest{Bazaar: "m", ID: "deep"})
	w.not(api.PermissionDenied, api.ReasonNotOwner, "x", "unlist", api.ListingRequest{Bazaar: "m", ID: "plain"})
	for _, who := range []string{"p", "owner"} {
		id := map[string]string{"p": "plain", "owner": "cut"}[who]
		if _, err := w.Call(who, "bazaars.unlist", api.ListingRequest{Bazaar: "m", ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	check("", api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig"})
	if m := w.market("m"); m.Listings != 0 || len(w.markets.Listings) != 1 || len(w.markets.Shelves) != 1 || len(w.Timers) != 0 {
		t.Errorf("left are %+v, %v, %v", m, w.markets.Listings, w.Timers)
	}
	page, next := w.markets.List(&api.BazaarsListRequest{Limit: 1})
	if len(page) != 1 || page[0].ID != "m" || next != "m" {
		t.Errorf("%+v, then %q", page, next)
	}
	if page, next = w.markets.List(&api.BazaarsListRequest{After: "m", ServiceType: "sew"}); len(page) != 1 || page[0].ID != "other" || next != "" {
		t.Errorf("%+v, then %q", page, next)
	}
}
