package lockcheck

import (
	"strconv"

	"github.com/mabus-project/mabus/shared/api"
)

// hold is a lock that a client knows it has.
type hold struct {
	c     *client
	a     *acquisition
	s     *session
	takes int
	token uint64
	over  bool
	// released says that the hold ended by the client's own will.
	released bool
}

func (c *client) hold(a *acquisition, token uint64) {
	h := &hold{c: c, a: a, s: a.s, takes: a.ticket.Takes, token: token}
	w := c.w
	w.judge.record(Op{
		Client: c.index, Kind: Acquire, Lock: lockName, Ticket: a.ticket.ID, Token: token, Takes: h.takes, Capacity: w.capacity, OK: true,
	}, a.call, w.now)
	w.judge.entered(h)
	h.act(w.rng.IntN(4), true)
}

// act uses the lock n times more, and then releases it.
func (h *hold) act(n int, first bool) {
	c, w := h.c, h.c.w
	pause := w.between(10*millisecond, 800*millisecond)
	if w.chance(8) && !c.last {
		pause = w.between(2*second, 18*second)
	}
	c.after(pause, func() {
		if !h.s.believes() {
			c.say("has lost the lock with token %d", h.token)
			h.over = true
			c.idle()
			return
		}
		w.judge.look(w)
		if n == 0 && w.chance(4) && !c.last {
			h.over = true
			h.s.giveBack()
			c.idle()
			return
		}
		if n == 0 {
			h.release()
			return
		}
		what := Get
		switch {
		case w.kind == api.LockRW && h.takes == 1: // a reader
		case first:
			what = Open
		case w.chance(70):
			what = Put
		}
		h.use(what, func(fenced bool) {
			if fenced {
				n = 1
			}
			h.act(n-1, false)
		})
	})
}

// use opens, puts or gets the cell once; without an answer it may have happened.
func (h *hold) use(what Kind, then func(fenced bool)) {
	c, w, call := h.c, h.c.w, h.c.w.now
	o := Op{Client: c.index, Kind: what, Cell: "y", Token: h.token}
	q := request{what: what, owner: c.name, token: h.token}
	if what == Put {
		w.values++
		o.Value = strconv.Itoa(w.values)
		q.value = o.Value
	}
	c.say("%s with token %d %s", what, h.token, o.Value)
	at := len(w.judge.ops) // it is in the history from now on, in case the client does not live to see the answer
	o.Unknown = true
	w.judge.record(o, call, call)
	c.ask(q, 4*second, func(a answer, ok bool) {
		if !ok || a.verdict == unsure {
			then(false)
			return
		}
		o := &w.judge.ops[at]
		o.Unknown, o.OK, o.Return = false, a.verdict == granted, w.now*1000
		if what != Put && o.OK {
			o.Value = a.value
		}
		then(a.verdict == gone)
	})
}

// release ends the hold: the client no longer acts on it.
func (h *hold) release() {
	c, w, call := h.c, h.c.w, h.c.w.now
	h.over, h.released = true, true
	c.say("releases token %d", h.token)
	o := Op{Client: c.index, Kind: Release, Lock: lockName, Ticket: h.a.ticket.ID}
	at := len(w.judge.ops)
	o.Unknown = true
	w.judge.record(o, call, call)
	c.release(h.s, h.a.ticket, func(was bool) {
		o := &w.judge.ops[at]
		if h.s.open && !h.s.ended {
			o.Unknown, o.OK, o.Return = false, was, w.now*1000
		}
		h.a.takeBack()
		c.done = c.last
		c.idle()
	})
}
