package auction

import (
	"math"

	"github.com/mabus-project/mabus/shared/api"
)

// Total adds up the auctions of a type since the log began.
type Total struct {
	Created   int       `json:"created"`
	Closed    int       `json:"closed"`
	Cancelled int       `json:"cancelled"`
	Expired   int       `json:"expired"`
	Bids      uint64    `json:"bids"`
	Traded    api.Micro `json:"traded"`
	Fees      api.Micro `json:"fees"`
}

// Clone implements draft.Record.
func (t *Total) Clone() *Total { c := *t; return &c }

func (d *Draft) count(x *Auction, f func(t *Total)) {
	name := string(x.Terms.Type)
	t, ok := d.totals.Edit(name)
	if !ok {
		t = &Total{}
		d.totals.Put(name, t)
	}
	f(t)
}

// countEnd counts an auction that has ended.
func (d *Draft) countEnd(x *Auction) {
	d.count(x, func(t *Total) {
		t.Bids += x.Bids
		switch x.State {
		case api.AuctionClosed:
			t.Closed++
			t.Traded, t.Fees = plus(t.Traded, x.Outcome.Traded), plus(t.Fees, x.Outcome.Fee)
		case api.AuctionExpired:
			t.Expired++
		default:
			t.Cancelled++
		}
	})
}

// plus adds what is not negative; the sum stays at the greatest amount.
func plus(a, b api.Micro) api.Micro {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Stats returns what all auctions add up to.
func (s *State) Stats() api.AuctionsStatsResponse {
	r := api.AuctionsStatsResponse{Types: []api.AuctionTypeStats{}}
	for _, name := range s.Totals.IDs() {
		t := s.Totals[name]
		r.Types = append(r.Types, api.AuctionTypeStats{
			Type: api.AuctionType(name), Created: t.Created, Open: t.Created - t.Closed - t.Cancelled - t.Expired,
			Closed: t.Closed, Cancelled: t.Cancelled, Expired: t.Expired, Bids: t.Bids, Traded: t.Traded, Fees: t.Fees,
		})
		r.Total += t.Created
		r.Traded, r.Fees = plus(r.Traded, t.Traded), plus(r.Fees, t.Fees)
	}
	return r
}
