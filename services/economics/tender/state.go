package tender

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/quota"
	"github.com/mabus-project/mabus/shared/api"
)

// Tender is a task that is announced, and what has become of it.
type Tender struct {
	Spec      api.TenderSpec  `json:"spec"`
	Announcer string          `json:"announcer"`
	State     api.TenderState `json:"state"`
	Reason    string          `json:"reason,omitempty"`
	OpenedAt  time.Time       `json:"opened_at"`
	ClosesAt  time.Time       `json:"closes_at"`
	EndedAt   time.Time       `json:"ended_at,omitzero"`
	// Bidders are those whose bids stand, Count how many.
	Bidders []string         `json:"bidders,omitempty"`
	Count   int              `json:"count,omitempty"`
	Award   *api.TenderAward `json:"award,omitempty"`
	// Looks counts how often the durable task was looked at.
	Looks int `json:"looks,omitempty"`
	// Contract is a copy once it has ended.
	Contract *api.Contract `json:"contract,omitempty"`
}

// Clone returns a copy.
func (t *Tender) Clone() *Tender {
	c := *t
	return &c
}

// Bid is an offer.
type Bid struct{ api.TenderBid }

// Clone returns a copy.
func (b *Bid) Clone() *Bid {
	c := *b
	return &c
}

// State has the live tenders, and their bids as "<tender>/<bidder>".
type State struct {
	Tenders draft.Table[*Tender] `json:"tenders"`
	Bids    draft.Table[*Bid]    `json:"bids"`
	// Announcers count the tenders of each.
	Announcers draft.Table[*quota.Count] `json:"announcers"`
}

// New returns a state without tenders.
func New() *State {
	return &State{Tenders: draft.Table[*Tender]{}, Bids: draft.Table[*Bid]{}, Announcers: draft.Table[*quota.Count]{}}
}

// Draft begins changes of the state.
func (s *State) Draft() *Draft {
	return &Draft{draft.Of(s.Tenders), draft.Of(s.Bids), draft.Of(s.Announcers)}
}

// Draft has the changes of one command.
type Draft struct {
	tenders    draft.Draft[*Tender]
	bids       draft.Draft[*Bid]
	announcers draft.Draft[*quota.Count]
}

// Apply makes the changes.
func (d *Draft) Apply() {
	d.tenders.Apply()
	d.bids.Apply()
	d.announcers.Apply()
}

// Entity is what those who wait for a tender wait for; it names the hold of its budget too.
func Entity(id string) string { return "tender/" + id }

// Board is what those wait for who look for work with a capability, or with any: "".
func Board(capability string) string { return "tenders/" + capability }

// bidsOf returns the bids that stand, in the order of the log.
func (d *Draft) bidsOf(id string, t *Tender) []*Bid {
	var all []*Bid
	for _, bidder := range t.Bidders {
		if b, ok := d.bids.Get(id + "/" + bidder); ok {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, byOrder)
	return all
}

func byOrder(a, b *Bid) int {
	if a.Order < b.Order {
		return -1
	}
	return 1
}

// edit returns the draft's own copy of a tender: not_found (tender_not_found) if there is none.
func (d *Draft) edit(id string) (*Tender, error) {
	if t, ok := d.tenders.Edit(id); ok {
		return t, nil
	}
	return nil, missing(id)
}

func missing(id string) error {
	return api.Errorf(api.NotFound, "there is no tender %s", id).WithReason(api.ReasonTenderNotFound).WithFields("id")
}

// open is edit for a tender that takes bids: failed_precondition (tender_not_open) if it does not.
func (d *Draft) open(id string) (*Tender, error) {
	t, err := d.edit(id)
	if err == nil && t.State != api.TenderOpen {
		err = api.Errorf(api.FailedPrecondition, "tender %s is %s", id, t.State).WithReason(api.ReasonTenderNotOpen)
	}
	return t, err
}

// Drop forgets a tender that has ended and is archived, and its bids.
func Drop(d *Draft, id string) {
	t, ok := d.tenders.Get(id)
	if !ok || !t.State.Over() {
		return
	}
	for _, bidder := range t.Bidders {
		d.bids.Delete(id + "/" + bidder)
	}
	quota.Give(&d.announcers, t.Announcer)
	d.tenders.Delete(id)
}
