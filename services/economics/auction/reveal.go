package auction

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// Revealed is the body of the step in which a commitment was opened.
type Revealed struct {
	Price    api.Micro `json:"price"`
	Quantity int64     `json:"quantity"`
	Salt     string    `json:"salt"`
}

func reveal(a *act.Act, d *Draft, r *api.AuctionRevealRequest) (*api.BidReceipt, error) {
	x, p, err := own(a, d, r.Auction)
	if err != nil {
		return nil, err
	}
	if x.State != api.AuctionClosing || x.RevealEndsAt.IsZero() || !a.Time.Before(x.RevealEndsAt) {
		return nil, api.Errorf(api.FailedPrecondition, "auction %s is %s: commitments are not revealed now", r.Auction, x.State).WithReason(api.ReasonNotRevealing)
	}
	said := Revealed{Price: *r.Price, Quantity: max(r.Quantity, 1), Salt: r.Salt}
	if err := p.reveal(&said); err != nil {
		return nil, err
	}
	from, amount := x.could(p.bid)
	if err := ensure(a, nameOf(r.Auction, p.by), from, amount); err != nil {
		return nil, err
	}
	head, err := a.Step(&x.Log, Entity(r.Auction), StepRevealed, p.by, &said)
	if err != nil {
		return nil, err
	}
	if x.Committed > 0 {
		a.Changed(Entity(r.Auction))
		return p.receipt(head), nil
	}
	if err := conclude(a, d, x); err != nil {
		return nil, err
	}
	return p.receipt(x.Log.Head), nil
}

// reveal opens a commitment. The bid keeps the place in the order that the commitment had.
func (p *placing) reveal(s *Revealed) error {
	x, b := p.x, p.bid
	if b.State != api.BidCommitted {
		return api.Errorf(api.FailedPrecondition, "the bid of %s is not a commitment any more", p.by).WithReason(api.ReasonNotRevealing)
	}
	if !mechanism.Opens(b.Commitment, x.Terms.ID, p.by, s.Price, s.Quantity, s.Salt) {
		return api.Errorf(api.Invalid, "price, quantity and salt are not those that were committed to").WithReason(api.ReasonCommitmentMismatch)
	}
	b.Price, b.Quantity = s.Price, s.Quantity
	if x.Terms.Type != api.AuctionUniform && s.Quantity != 1 {
		return api.Errorf(api.Invalid, "the lot is sold as a whole: quantity 1").WithReason(api.ReasonInvalidQuantity).WithFields("quantity")
	}
	if err := x.fits(b); err != nil {
		return err
	}
	b.State = ""
	x.Committed--
	return nil
}

// own finds the bid of the principal.
func own(a *act.Act, d *Draft, id string) (*Auction, *placing, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, nil, err
	}
	x, err := d.edit(id)
	if err != nil {
		return nil, nil, err
	}
	p := &placing{x: x, by: a.Principal, now: a.Time, number: x.Log.Count + 1, known: true}
	var ok bool
	if p.bid, ok = d.bids.Edit(nameOf(id, p.by).row); !ok || p.bid.State == api.BidWithdrawn {
		return nil, nil, api.Errorf(api.NotFound, "%s has no bid in auction %s", p.by, id).WithReason(api.ReasonBidNotFound)
	}
	return x, p, nil
}

func withdraw(a *act.Act, d *Draft, r *api.AuctionRequest) (*api.BidReceipt, error) {
	x, p, err := own(a, d, r.Auction)
	if err != nil {
		return nil, err
	}
	switch {
	case !x.Terms.Type.Sealed():
		return nil, api.Errorf(api.FailedPrecondition, "a bid in a %s auction stands", x.Terms.Type).WithReason(api.ReasonCannotWithdraw)
	case x.State != api.AuctionOpen || !a.Time.Before(x.EndsAt):
		return nil, x.notOpen()
	}
	p.withdraw()
	a.Ledger.Release(nameOf(r.Auction, p.by).hold)
	head, err := a.Step(&x.Log, Entity(r.Auction), StepWithdrawn, p.by, struct{}{})
	if err != nil {
		return nil, err
	}
	a.Changed(Entity(r.Auction))
	return p.receipt(head), nil
}

func (p *placing) withdraw() {
	p.x.leave(p.bid, true)
	*p.bid = Bid{State: api.BidWithdrawn, Account: p.bid.Account, Number: p.number, At: p.now}
}
