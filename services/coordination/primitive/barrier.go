package primitive

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// Barrier is a barrier as it is stored.
type Barrier struct {
	Parties    int       `json:"parties"`
	Generation uint64    `json:"generation"`
	Arrivals   []Arrival `json:"arrivals,omitempty"` // in their order; its names are short because there may be 10,000
	// Left are the last whom Leave has taken back: who still waits for one of them must not go through with those who came after.
	Left []Departure `json:"left,omitempty"`
}

// maxLeft is how many are remembered.
const maxLeft = 256

// Departure is an arrival that was taken back, and the generation that it had joined.
type Departure struct {
	Arrival
	Generation uint64 `json:"g"`
}

// Arrival is a member that waits.
type Arrival struct {
	Member string `json:"m"`
	// Until is when everybody who asked for the arrival has given up, in milliseconds since 1970 by the store's clock. It then
	// counts no more, so that one whose replica died is not waited with for ever.
	Until int64 `json:"u"`
}

// Arrive adds an arrival to the barrier. The last of all parties opens it: a generation ends and nobody is arrived, the last one
// included. A member that is arrived already stays for the longer of both times. Other parties than those who are arrived have
// agreed on are conflict (barrier_parties). now is in the unit of Arrival.Until.
func Arrive(old *Barrier, name string, a Arrival, parties int, now int64) (*Barrier, error) {
	next := Barrier{Parties: parties}
	if old != nil {
		next.Generation = old.Generation
		next.Arrivals = old.present(now)
		next.Left = old.stillLeft(a.Member, now)
	}
	if len(next.Arrivals) > 0 && old.Parties != parties {
		return old, api.Errorf(api.Conflict, "those who wait at barrier %s wait for %d parties, not %d", name, old.Parties, parties).
			WithReason(api.ReasonBarrierParties).WithFields("parties")
	}
	i := next.find(a.Member)
	switch {
	case i >= 0 && next.Arrivals[i].Until >= a.Until:
		return old, nil
	case i >= 0:
		next.Arrivals[i].Until = a.Until
		return &next, nil
	}
	next.Arrivals = append(next.Arrivals, a)
	if len(next.Arrivals) >= parties {
		next.Arrivals = nil
		next.Generation++
	}
	return &next, nil
}

// Stay lets an arrival of a generation that has not ended count until a later time.
func Stay(old *Barrier, generation uint64, a Arrival) *Barrier {
	i := old.in(generation, a.Member)
	if i < 0 || old.Arrivals[i].Until >= a.Until {
		return old
	}
	next := *old
	next.Arrivals = slices.Clone(old.Arrivals)
	next.Arrivals[i].Until = a.Until
	return &next
}

// GiveUp takes an arrival of a generation back, unless the barrier has opened. While somebody else waits longer for the same arrival
// it stays, which is unavailable.
func GiveUp(old *Barrier, generation uint64, a Arrival) (*Barrier, error) {
	i := old.in(generation, a.Member)
	switch {
	case i < 0:
		return old, nil
	case old.Arrivals[i].Until > a.Until:
		return old, api.Errorf(api.Unavailable, "another request waits for member %s", a.Member)
	}
	return old.without(i), nil
}

// Leave takes a member's arrival back; a member that is not arrived has left already.
func Leave(old *Barrier, name, member string) (*Barrier, error) {
	if old == nil {
		return nil, NoBarrier(name)
	}
	if i := old.find(member); i >= 0 {
		next := old.without(i)
		next.Left = append(slices.Clone(old.Left[max(0, len(old.Left)-maxLeft+1):]), Departure{old.Arrivals[i], old.Generation})
		return next, nil
	}
	return old, nil
}

// HasLeft tells whether a member that had joined a generation was taken back by Leave, as long as its arrival would have counted.
func (b *Barrier) HasLeft(generation uint64, member string) bool {
	return slices.ContainsFunc(b.Left, func(d Departure) bool { return d.Generation == generation && d.Member == member })
}

// NoBarrier says that there is no barrier of a name.
func NoBarrier(name string) error {
	return api.Errorf(api.NotFound, "there is no barrier %s: nobody has ever arrived at it", name).WithReason(api.ReasonBarrierNotFound)
}

// Until returns until when a member's arrival counts; 0 if it is not arrived.
func (b *Barrier) Until(member string) int64 {
	if i := b.find(member); i >= 0 {
		return b.Arrivals[i].Until
	}
	return 0
}

// View returns the barrier as its users see it at a time.
func (b *Barrier) View(name string, now int64) *api.Barrier {
	v := &api.Barrier{Name: name, Parties: b.Parties, Generation: b.Generation}
	for _, a := range b.present(now) {
		v.Arrived = append(v.Arrived, a.Member)
	}
	return v
}

// present returns a new slice of the arrivals that count at a time.
func (b *Barrier) present(now int64) []Arrival {
	list := make([]Arrival, 0, len(b.Arrivals)+1)
	for _, a := range b.Arrivals {
		if a.Until >= now {
			list = append(list, a)
		}
	}
	return list
}

// stillLeft returns a new slice of those who have left and whose arrival would count, but for a member that comes back.
func (b *Barrier) stillLeft(member string, now int64) []Departure {
	return slices.DeleteFunc(slices.Clone(b.Left), func(d Departure) bool {
		return d.Until < now || d.Generation == b.Generation && d.Member == member
	})
}

func (b *Barrier) find(member string) int {
	return slices.IndexFunc(b.Arrivals, func(a Arrival) bool { return a.Member == member })
}

// in is find for a generation that has not ended.
func (b *Barrier) in(generation uint64, member string) int {
	if b == nil || b.Generation != generation {
		return -1
	}
	return b.find(member)
}

func (b *Barrier) without(i int) *Barrier {
	next := *b
	next.Arrivals = slices.Delete(slices.Clone(b.Arrivals), i, i+1)
	return &next
}
