package auction

import (
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// paidPage is how many payments one step of a transcript has at most.
const paidPage = 500

// retry is when the clock comes back to an auction that cannot end now.
const retry = time.Minute

// never takes a timer away.
var never time.Time

// Paid is the body of the steps that list the payments, some at a time.
type Paid struct {
	Payments []api.AuctionPayment `json:"payments"`
}

// finish ends an auction whose winners are known, and pays.
func finish(a *act.Act, d *Draft, x *Auction, b *Bill) error {
	if len(b.deals) == 0 {
		return expire(a, d, x, "no bid has won")
	}
	x.releaseAll(a, d.rows(x))
	if x.Terms.Type == api.AuctionIncentive {
		return award(a, x, b)
	}
	if err := x.carryOut(a, b); err != nil {
		return err
	}
	for i := range b.deals {
		if one := &b.deals[i]; x.promises(one) {
			if err := x.agree(a, one); err != nil {
				return err
			}
		}
	}
	x.Outcome = &b.Outcome
	return end(a, d, x, api.AuctionClosed, "", StepClosed, &b.Outcome)
}

// releaseAll gives back what is held for the auction. Those who were outbid in an open auction have it already.
func (x *Auction) releaseAll(a *act.Act, find rows) {
	a.Ledger.Release(Entity(x.Terms.ID))
	for i := range x.Terms.Items {
		a.Ledger.Release(itemHold(x.Terms.ID, i))
	}
	if !x.Terms.Type.Sealed() {
		if x.Lead.Bidder != "" {
			a.Ledger.Release(nameOf(x.Terms.ID, x.Lead.Bidder).hold)
		}
		return
	}
	for _, bidder := range x.Bidders {
		if find(bidder).State != api.BidWithdrawn {
			a.Ledger.Release(nameOf(x.Terms.ID, bidder).hold)
		}
	}
}

// carryOut makes the payments, and writes them down. All of it was held a moment ago.
func (x *Auction) carryOut(a *act.Act, b *Bill) error {
	for _, p := range b.Payments {
		if p.Kind == PayEscrow {
			continue // see agree
		}
		if err := a.Ledger.Transfer(p.From, p.To, p.Amount, ledger.Why{Kind: p.Kind, Ref: Entity(x.Terms.ID)}); err != nil {
			return err
		}
	}
	for from := 0; from < len(b.Payments); from += paidPage {
		if err := x.step(a, StepPaid, Paid{b.Payments[from:min(from+paidPage, len(b.Payments))]}); err != nil {
			return err
		}
	}
	return nil
}

// agree makes a contract of a sale: the price is held for it.
func (x *Auction) agree(a *act.Act, one *deal) error {
	origin := x.origin(one)
	c := api.Contract{
		ID: contractID(origin), Origin: origin, Buyer: one.buyer, Provider: one.seller, Price: one.gets, Domain: x.Terms.Domain,
		Terms: api.ContractTerms{QualityGuarantee: x.Terms.QualityGuarantee, Completion: x.Terms.Completion, Fee: x.Terms.Fee},
	}
	if one.gets > 0 {
		c.Hold = origin
		if err := a.Ledger.Hold(origin, one.payer, one.gets, ledger.Why{Kind: PayEscrow, Ref: Entity(x.Terms.ID)}); err != nil {
			return err
		}
	}
	var err error
	if c.Item, err = x.subject(one); err != nil {
		return err
	}
	return desk.Open(a, c)
}

// subject is what a contract is about: the item, with the number of units or the names of the items that were sold, if there are such.
func (x *Auction) subject(one *deal) (json.RawMessage, error) {
	if !x.Terms.Type.PerUnit() && one.items == 0 {
		return x.Terms.Item, nil
	}
	part := struct {
		Item     json.RawMessage `json:"item,omitempty"`
		Quantity int64           `json:"quantity,omitempty"`
		Items    []string        `json:"items,omitempty"`
	}{Item: x.Terms.Item}
	if x.Terms.Type.PerUnit() {
		part.Quantity = one.quantity
	}
	for i := range x.Terms.Items {
		if one.items.Has(i) && x.Terms.Items[i].Asset == "" {
			part.Items = append(part.Items, x.Terms.Items[i].Name)
		}
	}
	raw, err := codec.Marshal(part)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "what was sold cannot be written down: %v", err)
	}
	return raw, nil
}
