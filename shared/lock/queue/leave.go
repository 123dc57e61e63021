package queue

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Leave removes a ticket, whether it is granted or waits, and grants what now fits. Waiters whose time is up by now are
// dropped rather than granted; none are if now is zero. A ticket that is not there is fenced (lock_lost), that of another
// owner is permission_denied. An owner without a name, in an open namespace, is everybody.
func Leave(old *api.Lock, ticket, owner string, now time.Time) (*api.Lock, error) {
	t, place, ok := Find(old, ticket)
	if !ok {
		return nil, api.Errorf(api.Fenced, "ticket %s is not in the queue: its lease has ended, or it was given back; ask for the lock anew", ticket).
			WithReason(api.ReasonLockLost)
	}
	if t.Owner != "" && owner != "" && t.Owner != owner {
		return nil, api.Errorf(api.PermissionDenied, "ticket %s belongs to %s, who alone may release it", ticket, t.Owner)
	}
	l := *old
	l.Revision = ""
	l.Tickets = staying(slices.Concat(old.Tickets[:place], old.Tickets[place+1:]), nil, now)
	grant(&l)
	return &l, nil
}

// Bar remembers a ticket as given back, so that a request for it that comes later is refused. Those that were barred first are forgotten when
// there are too many. Old may be nil, and is returned when nothing changes.
func Bar(old *api.Lock, name, ticket string) *api.Lock {
	l := api.Lock{Name: name, Kind: api.LockMutex, Capacity: 1}
	if old != nil {
		if slices.Contains(old.Gone, ticket) {
			return old
		}
		l = *old
	}
	l.Revision = ""
	l.Gone = append(slices.Clone(l.Gone[max(0, len(l.Gone)-api.MaxLockGone+1):]), ticket)
	return &l
}

// Prune removes the tickets whose lease is dead, and the waiters whose time is up by now (none if now is zero), and grants
// what then fits. It returns old if nothing changes; old may be nil.
func Prune(old *api.Lock, dead func(lease string) bool, now time.Time) *api.Lock {
	if old == nil {
		return nil
	}
	tickets := staying(old.Tickets, dead, now)
	if len(tickets) == len(old.Tickets) {
		return old
	}
	l := *old
	l.Revision, l.Tickets = "", tickets
	grant(&l)
	return &l
}

// staying copies the tickets whose lease lives, so far as dead is given, and that are granted or may still wait at now.
func staying(tickets []api.LockTicket, dead func(lease string) bool, now time.Time) []api.LockTicket {
	var stay []api.LockTicket
	for _, t := range tickets {
		late := !t.Granted && !t.Until.IsZero() && t.Until.Before(now)
		if !late && (dead == nil || !dead(t.Lease)) {
			stay = append(stay, t)
		}
	}
	return stay
}
