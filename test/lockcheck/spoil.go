package lockcheck

import (
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// spoil is where the bugs of the rules are: it changes a record before it is written over e.
func (r *replica) spoil(e entry, l *api.Lock) {
	old := lockOf(e)
	holds := func(t api.LockTicket) bool { // already in the old record
		return old != nil && slices.ContainsFunc(old.Tickets, func(o api.LockTicket) bool { return o.ID == t.ID && o.Granted })
	}
	switch r.w.bug {
	case LastComeFirst:
		free, first := l.Capacity, 0
		for i := range l.Tickets {
			if l.Tickets[i].Granted = holds(l.Tickets[i]); l.Tickets[i].Granted {
				free, first = free-l.Tickets[i].Takes, i+1
			}
		}
		slices.Reverse(l.Tickets[first:])
		regrant(l, l.Capacity)
	case ReadersFirst:
		last := len(l.Tickets) - 1
		if l.Kind != api.LockRW || last < 1 || l.Tickets[last].Token != 0 || l.Tickets[last].Takes != 1 || l.Tickets[0].Takes != 1 {
			return
		}
		l.Tickets = slices.Insert(l.Tickets[:last], 1, l.Tickets[last])
		l.Tickets[1].Granted = true
	case OneTooMany:
		regrant(l, l.Capacity+1)
	case LocalToken:
		if last := len(l.Tickets) - 1; last >= 0 && l.Tickets[last].Token == 0 {
			r.counter++
			l.Tickets[last].Token = r.counter
		}
	}
}

// regrant grants from the front what fits into a capacity.
func regrant(l *api.Lock, capacity int) {
	for i := range l.Tickets {
		if capacity -= l.Tickets[i].Takes; capacity < 0 {
			return
		}
		l.Tickets[i].Granted = true
	}
}

// spoilPrune changes a record before it is pruned.
func (r *replica) spoilPrune(l *api.Lock) *api.Lock {
	if r.w.bug == PruneGranted && l != nil {
		for i := range l.Tickets {
			if l.Tickets[i].Until.Before(r.storeTime()) {
				l.Tickets[i].Granted = false
			}
		}
	}
	return l
}

// whose tells which ticket a release is for, and in whose name.
func (r *replica) whose(q *request, l *api.Lock) (ticket, owner string) {
	if r.w.bug == ReleaseFront && l != nil && len(l.Tickets) > 0 {
		return l.Tickets[0].ID, ""
	}
	return q.ticket.ID, q.owner
}
