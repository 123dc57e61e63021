package auction

import (
	"bytes"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// closing ends the bidding of a replay.
func (r *replay) closing(s *api.TranscriptStep) error {
	x := r.x
	solving := s.What == StepSolving
	again := solving && x.State == api.AuctionClosing
	switch {
	case x.State != api.AuctionOpen && !again, x.empty():
		return differs(s, "there is nothing to close")
	case s.By == "" && !again && s.At.Before(x.EndsAt):
		return differs(s, "comes before %s, when bidding ends", x.EndsAt)
	case solving != (x.Terms.Type == api.AuctionCombinatorial), !solving && x.Terms.Reveal == 0:
		return differs(s, "does not go with a %s auction", x.Terms.Type)
	}
	x.State = api.AuctionClosing
	if solving {
		return nil
	}
	var said Revealing
	if err := body(s, &said); err != nil {
		return err
	}
	if x.RevealEndsAt = s.At.Add(x.Terms.Reveal.Std()); !said.Until.Equal(x.RevealEndsAt) {
		return differs(s, "revealing ends at %s, not at %s", x.RevealEndsAt, said.Until)
	}
	return nil
}

// ripe tells whether the winners may be determined now.
func (r *replay) ripe(s *api.TranscriptStep) error {
	x := r.x
	switch {
	case x.State == api.AuctionClosing && !x.RevealEndsAt.IsZero() && x.Committed > 0 && s.At.Before(x.RevealEndsAt):
		return differs(s, "commitments could still be revealed until %s", x.RevealEndsAt)
	case x.State == api.AuctionOpen && (x.Terms.Reveal > 0 || x.Terms.Type == api.AuctionCombinatorial):
		return differs(s, "the step %s or %s is missing", StepClosing, StepSolving)
	case x.State == api.AuctionOpen && s.By == "" && s.At.Before(x.EndsAt):
		return differs(s, "comes before %s, when bidding ends", x.EndsAt)
	}
	return nil
}

// closed compares the outcome and the payments with those that the rules find.
func (r *replay) closed(s *api.TranscriptStep) error {
	x := r.x
	var have api.AuctionOutcome
	if err := body(s, &have); err != nil {
		return err
	}
	var want *Bill
	if x.State == api.AuctionAwarded {
		due, err := r.due(s, &have)
		if err != nil {
			return err
		}
		want = x.settled(due, r.find)
	} else {
		if err := r.ripe(s); err != nil {
			return err
		}
		solution, err := r.solution()
		if err != nil {
			return differs(s, "%v", err)
		}
		want = x.bill(x.decide(r.find, solution), r.find)
		if solution != nil {
			want.Outcome.Welfare = solution.Welfare
		}
		if len(want.deals) == 0 {
			return differs(s, "no bid has won")
		}
		if x.Terms.Type == api.AuctionIncentive {
			want.unsettled()
		}
	}
	if (s.What == StepAwarded) != (x.Terms.Type == api.AuctionIncentive && x.State != api.AuctionAwarded) {
		return differs(s, "is not how a %s auction goes on", x.Terms.Type)
	}
	if err := same(s, &have, &want.Outcome); err != nil {
		return err
	}
	if err := r.payments(s, want.Payments); err != nil {
		return err
	}
	if x.Outcome, x.State = &want.Outcome, api.AuctionClosed; s.What == StepAwarded {
		x.State, x.SettleBy = api.AuctionAwarded, s.At.Add(x.Terms.Incentive.Deadline.Std()+x.Terms.Completion.Std())
	}
	return nil
}

// due is what an incentive auction has to pay for what was reported.
func (r *replay) due(s *api.TranscriptStep, have *api.AuctionOutcome) (*api.AuctionSettlement, error) {
	switch {
	case have.Settlement == nil:
		return nil, differs(s, "says nothing of the settlement")
	case have.Settlement.Unreported && s.At.Before(r.x.SettleBy):
		return nil, differs(s, "the outcome could still be reported until %s", r.x.SettleBy)
	case have.Settlement.Unreported:
		return r.x.overdue(), nil
	}
	return r.x.due(&api.AuctionSettleRequest{Quality: have.Settlement.Quality, Took: have.Settlement.Took}), nil
}

// expired wants that nobody has won.
func (r *replay) expired(s *api.TranscriptStep) error {
	x := r.x
	var deals []deal
	if !x.empty() {
		if err := r.ripe(s); err != nil {
			return err
		}
		solution, err := r.solution()
		if err != nil {
			return differs(s, "%v", err)
		}
		deals = x.decide(r.find, solution)
	} else if s.At.Before(x.EndsAt) {
		return differs(s, "comes before %s, when bidding ends", x.EndsAt)
	}
	if len(deals) > 0 {
		return differs(s, "there is a winner: %s", x.bill(deals, r.find).Outcome.Awards[0].Bidder)
	}
	x.State = api.AuctionExpired
	return r.payments(s, x.forfeits(r.find))
}

// cancelled wants an owner without bids, an operator, or winners that could not be determined.
func (r *replay) cancelled(s *api.TranscriptStep) error {
	var said Ended
	if err := body(s, &said); err != nil {
		return err
	}
	switch x := r.x; {
	case said.Operator && s.By != "":
	case s.By == "" && x.Terms.Type == api.AuctionCombinatorial && (r.partial || x.State == api.AuctionClosing):
	case s.By != x.Owner:
		return differs(s, "%q cannot call it off", s.By)
	case r.partial:
	case x.State != api.AuctionOpen || !x.empty():
		return differs(s, "the owner cannot call it off: there are bids")
	}
	r.x.State = api.AuctionCancelled
	return nil
}

// payments compares those of the steps before with those that are due.
func (r *replay) payments(s *api.TranscriptStep, want []api.AuctionPayment) error {
	for i := range max(len(want), len(r.paid)) {
		switch {
		case i >= len(r.paid):
			return differs(s, "payment %d is missing: %s of %s from %s to %s", i+1, want[i].Kind, want[i].Amount, want[i].From, want[i].To)
		case i >= len(want):
			return differs(s, "payment %d is not due: %s of %s from %s to %s", i+1, r.paid[i].Kind, r.paid[i].Amount, r.paid[i].From, r.paid[i].To)
		case want[i] != r.paid[i]:
			return differs(s, "payment %d is %s of %s from %s to %s, not %s of %s from %s to %s", i+1,
				want[i].Kind, want[i].Amount, want[i].From, want[i].To, r.paid[i].Kind, r.paid[i].Amount, r.paid[i].From, r.paid[i].To)
		}
	}
	return nil
}

// same names the first difference of two outcomes.
func same(s *api.TranscriptStep, have, want *api.AuctionOutcome) error {
	for i := range min(len(have.Awards), len(want.Awards)) {
		h, w := &have.Awards[i], &want.Awards[i]
		switch {
		case h.Bidder != w.Bidder:
			return differs(s, "winner %d is %s, not %s", i+1, w.Bidder, h.Bidder)
		case h.Price != w.Price || h.Amount != w.Amount:
			return differs(s, "the price of %s is %s, %s in all, not %s, %s in all", w.Bidder, w.Price, w.Amount, h.Price, h.Amount)
		case h.Quantity != w.Quantity || h.Side != w.Side || !slices.Equal(h.Items, w.Items):
			return differs(s, "%s has won %d %v, not %d %v", w.Bidder, w.Quantity, w.Items, h.Quantity, h.Items)
		case h.Score != w.Score || !slices.Equal(h.Contracts, w.Contracts):
			return differs(s, "score or contracts of %s are %s %v, not %s %v", w.Bidder, w.Score, w.Contracts, h.Score, h.Contracts)
		}
	}
	if len(have.Awards) != len(want.Awards) {
		return differs(s, "there are %d winners, not %d", len(want.Awards), len(have.Awards))
	}
	if have.Price != want.Price || have.Traded != want.Traded || have.Fee != want.Fee || have.Welfare != want.Welfare || have.Payments != want.Payments {
		return differs(s, "price %s, traded %s, fee %s, welfare %s and %d payments, not %s, %s, %s, %s and %d",
			want.Price, want.Traded, want.Fee, want.Welfare, want.Payments, have.Price, have.Traded, have.Fee, have.Welfare, have.Payments)
	}
	a, err := codec.Marshal(have)
	if err != nil {
		return differs(s, "%v", err)
	}
	b, err := codec.Marshal(want)
	if err != nil {
		return differs(s, "%v", err)
	}
	if !bytes.Equal(a, b) {
		return differs(s, "the outcome is %s, not %s", b, a)
	}
	return nil
}
