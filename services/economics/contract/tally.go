package contract

import (
	"math"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Tally adds up contracts.
type Tally struct {
	Opened    int64     `json:"opened"`
	Fulfilled int64     `json:"fulfilled"`
	Breached  int64     `json:"breached"`
	Cancelled int64     `json:"cancelled"`
	Paid      api.Micro `json:"paid"`
	Fees      api.Micro `json:"fees"`
	Refunded  api.Micro `json:"refunded"`
	// Sums over what was fulfilled and breached; Time of what was fulfilled.
	Quality      api.Decimal `json:"quality"`
	Satisfaction api.Decimal `json:"satisfaction"`
	Time         api.Micro   `json:"time"` // of seconds
}

// Clone returns a copy.
func (t *Tally) Clone() *Tally {
	c := *t
	return &c
}

// Ended counts a contract that has ended.
func (t *Tally) Ended(c *Contract) {
	o := c.Outcome
	t.Paid, t.Fees, t.Refunded = Plus(t.Paid, o.Settlement.Paid), Plus(t.Fees, o.Settlement.Fee), Plus(t.Refunded, o.Settlement.Refund)
	switch c.State {
	case api.ContractFulfilled:
		t.Fulfilled++
		t.Time = Plus(t.Time, api.Micro(c.DeliveredAt.Sub(c.OpenedAt).Microseconds()))
	case api.ContractBreached:
		t.Breached++
	default:
		t.Cancelled++
		return
	}
	t.Quality += o.Quality
	t.Satisfaction += o.Satisfaction
}

// Plus adds what is not negative; the sum stays at the greatest amount.
func Plus(a, b api.Micro) api.Micro {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Add adds the contracts of another tally.
func (t *Tally) Add(o *Tally) {
	t.Opened, t.Fulfilled, t.Breached, t.Cancelled = t.Opened+o.Opened, t.Fulfilled+o.Fulfilled, t.Breached+o.Breached, t.Cancelled+o.Cancelled
	t.Paid, t.Fees, t.Refunded = Plus(t.Paid, o.Paid), Plus(t.Fees, o.Fees), Plus(t.Refunded, o.Refunded)
	t.Quality, t.Satisfaction, t.Time = t.Quality+o.Quality, t.Satisfaction+o.Satisfaction, Plus(t.Time, o.Time)
}

// Stats returns counts, sums and means.
func (t *Tally) Stats() api.ContractStats {
	stats := api.ContractStats{
		Opened: t.Opened, Fulfilled: t.Fulfilled, Breached: t.Breached, Cancelled: t.Cancelled, Paid: t.Paid, Fees: t.Fees, Refunded: t.Refunded,
	}
	if n := api.Decimal(t.Fulfilled + t.Breached); n > 0 {
		stats.Quality, stats.Satisfaction = t.Quality/n, t.Satisfaction/n
	}
	if t.Fulfilled > 0 {
		stats.Duration = api.Duration(int64(t.Time)/t.Fulfilled) * api.Duration(time.Microsecond)
	}
	return stats
}

// tally returns the draft's own copy of what all contracts add up to.
func (d *Draft) tally() *Tally {
	t, ok := d.tallies.Edit(all)
	if !ok {
		t = &Tally{}
		d.tallies.Put(all, t)
	}
	return t
}

// End gives a contract that Live has returned its outcome, and counts it.
func (d *Draft) End(now time.Time, c *Contract, state api.ContractState, o api.ContractOutcome) {
	c.State, c.EndedAt, c.Due, c.Outcome = state, now, time.Time{}, &o
	d.tally().Ended(c)
}

// Stats returns what all contracts since the log began add up to.
func (s *State) Stats() api.ContractStats {
	if t, ok := s.Tallies[all]; ok {
		return t.Stats()
	}
	return api.ContractStats{}
}
