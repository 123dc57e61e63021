package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Markets trade assets against credit, and shares in what may come true. A call that fails has changed nothing, or was carried out once,
// however often the client has had to repeat it.
type Markets struct {
	conn *rpc.Conn
	seen *session
}

// Create opens a market, which belongs to the client's principal: conflict (market_exists), invalid, not_found (asset_not_found).
func (s Markets) Create(ctx context.Context, spec api.MarketSpec) (*api.Market, error) {
	resp, err := change(ctx, s.conn, api.MarketsCreate, &spec)
	return changed(s.seen, func(m *api.Market) string { return m.Revision }, resp, err)
}

// Get returns a market as it stands: not_found (market_not_found) if there never was one.
func (s Markets) Get(ctx context.Context, id string) (*api.Market, error) {
	return read(s.seen, "", func(revision string) (*api.Market, error) {
		return look(ctx, s.conn, api.MarketsGet, &api.MarketGetRequest{ID: id, MinRevision: revision})
	})
}

// List returns the markets that are not archived, in the order of their ids.
func (s Markets) List(ctx context.Context, r api.MarketsListRequest) ([]api.Market, error) {
	return allPages(ctx, s.conn, s.seen, api.MarketsList, func(after, revision string) *api.MarketsListRequest {
		page := r
		page.After, page.Limit, page.MinRevision = after, api.MaxPage, revision
		return &page
	}, func(r *api.MarketsListResponse) ([]api.Market, string) { return r.Markets, r.Next })
}

// Watch yields a market as it stands, and again whenever it has changed, until it trades no more and nothing can come of it, or ctx
// ends. Changes that follow each other closely may be told as one.
func (s Markets) Watch(ctx context.Context, id string) iter.Seq2[*api.Market, error] {
	return func(yield func(*api.Market, error) bool) {
		for after := uint64(0); ; {
			m, err := until(ctx, func(ctx context.Context) (*api.Market, error) {
				return rpc.Call(ctx, s.conn, api.MarketsWait, &api.MarketWaitRequest{ID: id, After: after, Wait: followWait})
			}, func(m *api.Market) bool { return m.Version > after })
			if err != nil {
				yield(nil, err)
				return
			}
			// What is read afterwards is no older.
			s.seen.wrote(m.Revision)
			if m.Version <= after || !yield(m, nil) || over(m) { // without a change, ctx has ended
				return
			}
			after = m.Version
		}
	}
}

func over(m *api.Market) bool {
	return m.State == api.MarketClosed && m.Type != api.MarketPrediction || m.State == api.MarketResolved || m.State == api.MarketVoid
}

// Order sends an order: failed_precondition (insufficient_funds, market_closed, wrong_market_type), overloaded (too_many_orders), invalid
// (invalid_price, invalid_quantity, invalid_order_type). What has become of it at once is in the receipt.
func (s Markets) Order(ctx context.Context, r api.MarketOrderRequest) (*api.MarketOrderReceipt, error) {
	resp, err := change(ctx, s.conn, api.MarketsOrder, &r)
	return changed(s.seen, func(r *api.MarketOrderReceipt) string { return r.Revision }, resp, err)
}

// CancelOrder takes an order out of the book: not_found (order_not_found), permission_denied (not_order_owner).
func (s Markets) CancelOrder(ctx context.Context, market string, order uint64) (*api.MarketCancelOrderResponse, error) {
	resp, err := change(ctx, s.conn, api.MarketsCancelOrder, &api.MarketCancelOrderRequest{Market: market, Order: order})
	return changed(s.seen, func(r *api.MarketCancelOrderResponse) string { return r.Revision }, resp, err)
}

// Clear clears a call market at one price: failed_precondition (no_equilibrium) when nothing can trade.
func (s Markets) Clear(ctx context.Context, id string) (*api.MarketClearResponse, error) {
	resp, err := change(ctx, s.conn, api.MarketsClear, &api.MarketIDRequest{ID: id})
	return changed(s.seen, func(r *api.MarketClearResponse) string { return r.Revision }, resp, err)
}

// Close ends the trade and releases what orders hold.
func (s Markets) Close(ctx context.Context, id string) (*api.Market, error) {
	resp, err := change(ctx, s.conn, api.MarketsClose, &api.MarketIDRequest{ID: id})
	return changed(s.seen, func(m *api.Market) string { return m.Revision }, resp, err)
}

