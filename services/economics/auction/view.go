package auction

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// View is what everybody may see of an auction at a moment of the log.
func (x *Auction) View(now time.Time) *api.Auction {
	v := &api.Auction{
		AuctionSpec: *x.Terms, Owner: x.Owner, State: x.State, Reason: x.Reason, Bids: x.Bids, Bidders: len(x.Bidders), Outcome: x.Outcome,
		CreatedAt: x.CreatedAt, EndsAt: x.EndsAt, RevealEndsAt: x.RevealEndsAt, EndedAt: x.EndedAt, Version: x.Log.Count, Head: x.Log.Head,
	}
	switch {
	case x.Outcome != nil:
		v.Price = x.Outcome.Price
	case x.State != api.AuctionOpen:
	case x.Terms.Type == api.AuctionEnglish:
		v.Price, v.Leader = x.Lead.Price, x.Lead.Bidder
		v.NextPrice, _ = english(x.Terms).Next(x.Lead)
	case x.Terms.Type == api.AuctionDutch:
		v.Price = clock(x.Terms).Price(now.Sub(x.CreatedAt))
		v.NextPrice = v.Price
	}
	return v
}

// Brief is a View without what takes room.
func (x *Auction) Brief(now time.Time) api.Auction {
	v := x.View(now)
	v.Item, v.Items, v.Scoring, v.Incentive, v.Outcome = nil, nil, nil, nil, nil
	return *v
}

// BidOf is what one may see of a bidder's bid: all of it, or without what is sealed.
func (s *State) BidOf(x *Auction, bidder string, all bool) (api.AuctionBid, bool) {
	b, ok := s.Bids[nameOf(x.Terms.ID, bidder).row]
	if !ok {
		return api.AuctionBid{}, false
	}
	return x.show(bidder, b, all), true
}

// Open tells whether everybody may see all of every bid: when there was an outcome.
func (x *Auction) Open() bool { return !Withheld(StepSealed, x.State) }

func (x *Auction) show(bidder string, b *Bid, all bool) api.AuctionBid {
	v := api.AuctionBid{Bidder: bidder, At: b.At, Number: b.Number, State: x.stateOf(bidder, b)}
	if x.Terms.Type.Sealed() && !all {
		return v
	}
	v.Price, v.Quantity, v.Whole, v.Side, v.Attributes, v.Commitment = b.Price, b.Quantity, b.Whole, b.Side, b.Attributes, b.Commitment
	for _, one := range b.Bundles {
		v.Bundles = append(v.Bundles, api.AuctionBundle{Items: x.problem().Names(one.Items), Price: one.Price})
	}
	if !all {
		return v
	}
	v.Max, v.Account = b.Max, b.Account
	if !x.State.Ended() && x.State != api.AuctionAwarded {
		_, v.Held = x.needs(bidder, b)
	}
	return v
}

// stateOf is where a bid stands.
func (x *Auction) stateOf(bidder string, b *Bid) api.BidState {
	over := x.State == api.AuctionClosed || x.State == api.AuctionAwarded || x.State == api.AuctionExpired
	switch {
	case b.State == api.BidCommitted && over:
		return api.BidForfeited
	case b.State != "":
		return b.State
	case x.State == api.AuctionCancelled || x.State == api.AuctionExpired:
		return api.BidLost
	case over:
		for i := range x.Outcome.Awards {
			if x.Outcome.Awards[i].Bidder == bidder {
				return api.BidWon
			}
		}
		return api.BidLost
	case !x.Terms.Type.Sealed() && x.Lead.Bidder != bidder:
		return api.BidOutbid
	}
	return api.BidStanding
}

// Archived is what is kept of an auction that has ended, beside its transcript.
type Archived struct {
	Auction api.Auction      `json:"auction"`
	Bids    []api.AuctionBid `json:"bids"`
	// Terms and state are in the auction; Open tells whether its sealed bids are everybody's business.
	Open bool `json:"open"`
}

// Refuses is the error of what somebody wants of an auction that has ended.
func (r *Archived) Refuses(verb string) error {
	x := &r.Auction
	switch {
	case verb == "bid" && !x.EndedAt.Before(x.EndsAt):
		return api.Errorf(api.FailedPrecondition, "the time of auction %s is up", x.ID).WithReason(api.ReasonAuctionExpired)
	case verb == "reveal":
		return api.Errorf(api.FailedPrecondition, "auction %s is %s: commitments are not revealed now", x.ID, x.State).WithReason(api.ReasonNotRevealing)
	case verb == "settle" && x.Type == api.AuctionIncentive && x.State == api.AuctionClosed:
		return api.Errorf(api.FailedPrecondition, "auction %s is settled: an outcome is reported once", x.ID).WithReason(api.ReasonAlreadySettled)
	}
	return api.Errorf(api.FailedPrecondition, "auction %s is %s", x.ID, x.State).WithReason(api.ReasonAuctionNotOpen)
}

// Record returns what the archive keeps of an auction, or nil.
func Record(d *Draft, id string) any {
	x, ok := d.auctions.Get(id)
	if !ok {
		return nil
	}
	r := Archived{Auction: *x.View(x.EndedAt), Bids: make([]api.AuctionBid, 0, len(x.Bidders)), Open: x.Open()}
	find := d.rows(x)
	for _, bidder := range x.Bidders {
		r.Bids = append(r.Bids, x.show(bidder, find(bidder), true))
	}
	return r
}

// Conceal takes out of an archived bid what nobody but its bidder may see.
func Conceal(b api.AuctionBid) api.AuctionBid {
	return api.AuctionBid{Bidder: b.Bidder, At: b.At, Number: b.Number, State: b.State}
}

// Steps withholds of steps what a principal may not see.
func Steps(steps []transcript.Step, by string, state api.AuctionState) []transcript.Step {
	shown := make([]transcript.Step, len(steps))
	for i, s := range steps {
		if Withheld(s.What, state) && (s.By != by || by == "") {
			s = transcript.Withhold(s)
		}
		shown[i] = s
	}
	return shown
}
