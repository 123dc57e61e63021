package tender

import (
	"slices"
	"strings"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/shared/api"
)

// tenderOf returns the tender that an effect is about.
func tenderOf(effect string) string {
	id, _, _ := strings.Cut(effect, "/")
	return id
}

// view returns what everybody may see, with the contract as it stands.
func (t *Tender) view(c *api.Contract) *api.Tender {
	v := &api.Tender{
		TenderSpec: t.Spec, Announcer: t.Announcer, State: t.State, Reason: t.Reason, OpenedAt: t.OpenedAt, ClosesAt: t.ClosesAt, EndedAt: t.EndedAt,
		BidCount: t.Count, Contract: t.Contract,
	}
	if t.Award != nil {
		award := *t.Award
		v.Award = &award
	}
	if t.State == api.TenderAwarded && c != nil {
		v.Contract, v.State, v.EndedAt = c.Clone(), stateOf(c.State), c.EndedAt
	}
	return v
}

func (d *Draft) view(a *act.Act, t *Tender) *api.Tender {
	if t.Award == nil {
		return t.view(nil)
	}
	c, err := a.Contracts.Get(t.Award.Contract)
	if err != nil {
		return t.view(nil)
	}
	return t.view(c)
}

// Record returns what the archive keeps of a tender, or nil if there is none.
func Record(d *Draft, id string) any {
	t, ok := d.tenders.Get(id)
	if !ok {
		return nil
	}
	v := t.view(nil)
	for _, b := range d.bidsOf(id, t) {
		v.Bids = append(v.Bids, b.TenderBid)
	}
	return v
}

func contractOf(t *Tender, contracts *contract.State) *api.Contract {
	if t.Award == nil {
		return nil
	}
	return contracts.Contracts[t.Award.Contract]
}

// View returns a tender for a principal, who sees its own bid while the tender is open and all of them afterwards: not_found
// (tender_not_found) if there is none.
func (s *State) View(id, by string, contracts *contract.State) (*api.Tender, error) {
	t, ok := s.Tenders[id]
	if !ok {
		return nil, missing(id)
	}
	v := t.view(contractOf(t, contracts))
	for _, bidder := range t.Bidders {
		if b, ok := s.Bids[id+"/"+bidder]; ok && (t.State != api.TenderOpen || bidder == by) {
			v.Bids = append(v.Bids, b.TenderBid)
		}
	}
	slices.SortFunc(v.Bids, func(a, b api.TenderBid) int { return byOrder(&Bid{a}, &Bid{b}) })
	return v, nil
}

// MaxPageBytes bounds payloads and names of those invited in one page of tenders, which may have fewer than were asked for.
const MaxPageBytes = 512 << 10

// List returns a page of those tenders that are asked for, and where the next begins.
func (s *State) List(r *api.TendersListRequest, by string, contracts *contract.State) (page []api.Tender, next string) {
	var ids []string
	for id, t := range s.Tenders {
		if id > r.After && s.matches(t, r, by, contracts) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	if len(ids) > limit {
		ids, next = ids[:limit], ids[limit-1]
	}
	size := 0
	for i, id := range ids {
		t := s.Tenders[id]
		if size += len(t.Spec.Task.Payload) + len(t.Spec.Invited)*api.MaxIDLength; size > MaxPageBytes && i > 0 {
			return page, ids[i-1]
		}
		v := t.view(contractOf(t, contracts))
		v.Contract = nil
		page = append(page, *v)
	}
	return page, next
}

func (s *State) matches(t *Tender, r *api.TendersListRequest, by string, contracts *contract.State) bool {
	state := t.State
	if c := contractOf(t, contracts); c != nil && state == api.TenderAwarded {
		state = stateOf(c.State)
	}
	switch {
	case r.State != "" && r.State != state,
		r.Capability != "" && r.Capability != t.Spec.Task.Capability,
		r.Announcer != "" && r.Announcer != t.Announcer,
		r.Job != "" && r.Job != t.Spec.Task.Job,
		r.Winner != "" && (t.Award == nil || t.Award.Winner != r.Winner):
		return false
	case !r.Fresh:
		return true
	}
	_, has := s.Bids[t.Spec.ID+"/"+by]
	return t.State == api.TenderOpen && !has && welcome(t, by) == nil
}
