// Package market holds the pure rules of markets: order books that trade as orders come or are cleared at one price, and prediction
// markets with a maker who sells shares in outcomes.
//
// In an order book an asset is traded against credit, delivery against payment in the same command. What rests holds what it would
// give: a buy price times quantity, a sell the units. In a prediction market the maker issues shares, which are an asset of their own
// for each outcome, and the market's owner holds a stake that covers what the maker may lose.
package market

import (
	"strconv"
	"time"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// State is all markets that are not archived.
type State struct {
	Markets draft.Table[*Market] `json:"markets"`
	// Books are the resting orders of the markets that have a book, until they are closed.
	Books map[string]*orderbook.Book `json:"books"`
	// Past counts what markets that are archived have done.
	Past Past `json:"past"`
}

// Past is what archived markets have done in all.
type Past struct {
	Markets int       `json:"markets,omitzero"`
	Orders  uint64    `json:"orders,omitzero"`
	Trades  uint64    `json:"trades,omitzero"`
	Value   api.Micro `json:"value,omitzero"`
	Fees    api.Micro `json:"fees,omitzero"`
}

// New returns a state without markets.
func New() *State {
	return &State{Markets: draft.Table[*Market]{}, Books: map[string]*orderbook.Book{}}
}

// Market is one market, without its book.
type Market struct {
	// Spec never changes: copies share it.
	Spec      *api.MarketSpec `json:"spec"`
	State     api.MarketState `json:"state"`
	Owner     string          `json:"owner"`
	CreatedAt time.Time       `json:"created_at"`
	ClosesAt  time.Time       `json:"closes_at,omitzero"`
	ClearsAt  time.Time       `json:"clears_at,omitzero"`
	EndedAt   time.Time       `json:"ended_at,omitzero"`
	Version   uint64          `json:"version"`
	Orders    uint64          `json:"orders,omitzero"`
	Trades    uint64          `json:"trades,omitzero"`
	Volume    int64           `json:"volume,omitzero"`
	Value     api.Micro       `json:"value,omitzero"`
	Fees      api.Micro       `json:"fees,omitzero"`
	LastPrice api.Micro       `json:"last_price,omitzero"`
	// Recent are the last trades: those of api.MaxMarketTrades, and as many again before they are cut.
	Recent []api.MarketTrade `json:"recent,omitempty"`
	// Maker is that of a prediction market.
	Maker *Maker         `json:"maker,omitempty"`
	Log   transcript.Log `json:"log"`
}

// Maker is the maker of a prediction market.
type Maker struct {
	// Shares are sold of each outcome, and Cost is what the rule says that they cost with the stake.
	Shares []int64   `json:"shares"`
	Cost   api.Micro `json:"cost"`
	// Prices are what one more share costs.
	Prices []api.Decimal `json:"prices"`
	// Pool is what the traders have paid, less what they were paid for what they sold back; from the outcome on what is left to be paid.
	Pool api.Micro `json:"pool"`
	// Stake is held from the owner, until the market is resolved.
	Stake   api.Micro   `json:"stake"`
	Outcome int         `json:"outcome,omitzero"`
	Payouts []api.Micro `json:"payouts,omitempty"`
	Note    string      `json:"note,omitempty"`
	// PaidOutcomes are those whose holders are paid, of the next PaidAccounts.
	PaidOutcomes int `json:"paid_outcomes,omitzero"`
	PaidAccounts int `json:"paid_accounts,omitzero"`
}

// Clone implements draft.Record. Recent and the log only grow or are replaced; the slices of the maker are replaced.
func (m *Market) Clone() *Market {
	c := *m
	if m.Maker != nil {
		maker := *m.Maker
		c.Maker = &maker
	}
	return &c
}

// Entity is the name of a market among all that have a transcript and are archived.
func Entity(id string) string { return "market/" + id }

func orderHold(id string, order uint64) string {
	return Entity(id) + "/" + strconv.FormatUint(order, 10)
}

// ShareAsset is the asset of the shares in an outcome of a prediction market, counted from 1.
func ShareAsset(id string, outcome int) string { return id + "-" + strconv.Itoa(outcome) }

// PoolAccount is where the traders of all prediction markets have paid to. Which part of it is whose is Pool of each Maker: an account for
// each market would be there for ever.
func PoolAccount() api.AccountID { return api.Account(api.SystemOwner, "predictions", api.CreditAsset) }

// traded numbers a trade, writes it down, and keeps the last ones.
func (m *Market) traded(t api.MarketTrade) api.MarketTrade {
	m.Trades++
	t.Number = m.Trades
	m.Volume = sum(m.Volume, t.Quantity)
	m.Value = sum(m.Value, t.Value)
	m.Fees = sum(m.Fees, t.Fee)
	m.LastPrice = t.Price
	if len(m.Recent) == 2*api.MaxMarketTrades {
		m.Recent = append([]api.MarketTrade{}, m.Recent[api.MaxMarketTrades:]...)
	}
	m.Recent = append(m.Recent, t)
	return t
}

// sum adds what has been counted and what comes, neither of them below 0, and stays at the greatest number.
func sum[T ~int64](a, b T) T {
	if c := a + b; c >= a {
		return c
	}
	return 1<<63 - 1
}
