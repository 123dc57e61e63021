package api

import (
	"encoding/json"
	"time"
)

// Bounds of markets. What does not fit is invalid, or overloaded where it may fit later.
const (
	MaxMarkets           = 10_000                // markets that are not archived
	MaxMarketID          = 48                    // characters of a market's id, so that its accounts and assets can be named after it
	MaxMarketName        = 200                   // bytes of a market's name, and of an outcome
	MaxMarketOrders      = 100_000               // orders that rest in a continuous market
	MaxCallOrders        = 10_000                // orders that rest in a market that is cleared
	MaxOwnOrders         = 1_000                 // orders of one owner that rest in one market
	MaxOutcomes          = 64                    // outcomes of a prediction market
	MaxUnits             = 1_000_000_000         // units of one order
	MaxOrderValue        = 1_000_000_000_000_000 // micro-units: price times quantity of one order
	MaxMarketTrades      = 1_000                 // trades of a market that are remembered
	MaxEquilibriumOrders = 1_000                 // orders of each side of a find_equilibrium request
	MaxMarketDepth       = 1_000                 // prices of each side of a book request
	MaxLiquidity         = 100_000_000_000_000   // micro-units: b of a prediction market
	MinLiquidity         = 1_000_000             // micro-units: b of a prediction market
	MinClearEvery        = 1                     // seconds between the clearings of a market
	MaxMarketTime        = 366 * 24 * 3600       // seconds that a market may be open for, or between its clearings
)

// Reasons of errors about markets. invalid_price, invalid_quantity and invalid_duration are shared with auctions.
const (
	ReasonInvalidMarketSpec = "invalid_market_spec" // invalid: terms that do not go together
	ReasonInvalidMarketType = "invalid_market_type" // invalid
	ReasonMarketNotFound    = "market_not_found"    // not_found
	ReasonMarketExists      = "market_exists"       // conflict: another market has the id
	ReasonMarketClosed      = "market_closed"       // failed_precondition: it trades no more
	ReasonMarketOpen        = "market_open"         // failed_precondition: it has no result yet
	ReasonMarketResolved    = "market_resolved"     // failed_precondition: an outcome is named once
	ReasonWrongMarketType   = "wrong_market_type"   // failed_precondition: the market does not trade this way
	ReasonBookSealed        = "book_sealed"         // permission_denied: nobody sees the orders of others in a sealed_bid market
	ReasonNotMarketOwner    = "not_market_owner"    // permission_denied
	ReasonNotOracle         = "not_oracle"          // permission_denied: neither the oracle nor the owner of the market
	ReasonInvalidOrderType  = "invalid_order_type"  // invalid
	ReasonInvalidSide       = "invalid_order_side"  // invalid
	ReasonInvalidOutcome    = "invalid_outcome"     // invalid
	ReasonOrderNotFound     = "order_not_found"     // not_found: it does not rest in the book
	ReasonOrderExists       = "order_exists"        // conflict
	ReasonNotOrderOwner     = "not_order_owner"     // permission_denied
	ReasonManyMarkets       = "too_many_markets"    // overloaded
	ReasonManyOrders        = "too_many_orders"     // overloaded: of the market, or of the owner in it
	ReasonNoEquilibrium     = "no_equilibrium"      // failed_precondition: no buyer would pay what any seller asks
	ReasonPriceMoved        = "price_moved"         // failed_precondition: the trade would cost more, or bring less, than its limit
)

// MarketType is how a market trades.
type MarketType string

// The types of markets.
const (
	MarketContinuous MarketType = "continuous" // orders trade as they come, at the price of the one that was there
	MarketCall       MarketType = "call"       // orders wait, and trade at certain times, all at one price
	MarketSealed     MarketType = "sealed_bid" // a call market in which nobody sees the orders of others
	MarketPrediction MarketType = "prediction" // shares in outcomes, sold by a market maker with a logarithmic scoring rule
)

// MarketTypes lists every type.
var MarketTypes = []MarketType{MarketContinuous, MarketCall, MarketSealed, MarketPrediction}

// MarketState is where a market stands.
type MarketState string

// The states of a market.
const (
	MarketOpen     MarketState = "open"
	MarketClosing  MarketState = "closing"  // it trades no more, and gives back what its orders hold, or pays its winners
	MarketClosed   MarketState = "closed"   // it trades no more; a prediction market waits for its outcome
	MarketResolved MarketState = "resolved" // the outcome of a prediction market is known, and its shares are paid
	MarketVoid     MarketState = "void"     // a prediction market has no outcome: its shares are paid at their last prices
)

// MarketStates lists every state.
var MarketStates = []MarketState{MarketOpen, MarketClosing, MarketClosed, MarketResolved, MarketVoid}

// OrderSide is who an order is from.
type OrderSide string

// The sides of a market.
const (
	OrderBuy  OrderSide = "buy"
	OrderSell OrderSide = "sell"
)

// OrderSides lists both.
var OrderSides = []OrderSide{OrderBuy, OrderSell}

// OrderType is what becomes of the part of an order that does not trade at once.
type OrderType string

