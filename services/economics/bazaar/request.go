package bazaar

import (
	"slices"
	"strings"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// request buys what the request names. Which listing is the best is looked up before; a request that names none has found none.
func request(a *act.Act, d *Draft, r *api.ServiceRequest) (*api.BazaarTransaction, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	m, err := d.open(r.Bazaar)
	if err != nil {
		return nil, err
	}
	if r.Listing == "" {
		return nil, api.Errorf(api.NotFound, "nothing in marketplace %s is a %s of that kind for at most %s that is free now", r.Bazaar, r.ServiceType, r.MaxCost).
			WithReason(api.ReasonNothingSuits)
	}
	l, ok := d.listings.Edit(r.Bazaar + "/" + r.Listing)
	if !ok {
		return nil, noListing(r.Listing)
	}
	if err := buyable(a, m, l, r); err != nil {
		return nil, err
	}
	id := r.ID
	if id == "" {
		id = a.ID
	}
	origin := Origin(m.Spec.ID, id)
	if _, err := a.Contracts.Get(contract.ID(origin)); err == nil || a.Taken {
		return nil, api.Errorf(api.Conflict, "there is a transaction %s: choose another id", id).WithReason(api.ReasonTransactionExists).WithFields("id")
	}
	c := api.Contract{
		ID: contract.ID(origin), Origin: origin, Notify: true, Buyer: a.Principal, Provider: l.Provider, Price: l.Price, Ceiling: r.MaxCost, Hold: origin,
		Domain: l.ServiceType, Item: r.Item,
		Terms: api.ContractTerms{QualityGuarantee: l.Quality, Completion: l.Completion, Judging: r.Judging, Judge: r.Judge, Fee: m.Spec.TransactionFee},
	}
	if err := escrow(a, r, &c); err != nil {
		return nil, err
	}
	l.Busy++
	m.Open++
	d.tally(m, l.ServiceType).Opened++
	x := &Deal{Order: l.Order, BazaarTransaction: api.BazaarTransaction{
		ID: id, Bazaar: m.Spec.ID, Listing: l.ID, ServiceType: l.ServiceType, Buyer: c.Buyer, Provider: c.Provider, Price: c.Price, Contract: c.ID,
		State: api.ContractOpen, At: a.Time,
	}}
	d.deals.Put(m.Spec.ID+"/"+id, x)
	a.Changed(Entity(m.Spec.ID))
	v := x.BazaarTransaction
	return &v, nil
}

func buyable(a *act.Act, m *Market, l *Listing, r *api.ServiceRequest) error {
	switch {
	case l.Provider == a.Principal:
		return api.Errorf(api.PermissionDenied, "listing %s is your own", l.ID).WithReason(api.ReasonOwnListing)
	case l.Price > r.MaxCost:
		return api.Errorf(api.FailedPrecondition, "listing %s costs %s, more than max_cost", l.ID, l.Price).WithReason(api.ReasonAboveMaxCost)
	case l.Busy >= l.Capacity:
		return api.Errorf(api.Overloaded, "listing %s serves %d requests at a time: try again, or another one", l.ID, l.Capacity).WithReason(api.ReasonListingBusy)
	}
	known := a.Reputation.Profile(l.Provider, a.Time)
	return Pass(&m.Spec.Gate, &known)
}

// escrow holds the price and opens the contract.
func escrow(a *act.Act, r *api.ServiceRequest, c *api.Contract) error {
	account := api.Account(a.Principal, "", "")
	if r.Account != "" {
		var err error
		if account, err = api.ParseAccount(string(r.Account)); err != nil {
			return err
		}
	}
	if err := a.Owns(account); err != nil {
		return err
	}
	if err := a.Ledger.Hold(c.Hold, account, c.Price, ledger.Why{Kind: "service", Ref: c.Origin}); err != nil {
		return err
	}
	return desk.Open(a, *c)
}

// tally returns the draft's own copy of what the transactions of a type of service add up to.
func (d *Draft) tally(m *Market, service string) *contract.Tally {
	key := m.Spec.ID + "/" + service
	t, ok := d.tallies.Edit(key)
	if !ok {
		t = &contract.Tally{}
		d.tallies.Put(key, t)
	}
	return t
}

// Timer takes a listing away whose time is over, and takes note of the end of a contract.
func Timer(a *act.Act, d *Draft, key string) error {
	key, what, _ := cutLast(key)
	market, id, _ := strings.Cut(key, "/")
	m, ok := d.markets.Edit(market)
	switch {
	case !ok:
	case what == expireTimer:
		if l, ok := d.listings.Get(key); ok && !a.Time.Before(l.ExpiresAt) {
			d.takeAway(a, m, id)
			a.Changed(Entity(market))
		}
	case "/"+what == desk.EndedTimer:
		d.conclude(a, m, key)
	}
	return nil
}

func cutLast(key string) (before, after string, found bool) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return key, "", false
	}
	return key[:i], key[i+1:], true
}

// conclude takes over how the contract of a deal has ended: once, since the deal goes.
func (d *Draft) conclude(a *act.Act, m *Market, key string) {
	x, ok := d.deals.Get(key)
	if !ok {
		return
	}
	c, ok := desk.Noted(a, x.Contract)
	if !ok {
		return
	}
	d.deals.Delete(key)
	m.Open--
	if l, ok := d.listings.Edit(m.Spec.ID + "/" + x.Listing); ok && l.Order == x.Order {
		l.Busy--
	}
	d.tally(m, x.ServiceType).Ended(c)
	if len(m.Recent) >= 2*api.MaxBazaarTransactions {
		m.Recent = slices.Clone(m.Recent[len(m.Recent)-api.MaxBazaarTransactions+1:])
	}
	m.Recent = append(m.Recent, settled(x.BazaarTransaction, c))
	a.Changed(Entity(m.Spec.ID))
	m.over(a)
}

// settled returns a transaction with what its contract says.
func settled(x api.BazaarTransaction, c *api.Contract) api.BazaarTransaction {
	x.State, x.EndedAt = c.State, c.EndedAt
	if o := c.Outcome; o != nil {
		x.Paid, x.Fee, x.Quality, x.Satisfaction = o.Settlement.Paid, o.Settlement.Fee, o.Quality, o.Satisfaction
	}
	return x
}
