package auction

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// bid places the bid of the principal, holds what it may cost, and closes the auction if it decides it.
func bid(a *act.Act, d *Draft, r *api.AuctionBidRequest) (*api.BidReceipt, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	x, err := d.edit(r.Auction)
	if err != nil {
		return nil, err
	}
	if err := x.takesBids(a); err != nil {
		return nil, err
	}
	p := &placing{x: x, by: a.Principal, now: a.Time, number: x.Log.Count + 1}
	name := nameOf(r.Auction, p.by)
	if p.bid, p.known = d.bids.Edit(name.row); !p.known {
		p.bid = &Bid{}
	}
	if err := p.admit(a, d.bids.Len()); err != nil {
		return nil, err
	}
	account, err := p.account(a, r.Account)
	if err != nil {
		return nil, err
	}
	said := Placed{
		Price: r.Price, Max: r.Max, Quantity: r.Quantity, Whole: r.Whole, Side: r.Side, Items: r.Items, Attributes: r.Attributes,
		Commitment: r.Commitment, Deposit: r.Deposit, Account: account,
	}
	if x.Terms.Type == api.AuctionIncentive {
		profile := a.Reputation.Of(p.by, x.Terms.Domain, a.Time)
		said.Record = &mechanism.Record{Reputation: profile.Score, Quality: profile.Quality}
	}
	leader, ends := x.Lead.Bidder, x.EndsAt
	if err := p.place(&said); err != nil {
		return nil, err
	}
	if err := p.secure(a, name, leader); err != nil {
		return nil, err
	}
	if !p.known {
		d.bids.Put(name.row, p.bid)
	}
	if said.open(x.Terms) {
		said.Standing, said.Leader = x.Lead.Price, x.Lead.Bidder
	}
	head, err := a.Step(&x.Log, name.entity, said.step(x.Terms), p.by, &said)
	if err != nil {
		return nil, err
	}
	if x.EndsAt != ends {
		x.awake(a, x.EndsAt)
	}
	if !x.Lead.Sold {
		a.Changed(name.entity)
		return p.receipt(head), nil
	}
	if err := conclude(a, d, x); err != nil {
		return nil, err
	}
	return p.receipt(x.Log.Head), nil
}

// takesBids refuses bids: failed_precondition (auction_expired, auction_not_open), permission_denied (own_auction).
func (x *Auction) takesBids(a *act.Act) error {
	switch {
	case !a.Time.Before(x.EndsAt):
		return api.Errorf(api.FailedPrecondition, "the time of auction %s is up", x.Terms.ID).WithReason(api.ReasonAuctionExpired)
	case x.State != api.AuctionOpen:
		return x.notOpen()
	case x.Owner == a.Principal, x.Terms.Incentive != nil && x.Terms.Incentive.Judge == a.Principal:
		return api.Errorf(api.PermissionDenied, "who owns or judges an auction does not bid in it").WithReason(api.ReasonOwnAuction)
	}
	return nil
}

func (x *Auction) notOpen() error {
	return api.Errorf(api.FailedPrecondition, "auction %s is %s", x.Terms.ID, x.State).WithReason(api.ReasonAuctionNotOpen)
}

// admit refuses a bidder that the terms do not let in.
func (p *placing) admit(a *act.Act, rows int) error {
	t := p.x.Terms
	if !p.known && rows >= api.MaxAuctionBids {
		return api.Errorf(api.Overloaded, "%d bids are under way: try again when some auctions have ended", api.MaxAuctionBids).WithReason(api.ReasonManyBids)
	}
	if !p.known && len(p.x.Bidders) >= t.MaxBidders {
		return api.Errorf(api.FailedPrecondition, "auction %s has as many bidders as it takes: %d", t.ID, t.MaxBidders).WithReason(api.ReasonAuctionFull)
	}
	if t.MinReputation > 0 {
		if score := a.Reputation.Score(p.by, t.Domain, a.Time); score < t.MinReputation {
			return api.Errorf(api.FailedPrecondition, "auction %s asks for a reputation of %s, %s has %s", t.ID, t.MinReputation, p.by, score).
				WithReason(api.ReasonInsufficientRecord)
		}
	}
	if t.Incentive != nil && len(t.Incentive.Skills) > 0 {
		return p.skilled(a)
	}
	return nil
}

