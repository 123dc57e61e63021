package auction

import (
	"strconv"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/quota"
	"github.com/mabus-project/mabus/shared/api"
)

// Commands are the rules by the methods that they carry out.
var Commands = map[string]act.Command[*Draft]{
	"auctions.create":   act.On(create),
	"auctions.bid":      act.On(bid),
	"auctions.reveal":   act.On(reveal),
	"auctions.withdraw": act.On(withdraw),
	"auctions.close":    act.On(closeNow),
	"auctions.cancel":   act.On(cancel),
	"auctions.settle":   act.On(settle),
}

// Created is the body of the first step of a transcript.
type Created struct {
	Terms  *api.AuctionSpec `json:"terms"`
	EndsAt time.Time        `json:"ends_at"`
}

func create(a *act.Act, d *Draft, r *api.AuctionSpec) (*api.Auction, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	id := r.ID
	if id == "" {
		id = a.ID
	} else if _, ok := d.auctions.Get(id); ok || a.Taken {
		return nil, api.Errorf(api.Conflict, "there is another auction %s: an id is used once", id).WithReason(api.ReasonAuctionExists).WithFields("id")
	}
	if d.auctions.Len() >= api.MaxAuctions {
		return nil, api.Errorf(api.Overloaded, "%d auctions are under way: try again when some have ended", api.MaxAuctions).WithReason(api.ReasonManyAuctions)
	}
	if err := quota.Take(&d.owners, a.Principal, api.MaxAuctionsOwned, "auctions", api.ReasonManyAuctions); err != nil {
		return nil, err
	}
	fill(r, id, a.Principal)
	if err := check(r); err != nil {
		return nil, err
	}
	if err := ownAccount(a, r.Account); err != nil {
		return nil, err
	}
	x := begin(r, a.Principal, a.Time)
	if err := x.holdForOwner(a); err != nil {
		return nil, err
	}
	if _, err := a.Step(&x.Log, Entity(id), StepCreated, a.Principal, Created{r, x.EndsAt}); err != nil {
		return nil, err
	}
	d.auctions.Put(id, x)
	d.count(x, func(t *Total) { t.Created++ })
	x.awake(a, x.EndsAt)
	a.Opened(Entity(id))
	return x.View(a.Time), nil
}

// begin is an auction before its first bid.
func begin(t *api.AuctionSpec, owner string, now time.Time) *Auction {
	return &Auction{Terms: t, Owner: owner, State: api.AuctionOpen, CreatedAt: now, EndsAt: now.Add(t.Duration.Std())}
}

// ownAccount refuses an account that the principal may not use, or that holds no credit.
func ownAccount(a *act.Act, id api.AccountID) error {
	if id.Asset() != api.CreditAsset {
		return api.Errorf(api.Invalid, "prices are in %s: %s has another asset", api.CreditAsset, id).WithReason(api.ReasonInvalidAccount).WithFields("account")
	}
	return a.Owns(id)
}

// holdForOwner sets aside what the owner will deliver, or could have to pay.
func (x *Auction) holdForOwner(a *act.Act) error {
	t := x.Terms
	why := ledger.Why{Kind: "auction", Ref: Entity(t.ID)}
	switch {
	case t.Reverse:
		return a.Ledger.Hold(Entity(t.ID), t.Account, budget(t), why)
	case t.Type == api.AuctionDouble:
		return nil
	case t.Asset != "":
		return a.Ledger.Hold(Entity(t.ID), sibling(t.Account, t.Asset), units(t.Quantity), why)
	}
	for i := range t.Items {
		if one := &t.Items[i]; one.Asset != "" {
			if err := a.Ledger.Hold(itemHold(t.ID, i), sibling(t.Account, one.Asset), units(one.Quantity), why); err != nil {
				return err
			}
		}
	}
	return nil
}

// itemHold is no hold of a bidder's: no id is empty.
func itemHold(id string, i int) string { return Entity(id) + "//" + strconv.Itoa(i) }

// awake has the clock come back, and once more a little later: if the end cannot be carried out then, for example because there is no room
// for another contract, it is tried again.
func (x *Auction) awake(a *act.Act, at time.Time) {
	again := at
	if !at.IsZero() {
		again = at.Add(retry)
	}
	a.At(Entity(x.Terms.ID), at)
	a.At(Entity(x.Terms.ID)+againTimer, again)
}

// againTimer follows an auction's id in the key of its second timer.
const againTimer = "/again"
