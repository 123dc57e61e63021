package market

import (
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
)

// What the steps of a market's transcript are. The bodies of StepOrder and StepCancelled are withheld from others in a sealed_bid market
// until it has closed.
const (
	StepCreated   = "created"   // api.MarketSpec
	StepOrder     = "order"     // Ordered
	StepCancelled = "cancelled" // Cancelled: an order by its owner
	StepCleared   = "cleared"   // api.MarketClearResponse, without a head; then come the trades
	StepTrades    = "trades"    // []api.MarketTrade of the clearing before
	StepTrade     = "trade"     // Traded: with the maker of a prediction market
	StepClosed    = "closed"    // Closing
	StepResolved  = "resolved"  // Resolved
	StepRedeemed  = "redeemed"  // Redeemed
)

// Ordered is an order, and what has become of it at once.
type Ordered struct {
	Order     orderbook.Order `json:"order"`
	Fills     []Filled        `json:"fills,omitempty"`
	Rest      int64           `json:"rest,omitzero"`
	Cancelled int64           `json:"cancelled,omitzero"`
	Why       orderbook.Why   `json:"why,omitempty"`
}

// Filled is a trade of an order with a resting one.
type Filled struct {
	Trade    uint64    `json:"trade"`
	Order    uint64    `json:"order"`
	Price    api.Micro `json:"price"`
	Quantity int64     `json:"quantity"`
	Fee      api.Micro `json:"fee,omitzero"`
}

// Cancelled is an order that has left the book, with what was left of it.
type Cancelled struct {
	Order    uint64 `json:"order"`
	Quantity int64  `json:"quantity"`
}

// Traded is a trade with a maker, and the maker's position after it.
type Traded struct {
	Trade  api.MarketTrade `json:"trade"`
	Shares []int64         `json:"shares"`
	Cost   api.Micro       `json:"cost"`
}

// Closing is the end of the trade. There is nothing to say of it.
type Closing struct{}

// Resolved is the outcome of a prediction market, or that there is none, the shares that are there, and what one of each is paid.
type Resolved struct {
	Outcome int         `json:"outcome,omitzero"`
	Void    bool        `json:"void,omitzero"`
	Note    string      `json:"note,omitempty"`
	Shares  []int64     `json:"shares"`
	Payouts []api.Micro `json:"payouts"`
}

// Redeemed are shares that were paid because their owner has asked for it.
type Redeemed struct {
	Account api.AccountID `json:"account"`
	Shares  []int64       `json:"shares"`
	Paid    api.Micro     `json:"paid"`
}
