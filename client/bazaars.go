package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Bazaars are marketplaces of services.
type Bazaars struct {
	conn *rpc.Conn
	seen *session
}

// Create creates a marketplace of the client's principal.
func (s Bazaars) Create(ctx context.Context, spec api.BazaarSpec) (*api.Bazaar, error) {
	resp, err := change(ctx, s.conn, api.BazaarsCreate, &spec)
	return changed(s.seen, func(b *api.Bazaar) string { return b.Revision }, resp, err)
}

// Close closes a marketplace; what was bought is still settled.
func (s Bazaars) Close(ctx context.Context, id string) (*api.Bazaar, error) {
	resp, err := change(ctx, s.conn, api.BazaarsClose, &api.BazaarRequest{ID: id})
	return changed(s.seen, func(b *api.Bazaar) string { return b.Revision }, resp, err)
}

// Get returns a marketplace: not_found (marketplace_not_found) if there is none.
func (s Bazaars) Get(ctx context.Context, id string) (*api.Bazaar, error) {
	return read(s.seen, "", func(revision string) (*api.Bazaar, error) {
		return look(ctx, s.conn, api.BazaarsGet, &api.BazaarRequest{ID: id, MinRevision: revision})
	})
}

// List returns the marketplaces that are asked for, in the order of their ids.
func (s Bazaars) List(ctx context.Context, r api.BazaarsListRequest) ([]api.Bazaar, error) {
	return allPages(ctx, s.conn, s.seen, api.BazaarsList, func(after, revision string) *api.BazaarsListRequest {
		if r.MinRevision = revision; after != "" {
			r.After = after
		}
		return &r
	}, func(p *api.BazaarsListResponse) ([]api.Bazaar, string) { return p.Bazaars, p.Next })
}

// ListService offers a service of the client's principal.
func (s Bazaars) ListService(ctx context.Context, spec api.ListingSpec) (*api.Listing, error) {
	resp, err := change(ctx, s.conn, api.BazaarsListService, &spec)
	return changed(s.seen, func(l *api.Listing) string { return l.Revision }, resp, err)
}

// Unlist takes a listing away.
func (s Bazaars) Unlist(ctx context.Context, market, id string) (*api.Listing, error) {
	resp, err := change(ctx, s.conn, api.BazaarsUnlist, &api.ListingRequest{Bazaar: market, ID: id})
	return changed(s.seen, func(l *api.Listing) string { return l.Revision }, resp, err)
}

// Search returns what is on offer, the best first.
func (s Bazaars) Search(ctx context.Context, r api.BazaarSearchRequest) (*api.BazaarSearchResponse, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.BazaarSearchResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.BazaarsSearch, &r)
	})
}

// RequestService buys a service: the named listing, or the best.
func (s Bazaars) RequestService(ctx context.Context, r api.ServiceRequest) (*api.BazaarTransaction, error) {
	resp, err := change(ctx, s.conn, api.BazaarsRequestService, &r)
	return changed(s.seen, func(x *api.BazaarTransaction) string { return x.Revision }, resp, err)
}

// Transactions returns those under way and the last that have ended.
func (s Bazaars) Transactions(ctx context.Context, r api.BazaarTransactionsRequest) ([]api.BazaarTransaction, error) {
	resp, err := read(s.seen, r.MinRevision, func(revision string) (*api.BazaarTransactionsResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.BazaarsTransactions, &r)
	})
	if err != nil {
		return nil, err
	}
	return resp.Transactions, nil
}

// Analytics adds up the transactions of a marketplace.
func (s Bazaars) Analytics(ctx context.Context, id string) (*api.BazaarAnalytics, error) {
	return read(s.seen, "", func(revision string) (*api.BazaarAnalytics, error) {
		return look(ctx, s.conn, api.BazaarsAnalytics, &api.BazaarRequest{ID: id, MinRevision: revision})
	})
}
