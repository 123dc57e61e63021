package chaos

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// lot is an auction of a seller, and what its bidders were told.
type lot struct {
	*bank
	n      int // of the seller
	id     string
	spec   api.AuctionSpec
	opens  map[string]string // salts of commitments, by bidder
	placed map[uint64]string // bidders, by the step of their bid
}

// sell holds one auction after the other until there were enough, and all kills are done.
func (b *bank) sell(ctx context.Context, n int) error {
	for k := n; ctx.Err() == nil && (b.begun.Load() < int64(b.cfg.Auctions) || !b.killed.Load()); k++ {
		begun := b.begun.Add(1)
		l := &lot{bank: b, n: n, id: fmt.Sprintf("a%d", begun), opens: map[string]string{}, placed: map[uint64]string{}}
		if err := l.hold(ctx, k); err != nil {
			return fmt.Errorf("auction %s (%s): %w", l.id, l.spec.Type, err)
		}
		b.ended.Add(1)
	}
	return nil
}

const (
	unit  = 1_000_000
	hour  = api.Duration(time.Hour)
	kinds = 8 // of auctions, which follow each other
)

// terms are those of a kind of auction.
func (l *lot) terms(kind int) api.AuctionSpec {
	long := hour
	s := api.AuctionSpec{ID: l.id, Asset: gold, Fee: 50_000, Duration: &long}
	switch kind % kinds {
	case 0:
		s.Type, s.Increment = api.AuctionEnglish, 1
	case 1:
		s.Type = api.AuctionVickrey
	case 2:
		s.Type = api.AuctionFirstPrice
	case 3:
		s.Type, s.Quantity = api.AuctionUniform, 2
	case 4:
		s.Type, s.StartPrice, s.Step, s.Interval, s.Reserve, s.Duration = api.AuctionDutch, 9*unit, unit, api.Duration(time.Minute), unit, nil
	case 5:
		s.Type, s.Reveal, s.Deposit = api.AuctionSealedBid, hour, 9*unit
	case 6: // its own clock ends it
		short := api.Duration(300 * time.Millisecond)
		s.Type, s.Increment, s.Duration = api.AuctionEnglish, 1, &short
	case 7:
		s.Type, s.Asset = api.AuctionCombinatorial, ""
		s.Items = []api.AuctionItem{{Name: "p", Asset: gold, Quantity: 1}, {Name: "q", Asset: gold, Quantity: 1}}
	}
	return s
}

// hold holds an auction from its beginning to its end.
func (l *lot) hold(ctx context.Context, kind int) error {
	l.spec = l.terms(kind)
	if _, err := ask(ctx, l.bank, seller(l.n), api.AuctionsCreate, l.spec); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	open := true
	for i := range rivals {
		over, err := l.bid(ctx, i)
		if err != nil {
			return fmt.Errorf("the bid of %s: %w", bidder(l.n, i), err)
		}
		if over {
			open = false
			break
		}
	}
	if open && kind%kinds != 6 {
		if _, err := ask(ctx, l.bank, seller(l.n), api.AuctionsClose, api.AuctionRequest{Auction: l.id}); err != nil {
			return fmt.Errorf("close: %w", err)
		}
	}
	for i := range rivals {
		who, price := bidder(l.n, i), l.price(i)*unit
		salt := l.opens[who]
		if salt == "" {
			continue
		}
		if _, err := ask(ctx, l.bank, who, api.AuctionsReveal, api.AuctionRevealRequest{Auction: l.id, Price: &price, Quantity: 1, Salt: salt}); err != nil {
			return fmt.Errorf("reveal: %w", err)
		}
	}
	return l.check(ctx)
}

// price is what a bidder offers, in units: the first two offer the same, unless each must offer more.
func (l *lot) price(i int) api.Micro {
	switch {
	case l.spec.Type == api.AuctionEnglish:
		return api.Micro(2 + i)
	case i < 2:
		return 3
	case l.spec.Type == api.AuctionCombinatorial: // for both items
		return 4
	}
	return 2
}

// won says what the winners pay, by bidder, when all have bid.
func (l *lot) won() map[string]api.Micro {
	first, second, third := bidder(l.n, 0), bidder(l.n, 1), bidder(l.n, 2)
	switch l.spec.Type {
	case api.AuctionEnglish:
		return map[string]api.Micro{third: 4}
	case api.AuctionUniform: // the highest price that loses
		return map[string]api.Micro{first: 2, second: 2}
	case api.AuctionCombinatorial: // what the others would have been worth together, less what they are: 4 - 3
		return map[string]api.Micro{first: 1, second: 1}
	}
	return map[string]api.Micro{first: 3} // its own price, or the second, which is the same
}

