package bazaar

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/shared/api"
)

// Market is a marketplace.
type Market struct {
	Spec      api.BazaarSpec `json:"spec"`
	Owner     string         `json:"owner"`
	CreatedAt time.Time      `json:"created_at"`
	ClosedAt  time.Time      `json:"closed_at,omitzero"`
	Listings  int            `json:"listings,omitempty"`
	Open      int            `json:"open,omitempty"` // transactions
	Fees      api.Micro      `json:"fees,omitzero"`  // of listings
	// Types are those of which there is a tally.
	Types []string `json:"types,omitempty"`
	// Recent are the last transactions that have ended, in the order of their end.
	Recent []api.BazaarTransaction `json:"recent,omitempty"`
}

// Clone returns a copy. Types and Recent only grow.
func (m *Market) Clone() *Market {
	c := *m
	return &c
}

// Listing is a service on offer.
type Listing struct{ api.Listing }

// Clone returns a copy.
func (l *Listing) Clone() *Listing {
	c := *l
	return &c
}

// Shelf has the listings of one type of service in a marketplace.
type Shelf struct {
	IDs []string `json:"ids"`
}

// Clone returns a copy.
func (s *Shelf) Clone() *Shelf { return &Shelf{s.IDs} }

// Deal is a transaction under way.
type Deal struct {
	api.BazaarTransaction
	// Order is that of the listing: another one may have its id since.
	Order uint64 `json:"order"`
}

// Clone returns a copy.
func (x *Deal) Clone() *Deal {
	c := *x
	return &c
}

// State has the marketplaces, and what is in them by "<market>/<id>": listings, shelves and tallies by type of service, and deals.
type State struct {
	Markets  draft.Table[*Market]         `json:"markets"`
	Listings draft.Table[*Listing]        `json:"listings"`
	Shelves  draft.Table[*Shelf]          `json:"shelves"`
	Deals    draft.Table[*Deal]           `json:"deals"`
	Tallies  draft.Table[*contract.Tally] `json:"tallies"`
}

// New returns a state without marketplaces.
func New() *State {
	return &State{
		Markets: draft.Table[*Market]{}, Listings: draft.Table[*Listing]{}, Shelves: draft.Table[*Shelf]{}, Deals: draft.Table[*Deal]{},
		Tallies: draft.Table[*contract.Tally]{},
	}
}

// Draft begins changes of the state.
func (s *State) Draft() *Draft {
	return &Draft{draft.Of(s.Markets), draft.Of(s.Listings), draft.Of(s.Shelves), draft.Of(s.Deals), draft.Of(s.Tallies)}
}

// Draft has the changes of one command.
type Draft struct {
	markets  draft.Draft[*Market]
	listings draft.Draft[*Listing]
	shelves  draft.Draft[*Shelf]
	deals    draft.Draft[*Deal]
	tallies  draft.Draft[*contract.Tally]
}

// Apply makes the changes.
func (d *Draft) Apply() {
	d.markets.Apply()
	d.listings.Apply()
	d.shelves.Apply()
	d.deals.Apply()
	d.tallies.Apply()
}

// Entity is what those who wait for a marketplace wait for.
func Entity(market string) string { return "bazaar/" + market }

// Origin is that of the contract of a transaction.
func Origin(market, transaction string) string { return Entity(market) + "/" + transaction }

func missing(market string) error {
	return api.Errorf(api.NotFound, "there is no marketplace %s", market).WithReason(api.ReasonBazaarNotFound).WithFields("market")
}

// open returns the draft's own copy of a marketplace that is open: not_found (marketplace_not_found), failed_precondition
// (marketplace_closed).
func (d *Draft) open(id string) (*Market, error) {
	m, ok := d.markets.Edit(id)
	switch {
	case !ok:
		return nil, missing(id)
	case !m.ClosedAt.IsZero():
		return nil, api.Errorf(api.FailedPrecondition, "marketplace %s is closed", id).WithReason(api.ReasonBazaarClosed)
	}
	return m, nil
}

func (m *Market) view() *api.Bazaar {
	return &api.Bazaar{BazaarSpec: m.Spec, Owner: m.Owner, CreatedAt: m.CreatedAt, ClosedAt: m.ClosedAt, Listings: m.Listings, Open: m.Open}
}

// Drop forgets a marketplace that is closed and archived.
func Drop(d *Draft, id string) {
	m, ok := d.markets.Get(id)
	if !ok || m.ClosedAt.IsZero() || m.Open > 0 {
		return
	}
	for _, t := range m.Types {
		d.tallies.Delete(id + "/" + t)
	}
	d.markets.Delete(id)
}

// Record returns what the archive keeps of a marketplace, or nil if there is none.
func Record(d *Draft, id string) any {
	if m, ok := d.markets.Get(id); ok {
		return m.view()
	}
	return nil
}
