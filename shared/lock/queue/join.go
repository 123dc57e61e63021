package queue

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Join puts t at the end of the queue and grants what fits; waiters whose time is up by now are dropped on the way, none if
// now is zero. Old may be nil. A ticket that is there already, with its owner and lease, changes nothing: old itself is
// returned, also when the ticket's time is up.
//
// A ticket that was given back for good is fenced (lock_lost). It is conflict when another owner or lease has a ticket of that id, conflict (lock_kind) when the tickets that are there
// are of a lock of another kind or capacity, overloaded (lock_full) when there are too many, and invalid when t takes
// less than 1 or more than the capacity. The ticket's token and granted are set here, whatever t says.
func Join(old *api.Lock, name string, kind api.LockKind, capacity int, t api.LockTicket, now time.Time) (*api.Lock, error) {
	if capacity < 1 || t.Takes < 1 || t.Takes > capacity {
		return nil, api.Errorf(api.Invalid, "ticket %s takes %d of %d: ask for 1 to the capacity of lock %s", t.ID, t.Takes, capacity, name)
	}
	l := &api.Lock{Name: name, Kind: kind, Capacity: capacity}
	if old != nil {
		l.Last = old.Last
		if len(old.Tickets) > 0 && (old.Kind != kind || old.Capacity != capacity) {
			return nil, api.Errorf(api.Conflict, "lock %s is a %s of capacity %d while it has tickets: take another name, or wait until they are gone",
				name, old.Kind, old.Capacity).WithReason(api.ReasonLockKind)
		}
		if was, _, ok := Find(old, t.ID); ok {
			if was.Owner != t.Owner || was.Lease != t.Lease {
				return nil, api.Errorf(api.Conflict, "ticket %s of lock %s belongs to somebody else: choose another name for yours", t.ID, name).
					WithReason(api.ReasonRequestReused)
			}
			return old, nil
		}
		if l.Gone = old.Gone; slices.Contains(l.Gone, t.ID) {
			return nil, api.Errorf(api.Fenced, "ticket %s of lock %s was given back before this request for it came: ask with a new one", t.ID, name).
				WithReason(api.ReasonLockLost)
		}
		l.Tickets = slices.Grow(staying(old.Tickets, nil, now), 1)
	}
	if len(l.Tickets) >= api.MaxLockWaiters {
		return nil, api.Errorf(api.Overloaded, "lock %s has %d tickets already: try again later", name, len(l.Tickets)).
			WithReason(api.ReasonLockFull)
	}
	t.Token, t.Granted = 0, false
	l.Tickets = append(l.Tickets, t)
	grant(l)
	return l, nil
}

// TryJoin is Join for somebody who does not wait: unless t is granted at once it is conflict (lock_held), and nothing is added.
func TryJoin(old *api.Lock, name string, kind api.LockKind, capacity int, t api.LockTicket, now time.Time) (*api.Lock, error) {
	l, err := Join(old, name, kind, capacity, t, now)
	if err != nil {
		return nil, err
	}
	if got, _, _ := Find(l, t.ID); !got.Granted {
		return nil, api.Errorf(api.Conflict, "lock %s is held: try again later, or wait for it", name).WithReason(api.ReasonLockHeld)
	}
	return l, nil
}

// grant grants waiting tickets from the front for as long as they fit.
func grant(l *api.Lock) {
	free := l.Capacity
	for i := range l.Tickets {
		free -= l.Tickets[i].Takes
		if free < 0 {
			return
		}
		l.Tickets[i].Granted = true
	}
}
