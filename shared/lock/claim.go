package lock

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// claim is a request that is being carried out. The same request may have been repeated here or at another replica, and a
// claim must not take away what another has got: see take.
type claim struct {
	Request
	over time.Time // when its wait is over
	// own says that nobody else knows the ticket.
	own bool
	// until is what this claim wrote as the time of the ticket. Each writes another one, so that it shows whose the place is.
	until time.Time
	// sent is the revision that a write expected which adds the ticket, and may be under way still.
	sent uint64
}

// stamp returns the time that t, which waits, is to be given: what this claim gave it before, or one that is later than whatever
// another claim gave it.
func (c *claim) stamp(t api.LockTicket, now time.Time) time.Time {
	mine := !c.until.IsZero() && t.Until.Equal(c.until)
	if c.until.IsZero() {
		c.until = now.Add(time.Until(c.over) + slack).Truncate(time.Millisecond)
	}
	if !mine && !c.until.After(t.Until) { // also a claim of the same millisecond is another
		c.until = t.Until.Add(time.Millisecond)
	}
	return c.until
}

// take returns the lock without the claim's ticket, so far as that is the claim's to take: of a ticket that others may know a
// place that no other claim has taken over since; of its own also what is granted, if that is asked for.
func (c *claim) take(l *api.Lock, grantedToo bool, now time.Time) *api.Lock {
	t, _, ok := queue.Find(l, c.Ticket)
	switch {
	case !ok || t.Lease != c.Lease:
		return l
	case t.Granted && !(c.own && grantedToo), !t.Granted && !c.own && !t.Until.Equal(c.until):
		return l
	}
	if next, err := queue.Leave(l, c.Ticket, c.Owner, now); err == nil {
		return next
	}
	return l // somebody else's
}
