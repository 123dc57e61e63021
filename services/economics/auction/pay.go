package auction

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// Kinds of payments.
const (
	PaySettlement = "settlement" // the price, less the fee, to who sells
	PayFee        = "fee"
	PaySurplus    = "surplus"  // what a double auction keeps between buyers and sellers, to its owner
	PayDelivery   = "delivery" // units of an asset, to who buys
	PayEscrow     = "escrow"   // the price stays in the buyer's account, held for the contract
	PayForfeit    = "forfeit"  // of a commitment that was not revealed
)

// Bill is what the end of an auction comes to.
type Bill struct {
	Outcome  api.AuctionOutcome
	Payments []api.AuctionPayment
	// deals are those of the outcome.
	deals []deal
}

// bill says who has won what, and what is due for it.
func (x *Auction) bill(deals []deal, find rows) *Bill {
	b := &Bill{deals: deals, Payments: x.forfeits(find)}
	b.Outcome.Awards = make([]api.AuctionAward, 0, len(deals))
	for i := range deals {
		x.charge(b, &deals[i])
	}
	x.awards(b)
	b.Outcome.Payments = len(b.Payments)
	return b
}

// charge adds the payments of one sale.
func (x *Auction) charge(b *Bill, one *deal) {
	pay := func(from, to api.AccountID, amount api.Micro, kind string) {
		if amount > 0 {
			b.Payments = append(b.Payments, api.AuctionPayment{From: from, To: to, Amount: amount, Kind: kind})
		}
	}
	fee := api.Micro(0)
	if x.promises(one) {
		pay(one.payer, one.payer, one.gets, PayEscrow)
	} else {
		fee = ledger.Share(one.gets, x.Terms.Fee)
		pay(one.payer, one.payee, one.gets-fee, PaySettlement)
		pay(one.payer, ledger.FeesAccount(api.CreditAsset), fee, PayFee)
	}
	pay(one.payer, x.Terms.Account, one.pays-one.gets, PaySurplus)
	if x.Terms.Asset != "" {
		pay(sibling(one.payee, x.Terms.Asset), sibling(one.payer, x.Terms.Asset), units(max(one.quantity, x.lot())), PayDelivery)
	}
	for i := range x.Terms.Items {
		if item := &x.Terms.Items[i]; one.items.Has(i) && item.Asset != "" {
			pay(sibling(one.payee, item.Asset), sibling(one.payer, item.Asset), units(item.Quantity), PayDelivery)
		}
	}
	b.Outcome.Traded = plus(b.Outcome.Traded, one.pays)
	b.Outcome.Fee = plus(b.Outcome.Fee, fee)
	if b.Outcome.Price = one.unit; x.Terms.Type == api.AuctionCombinatorial {
		b.Outcome.Price = b.Outcome.Traded
	}
}

// lot is how many units are sold together; 0 when they are sold one by one.
func (x *Auction) lot() int64 {
	if x.Terms.Type.PerUnit() {
		return 0
	}
	return x.Terms.Quantity
}

// promises tells whether a sale is a contract: whatever is not delivered at once. What an incentive auction pays is settled later.
func (x *Auction) promises(one *deal) bool {
	if x.Terms.Type == api.AuctionIncentive || x.Terms.Asset != "" {
		return false
	}
	for i := range x.Terms.Items {
		if one.items.Has(i) && x.Terms.Items[i].Asset == "" {
			return true
		}
	}
	return len(x.Terms.Items) == 0
}

// forfeits are due for commitments that were not revealed.
func (x *Auction) forfeits(find rows) []api.AuctionPayment {
	var all []api.AuctionPayment
	if x.Committed == 0 || x.Terms.Forfeit == 0 {
		return nil
	}
	for _, bidder := range x.Bidders {
		if b := find(bidder); b.State == api.BidCommitted {
			if due := ledger.Share(b.Deposit, x.Terms.Forfeit); due > 0 {
				all = append(all, api.AuctionPayment{From: b.Account, To: x.Terms.Account, Amount: due, Kind: PayForfeit})
			}
		}
	}
	return all
}

// awards lists what each winner has. A trader of a double auction that trades with several others has one award.
func (x *Auction) awards(b *Bill) {
	places := map[string]int{}
	add := func(bidder string, side api.OrderSide, one *deal, unit, amount api.Micro) {
		i, ok := places[bidder]
		if !ok {
			i = len(b.Outcome.Awards)
			places[bidder] = i
			b.Outcome.Awards = append(b.Outcome.Awards, api.AuctionAward{Bidder: bidder, Side: side, Price: unit, Score: one.score})
		}
		w := &b.Outcome.Awards[i]
		w.Quantity += max(one.quantity, x.lot())
		w.Amount += amount
		if one.items != 0 {
			w.Items = x.problem().Names(one.items)
		}
		if x.promises(one) {
			w.Contracts = append(w.Contracts, contractID(x.origin(one)))
		}
	}
	for i := range b.deals {
		one := &b.deals[i]
		switch {
		case x.Terms.Type == api.AuctionDouble:
			add(one.buyer, api.OrderBuy, one, one.unit, one.pays)
			add(one.seller, api.OrderSell, one, one.gets/api.Micro(one.quantity), one.gets)
		case x.Terms.Reverse:
			add(one.seller, "", one, one.unit, one.gets)
		default:
			add(one.buyer, "", one, one.unit, one.pays)
		}
	}
}

// origin is what a contract comes of: there is one for each pair of traders.
func (x *Auction) origin(one *deal) string {
	switch {
	case x.Terms.Type == api.AuctionDouble:
		return Entity(x.Terms.ID) + "/" + one.buyer + "/" + one.seller
	case x.Terms.Reverse:
		return Entity(x.Terms.ID) + "/" + one.seller
	}
	return Entity(x.Terms.ID) + "/" + one.buyer
}

// contractID is a digest of the origin: ids may have dashes, so that to join them by dashes could make one name of two.
func contractID(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:16])
}
