package auction

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// Placed is the body of a step in which a bid was accepted: all that its bidder has said, and what is known of it.
type Placed struct {
	Price      *api.Micro             `json:"price,omitempty"`
	Max        *api.Micro             `json:"max,omitempty"`
	Quantity   int64                  `json:"quantity,omitempty"`
	Whole      bool                   `json:"whole,omitempty"`
	Side       api.OrderSide          `json:"side,omitempty"`
	Items      []string               `json:"items,omitempty"`
	Attributes []api.AuctionAttribute `json:"attributes,omitempty"`
	Commitment string                 `json:"commitment,omitempty"`
	Deposit    api.Micro              `json:"deposit,omitempty"`
	Account    api.AccountID          `json:"account"`
	Record     *mechanism.Record      `json:"record,omitempty"`
	// Standing and Leader are what an open auction had after the bid.
	Standing api.Micro `json:"standing,omitempty"`
	Leader   string    `json:"leader,omitempty"`
}

// Kinds of steps.
const (
	StepCreated   = "created"   // Created
	StepBid       = "bid"       // Placed, for everybody to see
	StepSealed    = "sealed"    // Placed, withheld until the auction has closed, as is what a proxy may spend
	StepRevealed  = "revealed"  // Revealed, withheld likewise
	StepWithdrawn = "withdrawn" // no body
	StepClosing   = "closing"   // Revealing
	StepSolving   = "solving"   // Solving
	StepPaid      = "paid"      // Paid
	StepAwarded   = "awarded"   // an api.AuctionOutcome that is not settled
	StepClosed    = "closed"    // an api.AuctionOutcome
	StepCancelled = "cancelled" // Ended
	StepExpired   = "expired"   // Ended
)

// Withheld tells whether a step of an auction is nobody's business but its author's as long as the auction is in the state. An auction
// that was called off keeps its sealed bids for ever.
func Withheld(what string, state api.AuctionState) bool {
	return (what == StepSealed || what == StepRevealed) && state != api.AuctionClosed && state != api.AuctionAwarded && state != api.AuctionExpired
}

// placing is a bid on its way into an auction. Nothing here moves money, so that a transcript is replayed by the same rules.
type placing struct {
	x      *Auction
	bid    *Bid
	known  bool // the bidder has bid before
	by     string
	now    time.Time
	number uint64
}

// open tells whether the auction shows its price.
func (s *Placed) open(t *api.AuctionSpec) bool { return !t.Type.Sealed() }

// step is the kind of the step for what was said.
func (s *Placed) step(t *api.AuctionSpec) string {
	if t.Type.Sealed() || s.Max != nil {
		return StepSealed
	}
	return StepBid
}

// place checks a bid by the rules of the type and puts it in.
func (p *placing) place(s *Placed) error {
	if err := p.form(s); err != nil {
		return err
	}
	var err error
	switch p.x.Terms.Type {
	case api.AuctionEnglish:
		err = p.raise(s)
	case api.AuctionDutch:
		err = p.accept(s)
	case api.AuctionCombinatorial:
		err = p.combine(s)
	default:
		err = p.seal(s)
	}
	if err != nil {
		return err
	}
	if !p.known {
		p.x.Bidders = append(p.x.Bidders, p.by)
	}
	p.x.Bids++
	p.bid.Number, p.bid.At, p.bid.Account = p.number, p.now, s.Account
	return nil
}

// form refuses what bids of this auction do not have: invalid (invalid_auction_spec, invalid_quantity, missing_price).
func (p *placing) form(s *Placed) error {
	t := p.x.Terms
	for _, only := range []struct {
		given, ok bool
		field     string
	}{
		{s.Max != nil, t.Type == api.AuctionEnglish, "max"},
		{s.Quantity > 1 || s.Whole, t.Type.PerUnit(), "quantity"},
		{s.Whole, t.Type == api.AuctionUniform, "whole"},
		{s.Side != "", t.Type == api.AuctionDouble, "side"},
		{len(s.Items) > 0, t.Type == api.AuctionCombinatorial, "items"},
		{len(s.Attributes) > 0, t.Type == api.AuctionMultiTrait, "attributes"},
		{s.Commitment != "", t.Reveal > 0, "commitment"},
	} {
		if only.given && !only.ok {
			return badBid(only.field, "%s does not go with a bid in this %s auction", only.field, t.Type)
		}
	}
	switch {
	case t.Reveal > 0 && s.Commitment == "":
		return badBid("commitment", "this auction takes commitments, which are revealed after %s", p.x.EndsAt.Format(time.RFC3339))
	case t.Type == api.AuctionDouble && s.Side == "":
		return badBid("side", "say whether you buy or sell")
	case t.Type == api.AuctionCombinatorial && len(s.Items) == 0:
		return badBid("items", "name the items that the price is for")
	case s.Price == nil && t.Reveal == 0 && t.Type != api.AuctionDutch && (t.Type != api.AuctionEnglish || s.Max == nil):
		return api.Errorf(api.Invalid, "price is required").WithReason(api.ReasonMissingPrice).WithFields("price")
	}
	return nil
}

func badBid(field, format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonAuctionTerms).WithFields(field)
}

// short refuses a price that is not enough: failed_precondition (bid_too_low, bid_too_high).
func (x *Auction) short(enough api.Micro) error {
	if x.Terms.Reverse {
		return api.Errorf(api.FailedPrecondition, "bid at most %s", enough).WithReason(api.ReasonBidTooHigh).WithFields("price")
	}
	return api.Errorf(api.FailedPrecondition, "bid at least %s", enough).WithReason(api.ReasonBidTooLow).WithFields("price")
}

// raise is a bid in an english auction.
func (p *placing) raise(s *Placed) error {
	x, e := p.x, english(p.x.Terms)
	o := mechanism.Offer{Bidder: p.by, Order: p.number}
	if s.Price != nil {
		o.Price, o.Limit = *s.Price, *s.Price
	}
	if s.Max != nil {
		if o.Limit = *s.Max; s.Price != nil && (*s.Price > o.Limit) != x.Terms.Reverse && *s.Price != o.Limit {
			return api.Errorf(api.Invalid, "price is beyond max").WithReason(api.ReasonInvalidPrice).WithFields("price", "max")
		}
	}
	lead, ok := e.Place(x.Lead, o)
	if !ok {
		enough, _ := e.Next(x.Lead)
		if x.Lead.Bidder == p.by {
			enough = x.Lead.Limit + 1
			if x.Terms.Reverse {
				enough = x.Lead.Limit - 1
			}
		}
		return x.short(enough)
	}
	x.Lead, x.EndsAt = lead, e.Ends(x.EndsAt, p.now)
	p.bid.Price, p.bid.Max = x.atMost(o.Price), x.atMost(o.Limit)
	return nil
}

// atMost is a price, not beyond that at which the lot is bought at once: nobody pays more.
func (x *Auction) atMost(price api.Micro) api.Micro {
	if now := x.Terms.BuyNow; now != 0 && price != 0 && (price > now) != x.Terms.Reverse {
		return now
	}
	return price
}

// accept is a bid in a dutch auction: it is sold at the price of the moment.
func (p *placing) accept(s *Placed) error {
	x := p.x
	price := clock(x.Terms).Price(p.now.Sub(x.CreatedAt))
	if s.Price != nil && *s.Price != price && (*s.Price < price) != x.Terms.Reverse {
		return x.short(price)
	}
	x.Lead = mechanism.Lead{Bidder: p.by, Price: price, Limit: price, Order: p.number, Sold: true}
	p.bid.Price, p.bid.Max = price, price
	return nil
}
