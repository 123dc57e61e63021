package economysim

import (
	"fmt"
	"slices"

	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// sale is what was asked and answered about an auction.
type sale struct {
	over bool
	bids []placed // that were granted, in their order
}

// placed is a bid; one without a price withdraws those before it.
type placed struct {
	by     string
	price  api.Micro
	number uint64
}

func (j *judge) opened(c *engine.Command, answer []byte) error {
	var x api.Auction
	if err := codec.Read(answer, &x); err != nil {
		return err
	}
	if j.sales[x.ID] != nil {
		return fmt.Errorf("was opened before")
	}
	j.sales[x.ID] = &sale{}
	return nil
}

func (j *judge) bid(c *engine.Command, answer []byte) error {
	var asked api.AuctionBidRequest
	var said api.BidReceipt
	if err := codec.Read(c.Body, &asked); err != nil {
		return err
	}
	if err := codec.Read(answer, &said); err != nil {
		return err
	}
	k := j.sales[asked.Auction]
	if k == nil {
		return fmt.Errorf("there is no such auction")
	}
	if !said.EndsAt.After(c.Time) {
		return fmt.Errorf("was granted at %s, the end was %s", c.Time, said.EndsAt)
	}
	p := placed{by: c.Principal, number: said.Number}
	if c.Kind == "auctions.bid" {
		if p.price = 1; asked.Price != nil {
			p.price = *asked.Price
		}
	}
	k.bids = append(k.bids, p)
	return nil
}

// ended judges an auction by its transcript, the entries of all accounts, and what its bidders were told.
func (j *judge) ended(id string, steps []api.TranscriptStep) error {
	r, err := auction.Recompute(steps)
	if err != nil {
		return err
	}
	j.w.result.Auctions++
	var want []string
	for _, p := range r.Payments {
		if p.Kind != auction.PayEscrow && p.From != p.To {
			want = append(want, fmt.Sprint(p.From, p.To, p.Amount, p.Kind))
		}
	}
	var have []string
	for _, m := range j.moved[auction.Entity(id)] {
		have = append(have, fmt.Sprint(m.from, m.to, m.amount, m.kind))
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		return fmt.Errorf("accounts have the payments %s, its transcript %s", have, want)
	}
	k := j.sales[id]
	if err := k.told(steps); err != nil {
		return err
	}
	if r.Outcome != nil {
		j.w.result.Sold++
	}
	x := j.e.State().Auctions.Auctions[id]
	if x == nil || r.State == api.AuctionCancelled {
		return nil
	}
	return j.foreseen(x, k, r)
}

// told wants every bid that was granted in the transcript, and no other.
func (k *sale) told(steps []api.TranscriptStep) error {
	for _, p := range k.bids {
		if p.number == 0 || p.number > uint64(len(steps)) || steps[p.number-1].By != p.by {
			return fmt.Errorf("the bid of %s was granted as step %d, and is not there", p.by, p.number)
		}
	}
	n := 0
	for i := range steps {
		if w := steps[i].What; w == auction.StepBid || w == auction.StepSealed || w == auction.StepWithdrawn {
			n++
		}
	}
	if n != len(k.bids) {
		return fmt.Errorf("%d bids were granted, the transcript has %d", len(k.bids), n)
	}
	return nil
}

// foreseen reckons who has won a simple auction, and at what price, from what was asked alone.
func (j *judge) foreseen(x *auction.Auction, k *sale, r *auction.Result) error {
	t := x.Terms
	if t.Reverse || t.Reveal > 0 {
		return nil
	}
	var best, second placed
	switch t.Type {
	case api.AuctionDutch:
		if len(k.bids) > 0 {
			best = k.bids[0]
		}
	case api.AuctionFirstPrice, api.AuctionSealedBid, api.AuctionVickrey:
		last := map[string]placed{}
		for _, p := range k.bids {
			last[p.by] = p
		}
		for _, p := range k.bids {
			if last[p.by] != p || p.price == 0 {
				continue // an earlier one of the same bidder
			}
			if p.price > best.price {
				best, second = p, best
			} else if p.price > second.price {
				second = p
			}
		}
	default:
		return nil
	}
	if best.by == "" || r.Outcome == nil {
		if best.by != "" || r.Outcome != nil {
			return fmt.Errorf("%s should have won, the outcome is %v", best.by, r.Outcome)
		}
		return nil
	}
	price := best.price
	switch t.Type {
	case api.AuctionVickrey:
		price = max(second.price, t.Reserve)
	case api.AuctionDutch:
		price = r.Outcome.Price // that of the clock
	}
	j.w.result.Foreseen++
	if w := r.Outcome.Awards[0]; w.Bidder != best.by || r.Outcome.Price != price || len(r.Outcome.Awards) != 1 {
		return fmt.Errorf("%s should pay %s, the outcome is %+v", best.by, price, r.Outcome)
	}
	return nil
}
