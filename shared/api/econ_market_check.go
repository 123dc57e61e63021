package api

import (
	"slices"
	"strings"
	"time"
)

func badMarket(field, format string, args ...any) error {
	return Errorf(Invalid, format, args...).WithReason(ReasonInvalidMarketSpec).WithFields(field)
}

func checkMarketID(field, id string) error {
	if err := CheckID(field, id); err != nil {
		return err
	}
	if len(id) > MaxMarketID {
		return Errorf(Invalid, "%s must have at most %d characters", field, MaxMarketID).WithFields(field)
	}
	return nil
}

// CheckOrder refuses an order that no book could take: invalid_order_side, invalid_order_type, invalid_quantity, invalid_price.
func CheckOrder(side OrderSide, kind OrderType, price Micro, quantity int64) error {
	switch {
	case side != OrderBuy && side != OrderSell:
		return Errorf(Invalid, "side must be buy or sell").WithReason(ReasonInvalidSide).WithFields("side")
	case !slices.Contains(OrderTypes, kind):
		return Errorf(Invalid, "type must be limit, market, ioc or fok").WithReason(ReasonInvalidOrderType).WithFields("type")
	}
	if err := checkUnits(quantity); err != nil {
		return err
	}
	if kind == OrderMarket {
		if price != 0 {
			return Errorf(Invalid, "a market order has no price: send an ioc order to bound what it pays").WithReason(ReasonInvalidPrice).WithFields("price")
		}
		return nil
	}
	return checkUnitPrice(price, quantity)
}

func checkUnits(quantity int64) error {
	if quantity < 1 || quantity > MaxUnits {
		return Errorf(Invalid, "quantity must be 1 to %d units", MaxUnits).WithReason(ReasonInvalidQuantity).WithFields("quantity")
	}
	return nil
}

func checkUnitPrice(price Micro, quantity int64) error {
	if price < 1 || price > MaxOrderValue/Micro(quantity) {
		return Errorf(Invalid, "price must be above 0, and price times quantity at most %d micro-units", MaxOrderValue).
			WithReason(ReasonInvalidPrice).WithFields("price")
	}
	return nil
}

// Validate implements Validator.
func (s *MarketSpec) Validate() error {
	if s.ID != "" {
		if err := checkMarketID("id", s.ID); err != nil {
			return err
		}
	}
	if s.Name == "" || s.Type == "" {
		return Errorf(Invalid, "a market has a name and a type").WithReason(ReasonMissingFields).WithFields("name", "type")
	}
	if len(s.Name) > MaxMarketName {
		return badMarket("name", "name has %d bytes, at most %d are allowed", len(s.Name), MaxMarketName)
	}
	if !slices.Contains(MarketTypes, s.Type) {
		return Errorf(Invalid, "type must be continuous, call, sealed_bid or prediction").WithReason(ReasonInvalidMarketType).WithFields("type")
	}
	if s.Fee < 0 || s.Fee >= One {
		return badMarket("fee", "fee must be a share from 0 to below 1")
	}
	const longest = Duration(MaxMarketTime * time.Second)
	if s.Duration < 0 || s.ClearEvery < 0 || s.Duration > longest || s.ClearEvery > longest {
		return Errorf(Invalid, "durations must be above 0 and at most %s", longest).WithReason(ReasonInvalidDuration).WithFields("duration", "clear_every")
	}
	if err := checkObject("metadata", s.Metadata); err != nil {
		return err
	}
	if s.Type == MarketPrediction {
		return s.checkPrediction()
	}
	return s.checkCommodity()
}

func (s *MarketSpec) checkCommodity() error {
	switch {
	case s.Commodity == "":
		return Errorf(Invalid, "commodity is required: the asset that is traded").WithReason(ReasonMissingFields).WithFields("commodity")
	case !ValidID(s.Commodity) || s.Commodity == "credit":
		return badMarket("commodity", "commodity must be the name of an asset other than credit")
	case s.ClearEvery != 0 && s.Type == MarketContinuous:
		return badMarket("clear_every", "a continuous market is not cleared: leave clear_every out")
	case s.ClearEvery != 0 && s.ClearEvery.Std() < MinClearEvery*time.Second:
		return badMarket("clear_every", "clear_every must be at least %d s", MinClearEvery)
	case len(s.Outcomes) > 0 || s.Liquidity != 0 || s.Oracle != "":
		return badMarket("outcomes", "only a prediction market has outcomes, liquidity and an oracle")
	}
	return nil
}

func (s *MarketSpec) checkPrediction() error {
	switch {
	case len(s.Outcomes) == 0 || s.Liquidity == 0:
		return Errorf(Invalid, "a prediction market has outcomes and liquidity").WithReason(ReasonMissingFields).WithFields("outcomes", "liquidity")
	case len(s.Outcomes) < 2 || len(s.Outcomes) > MaxOutcomes:
		return badMarket("outcomes", "outcomes must be 2 to %d", MaxOutcomes)
	case s.Liquidity < MinLiquidity || s.Liquidity > MaxLiquidity:
		return badMarket("liquidity", "liquidity must be %d to %d micro-units", MinLiquidity, MaxLiquidity)
	case s.Commodity != "" || s.ClearEvery != 0:
		return badMarket("commodity", "a prediction market has no commodity and is not cleared")
	case s.Fee != 0:
		return badMarket("fee", "a prediction market takes no fee: what its maker wins goes to its owner")
	}
	for i, o := range s.Outcomes {
		if o == "" || len(o) > MaxMarketName || strings.ContainsFunc(o, func(r rune) bool { return r < 0x20 }) || slices.Contains(s.Outcomes[:i], o) {
			return badMarket("outcomes", "outcomes must be different texts of 1 to %d bytes", MaxMarketName)
		}
	}
	return CheckOptionalID("oracle", s.Oracle)
}
