package lockcheck

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// wait is a request that waits for its ticket to be granted.
type wait struct {
	req  *request
	from uint64 // the mirror must be at least here
	over bool
}

// acquire joins the queue and waits there. What the mirror says is good enough to try a write, never to refuse.
func (r *replica) acquire(q *request) {
	w, deadline := r.w, r.clock()+q.wait
	var attempt func(e entry, fresh bool)
	look := func() {
		w.store.read(r.proc, lockKey, func(e entry, ok bool) {
			if ok {
				attempt(e, true)
			} else if r.clock() < deadline+10*second {
				r.after(200*millisecond, func() { attempt(entry{}, false) })
			} else {
				q.answer(answer{verdict: unsure})
			}
		})
	}
	attempt = func(e entry, fresh bool) {
		if e.rev == 0 && !fresh {
			look()
			return
		}
		if r.dead(q.ticket.Lease) {
			q.answer(answer{verdict: gone})
			return
		}
		if q.wait > 0 && r.clock() >= deadline {
			r.giveUp(q, deadline, false)
			return
		}
		old := lockOf(e)
		next, err := r.join(old, q)
		switch {
		case err != nil && !fresh:
			look()
		case err != nil:
			q.answer(answer{verdict: held})
		case next == old:
			r.await(q, e, deadline)
		default:
			r.put(e, next, func(o outcome, rev uint64) {
				if o == stored || o == unclear && w.bug == GrantOnUnknown {
					r.await(q, entry{lockKey, max(rev, e.rev+1), next}, deadline)
				} else {
					look()
				}
			})
		}
	}
	attempt(r.locks.get(lockKey), false)
}

func (r *replica) join(old *api.Lock, q *request) (*api.Lock, error) {
	rule := queue.Join
	if q.wait == 0 {
		rule = queue.TryJoin
	}
	return rule(old, lockName, r.w.kind, r.w.capacity, q.ticket, r.storeTime())
}

// await answers once the ticket is granted in a record that is no older than from, or gives it up.
func (r *replica) await(q *request, e entry, deadline int64) {
	v := &wait{req: q, from: e.rev}
	if r.settled(v, e) {
		return
	}
	if at := r.locks.get(lockKey); r.settled(v, at) {
		return
	}
	r.waiting = append(r.waiting, v)
	r.after(max(deadline-r.clock(), 1), func() {
		if !v.over {
			v.over = true
			r.giveUp(q, deadline, false)
		}
	})
}

// settled answers a wait if the record decides it.
func (r *replica) settled(v *wait, e entry) bool {
	if e.rev < v.from {
		return false
	}
	t, _, ok := queue.Find(lockOf(e), v.req.ticket.ID)
	if ok && !t.Granted {
		return false
	}
	v.over = true
	if ok {
		v.req.answer(answer{verdict: granted, token: t.Token})
	} else {
		v.req.answer(answer{verdict: gone})
	}
	return true
}

// giveUp takes a ticket back that was not granted in time. One that was is granted after all: another request for it may
// have told the client so. Failed says that this was tried before.
func (r *replica) giveUp(q *request, deadline int64, failed bool) {
	again := func() { r.after(200*millisecond, func() { r.giveUp(q, deadline, true) }) }
	if r.clock() > deadline+10*second {
		q.answer(answer{verdict: unsure})
		return
	}
	r.w.store.read(r.proc, lockKey, func(e entry, ok bool) {
		if !ok {
			again()
			return
		}
		old := lockOf(e)
		t, _, ok := queue.Find(old, q.ticket.ID)
		switch {
		case !ok:
			q.answer(answer{verdict: held})
			return
		case t.Granted && !(failed && r.w.bug == GiveUpGranted):
			q.answer(answer{verdict: granted, token: t.Token})
			return
		}
		next, err := queue.Leave(old, q.ticket.ID, q.owner, r.storeTime())
		if err != nil {
			q.answer(answer{verdict: gone})
			return
		}
		r.put(e, next, func(o outcome, _ uint64) {
			if o == stored {
				q.answer(answer{verdict: held})
			} else {
				again()
			}
		})
	})
}

// untilOf is when a ticket that waits loses its place.
func untilOf(now, wait int64) time.Time { return wall(now + wait + 10*second) }