// The types of orders.
const (
	OrderLimit  OrderType = "limit"  // it rests in the book at its price
	OrderMarket OrderType = "market" // it has no price, trades at whatever there is, and does not rest
	OrderIOC    OrderType = "ioc"    // immediate or cancel: as far as its price goes, and it does not rest
	OrderFOK    OrderType = "fok"    // fill or kill: all of it at once within its price, or nothing
)

// OrderTypes lists every type.
var OrderTypes = []OrderType{OrderLimit, OrderMarket, OrderIOC, OrderFOK}

// MarketSpec says what a market shall be.
type MarketSpec struct {
	// ID names the market; a new id is made up unless given.
	ID   string     `json:"id,omitempty"`
	Name string     `json:"name"`
	Type MarketType `json:"type"`
	// Commodity is the asset that is traded against credit; not for a prediction market, whose assets are "<market>-1", "<market>-2"...
	Commodity string `json:"commodity,omitempty"`
	// Fee is the share of the value of each trade that the seller leaves to "mabus/fees/credit", rounded down; from 0 to below 1.
	Fee Decimal `json:"fee,omitzero"`
	// ClearEvery is how often a call market is cleared by itself; without it when its owner says so, and when it closes.
	ClearEvery Duration `json:"clear_every,omitzero"`
	// Duration is how long it is open; until its owner closes it unless given.
	Duration Duration `json:"duration,omitzero"`
	// Outcomes are what a prediction market is about, of which one will be true. They are numbered from 1.
	Outcomes []string `json:"outcomes,omitempty"`
	// Liquidity is b of the logarithmic scoring rule in micro-units: the more, the less a trade moves the prices. The market's owner
	// stakes b ln n for n outcomes, and cannot lose more.
	Liquidity Micro `json:"liquidity,omitzero"`
	// Oracle is the principal who names the outcome beside the owner.
	Oracle   string          `json:"oracle,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Market is a market as it stands.
type Market struct {
	MarketSpec
	State MarketState `json:"state"`
	// Owner may clear and close it, and name its outcome. What is left of the stake goes back to this principal.
	Owner     string    `json:"owner"`
	CreatedAt time.Time `json:"created_at"`
	ClosesAt  time.Time `json:"closes_at,omitzero"`
	// ClearsAt is when a call market is cleared next by itself; absent while nothing in it can trade.
	ClearsAt time.Time `json:"clears_at,omitzero"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	// Version grows with each change.
	Version uint64 `json:"version"`
	// Orders have come, of which OpenOrders rest.
	Orders     uint64 `json:"orders"`
	OpenOrders int    `json:"open_orders"`
	// Trades were made, of Volume units for Value in all, of which Fees went to the fees.
	Trades uint64 `json:"trades"`
	Volume int64  `json:"volume"`
	Value  Micro  `json:"value"`
	Fees   Micro  `json:"fees"`
	// LastPrice is that of the last trade or clearing, per unit; Bid and Ask are the best prices that rest.
	LastPrice Micro `json:"last_price,omitzero"`
	Bid       Micro `json:"bid,omitzero"`
	Ask       Micro `json:"ask,omitzero"`
	// Shares are what the maker of a prediction market has issued of each outcome, and Prices what one more costs, in credit; they sum
	// to 1.
	Shares []int64   `json:"shares,omitempty"`
	Prices []Decimal `json:"prices,omitempty"`
	// Stake is what the owner of a prediction market stands in for, and Pool what the traders have paid for their shares; from the outcome
	// on, what is left of it to be paid.
	Stake Micro `json:"stake,omitzero"`
	Pool  Micro `json:"pool,omitzero"`
	// Outcome is that which came true; none when it is void.
	Outcome int `json:"outcome,omitempty"`
	// Payouts are what one share of each outcome is paid.
	Payouts []Micro `json:"payouts,omitempty"`
	// Note is what the oracle said to it.
	Note string `json:"note,omitempty"`
	// Head is the end of the market's own chain of hashes, in hex.
	Head     string `json:"head,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision says from which state of the log the answer is.
func (m *Market) SetRevision(r string) { m.Revision = r }

// MarketOrder is an order that rests.
type MarketOrder struct {
	Order   uint64    `json:"order"`
	Account AccountID `json:"account"`
	Side    OrderSide `json:"side"`
	Price   Micro     `json:"price"`
	// Quantity is how many units are left.
	Quantity int64 `json:"quantity"`
}

// MarketLevel is what rests at one price.
type MarketLevel struct {
	Price    Micro `json:"price"`
	Quantity int64 `json:"quantity"`
	Orders   int   `json:"orders"`
}

// MarketTrade is something that was traded.
type MarketTrade struct {
	Number uint64    `json:"number"`
	At     time.Time `json:"at"`
	// Price is per unit; in a prediction market the mean one, rounded.
	Price    Micro  `json:"price"`
	Quantity int64  `json:"quantity"`
	Value    Micro  `json:"value"`
	Fee      Micro  `json:"fee,omitzero"`
	Buyer    string `json:"buyer,omitempty"`
	Seller   string `json:"seller,omitempty"`
	// BuyOrder and SellOrder are the orders that met.
	BuyOrder  uint64 `json:"buy_order,omitempty"`
	SellOrder uint64 `json:"sell_order,omitempty"`
	// Outcome is what the shares of a prediction market are in. The other side is the market's maker, and not named.
	Outcome int `json:"outcome,omitempty"`
}
