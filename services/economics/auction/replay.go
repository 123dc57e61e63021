package auction

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Result is what an auction comes to by its transcript.
type Result struct {
	ID    string           `json:"id"`
	Owner string           `json:"owner"`
	Type  api.AuctionType  `json:"type"`
	State api.AuctionState `json:"state"`
	// Outcome and Payments are computed anew; there is no outcome without a winner.
	Outcome  *api.AuctionOutcome  `json:"outcome,omitempty"`
	Payments []api.AuctionPayment `json:"payments,omitempty"`
	Bids     uint64               `json:"bids"`
}

// Recompute carries out the steps of a transcript once more, by the rules alone: who has won, at what price, and what was paid for it. The
// error is invalid and names the first step that says something else, or that the rules do not allow. The chain of the steps and its
// signature are checked elsewhere (transcript.Verify). What the steps do not tell is not checked: reputations when bids were made, which
// principals were operators, and that the money was there.
func Recompute(steps []api.TranscriptStep) (*Result, error) {
	if len(steps) == 0 {
		return nil, api.Errorf(api.Invalid, "the transcript has no steps")
	}
	called := steps[len(steps)-1].What == StepCancelled
	r := &replay{bids: map[string]*Bid{}, partial: called && slices.ContainsFunc(steps, func(s api.TranscriptStep) bool { return len(s.Body) == 0 })}
	for i := range steps {
		s := &steps[i]
		if s.Number != uint64(i)+1 {
			return nil, differs(s, "stands in the place of step %d", i+1)
		}
		if r.x != nil && r.x.State.Ended() {
			return nil, differs(s, "comes after the end")
		}
		if s.At.Before(r.now) {
			return nil, differs(s, "is earlier than the one before it")
		}
		r.now, r.first = s.At, i == 0
		if err := r.step(s); err != nil {
			return nil, err
		}
	}
	x := r.x
	return &Result{
		ID: x.Terms.ID, Owner: x.Owner, Type: x.Terms.Type, State: x.State, Outcome: x.Outcome, Payments: r.paid, Bids: x.Bids,
	}, nil
}

// replay is an auction without money.
type replay struct {
	x     *Auction
	bids  map[string]*Bid
	now   time.Time
	first bool
	// partial says that bids are withheld, as those of an auction that was called off are for ever: nothing came of them.
	partial bool
	paid    []api.AuctionPayment // as the steps list them
}

func differs(s *api.TranscriptStep, format string, args ...any) error {
	return api.Errorf(api.Invalid, "step %d (%s): %s", s.Number, s.What, api.Errorf(api.Invalid, format, args...).Message).WithReason(ReasonTranscript)
}

// ReasonTranscript is the reason of every difference between a transcript and the rules.
const ReasonTranscript = "wrong_transcript" // invalid

func (r *replay) find(bidder string) *Bid { return r.bids[bidder] }

// step carries out one step.
func (r *replay) step(s *api.TranscriptStep) error {
	if r.first != (s.What == StepCreated) {
		return differs(s, "an auction begins with the step %s, once", StepCreated)
	}
	if r.partial && s.What != StepCreated && s.What != StepCancelled {
		return nil
	}
	if len(s.Body) == 0 {
		return differs(s, "what it says is withheld: ask for the transcript when the auction has closed")
	}
	switch s.What {
	case StepCreated:
		return r.created(s)
	case StepBid, StepSealed:
		return r.placed(s)
	case StepRevealed:
		return r.revealed(s)
	case StepWithdrawn:
		return r.withdrawn(s)
	case StepClosing, StepSolving:
		return r.closing(s)
	case StepPaid:
		var p Paid
		if err := body(s, &p); err != nil {
			return err
		}
		r.paid = append(r.paid, p.Payments...)
		return nil
	case StepAwarded, StepClosed:
		return r.closed(s)
	case StepExpired:
		return r.expired(s)
	case StepCancelled:
		return r.cancelled(s)
	}
	return differs(s, "is no step of an auction")
}

