package bazaar

import (
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

// Get returns a marketplace: not_found (marketplace_not_found) if there is none.
func (s *State) Get(id string) (*api.Bazaar, error) {
	m, ok := s.Markets[id]
	if !ok {
		return nil, missing(id)
	}
	return m.view(), nil
}

// List returns a page of marketplaces, and where the next begins.
func (s *State) List(r *api.BazaarsListRequest) (page []api.Bazaar, next string) {
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	for _, id := range s.Markets.IDs() {
		m := s.Markets[id]
		types := m.Spec.ServiceTypes
		if id <= r.After || r.ServiceType != "" && len(types) > 0 && !slices.Contains(types, r.ServiceType) {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].ID
		}
		page = append(page, *m.view())
	}
	return page, ""
}

// Search returns what is on offer of a type of service, the best first, and how many there are: not_found (marketplace_not_found).
func (s *State) Search(r *api.BazaarSearchRequest, known *reputation.Draft, now time.Time) (*api.BazaarSearchResponse, error) {
	m, ok := s.Markets[r.Bazaar]
	if !ok {
		return nil, missing(r.Bazaar)
	}
	resp := &api.BazaarSearchResponse{}
	shelf, ok := s.Shelves[r.Bazaar+"/"+r.ServiceType]
	if !ok {
		return resp, nil
	}
	var found []*Listing
	for _, id := range shelf.IDs {
		l := s.Listings[r.Bazaar+"/"+id]
		if l == nil || !suits(l, r) {
			continue
		}
		if profile := known.Profile(l.Provider, now); Pass(&m.Spec.Gate, &profile) == nil {
			found = append(found, l)
		}
	}
	resp.Listings = Rank(found, func(provider string) api.Reputation { return known.Of(provider, r.ServiceType, now) })
	resp.Found = len(found)
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	resp.Listings = resp.Listings[:min(limit, len(resp.Listings))]
	return resp, nil
}

// Transactions returns those under way, and those that have ended as far as they are remembered, each the newest first: not_found
// (marketplace_not_found).
func (s *State) Transactions(r *api.BazaarTransactionsRequest, contracts *contract.State) ([]api.BazaarTransaction, error) {
	m, ok := s.Markets[r.Bazaar]
	if !ok {
		return nil, missing(r.Bazaar)
	}
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	wanted := func(x *api.BazaarTransaction) bool {
		return r.Party == "" || r.Party == x.Buyer || r.Party == x.Provider
	}
	var all []api.BazaarTransaction
	for key, x := range s.Deals {
		if strings.HasPrefix(key, r.Bazaar+"/") && wanted(&x.BazaarTransaction) {
			live := x.BazaarTransaction
			if c := contracts.Contracts[x.Contract]; c != nil {
				live = settled(live, c)
			}
			all = append(all, live)
		}
	}
	slices.SortFunc(all, func(a, b api.BazaarTransaction) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	for _, x := range slices.Backward(m.Recent[max(0, len(m.Recent)-api.MaxBazaarTransactions):]) {
		if wanted(&x) {
			all = append(all, x)
		}
	}
	return all[:min(limit, len(all))], nil
}

// Analytics adds up what there is: not_found (marketplace_not_found).
func (s *State) Analytics(id string) (*api.BazaarAnalytics, error) {
	m, ok := s.Markets[id]
	if !ok {
		return nil, missing(id)
	}
	a := &api.BazaarAnalytics{Bazaar: id, Listings: m.Listings, Open: m.Open, ListingFees: m.Fees}
	total, providers, prices, rest := contract.Tally{}, map[string]bool{}, api.Micro(0), api.Micro(0)
	n := api.Micro(max(1, m.Listings))
	for _, t := range slices.Sorted(slices.Values(m.Types)) {
		if shelf, ok := s.Shelves[id+"/"+t]; ok {
			for _, l := range shelf.IDs {
				one := s.Listings[id+"/"+l]
				providers[one.Provider] = true
				prices, rest = prices+one.Price/n, rest+one.Price%n // the sum itself could be too large
			}
		}
		if tally, ok := s.Tallies[id+"/"+t]; ok {
			total.Add(tally)
			a.ByService = append(a.ByService, api.ServiceStats{ServiceType: t, Stats: tally.Stats()})
		}
	}
	a.Total, a.Providers, a.Price = total.Stats(), len(providers), prices+rest/n
	return a, nil
}