// skilled wants every specialisation that the terms ask for.
func (p *placing) skilled(a *act.Act) error {
	has := map[string]bool{}
	for _, name := range a.Reputation.Profile(p.by, a.Time).Specialisations {
		has[name] = true
	}
	for _, name := range p.x.Terms.Incentive.Skills {
		if !has[name] {
			return api.Errorf(api.FailedPrecondition, "auction %s asks for the specialisation %s, which %s has not shown", p.x.Terms.ID, name, p.by).
				WithReason(api.ReasonMissingSkills)
		}
	}
	return nil
}

// account is the one that the bid is about. A later bid may name another.
func (p *placing) account(a *act.Act, asked api.AccountID) (api.AccountID, error) {
	switch {
	case asked != "":
		id, err := api.ParseAccount(string(asked))
		if err != nil {
			return "", err
		}
		return id, ownAccount(a, id)
	case p.known:
		return p.bid.Account, nil
	}
	return api.Account(p.by, "", ""), nil
}

// secure holds what the bid may cost and gives back what an outbid one has held.
func (p *placing) secure(a *act.Act, name names, leader string) error {
	x := p.x
	from, amount := x.needs(p.by, p.bid)
	if leader != "" && leader != x.Lead.Bidder {
		a.Ledger.Release(nameOf(x.Terms.ID, leader).hold)
	}
	if !x.Terms.Type.Sealed() && x.Lead.Bidder != p.by {
		// It was outbid at once, but has raised the price: whoever does that must be able to pay.
		if from, amount = x.could(p.bid); amount > 0 {
			if available, _ := a.Ledger.Balance(from); available < amount {
				return api.Errorf(api.FailedPrecondition, "%s has %s available, the bid needs %s", from, available, amount).WithReason(api.ReasonInsufficientFunds)
			}
		}
		return nil
	}
	return ensure(a, name, from, amount)
}

// ensure makes a hold one of that amount in that account.
func ensure(a *act.Act, name names, from api.AccountID, amount api.Micro) error {
	held, account, ok := a.Ledger.Held(name.hold)
	switch {
	case ok && account == from && held == amount:
		return nil
	case ok && account == from:
		return a.Ledger.Resize(name.hold, amount)
	case ok:
		a.Ledger.Release(name.hold)
	}
	if amount == 0 {
		return nil
	}
	return a.Ledger.Hold(name.hold, from, amount, ledger.Why{Kind: "bid", Ref: name.entity})
}

// needs is what must be held for a bidder's bid now.
func (x *Auction) needs(bidder string, b *Bid) (from api.AccountID, amount api.Micro) {
	switch {
	case b.State == api.BidCommitted:
		return b.Account, b.Deposit
	case !b.stands() || !x.Terms.Type.Sealed() && x.Lead.Bidder != bidder:
		return b.Account, 0
	}
	return x.could(b)
}

// could is what a bid could cost its bidder: money, or the units of the asset that it sells.
func (x *Auction) could(b *Bid) (from api.AccountID, amount api.Micro) {
	t := x.Terms
	switch {
	case x.sells(b) && t.Type == api.AuctionCombinatorial:
		return b.Account, 0 // see takesBundle
	case x.sells(b) && t.Asset == "":
		return b.Account, 0
	case x.sells(b) && t.Type.PerUnit():
		return sibling(b.Account, t.Asset), units(b.Quantity)
	case x.sells(b):
		return sibling(b.Account, t.Asset), units(t.Quantity)
	case t.Type == api.AuctionCombinatorial:
		for i := range b.Bundles {
			amount = max(amount, b.Bundles[i].Price)
		}
		return b.Account, amount
	case t.Type.PerUnit():
		return b.Account, mechanism.Amount(b.Price, b.Quantity)
	}
	return b.Account, max(b.Price, b.Max)
}

func (p *placing) receipt(head string) *api.BidReceipt {
	x := p.x
	r := &api.BidReceipt{Auction: x.Terms.ID, Number: p.number, Price: p.bid.Price, State: x.State, EndsAt: x.EndsAt, Head: head}
	if !x.Terms.Type.Sealed() {
		r.Price, r.Leading = x.Lead.Price, x.Lead.Bidder == p.by
	}
	return r
}
