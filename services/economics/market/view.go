package market

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// View returns a market as it is told: market_not_found.
func (s *State) View(id string) (*api.Market, error) {
	m, ok := s.Markets[id]
	if !ok {
		return nil, NotFound(id)
	}
	return m.View(s.Books[id]), nil
}

func (d *Draft) view(m *Market) *api.Market { return m.View(d.state.Books[m.Spec.ID]) }

// View returns the market as it is told, with its book if it has one.
func (m *Market) View(book *orderbook.Book) *api.Market {
	v := &api.Market{
		MarketSpec: *m.Spec, State: m.State, Owner: m.Owner, CreatedAt: m.CreatedAt, ClosesAt: m.ClosesAt, ClearsAt: m.ClearsAt, EndedAt: m.EndedAt,
		Version: m.Version, Orders: m.Orders, Trades: m.Trades, Volume: m.Volume, Value: m.Value, Fees: m.Fees, LastPrice: m.LastPrice, Head: m.Log.Head,
	}
	if book != nil && m.State == api.MarketOpen {
		v.OpenOrders = book.Len()
		if m.Spec.Type != api.MarketSealed {
			v.Bid, _ = book.Best(api.OrderBuy)
			v.Ask, _ = book.Best(api.OrderSell)
		}
	}
	if k := m.Maker; k != nil {
		v.Shares, v.Prices = slices.Clone(k.Shares), slices.Clone(k.Prices)
		v.Stake, v.Outcome, v.Payouts, v.Note = k.Stake, k.Outcome, slices.Clone(k.Payouts), k.Note
		v.Pool = k.Pool
	}
	return v
}

// LastTrades returns up to n trades, the newest first; 100 when n is 0.
func (m *Market) LastTrades(n int) []api.MarketTrade {
	if n == 0 {
		n = api.DefaultPage
	}
	n = min(n, len(m.Recent), api.MaxMarketTrades)
	out := slices.Clone(m.Recent[len(m.Recent)-n:])
	slices.Reverse(out)
	return out
}

// Book returns what rests: market_not_found, failed_precondition (wrong_market_type, market_closed), permission_denied (book_sealed).
func (s *State) Book(r *api.MarketBookRequest) (*api.MarketBook, error) {
	m, book, err := s.book(r.ID)
	if err != nil {
		return nil, err
	}
	if m.Spec.Type == api.MarketSealed {
		return nil, sealed(r.ID)
	}
	depth := r.Depth
	if depth == 0 {
		depth = defaultDepth
	}
	return &api.MarketBook{Market: r.ID, Buys: book.Depth(api.OrderBuy, depth), Sells: book.Depth(api.OrderSell, depth)}, nil
}

const defaultDepth = 20

func sealed(id string) error {
	return api.Errorf(api.PermissionDenied, "nobody sees the orders of others in market %s", id).WithReason(api.ReasonBookSealed)
}

func (s *State) book(id string) (*Market, *orderbook.Book, error) {
	m, ok := s.Markets[id]
	if !ok {
		return nil, nil, NotFound(id)
	}
	if m.Maker != nil {
		return nil, nil, wrongType(m)
	}
	book, ok := s.Books[id]
	if !ok || m.State != api.MarketOpen {
		return nil, nil, Closed(id)
	}
	return m, book, nil
}

func wrongType(m *Market) error {
	return api.Errorf(api.FailedPrecondition, "market %s is of type %s: it does not trade in this way", m.Spec.ID, m.Spec.Type).WithReason(api.ReasonWrongMarketType)
}

// Orders returns a page of the resting orders of an owner: market_not_found, failed_precondition (wrong_market_type, market_closed).
func (s *State) Orders(id, owner string, after uint64, limit int) (*api.MarketOrdersResponse, error) {
	_, book, err := s.book(id)
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = api.DefaultPage
	}
	out := &api.MarketOrdersResponse{Orders: []api.MarketOrder{}}
	for _, o := range book.Own(owner, after, limit+1) {
		if len(out.Orders) == limit {
			out.Next = out.Orders[limit-1].Order
			break
		}
		out.Orders = append(out.Orders, resting(o))
	}
	return out, nil
}

func resting(o orderbook.Order) api.MarketOrder {
	return api.MarketOrder{Order: o.Number, Account: api.Account(o.Owner, o.Purpose, ""), Side: o.Side, Price: o.Price, Quantity: o.Quantity}
}

// Steps withholds of steps what a principal may not see: orders of others in a sealed_bid market that has not closed.
func Steps(steps []transcript.Step, by string, kind api.MarketType, state api.MarketState) []transcript.Step {
	if kind != api.MarketSealed || state != api.MarketOpen {
		return steps
	}
	shown := slices.Clone(steps)
	for i, s := range shown {
		if (s.What == StepOrder || s.What == StepCancelled) && (s.By == "" || s.By != by) {
			shown[i] = transcript.Withhold(s)
		}
	}
	return shown
}
