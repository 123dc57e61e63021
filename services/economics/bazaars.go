package economics

import (
	"context"
	"strconv"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) handleBazaars(srv *rpc.Server) {
	create(e, srv, api.BazaarsCreate, "bazaar", func(r *api.BazaarSpec) string { return r.ID })
	write(e, srv, api.BazaarsClose)
	write(e, srv, api.BazaarsListService)
	write(e, srv, api.BazaarsUnlist)
	rpc.Handle(srv, api.BazaarsRequestService, e.requestService)
	rpc.Handle(srv, api.BazaarsGet, e.getBazaar)
	rpc.Handle(srv, api.BazaarsList, e.listBazaars)
	rpc.Handle(srv, api.BazaarsSearch, e.searchBazaar)
	rpc.Handle(srv, api.BazaarsTransactions, e.bazaarTransactions)
	rpc.Handle(srv, api.BazaarsAnalytics, e.bazaarAnalytics)
}

// searches is how often the best listing is looked up when the one that was found is taken by somebody else, or off its shelf, meanwhile.
const searches = 5

// requestService looks up the best listing, unless one is named, and buys it. To compare all that is on offer is too much for a command.
func (e *economy) requestService(ctx context.Context, r *api.ServiceRequest) (*api.BazaarTransaction, error) {
	var as act.Call
	if r.ID != "" {
		var err error
		if as, err = e.taken(ctx, contract.Entity(contract.ID(bazaar.Origin(r.Bazaar, r.ID)))); err != nil {
			return nil, err
		}
	}
	if r.Listing != "" {
		return do[api.BazaarTransaction](ctx, e, "bazaars.request_service", r, as)
	}
	cause := rpc.CauseFrom(ctx)
	for try, gone := 1, 0; ; try++ {
		named := *r
		if listing, err := e.bestListing(ctx, r); err != nil {
			return nil, err
		} else if listing != "" {
			named.Listing, named.ServiceType, named.Capabilities, named.MinQuality = listing, "", nil, 0
		}
		x, err := do[api.BazaarTransaction](ctx, e, "bazaars.request_service", &named, as)
		reason := api.ReasonOf(err)
		switch lost := reason == api.ReasonListingNotFound || reason == api.ReasonAboveMaxCost; {
		case try == searches || !lost && reason != api.ReasonListingBusy: // which is not kept as the answer to the request's id
			return x, err
		case lost && cause.RequestID != "": // this is kept, so that a repetition comes here as well, and goes on under the same id
			gone++
			next := cause
			next.RequestID += "." + strconv.Itoa(gone)
			ctx = rpc.WithCause(ctx, next)
		}
	}
}

// bestListing returns the best listing for a request, or "" when there is none: the command is then refused, unless it repeats one that
// was carried out. It asks again before it says so: another replica may have just listed one, and this one be a moment behind.
func (e *economy) bestListing(ctx context.Context, r *api.ServiceRequest) (string, error) {
	if listing, err := e.findListing(ctx, r); listing != "" || err != nil {
		return listing, err
	}
	if err := e.log.CatchUp(ctx); err != nil {
		return "", err
	}
	return e.findListing(ctx, r)
}

func (e *economy) findListing(ctx context.Context, r *api.ServiceRequest) (string, error) {
	found, err := e.searchBazaar(ctx, &api.BazaarSearchRequest{
		Bazaar: r.Bazaar, ServiceType: r.ServiceType, Capabilities: r.Capabilities, MaxCost: r.MaxCost, MinQuality: r.MinQuality, Limit: api.MaxPage,
	})
	if api.CodeOf(err) == api.NotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	by := rpc.CauseFrom(ctx).Principal
	for i := range found.Listings {
		if l := &found.Listings[i]; l.Provider != by {
			return l.ID, nil
		}
	}
	return "", nil
}

func (e *economy) getBazaar(ctx context.Context, r *api.BazaarRequest) (*api.Bazaar, error) {
	b, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.Bazaar, error) { return s.Bazaars.Get(r.ID) })
	if api.ReasonOf(err) == api.ReasonBazaarNotFound {
		b = new(api.Bazaar)
		if found, aerr := e.archived(ctx, bazaar.Entity(r.ID), b); found || aerr != nil {
			err = aerr
		}
	}
	if err != nil {
		return nil, err
	}
	b.Revision = revision
	return b, nil
}

func (e *economy) listBazaars(ctx context.Context, r *api.BazaarsListRequest) (*api.BazaarsListResponse, error) {
	resp, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.BazaarsListResponse, error) {
		resp := &api.BazaarsListResponse{}
		resp.Bazaars, resp.Next = s.Bazaars.List(r)
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	resp.Revision = revision
	return resp, nil
}

func (e *economy) searchBazaar(ctx context.Context, r *api.BazaarSearchRequest) (*api.BazaarSearchResponse, error) {
	resp, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, now time.Time) (*api.BazaarSearchResponse, error) {
		return s.Bazaars.Search(r, s.Reputation.Draft(), now)
	})
	if err != nil {
		return nil, err
	}
	resp.Revision = revision
	return resp, nil
}

func (e *economy) bazaarTransactions(ctx context.Context, r *api.BazaarTransactionsRequest) (*api.BazaarTransactionsResponse, error) {
	list, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) ([]api.BazaarTransaction, error) {
		return s.Bazaars.Transactions(r, s.Contracts)
	})
	if err != nil {
		return nil, err
	}
	return &api.BazaarTransactionsResponse{Transactions: list, Revision: revision}, nil
}

func (e *economy) bazaarAnalytics(ctx context.Context, r *api.BazaarRequest) (*api.BazaarAnalytics, error) {
	a, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.BazaarAnalytics, error) { return s.Bazaars.Analytics(r.ID) })
	if err != nil {
		return nil, err
	}
	a.Revision = revision
	return a, nil
}
