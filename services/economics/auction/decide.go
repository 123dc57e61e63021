package auction

import (
	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// half is the k of double auctions: the midpoint (10 at 12 against 10 at 8 trade at 10).
const half = api.One / 2

// deal is one sale. In a forward auction the owner sells, in a reverse one it buys, in a double auction neither.
type deal struct {
	buyer, seller string
	payer, payee  api.AccountID
	quantity      int64
	items         bundle.Set
	unit          api.Micro // the price of a unit, for the award
	pays, gets    api.Micro // what the buyer pays, and what the seller gets before the fee: the owner has what is between
	score         api.Decimal
}

// rows finds the bids of an auction.
type rows func(bidder string) *Bid

func (d *Draft) rows(x *Auction) rows {
	return func(bidder string) *Bid {
		b, _ := d.bids.Get(nameOf(x.Terms.ID, bidder).row)
		return b
	}
}

// decide finds winners and prices. Of a combinatorial auction they come from a solution.
func (x *Auction) decide(find rows, s *bundle.Solution) []deal {
	t := x.Terms
	switch t.Type {
	case api.AuctionEnglish, api.AuctionDutch:
		if x.Lead.Bidder == "" {
			return nil
		}
		return []deal{x.sale(x.Lead.Bidder, find(x.Lead.Bidder), 1, x.Lead.Price)}
	case api.AuctionDouble:
		return x.clear(find)
	case api.AuctionCombinatorial:
		return x.bundles(find, s)
	}
	bids := x.offers(find, "")
	var o mechanism.Outcome
	switch t.Type {
	case api.AuctionVickrey:
		o = mechanism.Vickrey(sealed(t), bids)
	case api.AuctionUniform:
		o = mechanism.Uniform(sealed(t), bids)
	case api.AuctionMultiTrait:
		o = scoring(t).Run(sealed(t), bids)
	case api.AuctionIncentive:
		o = mechanism.Incentive(sealed(t), bids, x.records(find))
	default:
		o = mechanism.FirstPrice(sealed(t), bids)
	}
	var deals []deal
	for _, w := range o.Awards {
		one := x.sale(w.Bidder, find(w.Bidder), w.Quantity, w.Price)
		switch t.Type {
		case api.AuctionMultiTrait:
			offer := find(w.Bidder).offer(w.Bidder)
			one.score = scoring(t).Score(sealed(t), &offer)
		case api.AuctionIncentive:
			one.score = mechanism.IncentiveScore(find(w.Bidder).offer(w.Bidder), find(w.Bidder).Record)
		}
		deals = append(deals, one)
	}
	return deals
}

// offers are the bids that stand, of one side, as the mechanisms take them.
func (x *Auction) offers(find rows, side api.OrderSide) []mechanism.Bid {
	bids := make([]mechanism.Bid, 0, x.Standing)
	for _, bidder := range x.Bidders {
		if b := find(bidder); b.stands() && b.Side == side {
			bids = append(bids, b.offer(bidder))
		}
	}
	return bids
}

func (b *Bid) offer(bidder string) mechanism.Bid {
	o := mechanism.Bid{Bidder: bidder, Price: b.Price, Quantity: b.Quantity, Whole: b.Whole, Order: b.Number}
	if len(b.Attributes) > 0 {
		o.Values = map[string]api.Decimal{}
		for _, a := range b.Attributes {
			o.Values[a.Name] = a.Value
		}
	}
	return o
}

func (x *Auction) records(find rows) map[string]mechanism.Record {
	all := map[string]mechanism.Record{}
	for _, bidder := range x.Bidders {
		all[bidder] = find(bidder).Record
	}
	return all
}

// sale is between the owner and a bidder.
func (x *Auction) sale(bidder string, b *Bid, quantity int64, unit api.Micro) deal {
	total := mechanism.Amount(unit, quantity)
	one := deal{quantity: quantity, unit: unit, pays: total, gets: total}
	if x.Terms.Reverse {
		one.buyer, one.payer, one.seller, one.payee = x.Owner, x.Terms.Account, bidder, b.Account
	} else {
		one.buyer, one.payer, one.seller, one.payee = bidder, b.Account, x.Owner, x.Terms.Account
	}
	return one
}

// clear pairs buyers and sellers.
func (x *Auction) clear(find rows) []deal {
	buys, sells := x.offers(find, api.OrderBuy), x.offers(find, api.OrderSell)
	c := mechanism.KDouble(x.Terms.Reserve, half, buys, sells)
	if x.Terms.Rule == api.RuleMcAfee {
		c = mechanism.McAfee(x.Terms.Reserve, buys, sells)
	}
	deals := make([]deal, 0, len(c.Trades))
	for _, t := range c.Trades {
		deals = append(deals, deal{
			buyer: t.Buyer, payer: find(t.Buyer).Account, seller: t.Seller, payee: find(t.Seller).Account, quantity: t.Quantity, unit: c.Pays,
			pays: mechanism.Amount(c.Pays, t.Quantity), gets: mechanism.Amount(c.Gets, t.Quantity),
		})
	}
	return deals
}

// bundles are the sales of a solution.
func (x *Auction) bundles(find rows, s *bundle.Solution) []deal {
	deals := make([]deal, 0, len(s.Awards))
	for i := range s.Awards {
		w := &s.Awards[i]
		one := x.sale(w.Bidder, find(w.Bidder), 1, w.Pays)
		one.items = w.Items
		deals = append(deals, one)
	}
	return deals
}

// bundling is the winner determination of a combinatorial auction with its bids, in the order of the bidders.
func (x *Auction) bundling(find rows) *bundle.Problem {
	p := x.problem()
	for _, bidder := range x.Bidders {
		if b := find(bidder); b.stands() {
			for _, one := range b.Bundles {
				p.Bids = append(p.Bids, bundle.Bid{Bidder: bidder, Items: one.Items, Price: one.Price, Order: one.Number})
			}
		}
	}
	return p
}
