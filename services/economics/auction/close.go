package auction

import (
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// Revealing is the body of the step with which revealing begins.
type Revealing struct {
	Until time.Time `json:"until"`
}

// Ended is the body of the step with which an auction ends without a winner.
type Ended struct {
	Reason string `json:"reason"`
	// Operator says that whoever called it off is one, and may do so in spite of bids.
	Operator bool `json:"operator,omitempty"`
}

// mine refuses who is neither the owner nor an operator: permission_denied (not_auction_owner).
func (x *Auction) mine(a *act.Act) error {
	if a.Operator {
		return nil
	}
	if err := a.NeedPrincipal(); err != nil {
		return err
	}
	if a.Principal != x.Owner {
		return api.Errorf(api.PermissionDenied, "auction %s belongs to %s", x.Terms.ID, x.Owner).WithReason(api.ReasonNotAuctionOwner)
	}
	return nil
}

// empty tells whether no bid stands.
func (x *Auction) empty() bool {
	if x.Terms.Type.Sealed() {
		return x.Standing == 0
	}
	return x.Lead.Bidder == ""
}

func closeNow(a *act.Act, d *Draft, r *api.AuctionRequest) (*api.Auction, error) {
	x, err := d.edit(r.Auction)
	if err != nil {
		return nil, err
	}
	if err := x.mine(a); err != nil {
		return nil, err
	}
	switch {
	case x.State == api.AuctionClosing && x.Solving > 0:
		return nil, api.Errorf(api.FailedPrecondition, "the winners of auction %s are being determined", r.Auction).WithReason(api.ReasonAuctionUnderSolving)
	case x.State == api.AuctionClosing:
		return nil, api.Errorf(api.FailedPrecondition, "commitments are revealed until %s", x.RevealEndsAt).WithReason(api.ReasonAuctionRevealing)
	case x.State != api.AuctionOpen:
		return nil, x.notOpen()
	case x.empty():
		return nil, api.Errorf(api.FailedPrecondition, "nobody has bid in auction %s", r.Auction).WithReason(api.ReasonNoBids)
	}
	if err := endBidding(a, d, x); err != nil {
		return nil, err
	}
	return x.View(a.Time), nil
}

// Timer carries on with an auction whose time has come.
func Timer(a *act.Act, d *Draft, key string) error {
	id, again := strings.CutSuffix(key, againTimer)
	x, ok := d.auctions.Edit(id)
	if !ok || x.State.Ended() {
		return nil
	}
	if again { // this one never fails, and sets both anew
		x.awake(a, a.Time)
		return nil
	}
	if len(x.Log.Recent) > transcript.MaxRecent-transcript.Page { // its end has to be written down, too: the archive is behind
		x.awake(a, a.Time.Add(retry))
		return nil
	}
	switch {
	case x.State == api.AuctionOpen && x.empty():
		return expire(a, d, x, "nobody has bid")
	case x.State == api.AuctionOpen:
		return endBidding(a, d, x)
	case x.State == api.AuctionClosing && x.Solving == 0:
		return conclude(a, d, x)
	case x.State == api.AuctionClosing:
		return solveAgain(a, d, x, "it takes too long")
	case x.State == api.AuctionAwarded:
		return unreported(a, d, x)
	}
	return nil
}

// endBidding goes on to revealing, to solving, or to the end.
func endBidding(a *act.Act, d *Draft, x *Auction) error {
	switch {
	case x.Terms.Reveal > 0:
		x.State, x.RevealEndsAt = api.AuctionClosing, a.Time.Add(x.Terms.Reveal.Std())
		if err := x.step(a, StepClosing, Revealing{x.RevealEndsAt}); err != nil {
			return err
		}
		x.awake(a, x.RevealEndsAt)
		a.Changed(Entity(x.Terms.ID))
		return nil
	case x.Terms.Type == api.AuctionCombinatorial:
		return solve(a, d, x)
	}
	return conclude(a, d, x)
}

// step adds a step of the auction's own.
func (x *Auction) step(a *act.Act, what string, body any) error {
	_, err := a.Step(&x.Log, Entity(x.Terms.ID), what, a.Principal, body)
	return err
}

// conclude finds the winners and ends the auction.
func conclude(a *act.Act, d *Draft, x *Auction) error {
	find := d.rows(x)
	return finish(a, d, x, x.bill(x.decide(find, nil), find))
}

func cancel(a *act.Act, d *Draft, r *api.AuctionCancelRequest) (*api.Auction, error) {
	x, err := d.edit(r.Auction)
	if err != nil {
		return nil, err
	}
	if err := x.mine(a); err != nil {
		return nil, err
	}
	switch {
	case x.State.Ended():
		return nil, x.notOpen()
	case !a.Operator && (x.State != api.AuctionOpen || !x.empty()):
		return nil, api.Errorf(api.FailedPrecondition, "there are bids in auction %s", r.Auction).WithReason(api.ReasonCannotCancel)
	}
	reason := r.Reason
	if reason == "" {
		reason = "called off by " + a.Principal
	}
	if err := callOff(a, d, x, reason); err != nil {
		return nil, err
	}
	return x.View(a.Time), nil
}

// callOff ends an auction as if it had never been.
func callOff(a *act.Act, d *Draft, x *Auction, reason string) error {
	x.releaseAll(a, d.rows(x))
	return end(a, d, x, api.AuctionCancelled, reason, StepCancelled, Ended{reason, a.Operator})
}

// expire ends an auction without a winner, after its time.
func expire(a *act.Act, d *Draft, x *Auction, reason string) error {
	find := d.rows(x)
	b := x.bill(nil, find)
	x.releaseAll(a, find)
	if err := x.carryOut(a, b); err != nil {
		return err
	}
	return end(a, d, x, api.AuctionExpired, reason, StepExpired, Ended{Reason: reason})
}

// end is the last that happens to an auction.
func end(a *act.Act, d *Draft, x *Auction, state api.AuctionState, reason, what string, body any) error {
	x.State, x.Reason, x.EndedAt = state, reason, a.Time
	if err := x.step(a, what, body); err != nil {
		return err
	}
	x.awake(a, never)
	d.countEnd(x)
	a.Ended(Entity(x.Terms.ID))
	return nil
}