// Book returns the best prices of each side, the best first; 20 of them if depth is 0.
func (s Markets) Book(ctx context.Context, id string, depth int) (*api.MarketBook, error) {
	return read(s.seen, "", func(revision string) (*api.MarketBook, error) {
		return look(ctx, s.conn, api.MarketsBook, &api.MarketBookRequest{ID: id, Depth: depth, MinRevision: revision})
	})
}

// Orders returns the resting orders of the client's principal, the oldest first.
func (s Markets) Orders(ctx context.Context, market string) ([]api.MarketOrder, error) {
	var all []api.MarketOrder
	for after := uint64(0); ; {
		page, err := read(s.seen, "", func(revision string) (*api.MarketOrdersResponse, error) {
			return look(ctx, s.conn, api.MarketsOrders, &api.MarketOrdersRequest{Market: market, After: after, Limit: api.MaxPage, MinRevision: revision})
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Orders...)
		if after = page.Next; after == 0 {
			return all, nil
		}
	}
}

// Trades returns the last trades, the newest first; 100 of them if limit is 0.
func (s Markets) Trades(ctx context.Context, id string, limit int) ([]api.MarketTrade, error) {
	resp, err := read(s.seen, "", func(revision string) (*api.MarketTradesResponse, error) {
		return look(ctx, s.conn, api.MarketsTrades, &api.MarketTradesRequest{ID: id, Limit: limit, MinRevision: revision})
	})
	if err != nil {
		return nil, err
	}
	return resp.Trades, nil
}

// Steps yields the steps of a market's transcript, from the first to the last there is.
func (s Markets) Steps(ctx context.Context, id string) iter.Seq2[api.TranscriptStep, error] {
	return func(yield func(api.TranscriptStep, error) bool) {
		for after := uint64(0); ; {
			page, err := look(ctx, s.conn, api.MarketsTranscript, &api.MarketTranscriptRequest{Market: id, After: after, Limit: api.MaxPage})
			if err != nil {
				yield(api.TranscriptStep{}, err)
				return
			}
			for _, step := range page.Steps {
				if !yield(step, nil) {
					return
				}
				after = step.Number
			}
			if len(page.Steps) == 0 || after >= page.Count {
				return
			}
		}
	}
}

// Quote says what a trade in a prediction market would cost, or bring, now.
func (s Markets) Quote(ctx context.Context, r api.MarketQuoteRequest) (*api.MarketQuote, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.MarketQuote, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.MarketsQuote, &r)
	})
}

// Trade buys shares in an outcome, or sells them back: failed_precondition (price_moved, insufficient_funds, market_closed).
func (s Markets) Trade(ctx context.Context, r api.MarketTradeRequest) (*api.MarketTradeReceipt, error) {
	resp, err := change(ctx, s.conn, api.MarketsTrade, &r)
	return changed(s.seen, func(r *api.MarketTradeReceipt) string { return r.Revision }, resp, err)
}

// Resolve names the outcome of a prediction market, or says that it is void: permission_denied (not_oracle), failed_precondition
// (market_resolved).
func (s Markets) Resolve(ctx context.Context, r api.MarketResolveRequest) (*api.Market, error) {
	resp, err := change(ctx, s.conn, api.MarketsResolve, &r)
	return changed(s.seen, func(m *api.Market) string { return m.Revision }, resp, err)
}

// Redeem has the shares in an account paid that were not paid by themselves: failed_precondition (market_open).
func (s Markets) Redeem(ctx context.Context, r api.MarketRedeemRequest) (*api.MarketRedeemResponse, error) {
	resp, err := change(ctx, s.conn, api.MarketsRedeem, &r)
	return changed(s.seen, func(r *api.MarketRedeemResponse) string { return r.Revision }, resp, err)
}

// FindEquilibrium returns the one price that moves the most units: failed_precondition (no_equilibrium).
func (s Markets) FindEquilibrium(ctx context.Context, r api.MarketEquilibriumRequest) (*api.MarketEquilibrium, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.MarketEquilibrium, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.MarketsFindEquilibrium, &r)
	})
}

// Stats counts; with a market's id, that one.
func (s Markets) Stats(ctx context.Context, market string) (*api.MarketsStatsResponse, error) {
	return read(s.seen, "", func(revision string) (*api.MarketsStatsResponse, error) {
		return look(ctx, s.conn, api.MarketsStats, &api.MarketsStatsRequest{Market: market, MinRevision: revision})
	})
}
