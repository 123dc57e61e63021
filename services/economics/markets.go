package economics

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/market"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) handleMarkets(srv *rpc.Server) {
	create(e, srv, api.MarketsCreate, "market", func(r *api.MarketSpec) string { return r.ID })
	toMarket(e, srv, api.MarketsOrder, func(r *api.MarketOrderRequest) string { return r.Market })
	toMarket(e, srv, api.MarketsCancelOrder, func(r *api.MarketCancelOrderRequest) string { return r.Market })
	toMarket(e, srv, api.MarketsClear, func(r *api.MarketIDRequest) string { return r.ID })
	toMarket(e, srv, api.MarketsClose, func(r *api.MarketIDRequest) string { return r.ID })
	toMarket(e, srv, api.MarketsTrade, func(r *api.MarketTradeRequest) string { return r.Market })
	toMarket(e, srv, api.MarketsResolve, func(r *api.MarketResolveRequest) string { return r.ID })
	toMarket(e, srv, api.MarketsRedeem, func(r *api.MarketRedeemRequest) string { return r.Market })
	rpc.Handle(srv, api.MarketsGet, e.getMarket)
	rpc.Handle(srv, api.MarketsWait, e.waitForMarket)
	rpc.Handle(srv, api.MarketsList, e.listMarkets)
	rpc.Handle(srv, api.MarketsBook, e.marketBook)
	rpc.Handle(srv, api.MarketsOrders, e.marketOrders)
	rpc.Handle(srv, api.MarketsTrades, e.marketTrades)
	rpc.Handle(srv, api.MarketsTranscript, e.marketTranscript)
	rpc.Handle(srv, api.MarketsStats, e.marketStats)
	rpc.Handle(srv, api.MarketsQuote, e.quote)
	rpc.Handle(srv, api.MarketsFindEquilibrium, e.findEquilibrium)
}

// toMarket is write for a market that may be in the archive: it is closed then, and not unknown.
func toMarket[Req, Resp any](e *economy, srv *rpc.Server, m api.Method[Req, Resp], id func(*Req) string) {
	rpc.HandleRaw(srv, m, func(ctx context.Context, body []byte, r *Req) ([]byte, error) {
		resp, err := order(ctx, e, m, body, act.Call{})
		return resp, e.closedMarket(ctx, id(r), err)
	})
}

// closedMarket makes of market_not_found market_closed, if the archive has the market.
func (e *economy) closedMarket(ctx context.Context, id string, err error) error {
	if api.ReasonOf(err) != api.ReasonMarketNotFound {
		return err
	}
	switch found, lost := e.archive.Has(ctx, e.archive.recordSubject(market.Entity(id))); {
	case lost != nil:
		return lost
	case found:
		return market.Closed(id)
	}
	return err
}

// lookAtMarket asks the replica's state about a market, and the archive when it has ended and is not there any more.
func lookAtMarket[T any](ctx context.Context, e *economy, id, minRevision string, f func(m *market.Market, v *api.Market) T) (v T, revision string, err error) {
	v, revision, err = read(ctx, e, minRevision, func(s *realm.State, _ time.Time) (none T, err error) {
		v, err := s.Markets.View(id)
		if err != nil {
			return none, err
		}
		return f(s.Markets.Markets[id], v), nil
	})
	if api.ReasonOf(err) != api.ReasonMarketNotFound {
		return v, revision, err
	}
	old := new(market.Market)
	found, lost := e.archived(ctx, market.Entity(id), old)
	if lost != nil {
		return v, "", lost
	}
	if !found {
		return v, "", err
	}
	return f(old, old.View(nil)), revision, nil
}

func (e *economy) market(ctx context.Context, id, minRevision string) (*api.Market, error) {
	v, revision, err := lookAtMarket(ctx, e, id, minRevision, func(_ *market.Market, v *api.Market) *api.Market { return v })
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) getMarket(ctx context.Context, r *api.MarketGetRequest) (*api.Market, error) {
	return e.market(ctx, r.ID, r.MinRevision)
}

func (e *economy) waitForMarket(ctx context.Context, r *api.MarketWaitRequest) (last *api.Market, err error) {
	err = e.await(ctx, market.Entity(r.ID), r.Wait, func() (bool, error) {
		last, err = e.market(ctx, r.ID, "")
		return err == nil && last.Version > r.After, err
	})
	return last, err
}

func (e *economy) listMarkets(ctx context.Context, r *api.MarketsListRequest) (*api.MarketsListResponse, error) {
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.MarketsListResponse, error) {
		ids, next := pick(s.Markets.Markets, r.After, r.Limit, func(_ string, m *market.Market) bool {
			return (r.Type == "" || r.Type == m.Spec.Type) && (r.State == "" || r.State == m.State) && (r.Commodity == "" || r.Commodity == m.Spec.Commodity)
		})
		resp := &api.MarketsListResponse{Markets: make([]api.Market, len(ids)), Next: next}
		for i, id := range ids {
			v, err := s.Markets.View(id)
			if err != nil {
				return nil, err
			}
			v.Metadata = nil
			resp.Markets[i] = *v
		}
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) marketTrades(ctx context.Context, r *api.MarketTradesRequest) (*api.MarketTradesResponse, error) {
	v, revision, err := lookAtMarket(ctx, e, r.ID, r.MinRevision, func(m *market.Market, _ *api.Market) *api.MarketTradesResponse {
		return &api.MarketTradesResponse{Trades: m.LastTrades(r.Limit)}
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

// marketTranscript returns steps without what is withheld from whoever asks.
func (e *economy) marketTranscript(ctx context.Context, r *api.MarketTranscriptRequest) (*api.MarketTranscriptResponse, error) {
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	var recent *transcript.Log // of a market in the archive, all steps are there
	var kind api.MarketType
	v, revision, err := lookAtMarket(ctx, e, r.Market, r.MinRevision, func(m *market.Market, _ *api.Market) *api.MarketTranscriptResponse {
		kind = m.Spec.Type
		if len(m.Log.Recent) > 0 {
			log := m.Log // steps that are there are never changed
			recent = &log
		}
		return &api.MarketTranscriptResponse{Count: m.Log.Count, Head: m.Log.Head, State: m.State}
	})
	if err != nil {
		return nil, err
	}
	steps, err := e.steps(ctx, market.Entity(r.Market), recent, r.After, limit)
	if err != nil {
		return nil, err
	}
	v.Steps, v.Revision = market.Steps(steps, rpc.CauseFrom(ctx).Principal, kind, v.State), revision
	return v, nil
}
