package bazaar

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/shared/api"
)

func create(a *act.Act, d *Draft, r *api.BazaarSpec) (*api.Bazaar, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	spec := *r
	if spec.ID == "" {
		spec.ID = a.ID
	}
	if _, ok := d.markets.Get(spec.ID); ok || a.Taken {
		return nil, api.Errorf(api.Conflict, "there is a marketplace %s: choose another id", spec.ID).WithReason(api.ReasonBazaarExists).WithFields("id")
	}
	if d.markets.Len() >= api.MaxBazaars {
		return nil, api.Errorf(api.Overloaded, "there are %d marketplaces, which is as many as there can be", api.MaxBazaars).WithReason(api.ReasonManyBazaars)
	}
	m := &Market{Spec: spec, Owner: a.Principal, CreatedAt: a.Time}
	d.markets.Put(spec.ID, m)
	a.Opened(Entity(spec.ID))
	return m.view(), nil
}

// rules refuses who does not run the marketplace: permission_denied (not_owner). Operators do.
func (m *Market) rules(a *act.Act) error {
	if a.Operator {
		return nil
	}
	if err := a.NeedPrincipal(); err != nil {
		return err
	}
	if a.Principal != m.Owner {
		return api.Errorf(api.PermissionDenied, "marketplace %s belongs to %s", m.Spec.ID, m.Owner).WithReason(api.ReasonNotOwner)
	}
	return nil
}

func closeMarket(a *act.Act, d *Draft, r *api.BazaarRequest) (*api.Bazaar, error) {
	m, err := d.open(r.ID)
	if err != nil {
		return nil, err
	}
	if err := m.rules(a); err != nil {
		return nil, err
	}
	for _, t := range m.Types {
		if s, ok := d.shelves.Get(r.ID + "/" + t); ok {
			for _, id := range slices.Clone(s.IDs) {
				d.takeAway(a, m, id)
			}
		}
	}
	m.ClosedAt = a.Time
	a.Changed(Entity(r.ID))
	m.over(a)
	return m.view(), nil
}

// over has a marketplace archived that is closed and has nothing under way.
func (m *Market) over(a *act.Act) {
	if !m.ClosedAt.IsZero() && m.Open == 0 {
		a.Ended(Entity(m.Spec.ID))
	}
}

// takeAway takes a listing off its shelf.
func (d *Draft) takeAway(a *act.Act, m *Market, id string) {
	key := m.Spec.ID + "/" + id
	l, ok := d.listings.Get(key)
	if !ok {
		return
	}
	place := m.Spec.ID + "/" + l.ServiceType
	if s, ok := d.shelves.Edit(place); ok {
		s.IDs = slices.DeleteFunc(slices.Clone(s.IDs), func(other string) bool { return other == id })
		if len(s.IDs) == 0 {
			d.shelves.Delete(place)
		}
	}
	if !l.ExpiresAt.IsZero() {
		a.At(expiry(key), time.Time{})
	}
	d.listings.Delete(key)
	m.Listings--
}
