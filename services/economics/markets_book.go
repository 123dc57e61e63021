package economics

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) marketBook(ctx context.Context, r *api.MarketBookRequest) (*api.MarketBook, error) {
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.MarketBook, error) { return s.Markets.Book(r) })
	if err != nil {
		return nil, e.closedMarket(ctx, r.ID, err)
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) marketOrders(ctx context.Context, r *api.MarketOrdersRequest) (*api.MarketOrdersResponse, error) {
	owner := r.Owner
	if owner == "" {
		owner = rpc.CauseFrom(ctx).Principal
	}
	if err := e.looks(ctx, owner); err != nil {
		return nil, err
	}
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.MarketOrdersResponse, error) {
		return s.Markets.Orders(r.Market, owner, r.After, r.Limit)
	})
	if err != nil {
		return nil, e.closedMarket(ctx, r.Market, err)
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) marketStats(ctx context.Context, r *api.MarketsStatsRequest) (*api.MarketsStatsResponse, error) {
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.MarketsStatsResponse, error) {
		return s.Markets.Stats(r.Market)
	})
	if err != nil {
		return nil, e.closedMarket(ctx, r.Market, err)
	}
	v.Revision = revision
	return v, nil
}

// quote reckons outside of the state's lock, and so does findEquilibrium.
func (e *economy) quote(ctx context.Context, r *api.MarketQuoteRequest) (*api.MarketQuote, error) {
	m, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*market.Market, error) { return s.Markets.Open(r.Market) })
	if err != nil {
		return nil, e.closedMarket(ctx, r.Market, err)
	}
	v, err := m.Quote(r)
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) findEquilibrium(ctx context.Context, r *api.MarketEquilibriumRequest) (*api.MarketEquilibrium, error) {
	buys, sells, revision := r.Buys, r.Sells, ""
	if r.Market != "" {
		var err error
		if _, revision, err = read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (_ struct{}, err error) {
			buys, sells, err = s.Markets.Offers(r.Market)
			return struct{}{}, err
		}); err != nil {
			return nil, e.closedMarket(ctx, r.Market, err)
		}
	}
	v, err := market.Equilibrium(buys, sells)
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}