func body(s *api.TranscriptStep, into any) error {
	if err := codec.Read(s.Body, into); err != nil {
		return differs(s, "cannot be read: %v", err)
	}
	return nil
}

func (r *replay) created(s *api.TranscriptStep) error {
	var c Created
	if err := body(s, &c); err != nil {
		return err
	}
	if c.Terms == nil || c.Terms.Duration == nil || c.Terms.ID == "" {
		return differs(s, "has no terms")
	}
	if err := c.Terms.Validate(); err != nil {
		return differs(s, "%v", err)
	}
	if err := check(c.Terms); err != nil {
		return differs(s, "%v", err)
	}
	r.x = begin(c.Terms, s.By, s.At)
	if !r.x.EndsAt.Equal(c.EndsAt) {
		return differs(s, "it ends at %s, not at %s", r.x.EndsAt, c.EndsAt)
	}
	return nil
}

func (r *replay) open(s *api.TranscriptStep) error {
	switch {
	case r.x.State != api.AuctionOpen:
		return differs(s, "the auction is %s by then", r.x.State)
	case !s.At.Before(r.x.EndsAt):
		return differs(s, "comes after %s, when bidding ended", r.x.EndsAt)
	case s.By == r.x.Owner || s.By == "":
		return differs(s, "%q cannot bid", s.By)
	}
	return nil
}

func (r *replay) placed(s *api.TranscriptStep) error {
	if err := r.open(s); err != nil {
		return err
	}
	var said Placed
	if err := body(s, &said); err != nil {
		return err
	}
	asked := api.AuctionBidRequest{
		Auction: r.x.Terms.ID, Price: said.Price, Max: said.Max, Quantity: said.Quantity, Whole: said.Whole, Side: said.Side, Items: said.Items,
		Attributes: said.Attributes, Commitment: said.Commitment, Deposit: said.Deposit, Account: said.Account,
	}
	if err := asked.Validate(); err != nil {
		return differs(s, "%v", err)
	}
	if want := said.step(r.x.Terms); want != s.What {
		return differs(s, "is a step of the kind %s", want)
	}
	p := r.placing(s)
	if !p.known && len(r.x.Bidders) >= r.x.Terms.MaxBidders {
		return differs(s, "there are %d bidders already", len(r.x.Bidders))
	}
	if err := p.place(&said); err != nil {
		return differs(s, "%v", err)
	}
	r.bids[s.By] = p.bid
	if said.open(r.x.Terms) && (said.Standing != r.x.Lead.Price || said.Leader != r.x.Lead.Bidder) {
		return differs(s, "%s leads at %s, not %s at %s", r.x.Lead.Bidder, r.x.Lead.Price, said.Leader, said.Standing)
	}
	return nil
}

func (r *replay) placing(s *api.TranscriptStep) *placing {
	b, known := r.bids[s.By]
	if !known {
		b = &Bid{}
	}
	return &placing{x: r.x, bid: b, known: known, by: s.By, now: s.At, number: s.Number}
}

func (r *replay) revealed(s *api.TranscriptStep) error {
	var said Revealed
	if err := body(s, &said); err != nil {
		return err
	}
	p := r.placing(s)
	if r.x.State != api.AuctionClosing || !p.known || !s.At.Before(r.x.RevealEndsAt) {
		return differs(s, "nothing is revealed then")
	}
	if err := p.reveal(&said); err != nil {
		return differs(s, "%v", err)
	}
	return nil
}

func (r *replay) withdrawn(s *api.TranscriptStep) error {
	p := r.placing(s)
	if err := r.open(s); err != nil {
		return err
	}
	if !p.known || p.bid.State == api.BidWithdrawn || !r.x.Terms.Type.Sealed() {
		return differs(s, "there is nothing to withdraw")
	}
	p.withdraw()
	return nil
}

// solution determines the winners of a combinatorial auction anew, with all the time that it takes.
func (r *replay) solution() (*bundle.Solution, error) {
	if r.x.Terms.Type != api.AuctionCombinatorial {
		return nil, nil
	}
	return bundle.Solve(r.x.bundling(r.find), bundle.DefaultSteps)
}
