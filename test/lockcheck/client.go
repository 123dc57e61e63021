package lockcheck

import (
	"strconv"

	"github.com/mabus-project/mabus/shared/api"
)

const lockName = "x"

// client is a process that takes the lock again and again, and once more when the faults have ended.
type client struct {
	*proc
	index   int
	session *session
	busy    bool
	last    bool // the last acquisition is under way
	done    bool
}

func (w *world) newClient(index int) *client {
	c := &client{proc: w.newProc("c" + strconv.Itoa(index)), index: index}
	w.at(w.between(1, second), c.proc, c.newSession)
	return c
}

// opened goes on when there is a lease.
func (c *client) opened() {
	if !c.busy {
		c.idle()
	}
}

// idle ends an operation and thinks of the next.
func (c *client) idle() {
	c.busy = false
	c.after(c.w.between(10*millisecond, 2*second), func() {
		if c.busy || c.done || !c.session.held() {
			return
		}
		c.busy = true
		c.last = c.w.now >= faultTime
		c.acquire()
	})
}

// ask sends a request to any replica, and hears its answer within patience or nothing.
func (c *client) ask(q request, patience int64, then func(a answer, ok bool)) {
	w, over := c.w, false
	c.after(patience, func() {
		if !over {
			over = true
			then(answer{}, false)
		}
	})
	r := w.anyReplica()
	if c.isCut() || w.lost() {
		return
	}
	q.answer = func(a answer) {
		if r.isCut() || w.lost() {
			return
		}
		w.at(w.now+w.delay(), c.proc, func() {
			if !over && !c.isCut() {
				over = true
				then(a, true)
			}
		})
	}
	w.at(w.now+w.delay(), r.proc, func() {
		if !r.isCut() {
			r.handle(&q)
		}
	})
}

// acquisition is one attempt to get the lock, with one ticket however often it must ask.
type acquisition struct {
	c          *client
	s          *session
	ticket     api.LockTicket
	wait       int64
	deadline   int64 // on the client's clock
	call       int64
	unanswered bool
	over       bool
}

func (c *client) newTicket(s *session) api.LockTicket {
	w := c.w
	w.tickets++
	t := api.LockTicket{ID: "t" + strconv.Itoa(w.tickets), Owner: c.name, Lease: s.id, Takes: 1}
	switch w.kind {
	case api.LockRW:
		if w.chance(40) {
			t.Takes = w.capacity
		}
	case api.LockSemaphore:
		t.Takes = 1 + w.rng.IntN(w.capacity)
	}
	return t
}

func (c *client) acquire() {
	w := c.w
	a := &acquisition{c: c, s: c.session, ticket: c.newTicket(c.session), call: w.now, wait: w.between(second, 15*second)}
	switch {
	case c.last:
		a.wait = 30 * second
	case w.chance(20):
		a.wait = 0
	case w.chance(15): // somebody will not wait for so long
		c.after(w.between(50*millisecond, 3*second), func() {
			if !a.over {
				c.say("changes its mind about %s", a.ticket.ID)
				a.unanswered = true
				a.end()
			}
		})
	}
	a.deadline = c.clock() + a.wait
	c.say("wants %s with %s for %d, lease %s", lockName, a.ticket.ID, a.ticket.Takes, a.s.id)
	a.send()
}

func (a *acquisition) send() {
	c := a.c
	q := request{what: Acquire, ticket: a.ticket, owner: c.name}
	if a.wait > 0 {
		q.wait = max(a.deadline-c.clock(), second/10)
		q.ticket.Until = untilOf(c.w.now, q.wait)
	}
	patience := q.wait + 3*second
	if c.w.chance(20) {
		patience = c.w.between(second/2, 6*second)
	}
	c.ask(q, patience, func(got answer, ok bool) {
		if a.over {
			return
		}
		switch {
		case !a.s.held():
			a.over = true // the ticket goes with the lease
			c.idle()
		case ok && got.verdict == granted:
			a.over = true
			c.say("got %s, token %d", a.ticket.ID, got.token)
			c.hold(a, got.token)
		case ok && got.verdict != unsure:
			c.say("did not get %s: %s", a.ticket.ID, verdictNames[got.verdict])
			a.over = true
			a.takeBack()
			c.idle()
		default:
			a.unanswered = true
			if a.wait > 0 && (c.clock() < a.deadline || c.last) {
				if c.w.bug == NewTicket {
					a.ticket.ID += "b"
				}
				a.send()
				return
			}
			a.end()
		}
	})
}

// end gives a ticket up of which nothing is known for certain.
func (a *acquisition) end() {
	a.over = true
	if a.c.w.bug == NewTicket {
		a.c.idle()
		return
	}
	a.c.release(a.s, a.ticket, func(bool) {
		a.takeBack()
		a.c.idle()
	})
}

// lateness is how long a request may lie at a replica before it is looked at.
const lateness = 20 * second

// takeBack gives the ticket back once more when a request for it, which had no answer, may have been carried out late.
func (a *acquisition) takeBack() {
	if bug := a.c.w.bug; a.unanswered && bug != NewTicket && bug != LateRequest {
		a.c.after(lateness, func() { a.c.release(a.s, a.ticket, func(bool) {}) })
	}
}

// release gives a ticket back, until it is certain that it is no longer there.
func (c *client) release(s *session, t api.LockTicket, then func(was bool)) {
	if !s.open || s.ended {
		then(false)
		return
	}
	c.ask(request{what: Release, ticket: t, owner: c.name}, 5*second, func(a answer, ok bool) {
		if ok && a.verdict != unsure {
			then(a.verdict == granted)
			return
		}
		c.after(300*millisecond, func() { c.release(s, t, then) })
	})
}
