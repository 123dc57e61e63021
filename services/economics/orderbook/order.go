package orderbook

import (
	"github.com/mabus-project/mabus/shared/api"
)

// Order is an order as it comes, and as it rests in the book.
type Order struct {
	// Number is the order's name in the book and its place in time: of two at one price the lower one trades first.
	Number uint64 `json:"number"`
	// Owner is whose order it is: nobody trades with himself.
	Owner string `json:"owner"`
	// Purpose is kept with the order: the purpose of the owner's accounts that pay and are paid.
	Purpose string        `json:"purpose,omitempty"`
	Side    api.OrderSide `json:"side"`
	Type    api.OrderType `json:"type"`
	// Price is per unit, the most to pay or the least to take; none for market orders.
	Price api.Micro `json:"price,omitzero"`
	// Quantity is in units; of a resting order those that are left.
	Quantity int64 `json:"quantity"`
}

// Value returns price times quantity, in millionths of the currency. An order that Check accepts cannot overflow it.
func (o *Order) Value() api.Micro { return o.Price * api.Micro(o.Quantity) }

// Check returns an invalid error when the order could not be in any book.
func (o *Order) Check() error {
	if o.Number == 0 || o.Owner == "" {
		return api.Errorf(api.Invalid, "an order has a number and an owner").WithReason(api.ReasonMissingFields).WithFields("number", "owner")
	}
	return api.CheckOrder(o.Side, o.Type, o.Price, o.Quantity)
}

// Why says why a part of an order neither traded nor rests.
type Why string

// The reasons.
const (
	Unfilled  Why = "unfilled"   // nothing more to trade with, and the order's type does not rest; or a fill-or-kill that cannot be filled
	SelfTrade Why = "self_trade" // the next to trade with was the owner's own order: of the two the newest is cancelled
	TooMany   Why = "fill_limit" // it has traded with MaxFills orders, and there were more
)

// MaxFills bounds with how many resting orders one order trades.
const MaxFills = 1000 // orders

// Fill is what an order trades with one resting order, at that one's price.
type Fill struct {
	// Maker is the resting order as it was before.
	Maker Order
	// Quantity is what is traded, in units.
	Quantity int64
}

// Price is what the fill trades at, per unit.
func (f *Fill) Price() api.Micro { return f.Maker.Price }

// Change is what happens to a book: what an order does in it, the end of an order, or what a clearing takes from many.
type Change struct {
	// Order is the order as it came; zero when there is none.
	Order Order
	// Fills are in the order in which they trade.
	Fills []Fill
	// Rest is how many units of Order stay in the book, and Cancelled how many neither traded nor stay.
	Rest, Cancelled int64
	// Why there are cancelled units; "" when there are none.
	Why Why

	withdrawn uint64 // the number of an order that ends
	at        uint64 // the state of the book that the change is for
}

// Filled returns how many units are traded.
func (c *Change) Filled() int64 {
	var n int64
	for i := range c.Fills {
		n += c.Fills[i].Quantity
	}
	return n
}
