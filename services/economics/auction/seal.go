package auction

import (
	"slices"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// seal is a bid in a sealed auction: it takes the place of an earlier one of the same bidder.
func (p *placing) seal(s *Placed) error {
	x, old := p.x, *p.bid
	b := Bid{Side: s.Side, Quantity: max(s.Quantity, 1), Whole: s.Whole, Attributes: s.Attributes}
	if s.Record != nil {
		b.Record = *s.Record
	}
	if s.Commitment != "" {
		b.State, b.Commitment, b.Quantity = api.BidCommitted, s.Commitment, 0
		if b.Deposit = max(s.Deposit, x.Terms.Deposit); s.Deposit != 0 && s.Deposit < x.Terms.Deposit {
			return badBid("deposit", "a commitment holds at least %s", x.Terms.Deposit)
		}
	} else {
		b.Price = *s.Price
		if err := x.fits(&b); err != nil {
			return err
		}
	}
	x.leave(&old, p.known)
	x.enter(&b)
	*p.bid = b
	return nil
}

// enter and leave count the bids that stand.
func (x *Auction) enter(b *Bid) {
	x.Standing++
	if b.State == api.BidCommitted {
		x.Committed++
	}
}

func (x *Auction) leave(b *Bid, known bool) {
	if !known || b.State == api.BidWithdrawn {
		return
	}
	x.Standing--
	if b.State == api.BidCommitted {
		x.Committed--
	}
	x.Bundles -= len(b.Bundles)
}

// fits refuses a bid that could not win: failed_precondition (bid_too_low, bid_too_high), invalid (invalid_price, invalid_quantity).
func (x *Auction) fits(b *Bid) error {
	t := x.Terms
	if t.Type == api.AuctionUniform && b.Quantity > t.Quantity {
		return api.Errorf(api.Invalid, "there are %d units", t.Quantity).WithReason(api.ReasonInvalidQuantity).WithFields("quantity")
	}
	if mechanism.Amount(b.Price, b.Quantity) > api.MaxAmount || t.Asset != "" && b.Quantity > api.MaxQuantity {
		return api.Errorf(api.Invalid, "price times quantity must be at most %d millionths", int64(api.MaxAmount)).
			WithReason(api.ReasonInvalidPrice).WithFields("price", "quantity")
	}
	if b.Side != api.OrderSell && !sealed(t).Meets(b.Price) {
		return x.short(t.Reserve)
	}
	return x.fitsAttributes(b)
}

func (x *Auction) fitsAttributes(b *Bid) error {
	if x.Terms.Scoring == nil {
		return nil
	}
	for i, a := range b.Attributes {
		if !slices.ContainsFunc(x.Terms.Scoring.Attributes, func(w api.ScoringWeight) bool { return w.Name == a.Name }) {
			return badBid("attributes", "%.70q is none of the attributes that count in this auction", a.Name)
		}
		if slices.ContainsFunc(b.Attributes[:i], func(o api.AuctionAttribute) bool { return o.Name == a.Name }) {
			return badBid("attributes", "%.70q is there twice", a.Name)
		}
	}
	return nil
}

// combine is a bid in a combinatorial auction: an alternative to the bidder's others, or a new price for one of them.
func (p *placing) combine(s *Placed) error {
	x := p.x
	problem := x.problem()
	items, err := problem.Set(s.Items)
	if err != nil {
		if e := api.AsError(err); e != nil {
			return e.WithReason(api.ReasonAuctionTerms)
		}
		return err
	}
	if reserve := problem.Reserved(items); *s.Price != reserve && (*s.Price < reserve) != x.Terms.Reverse {
		return x.short(reserve)
	}
	b := p.bid
	if !p.known || b.State == api.BidWithdrawn {
		*b = Bid{}
		x.Standing++
	}
	one := Bundle{Items: items, Price: *s.Price, Number: p.number}
	if i := slices.IndexFunc(b.Bundles, func(o Bundle) bool { return o.Items == items }); i >= 0 {
		b.Bundles[i] = one
		return nil
	}
	if len(b.Bundles) >= api.MaxAuctionBundles || x.Bundles >= bundle.MaxBids {
		return api.Errorf(api.FailedPrecondition, "an auction takes %d bundles of one bidder and %d of all", api.MaxAuctionBundles, bundle.MaxBids).
			WithReason(api.ReasonAuctionFull)
	}
	b.Bundles = append(b.Bundles, one)
	x.Bundles++
	return nil
}

// problem is the winner determination of a combinatorial auction, without its bids.
func (x *Auction) problem() *bundle.Problem {
	p := &bundle.Problem{Reverse: x.Terms.Reverse}
	for i := range x.Terms.Items {
		p.Items = append(p.Items, x.Terms.Items[i].Name)
		p.Reserve = append(p.Reserve, x.Terms.Items[i].Reserve)
	}
	return p
}