// bid places the bid of a bidder, and tells whether the auction is over.
func (l *lot) bid(ctx context.Context, i int) (over bool, err error) {
	who := bidder(l.n, i)
	price := l.price(i) * unit
	r := api.AuctionBidRequest{Auction: l.id, Price: &price}
	switch l.spec.Type {
	case api.AuctionDutch:
		r.Price = nil
	case api.AuctionUniform:
		r.Quantity = 1
	case api.AuctionSealedBid:
		l.opens[who] = "the salt of " + who + " " + l.id
		r.Price, r.Commitment = nil, api.SealBid(l.id, who, price, 1, l.opens[who])
	case api.AuctionCombinatorial:
		r.Items = [][]string{{"p"}, {"q"}, {"p", "q"}}[i]
	}
	said, err := ask(ctx, l.bank, who, api.AuctionsBid, r)
	switch {
	case err == nil:
		l.placed[said.Number] = who
		l.bids.Add(1)
		return said.State.Ended(), nil
	case api.ReasonOf(err) == api.ReasonAuctionExpired || api.ReasonOf(err) == api.ReasonAuctionNotOpen:
		if d := l.spec.Duration; d != nil && *d < hour { // it had little time
			return true, nil
		}
	}
	return false, err
}

// check waits for the end of the auction, and judges it by its transcript.
func (l *lot) check(ctx context.Context) error {
	var x *api.Auction
	for x == nil || !x.State.Ended() {
		after := uint64(0)
		if x != nil {
			after = x.Version
		}
		var err error
		if x, err = ask(ctx, l.bank, seller(l.n), api.AuctionsWait, api.AuctionWaitRequest{Auction: l.id, After: after, Wait: api.Duration(time.Second)}); err != nil {
			return fmt.Errorf("wait: %w", err)
		}
	}
	page, err := ask(ctx, l.bank, seller(l.n), api.AuctionsTranscript, api.AuctionTranscriptRequest{Auction: l.id, MinRevision: x.Revision})
	if err != nil {
		return fmt.Errorf("transcript: %w", err)
	}
	whole := api.Transcript{Namespace: page.Namespace, Entity: page.Entity, Steps: page.Steps, Head: page.Head, Key: page.Key, Signature: page.Signature}
	if err := transcript.Verify(&whole, l.key); err != nil {
		return err
	}
	r, err := auction.Recompute(page.Steps)
	if err != nil {
		return err
	}
	n := 0
	for i := range page.Steps {
		if w := page.Steps[i].What; w == auction.StepBid || w == auction.StepSealed {
			n++
		}
	}
	for number, who := range l.placed {
		if number > uint64(len(page.Steps)) || page.Steps[number-1].By != who {
			return fmt.Errorf("the bid of %s was granted as step %d, and is not there", who, number)
		}
	}
	switch {
	case n != len(l.placed):
		return fmt.Errorf("%d bids were granted, %d are in the transcript", len(l.placed), n)
	case r.State != x.State || (x.State == api.AuctionClosed) != (n > 0):
		return fmt.Errorf("it is %s after %d bids, and %s by its transcript", x.State, n, r.State)
	case x.State == api.AuctionClosed:
		l.sold.Add(1)
		if err := l.outcome(x.Outcome); err != nil {
			return err
		}
	default:
		l.expired.Add(1)
	}
	l.pay(r.Payments)
	return nil
}

// outcome compares an outcome with what is to be expected by hand. What the clock of a dutch auction shows is not known.
func (l *lot) outcome(o *api.AuctionOutcome) error {
	want := l.won()
	if l.spec.Type == api.AuctionDutch {
		want = map[string]api.Micro{bidder(l.n, 0): o.Price / unit}
	} else if len(l.placed) < rivals {
		return nil
	}
	have := map[string]api.Micro{}
	for _, a := range o.Awards {
		have[a.Bidder] += a.Amount / unit
	}
	if !maps.Equal(have, want) {
		return fmt.Errorf("the winners pay %v, and should pay %v", have, want)
	}
	return nil
}
