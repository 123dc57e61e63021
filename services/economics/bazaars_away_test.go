package economics_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// What was listed a moment ago, by whatever replica, is there for who asks for no listing in particular.
func TestWhatWasJustListedIsFound(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	var pairs sync.WaitGroup
	for i := range 8 {
		bazaar := must(t, r.as("owner"), api.BazaarsCreate, api.BazaarSpec{Name: "holes"}).ID
		seller, buyer := r.as(fmt.Sprint("seller", i)), r.as(fmt.Sprint("buyer", i))
		r.mint(1000, fmt.Sprint("buyer", i))
		pairs.Go(func() {
			for n := range 30 {
				service := fmt.Sprint("dig", n)
				if _, err := settled(t, seller, api.BazaarsListService, api.ListingSpec{Bazaar: bazaar, ServiceType: service, Price: 1}, ""); err != nil {
					t.Errorf("list: %v", err)
				}
				if _, err := settled(t, buyer, api.BazaarsRequestService, api.ServiceRequest{Bazaar: bazaar, ServiceType: service, MaxCost: 1}, ""); err != nil {
					t.Errorf("request: %v", err)
				}
			}
		})
	}
	pairs.Wait()
}

// Who asks for no listing in particular gets another one when the best is taken off its shelf at that moment, and once, however often the
// request is repeated.
func TestAListingGoesAsItIsFound(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	must(t, r.as("owner"), api.BazaarsCreate, api.BazaarSpec{ID: "m", Name: "holes"})
	must(t, r.as("seller"), api.BazaarsListService, api.ListingSpec{Bazaar: "m", ID: "dear", ServiceType: "dig", Price: 2, Capacity: 1000})
	fickle, buyers := r.as("fickle"), make([]*rpc.Conn, 6)
	for i := range buyers {
		who := fmt.Sprint("buyer", i)
		r.mint(1000, who)
		buyers[i] = r.as(who)
	}
	for n := range 25 {
		must(t, fickle, api.BazaarsListService, api.ListingSpec{Bazaar: "m", ID: "cheap", ServiceType: "dig", Price: 1, Capacity: 1000})
		var all sync.WaitGroup
		for i, buyer := range buyers {
			all.Go(func() {
				ctx, bought := rpc.WithRequestID(t.Context(), fmt.Sprint("r", n)), ""
				for range 2 {
					x, err := rpc.Call(ctx, buyer, api.BazaarsRequestService, &api.ServiceRequest{Bazaar: "m", ServiceType: "dig", MaxCost: 2})
					switch {
					case api.CodeOf(err) == api.Unavailable: // as on a machine that stands still for a second
					case err != nil:
						t.Errorf("buyer%d: %v", i, err)
					case bought != "" && bought != x.ID:
						t.Errorf("buyer%d has bought %s and %s with one request", i, bought, x.ID)
					default:
						bought = x.ID
					}
				}
			})
		}
		must(t, fickle, api.BazaarsUnlist, api.ListingRequest{Bazaar: "m", ID: "cheap"})
		all.Wait()
	}
	r.audit()
}
