package api

// MarketFill is one trade of an order.
type MarketFill struct {
	Trade    uint64 `json:"trade"`
	Price    Micro  `json:"price"`
	Quantity int64  `json:"quantity"`
}

// MarketOrderReceipt says what became of an order at once.
type MarketOrderReceipt struct {
	Market string `json:"market"`
	// Order is the number by which to cancel what rests.
	Order uint64 `json:"order"`
	// Filled, Resting and Cancelled are units: they sum to the quantity of the order.
	Filled    int64 `json:"filled"`
	Resting   int64 `json:"resting"`
	Cancelled int64 `json:"cancelled"`
	// Why says why units are cancelled: unfilled, self_trade, fill_limit.
	Why   string       `json:"why,omitempty"`
	Fills []MarketFill `json:"fills,omitempty"`
	// Value is what the fills cost or bring before fees, Fee the part of it that a seller leaves.
	Value    Micro  `json:"value"`
	Fee      Micro  `json:"fee,omitzero"`
	Head     string `json:"head,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision says from which state of the log the answer is.
func (r *MarketOrderReceipt) SetRevision(v string) { r.Revision = v }

// MarketCancelOrderResponse is the order that was taken out.
type MarketCancelOrderResponse struct {
	Market   string      `json:"market"`
	Order    MarketOrder `json:"order"`
	Revision string      `json:"revision,omitempty"`
}

// SetRevision says from which state of the log the answer is.
func (r *MarketCancelOrderResponse) SetRevision(v string) { r.Revision = v }

// MarketClearResponse says what a clearing has moved.
type MarketClearResponse struct {
	Market   string `json:"market"`
	Price    Micro  `json:"price"`
	Quantity int64  `json:"quantity"`
	Value    Micro  `json:"value"`
	Fees     Micro  `json:"fees"`
	Trades   int    `json:"trades"`
	Head     string `json:"head,omitempty"`
	Revision string `json:"revision,omitempty"`
}

// SetRevision says from which state of the log the answer is.
func (r *MarketClearResponse) SetRevision(v string) { r.Revision = v }

// MarketsListResponse is a page of markets.
type MarketsListResponse struct {
	Markets  []Market `json:"markets"`
	Next     string   `json:"next,omitempty"`
	Revision string   `json:"revision,omitempty"`
}

// MarketBook is what rests at each price, the best first.
type MarketBook struct {
	Market   string        `json:"market"`
	Buys     []MarketLevel `json:"buys"`
	Sells    []MarketLevel `json:"sells"`
	Revision string        `json:"revision,omitempty"`
}

// MarketOrdersResponse is a page of resting orders.
type MarketOrdersResponse struct {
	Orders   []MarketOrder `json:"orders"`
	Next     uint64        `json:"next,omitempty"`
	Revision string        `json:"revision,omitempty"`
}

// MarketTradesResponse has the last trades, the newest first.
type MarketTradesResponse struct {
	Trades   []MarketTrade `json:"trades"`
	Revision string        `json:"revision,omitempty"`
}

// MarketTranscriptResponse is a page of steps.
type MarketTranscriptResponse struct {
	Steps []TranscriptStep `json:"steps"`
	// Count and Head are those of the chain now.
	Count    uint64      `json:"count"`
	Head     string      `json:"head"`
	State    MarketState `json:"state"`
	Revision string      `json:"revision,omitempty"`
}

// MarketsStatsResponse counts.
type MarketsStatsResponse struct {
	// Markets are those that are not archived, Open those of them that trade; Archived are gone.
	Markets  int `json:"markets"`
	Open     int `json:"open"`
	Archived int `json:"archived"`
	// Orders have come and Trades were made; of the trades Value is the sum and Fees the part that went to the fees.
	Orders     uint64 `json:"orders"`
	OpenOrders int    `json:"open_orders"`
	Trades     uint64 `json:"trades"`
	Value      Micro  `json:"value"`
	Fees       Micro  `json:"fees"`
	Revision   string `json:"revision,omitempty"`
}

// MarketQuote is what a trade would cost, or bring.
type MarketQuote struct {
	Value Micro `json:"value"`
	// Price is the mean one of a share, rounded; Before and After are the prices of one more share before and after the trade.
	Price    Micro     `json:"price"`
	Before   []Decimal `json:"before"`
	After    []Decimal `json:"after"`
	Revision string    `json:"revision,omitempty"`
}

// MarketTradeReceipt says what a trade has cost, or brought.
type MarketTradeReceipt struct {
	Market string `json:"market"`
	Trade  uint64 `json:"trade"`
	Value  Micro  `json:"value"`
	// Prices of one more share after the trade.
	Prices   []Decimal `json:"prices"`
	Head     string    `json:"head,omitempty"`
	Revision string    `json:"revision,omitempty"`
}

// SetRevision says from which state of the log the answer is.
func (r *MarketTradeReceipt) SetRevision(v string) { r.Revision = v }

// MarketRedeemResponse says what was paid for how many shares of each outcome.
type MarketRedeemResponse struct {
	Market   string  `json:"market"`
	Shares   []int64 `json:"shares"`
	Paid     Micro   `json:"paid"`
	Revision string  `json:"revision,omitempty"`
}

// SetRevision says from which state of the log the answer is.
func (r *MarketRedeemResponse) SetRevision(v string) { r.Revision = v }

// MarketEquilibrium is where supply meets demand.
type MarketEquilibrium struct {
	Price    Micro `json:"price"`
	Quantity int64 `json:"quantity"`
	// BuyerSurplus is what buyers would have paid beyond what they pay, and SellerSurplus what sellers get beyond what they ask.
	BuyerSurplus  Micro  `json:"buyer_surplus"`
	SellerSurplus Micro  `json:"seller_surplus"`
	TotalSurplus  Micro  `json:"total_surplus"`
	Revision      string `json:"revision,omitempty"`
}
