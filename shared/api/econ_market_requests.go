package api

import (
	"slices"
)

// MarketIDRequest names a market.
type MarketIDRequest struct {
	ID string `json:"id"`
}

// Validate implements Validator.
func (r *MarketIDRequest) Validate() error { return checkMarketID("id", r.ID) }

// MarketGetRequest asks for a market.
type MarketGetRequest struct {
	ID          string `json:"id"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketGetRequest) Validate() error { return checkMarketID("id", r.ID) }

// MarketWaitRequest waits for a change of a market.
type MarketWaitRequest struct {
	ID string `json:"id"`
	// After is the version that is known; 0 for none.
	After uint64   `json:"after,omitempty"`
	Wait  Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *MarketWaitRequest) Validate() error {
	if err := checkMarketID("id", r.ID); err != nil {
		return err
	}
	return checkSessionTimes(map[string]Duration{"wait": r.Wait})
}

// MarketOrderRequest is an order.
type MarketOrderRequest struct {
	Market string    `json:"market"`
	Side   OrderSide `json:"side"`
	// Type is limit unless given.
	Type OrderType `json:"type,omitempty"`
	// Price is per unit, in micro-units of credit; none for a market order.
	Price Micro `json:"price,omitzero"`
	// Quantity is in units of the commodity.
	Quantity int64 `json:"quantity"`
	// Account pays and is paid: "owner" or "owner/purpose"; the main accounts of the principal unless given.
	Account AccountID `json:"account,omitempty"`
}

// Kind returns the type of the order.
func (r *MarketOrderRequest) Kind() OrderType {
	if r.Type == "" {
		return OrderLimit
	}
	return r.Type
}

// Validate implements Validator.
func (r *MarketOrderRequest) Validate() error {
	if err := checkMarketID("market", r.Market); err != nil {
		return err
	}
	if r.Side == "" {
		return Errorf(Invalid, "side is required").WithReason(ReasonMissingFields).WithFields("side")
	}
	if err := checkMarketAccount(r.Account); err != nil {
		return err
	}
	return CheckOrder(r.Side, r.Kind(), r.Price, r.Quantity)
}

func checkMarketAccount(id AccountID) error {
	if id == "" {
		return nil
	}
	_, err := ParseAccount(string(id))
	return err
}

// MarketCancelOrderRequest names a resting order.
type MarketCancelOrderRequest struct {
	Market string `json:"market"`
	Order  uint64 `json:"order"`
}

// Validate implements Validator.
func (r *MarketCancelOrderRequest) Validate() error { return checkMarketID("market", r.Market) }

// MarketsListRequest selects markets.
type MarketsListRequest struct {
	Type  MarketType  `json:"type,omitempty"`
	State MarketState `json:"state,omitempty"`
	// Commodity keeps those that trade it.
	Commodity   string `json:"commodity,omitempty"`
	After       string `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketsListRequest) Validate() error {
	if r.Type != "" && !slices.Contains(MarketTypes, r.Type) {
		return Errorf(Invalid, "type must be continuous, call, sealed_bid or prediction").WithReason(ReasonInvalidMarketType).WithFields("type")
	}
	if r.State != "" && !slices.Contains(MarketStates, r.State) {
		return Errorf(Invalid, "state must be one of %v", MarketStates).WithFields("state")
	}
	if err := CheckOptionalID("commodity", r.Commodity); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// MarketBookRequest asks for the prices of a market.
type MarketBookRequest struct {
	ID string `json:"id"`
	// Depth is how many prices of each side; 20 unless given.
	Depth       int    `json:"depth,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketBookRequest) Validate() error {
	if r.Depth < 0 || r.Depth > MaxMarketDepth {
		return Errorf(Invalid, "depth must be 1 to %d, or left out for 20", MaxMarketDepth).WithFields("depth")
	}
	return checkMarketID("id", r.ID)
}

// MarketOrdersRequest asks for resting orders.
type MarketOrdersRequest struct {
	Market string `json:"market"`
	// Owner is for operators; the principal who asks unless given.
	Owner       string `json:"owner,omitempty"`
	After       uint64 `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketOrdersRequest) Validate() error {
	if err := checkMarketID("market", r.Market); err != nil {
		return err
	}
	if err := CheckOptionalID("owner", r.Owner); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// MarketTradesRequest asks for the last trades.
type MarketTradesRequest struct {
	ID          string `json:"id"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketTradesRequest) Validate() error {
	if err := checkMarketID("id", r.ID); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// MarketTranscriptRequest asks for steps.
type MarketTranscriptRequest struct {
	Market string `json:"market"`
	// After is the number of the last step that is known.
	After       uint64 `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketTranscriptRequest) Validate() error {
	if err := checkMarketID("market", r.Market); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// MarketsStatsRequest asks for counts.
type MarketsStatsRequest struct {
	// Market asks for one market.
	Market      string `json:"market,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketsStatsRequest) Validate() error {
	if r.Market == "" {
		return nil
	}
	return checkMarketID("market", r.Market)
}

// MarketQuoteRequest asks what a trade would cost.
type MarketQuoteRequest struct {
	Market string `json:"market"`
	// Outcome is the number of an outcome, from 1.
	Outcome int       `json:"outcome"`
	Side    OrderSide `json:"side"`
	// Quantity is in shares.
	Quantity    int64  `json:"quantity"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketQuoteRequest) Validate() error {
	return checkShares(r.Market, r.Outcome, r.Side, r.Quantity)
}

func checkShares(market string, outcome int, side OrderSide, quantity int64) error {
	if err := checkMarketID("market", market); err != nil {
		return err
	}
	if outcome < 1 || outcome > MaxOutcomes {
		return Errorf(Invalid, "outcome must be the number of an outcome, from 1").WithReason(ReasonInvalidOutcome).WithFields("outcome")
	}
	if side != OrderBuy && side != OrderSell {
		return Errorf(Invalid, "side must be buy or sell").WithReason(ReasonInvalidSide).WithFields("side")
	}
	return checkUnits(quantity)
}

// MarketTradeRequest trades with the maker of a prediction market.
type MarketTradeRequest struct {
	Market   string    `json:"market"`
	Outcome  int       `json:"outcome"`
	Side     OrderSide `json:"side"`
	Quantity int64     `json:"quantity"`
	// Limit is the most that all of it may cost, or the least that it may bring; anything unless given.
	Limit Micro `json:"limit,omitzero"`
	// Account pays and is paid: "owner" or "owner/purpose"; the main accounts of the principal unless given.
	Account AccountID `json:"account,omitempty"`
}

// Validate implements Validator.
func (r *MarketTradeRequest) Validate() error {
	if r.Limit < 0 || r.Limit > MaxOrderValue {
		return Errorf(Invalid, "limit must be 0 to %d micro-units", MaxOrderValue).WithReason(ReasonInvalidPrice).WithFields("limit")
	}
	if err := checkMarketAccount(r.Account); err != nil {
		return err
	}
	return checkShares(r.Market, r.Outcome, r.Side, r.Quantity)
}

// MarketResolveRequest names an outcome.
type MarketResolveRequest struct {
	ID string `json:"id"`
	// Outcome came true; leave it out when Void.
	Outcome int `json:"outcome,omitempty"`
	// Void says that there is no outcome.
	Void bool   `json:"void,omitempty"`
	Note string `json:"note,omitempty"`
}

// Validate implements Validator.
func (r *MarketResolveRequest) Validate() error {
	if r.Void != (r.Outcome == 0) || r.Outcome < 0 || r.Outcome > MaxOutcomes {
		return Errorf(Invalid, "name the outcome by its number, from 1, or say void").WithReason(ReasonInvalidOutcome).WithFields("outcome", "void")
	}
	if len(r.Note) > MaxMarketName {
		return Errorf(Invalid, "note has %d bytes, at most %d are allowed", len(r.Note), MaxMarketName).WithFields("note")
	}
	return checkMarketID("id", r.ID)
}

// MarketRedeemRequest has the shares of an account paid.
type MarketRedeemRequest struct {
	Market  string    `json:"market"`
	Account AccountID `json:"account,omitempty"`
}

// Validate implements Validator.
func (r *MarketRedeemRequest) Validate() error {
	if err := checkMarketAccount(r.Account); err != nil {
		return err
	}
	return checkMarketID("market", r.Market)
}

// MarketOffer is a price and a quantity, in units.
type MarketOffer struct {
	Price    Micro `json:"price"`
	Quantity int64 `json:"quantity"`
}

// MarketEquilibriumRequest gives either a market, or two lists of orders.
type MarketEquilibriumRequest struct {
	Market      string        `json:"market,omitempty"`
	Buys        []MarketOffer `json:"buys,omitempty"`
	Sells       []MarketOffer `json:"sells,omitempty"`
	MinRevision string        `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *MarketEquilibriumRequest) Validate() error {
	if r.Market != "" {
		if len(r.Buys)+len(r.Sells) > 0 {
			return Errorf(Invalid, "give a market, or orders, not both").WithFields("market", "buys", "sells")
		}
		return checkMarketID("market", r.Market)
	}
	if err := checkOffers("buys", r.Buys); err != nil {
		return err
	}
	return checkOffers("sells", r.Sells)
}

func checkOffers(field string, offers []MarketOffer) error {
	if len(offers) > MaxEquilibriumOrders {
		return Errorf(Invalid, "%s has %d orders, at most %d are allowed", field, len(offers), MaxEquilibriumOrders).WithFields(field)
	}
	for _, o := range offers {
		if err := CheckOrder(OrderBuy, OrderLimit, o.Price, o.Quantity); err != nil {
			return err
		}
	}
	return nil
}
