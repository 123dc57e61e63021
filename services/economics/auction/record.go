package auction

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/bundle"
	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// Auction is one auction.
type Auction struct {
	// Terms are what was asked for with all defaults filled in, id and account too. They never change.
	Terms *api.AuctionSpec `json:"terms"`
	Owner string           `json:"owner"`
	State api.AuctionState `json:"state"`
	// Reason says why there is no winner.
	Reason string `json:"reason,omitempty"`
	// Lead is that of an english auction; in a dutch one who has accepted.
	Lead mechanism.Lead `json:"lead,omitzero"`
	// Bids were accepted. Standing are those that have not been withdrawn, of one bidder each; Committed those of them that are not
	// revealed; Bundles all alternatives of all bidders.
	Bids      uint64 `json:"bids,omitempty"`
	Standing  int    `json:"standing,omitempty"`
	Committed int    `json:"committed,omitempty"`
	Bundles   int    `json:"bundles,omitempty"`
	// Bidders are in the order of their first bids.
	Bidders      []string  `json:"bidders,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	EndsAt       time.Time `json:"ends_at"`
	RevealEndsAt time.Time `json:"reveal_ends_at,omitzero"`
	// SettleBy is when an incentive auction is paid without a report.
	SettleBy time.Time `json:"settle_by,omitzero"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	// Solving counts how often the winners of a combinatorial auction were asked for.
	Solving int                 `json:"solving,omitempty"`
	Outcome *api.AuctionOutcome `json:"outcome,omitempty"`
	Log     transcript.Log      `json:"log"`
}

// Clone implements draft.Record: what only grows is shared.
func (x *Auction) Clone() *Auction {
	c := *x
	return &c
}

// Bid is what one bidder has bid in one auction.
type Bid struct {
	// Number is the step of the transcript, by which earlier and later are told apart.
	Number uint64    `json:"number"`
	At     time.Time `json:"at"`
	// State is empty for a bid that stands, or committed, or withdrawn.
	State      api.BidState           `json:"state,omitempty"`
	Price      api.Micro              `json:"price,omitempty"`
	Max        api.Micro              `json:"max,omitempty"`
	Quantity   int64                  `json:"quantity,omitempty"`
	Whole      bool                   `json:"whole,omitempty"`
	Side       api.OrderSide          `json:"side,omitempty"`
	Bundles    []Bundle               `json:"bundles,omitempty"`
	Attributes []api.AuctionAttribute `json:"attributes,omitempty"`
	Commitment string                 `json:"commitment,omitempty"`
	Deposit    api.Micro              `json:"deposit,omitempty"`
	Account    api.AccountID          `json:"account"`
	// Record is the bidder's at the time of the bid, in an incentive auction.
	Record mechanism.Record `json:"record,omitzero"`
}

// Bundle is one alternative of a bidder.
type Bundle struct {
	Items  bundle.Set `json:"items"`
	Price  api.Micro  `json:"price"`
	Number uint64     `json:"number"`
}

// Clone implements draft.Record.
func (b *Bid) Clone() *Bid {
	c := *b
	c.Bundles = slices.Clone(b.Bundles)
	return &c
}

// stands tells whether the bid may win.
func (b *Bid) stands() bool { return b.State == "" }

// sells tells whether the bidder is paid.
func (x *Auction) sells(b *Bid) bool { return x.Terms.Reverse || b.Side == api.OrderSell }

// sibling is the account of another asset with the same owner and purpose.
func sibling(account api.AccountID, asset string) api.AccountID {
	return api.Account(account.Owner(), account.Purpose(), asset)
}

// units is the amount of so many units of an asset.
func units(n int64) api.Micro { return api.Micro(n) * api.Micro(api.One) }
