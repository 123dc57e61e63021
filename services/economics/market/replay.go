package market

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/clearing"
	"github.com/mabus-project/mabus/services/economics/orderbook"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// ReasonTranscript is the reason of every difference between a transcript and the rules.
const ReasonTranscript = "wrong_transcript" // invalid

// Recompute carries out the steps of a transcript once more, by the rules alone, and returns the market as it stands after them: every
// trade with its price, quantity and fee, every clearing, and what shares are paid. The error is invalid and names the first step that
// says something else, or that the rules do not allow. The chain of the steps and its signature are checked elsewhere
// (transcript.Verify). What the steps do not tell is not checked: which principals were operators, and that the money was there.
func Recompute(steps []api.TranscriptStep) (*api.Market, error) {
	if len(steps) == 0 {
		return nil, api.Errorf(api.Invalid, "the transcript has no steps").WithReason(ReasonTranscript)
	}
	r := &replay{}
	for i := range steps {
		s := &steps[i]
		if (i == 0) != (s.What == StepCreated) {
			return nil, differs(s, "a market begins with the step %s, once", StepCreated)
		}
		if s.At.Before(r.now) {
			return nil, differs(s, "is earlier than the one before it")
		}
		if len(s.Body) == 0 {
			return nil, differs(s, "what it says is withheld: ask for the transcript when the market has closed")
		}
		r.now = s.At
		if err := r.step(s); err != nil {
			return nil, err
		}
	}
	if len(r.due) > 0 {
		return nil, differs(&steps[len(steps)-1], "%d trades of the clearing are missing after it", len(r.due))
	}
	return r.m.View(r.book), nil
}

// replay is a market without money.
type replay struct {
	m    *Market
	book *orderbook.Book
	now  time.Time
	due  []api.MarketTrade // of a clearing, which the next steps must tell
}

func differs(s *api.TranscriptStep, format string, args ...any) error {
	return api.Errorf(api.Invalid, "step %d (%s): %s", s.Number, s.What, api.Errorf(api.Invalid, format, args...).Message).WithReason(ReasonTranscript)
}

// said reads what a step says, and refuses more than that: what is computed must be all there is.
func said[T any](s *api.TranscriptStep) (v T, err error) {
	if err := codec.Decode(s.Body, &v); err != nil {
		return v, differs(s, "cannot be read: %v", err)
	}
	return v, nil
}

func (r *replay) step(s *api.TranscriptStep) error {
	if r.m != nil {
		r.m.Version++
		if len(r.due) > 0 && s.What != StepTrades {
			return differs(s, "%d trades of the clearing before it are missing", len(r.due))
		}
		if closed := r.m.State != api.MarketOpen; closed != (s.What == StepResolved || s.What == StepRedeemed) {
			return differs(s, "the market is %s by then", r.m.State)
		}
	}
	switch s.What {
	case StepCreated:
		return r.created(s)
	case StepOrder:
		return r.ordered(s)
	case StepCancelled:
		return r.cancelled(s)
	case StepCleared:
		return r.cleared(s)
	case StepTrades:
		return r.delivered(s)
	case StepTrade:
		return r.traded(s)
	case StepClosed:
		return r.closed(s)
	case StepResolved:
		return r.resolved(s)
	case StepRedeemed:
		return r.redeemed(s)
	}
	return differs(s, "is no step of a market")
}

func (r *replay) created(s *api.TranscriptStep) error {
	spec, err := said[api.MarketSpec](s)
	if err != nil {
		return err
	}
	if err := spec.Validate(); err != nil || spec.ID == "" {
		return differs(s, "no market is so: %v", err)
	}
	r.m = begin(&spec, s.By, s.At)
	r.m.Version = 1
	if r.m.Maker == nil {
		r.book = orderbook.New()
	}
	return nil
}

func (r *replay) needBook(s *api.TranscriptStep) error {
	if r.book == nil {
		return differs(s, "a market of type %s has no orders", r.m.Spec.Type)
	}
	if !r.m.ClosesAt.IsZero() && !s.At.Before(r.m.ClosesAt) {
		return differs(s, "comes after the time at which the market closes")
	}
	return nil
}

func (r *replay) ordered(s *api.TranscriptStep) error {
	x, err := said[Ordered](s)
	if err != nil {
		return err
	}
	if err := r.needBook(s); err != nil {
		return err
	}
	if x.Order.Number != r.book.Last()+1 {
		return differs(s, "order %d comes after order %d", x.Order.Number, r.book.Last())
	}
	c, err := decide(r.m, r.book, x.Order)
	if err != nil {
		return differs(s, "%v", err)
	}
	if c.Rest != x.Rest || c.Cancelled != x.Cancelled || c.Why != x.Why || len(c.Fills) != len(x.Fills) {
		return differs(s, "%d units trade, %d rest and %d are cancelled, in %d trades", c.Filled(), c.Rest, c.Cancelled, len(c.Fills))
	}
	for i := range c.Fills {
		t := r.m.traded(r.m.fill(&c, i, s.At))
		want := Filled{Trade: t.Number, Order: c.Fills[i].Maker.Number, Price: t.Price, Quantity: t.Quantity, Fee: t.Fee}
		if x.Fills[i] != want {
			return differs(s, "trade %d is %d units at %d, with order %d and a fee of %d", want.Trade, want.Quantity, int64(want.Price), want.Order, int64(want.Fee))
		}
	}
	r.m.Orders++
	r.book.Apply(c)
	return nil
}

