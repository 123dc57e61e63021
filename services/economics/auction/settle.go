package auction

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// award makes the best provider of an incentive auction the winner. What it may earn at most stays held, the rest goes back.
func award(a *act.Act, x *Auction, b *Bill) error {
	b.unsettled()
	x.State, x.Outcome = api.AuctionAwarded, &b.Outcome
	x.SettleBy = a.Time.Add(x.Terms.Incentive.Deadline.Std() + x.Terms.Completion.Std())
	why := ledger.Why{Kind: "auction", Ref: Entity(x.Terms.ID)}
	if err := a.Ledger.Hold(Entity(x.Terms.ID), x.Terms.Account, bonuses(x.Terms).Most(b.Outcome.Price), why); err != nil {
		return err
	}
	if err := x.step(a, StepAwarded, x.Outcome); err != nil {
		return err
	}
	x.awake(a, x.SettleBy)
	a.Changed(Entity(x.Terms.ID))
	return nil
}

// unsettled takes out of a bill what is not known before the work is done.
func (b *Bill) unsettled() {
	b.Outcome.Traded, b.Outcome.Fee, b.Outcome.Payments, b.Payments = 0, 0, 0, nil
}

func settle(a *act.Act, d *Draft, r *api.AuctionSettleRequest) (*api.Auction, error) {
	x, err := d.edit(r.Auction)
	if err != nil {
		return nil, err
	}
	if err := x.reports(a); err != nil {
		return nil, err
	}
	switch {
	case x.Terms.Type == api.AuctionIncentive && x.State == api.AuctionClosed:
		return nil, api.Errorf(api.FailedPrecondition, "auction %s is settled: an outcome is reported once", r.Auction).WithReason(api.ReasonAlreadySettled)
	case x.State != api.AuctionAwarded:
		return nil, x.notOpen()
	}
	s := x.due(r)
	if err := x.pay(a, d, s); err != nil {
		return nil, err
	}
	return x.View(a.Time), nil
}

// reports refuses who may not say what came of the work: permission_denied (not_auction_owner).
func (x *Auction) reports(a *act.Act) error {
	if x.Terms.Incentive == nil || x.Terms.Incentive.Judge == "" || a.Operator {
		return x.mine(a)
	}
	if a.Principal != x.Terms.Incentive.Judge {
		return api.Errorf(api.PermissionDenied, "auction %s is judged by %s", x.Terms.ID, x.Terms.Incentive.Judge).WithReason(api.ReasonNotAuctionOwner)
	}
	return nil
}

// due is what the winner of an incentive auction has earned.
func (x *Auction) due(r *api.AuctionSettleRequest) *api.AuctionSettlement {
	s := bonuses(x.Terms).Settle(x.Outcome.Price, r.Quality, r.Took.Std())
	return &api.AuctionSettlement{
		Quality: r.Quality, Took: r.Took, Base: s.Base, QualityBonus: s.Quality, SpeedBonus: s.Speed, ReputationBonus: s.Reputation, Total: s.Total,
	}
}

// unreported pays the price without bonuses when nobody has said in time what came of the work, so that an owner gains nothing by silence.
func unreported(a *act.Act, d *Draft, x *Auction) error {
	return x.pay(a, d, x.overdue())
}

func (x *Auction) overdue() *api.AuctionSettlement {
	return &api.AuctionSettlement{Base: x.Outcome.Price, Total: x.Outcome.Price, Unreported: true}
}

// pay settles an incentive auction: payment, fee and reputation.
func (x *Auction) pay(a *act.Act, d *Draft, s *api.AuctionSettlement) error {
	b := x.settled(s, d.rows(x))
	a.Ledger.Release(Entity(x.Terms.ID))
	if err := x.carryOut(a, b); err != nil {
		return err
	}
	if !s.Unreported {
		err := a.Reputation.Record(a.Time, reputation.Record{
			Agent: x.winner(), Domain: x.Terms.Domain, By: x.Owner, Ref: Entity(x.Terms.ID), Source: api.SourceSettlement,
			Quality: s.Quality, Satisfaction: s.Quality, CostEfficiency: worth(s.Quality, x.Terms.Reserve, s.Base), Stake: s.Total, Fee: b.Outcome.Fee,
			Duration: s.Took,
		})
		// A record that the guards refuse does not stop the payment: then it counts for nothing.
		if err != nil && api.AsError(err) == nil {
			return err
		}
	}
	x.Outcome = &b.Outcome
	return end(a, d, x, api.AuctionClosed, "", StepClosed, &b.Outcome)
}

// worth is the quality divided by the share of the ceiling that was paid for it, at most 1.
func worth(quality api.Decimal, ceiling, paid api.Micro) api.Decimal {
	return min(api.One, fixed.MulDiv(quality, api.Decimal(ceiling), api.Decimal(max(paid, 1))))
}

func (x *Auction) winner() string { return x.Outcome.Awards[0].Bidder }

// settled is the bill of a settlement. The outcome that was awarded is not changed.
func (x *Auction) settled(s *api.AuctionSettlement, find rows) *Bill {
	b := &Bill{Outcome: *x.Outcome}
	b.Outcome.Awards = append([]api.AuctionAward(nil), x.Outcome.Awards...)
	b.Outcome.Settlement, b.Outcome.Traded, b.Outcome.Fee = s, s.Total, ledger.Share(s.Total, x.Terms.Fee)
	b.Outcome.Awards[0].Amount = s.Total
	for _, p := range []api.AuctionPayment{
		{From: x.Terms.Account, To: find(x.winner()).Account, Amount: s.Total - b.Outcome.Fee, Kind: PaySettlement},
		{From: x.Terms.Account, To: ledger.FeesAccount(api.CreditAsset), Amount: b.Outcome.Fee, Kind: PayFee},
	} {
		if p.Amount > 0 {
			b.Payments = append(b.Payments, p)
		}
	}
	b.Outcome.Payments = len(b.Payments)
	return b
}
