package bazaar

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// expireTimer ends the key of the timer of a listing.
const expireTimer = "expire"

func expiry(listing string) string { return "bazaar/" + listing + "/" + expireTimer }

func list(a *act.Act, d *Draft, r *api.ListingSpec) (*api.Listing, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	m, err := d.open(r.Bazaar)
	if err != nil {
		return nil, err
	}
	spec := *r
	if spec.ID == "" {
		spec.ID = a.ID
	}
	if spec.Capacity == 0 {
		spec.Capacity = 1
	}
	terms := contract.Fill(api.ContractTerms{QualityGuarantee: spec.Quality, Completion: spec.Completion})
	spec.Quality, spec.Completion = terms.QualityGuarantee, terms.Completion
	key := m.Spec.ID + "/" + spec.ID
	if _, ok := d.listings.Get(key); ok {
		return nil, api.Errorf(api.Conflict, "there is a listing %s: unlist it first, or choose another id", spec.ID).WithReason(api.ReasonListingExists).
			WithFields("id")
	}
	if types := m.Spec.ServiceTypes; len(types) > 0 && !slices.Contains(types, spec.ServiceType) {
		return nil, api.Errorf(api.Invalid, "marketplace %s is for %v", m.Spec.ID, types).WithReason(api.ReasonServiceNotAllowed).WithFields("service_type")
	}
	known := a.Reputation.Profile(a.Principal, a.Time)
	if err := Pass(&m.Spec.Gate, &known); err != nil {
		return nil, err
	}
	l := &Listing{api.Listing{ListingSpec: spec, Provider: a.Principal, ListedAt: a.Time, Order: a.Order}}
	if err := d.shelve(m, l); err != nil {
		return nil, err
	}
	l.Fee = Fee(m.Spec.ListingFee, m.Spec.FeeDiscount, known.Score)
	if l.Fee > 0 {
		why := ledger.Why{Kind: "fee", Ref: Entity(m.Spec.ID)}
		if err := a.Ledger.Transfer(api.Account(a.Principal, "", ""), api.Account(api.SystemOwner, "fees", ""), l.Fee, why); err != nil {
			return nil, err
		}
		m.Fees = contract.Plus(m.Fees, l.Fee)
	}
	if spec.Expires > 0 {
		l.ExpiresAt = a.Time.Add(spec.Expires.Std())
		a.At(expiry(key), l.ExpiresAt)
	}
	a.Changed(Entity(m.Spec.ID))
	v := l.Listing
	return &v, nil
}

// shelve puts a listing where it is found: overloaded (too_many_listings).
func (d *Draft) shelve(m *Market, l *Listing) error {
	place := m.Spec.ID + "/" + l.ServiceType
	s, ok := d.shelves.Edit(place)
	if !ok {
		s = &Shelf{}
	}
	if d.listings.Len() >= api.MaxListings || len(s.IDs) >= api.MaxShelf {
		return api.Errorf(api.Overloaded, "there are %d listings of %s here, and %d in all", len(s.IDs), l.ServiceType, d.listings.Len()).
			WithReason(api.ReasonManyListings)
	}
	if !slices.Contains(m.Types, l.ServiceType) {
		if len(m.Types) >= api.MaxBazaarTypes {
			return api.Errorf(api.Overloaded, "marketplace %s has %d types of service already", m.Spec.ID, len(m.Types)).WithReason(api.ReasonManyListings)
		}
		m.Types = append(m.Types, l.ServiceType)
	}
	s.IDs = append(s.IDs, l.ID)
	d.shelves.Put(place, s)
	d.listings.Put(m.Spec.ID+"/"+l.ID, l)
	m.Listings++
	return nil
}

func unlist(a *act.Act, d *Draft, r *api.ListingRequest) (*api.Listing, error) {
	m, err := d.open(r.Bazaar)
	if err != nil {
		return nil, err
	}
	l, ok := d.listings.Get(r.Bazaar + "/" + r.ID)
	if !ok {
		return nil, noListing(r.ID)
	}
	if a.Principal == "" || a.Principal != l.Provider {
		if err := m.rules(a); err != nil {
			return nil, err
		}
	}
	v := l.Listing
	d.takeAway(a, m, r.ID)
	a.Changed(Entity(r.Bazaar))
	return &v, nil
}

func noListing(id string) error {
	return api.Errorf(api.NotFound, "there is no listing %s", id).WithReason(api.ReasonListingNotFound).WithFields("listing")
}
