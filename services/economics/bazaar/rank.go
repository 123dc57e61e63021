package bazaar

import (
	"cmp"
	"slices"

	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/shared/api"
)

// The weights of a rank, in tenths.
const (
	reputationTenths   = 4
	priceTenths        = 3
	qualityTenths      = 2
	availabilityTenths = 1
)

// Rank sorts listings, the best first and ties by age: 0.4 reputation + 0.3 price + 0.2 quality + 0.1 availability, where a price counts
// as the lowest of them divided by it. Standing is what is known of a provider in the type of service.
func Rank(listings []*Listing, standing func(provider string) api.Reputation) []api.RankedListing {
	var lowest api.Micro
	for _, l := range listings {
		if lowest == 0 || l.Price < lowest {
			lowest = l.Price
		}
	}
	ranked := make([]api.RankedListing, len(listings))
	for i, l := range listings {
		known := standing(l.Provider)
		r := api.RankedListing{Listing: l.Listing, Reputation: known.Score, QualityScore: known.Quality}
		if known.History == 0 {
			r.QualityScore = known.Score
		}
		r.PriceScore = api.Decimal(contract.Part(api.Micro(api.One), int64(lowest), int64(l.Price)))
		r.Availability = api.One * api.Decimal(max(0, l.Capacity-l.Busy)) / api.Decimal(max(1, l.Capacity))
		r.Score = tenths(&r) / 10
		ranked[i] = r
	}
	slices.SortFunc(ranked, func(a, b api.RankedListing) int {
		if c := cmp.Compare(tenths(&b), tenths(&a)); c != 0 {
			return c
		}
		return cmp.Compare(a.Order, b.Order)
	})
	return ranked
}

// tenths is ten times the score, which loses nothing by rounding.
func tenths(r *api.RankedListing) api.Decimal {
	return reputationTenths*r.Reputation + priceTenths*r.PriceScore + qualityTenths*r.QualityScore + availabilityTenths*r.Availability
}

// suits tells whether a listing is what is wanted.
func suits(l *Listing, r *api.BazaarSearchRequest) bool {
	if r.MaxCost > 0 && l.Price > r.MaxCost || l.Quality < r.MinQuality || !r.Busy && l.Busy >= l.Capacity {
		return false
	}
	for _, c := range r.Capabilities {
		if !slices.Contains(l.Capabilities, c) {
			return false
		}
	}
	return true
}