func (r *replay) cancelled(s *api.TranscriptStep) error {
	x, err := said[Cancelled](s)
	if err != nil {
		return err
	}
	if err := r.needBook(s); err != nil {
		return err
	}
	c, o, err := r.book.Cancel(x.Order)
	if err != nil {
		return differs(s, "%v", err)
	}
	if o.Quantity != x.Quantity {
		return differs(s, "order %d has %d units left", x.Order, o.Quantity)
	}
	r.book.Apply(c)
	return nil
}

func (r *replay) cleared(s *api.TranscriptStep) error {
	x, err := said[api.MarketClearResponse](s)
	if err != nil {
		return err
	}
	if r.book == nil || r.m.Spec.Type == api.MarketContinuous {
		return differs(s, "a market of type %s is not cleared", r.m.Spec.Type)
	}
	buys, sells := r.book.Orders(api.OrderBuy), r.book.Orders(api.OrderSell)
	result, err := clearing.Clear(offers(buys), offers(sells))
	if err != nil {
		return differs(s, "%v", err)
	}
	r.due = r.m.cleared(result, buys, sells, s.At)
	if want := totals(r.m.Spec.ID, r.due); x != *want {
		return differs(s, "%d units trade at %d for %d, with fees of %d in %d trades",
			want.Quantity, int64(want.Price), int64(want.Value), int64(want.Fees), want.Trades)
	}
	c, err := r.book.Take(taken(result, buys, sells))
	if err != nil {
		return differs(s, "%v", err)
	}
	r.book.Apply(c)
	return nil
}

func (r *replay) delivered(s *api.TranscriptStep) error {
	x, err := said[[]api.MarketTrade](s)
	if err != nil {
		return err
	}
	if len(x) == 0 || len(x) > len(r.due) {
		return differs(s, "%d trades are told, of %d", len(x), len(r.due))
	}
	for i := range x {
		if want := r.due[i]; !x[i].At.Equal(want.At) || !sameTrade(x[i], want) {
			return differs(s, "trade %d is %d units from order %d to order %d", want.Number, want.Quantity, want.SellOrder, want.BuyOrder)
		}
	}
	r.due = r.due[len(x):]
	return nil
}

// sameTrade compares trades but for their times.
func sameTrade(a, b api.MarketTrade) bool {
	a.At = b.At
	return a == b
}

func (r *replay) traded(s *api.TranscriptStep) error {
	x, err := said[Traded](s)
	if err != nil {
		return err
	}
	side, who := api.OrderBuy, x.Trade.Buyer
	if who == "" {
		side, who = api.OrderSell, x.Trade.Seller
	}
	if err := api.CheckOrder(side, api.OrderMarket, 0, x.Trade.Quantity); err != nil || who == "" {
		return differs(s, "nobody trades so: %v", err)
	}
	p, err := r.m.price(x.Trade.Outcome, side, x.Trade.Quantity)
	if err != nil {
		return differs(s, "%v", err)
	}
	want := r.m.bargain(p, x.Trade.Outcome, side, x.Trade.Quantity, who, s.At)
	if !x.Trade.At.Equal(s.At) || !sameTrade(x.Trade, want) || !slices.Equal(x.Shares, p.Shares) || x.Cost != p.Cost {
		return differs(s, "%d shares in outcome %d are worth %d, and cost all %d then", want.Quantity, want.Outcome, int64(want.Value), int64(p.Cost))
	}
	return nil
}

func (r *replay) closed(s *api.TranscriptStep) error {
	if r.book != nil && r.m.Spec.Type != api.MarketContinuous {
		if _, err := clearing.Clear(offers(r.book.Orders(api.OrderBuy)), offers(r.book.Orders(api.OrderSell))); err == nil {
			return differs(s, "the last clearing is missing before it")
		}
	}
	r.m.State, r.m.EndedAt, r.m.ClearsAt = api.MarketClosed, s.At, time.Time{}
	return nil
}

func (r *replay) resolved(s *api.TranscriptStep) error {
	x, err := said[Resolved](s)
	if err != nil {
		return err
	}
	k := r.m.Maker
	switch {
	case k == nil || k.Payouts != nil:
		return differs(s, "the market has no outcome, or has it already")
	case x.Void != (x.Outcome == 0) || x.Outcome < 0 || x.Outcome > len(k.Shares):
		return differs(s, "there is no outcome %d", x.Outcome)
	}
	r.m.State, k.Payouts = r.m.payouts(x.Outcome)
	k.Outcome, k.Note = x.Outcome, x.Note
	if !slices.Equal(x.Shares, k.Shares) || !slices.Equal(x.Payouts, k.Payouts) {
		return differs(s, "of %v shares each is paid %v", k.Shares, k.Payouts)
	}
	return nil
}

func (r *replay) redeemed(s *api.TranscriptStep) error {
	x, err := said[Redeemed](s)
	if err != nil {
		return err
	}
	k := r.m.Maker
	if k == nil || k.Payouts == nil || len(x.Shares) != len(k.Shares) {
		return differs(s, "no shares are paid yet, or there are not as many outcomes")
	}
	// Parts of shares are paid too: each outcome up to one unit more than its whole shares say, for less than that.
	var least, most api.Micro
	for i, n := range x.Shares {
		if n < 0 || n > k.Shares[i] {
			return differs(s, "there are %d shares in outcome %d", k.Shares[i], i+1)
		}
		least += api.Micro(n) * k.Payouts[i]
		most += api.Micro(n)*k.Payouts[i] + k.Payouts[i]
	}
	if x.Paid < least || x.Paid > most {
		return differs(s, "the shares are worth %d", int64(least))
	}
	return nil
}
