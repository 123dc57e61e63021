package auction

import (
	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/quota"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
)

// State has the auctions that are not archived, and what all that ever were add up to.
type State struct {
	Auctions draft.Table[*Auction] `json:"auctions"`
	// Bids are by "<auction>/<bidder>": the row of an auction stays small however many bid.
	Bids draft.Table[*Bid] `json:"bids"`
	// Totals are by type of auction.
	Totals draft.Table[*Total] `json:"totals"`
	// Owners count the auctions of each owner.
	Owners draft.Table[*quota.Count] `json:"owners"`
}

// New returns a state without auctions.
func New() *State {
	return &State{Auctions: draft.Table[*Auction]{}, Bids: draft.Table[*Bid]{}, Totals: draft.Table[*Total]{}, Owners: draft.Table[*quota.Count]{}}
}

// Draft begins changes of the state.
func (s *State) Draft() *Draft {
	return &Draft{draft.Of(s.Auctions), draft.Of(s.Bids), draft.Of(s.Totals), draft.Of(s.Owners)}
}

// Draft has the changes of one command.
type Draft struct {
	auctions draft.Draft[*Auction]
	bids     draft.Draft[*Bid]
	totals   draft.Draft[*Total]
	owners   draft.Draft[*quota.Count]
}

// Apply makes the changes.
func (d *Draft) Apply() {
	d.auctions.Apply()
	d.bids.Apply()
	d.totals.Apply()
	d.owners.Apply()
}

// Entity is what those who wait for an auction wait for, and what its chain of hashes begins with.
func Entity(id string) string { return "auction/" + id }

// Logs returns the transcript of an auction, to change; nil when it is not there any more.
func Logs(d *Draft, id string) *transcript.Log {
	if x, ok := d.auctions.Edit(id); ok {
		return &x.Log
	}
	return nil
}

// Drop forgets an auction that has ended and is archived.
func Drop(d *Draft, id string) {
	x, ok := d.auctions.Get(id)
	if !ok || !x.State.Ended() {
		return
	}
	for _, bidder := range x.Bidders {
		d.bids.Delete(nameOf(id, bidder).row)
	}
	quota.Give(&d.owners, x.Owner)
	d.auctions.Delete(id)
}

// Get returns an auction to read: not_found (auction_not_found) if there is none.
func (s *State) Get(id string) (*Auction, error) {
	if x, ok := s.Auctions[id]; ok {
		return x, nil
	}
	return nil, missing(id)
}

// edit returns a copy of an auction to change.
func (d *Draft) edit(id string) (*Auction, error) {
	if x, ok := d.auctions.Edit(id); ok {
		return x, nil
	}
	return nil, missing(id)
}

func missing(id string) error {
	return api.Errorf(api.NotFound, "there is no auction %s", id).WithReason(api.ReasonAuctionNotFound).WithFields("auction")
}

// names are those of a bidder in an auction: they are parts of one string, since each bid needs all of them.
type names struct{ entity, row, hold string }

func nameOf(auction, bidder string) names {
	const domain = "auction/"
	hold := domain + auction + "/" + bidder
	return names{entity: hold[:len(domain)+len(auction)], row: hold[len(domain):], hold: hold}
}
