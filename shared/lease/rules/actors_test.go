package rules_test

import (
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/lease/rules"
)

// holder is a process that holds a lease, and takes a fresh one when it has lost it.
type holder struct {
	process
	name string
	n    int
	id   string
	rule rules.Holder
	have bool
	held bool // as last seen
}

func (w *world) addHolder(name string) *holder {
	h := &holder{process: w.process(), name: name}
	w.holders = append(w.holders, h)
	h.acquire()
	h.act()
	return h
}

func (h *holder) acquire() {
	h.n++
	h.id, h.have = fmt.Sprint(h.name, h.n), false
	sent := h.local()
	h.try(0, false, func(rev uint64, ok bool) {
		if !ok {
			h.acquire() // an earlier try whose answer was lost
			return
		}
		h.rule, h.have, h.held = rules.NewHolder(h.w.t, rev, sent), true, true
		h.after(h.rule.Next(sent, h.local(), true), h.renew)
	}, func() { h.acquire() })
}

// try writes once, and calls one of the two.
func (h *holder) try(expect uint64, dead bool, answer func(rev uint64, ok bool), timeout func()) {
	over := false
	h.w.store.write(&h.process, h.id, expect, record{writer: h.id, dead: dead}, func(rev uint64, ok bool) {
		if !over {
			over = true
			answer(rev, ok)
		}
	})
	h.after(h.w.t.Renew, func() {
		if !over {
			over = true
			timeout()
		}
	})
}

func (h *holder) renew() {
	sent := h.local()
	again := func() { h.after(h.rule.Next(sent, h.local(), false), h.renew) }
	h.try(h.rule.Revision(), false, func(rev uint64, ok bool) {
		if !ok {
			h.find()
			return
		}
		h.rule.Renewed(rev, sent)
		h.after(h.rule.Next(sent, h.local(), true), h.renew)
	}, again)
}

func (h *holder) find() {
	over := false
	h.w.store.read(&h.process, func(read func(string) record, _ uint64) {
		if over {
			return
		}
		over = true
		r := read(h.id)
		if h.rule.Found(r.rev, r.writer == h.id && !r.dead) {
			h.w.lost++
			h.acquire()
			return
		}
		h.renew()
	})
	h.after(h.w.t.Renew, func() {
		if !over {
			over = true
			h.renew()
		}
	})
}

// act is what a holder does again and again: it asks whether its lease is held, and then acts at once.
func (h *holder) act() {
	if h.have {
		now := h.rule.Held(h.local())
		if r := h.w.store.records[h.id]; now && (r == nil || r.dead) {
			h.w.fail("the holder of %s acts, and its lease is dead", h.id)
		}
		switch {
		case h.held && !now:
			h.w.suspended++
		case !h.held && now:
			h.w.resumed++
		}
		h.held = now
	}
	h.after(h.w.between(10*time.Millisecond, h.w.t.Renew/4), h.act)
}

// watch is a process that watches the leases: a copy of the store that follows it, and the rule.
type watch struct {
	process
	rule    *rules.Watcher
	epoch   uint64
	session int
	synced  bool
	current time.Duration // on its clock
	seen    uint64
	known   map[string]record
	line    time.Duration // when the last message that is on its way arrives
	busy    bool
}

func (w *world) addWatch() *watch {
	v := &watch{process: w.process(), rule: rules.NewWatcher(w.t), known: map[string]record{}}
	w.watches = append(w.watches, v)
	v.rebuild(v.session)
	v.tick()
	v.probe()
	return v
}

// interrupt is a lost connection, which the process notices soon.
func (v *watch) interrupt() {
	v.session++
	session := v.session
	v.after(v.w.between(0, time.Second), func() {
		v.epoch++
		v.synced = false
		v.rebuild(session)
	})
}

// rebuild loads all anew as soon as there is a connection.
func (v *watch) rebuild(session int) {
	v.after(v.w.between(50*time.Millisecond, 2*time.Second), func() {
		switch {
		case session != v.session:
		case !v.reaches() || !v.w.store.reads():
			v.rebuild(session)
		default:
			v.epoch++
			v.seen, v.synced, v.current = v.w.store.last, true, v.local()
			for id, r := range v.w.store.records {
				v.learn(id, *r)
			}
		}
	})
}

func (v *watch) learn(id string, r record) {
	if id == proof || v.known[id].rev == r.rev {
		return
	}
	v.known[id] = r
	if r.dead {
		v.rule.Gone(id)
	} else {
		v.rule.Saw(id, r.rev, v.local())
	}
}

// deliver sends a change on its way; changes arrive in order.
func (v *watch) deliver(id string, r record) {
	session := v.session
	v.line = max(v.line, v.w.now+v.w.latency())
	v.w.after(v.line-v.w.now, func() {
		v.step(func() {
			if session == v.session && r.rev > v.seen {
				v.seen = r.rev
				v.learn(id, r)
			}
		})
	})
}

// probe compares the copy with the leader.
func (v *watch) probe() {
	sent, session, over := v.local(), v.session, false
	v.w.store.read(&v.process, func(_ func(string) record, last uint64) {
		if !over && session == v.session && v.seen >= last && v.synced {
			v.current = sent
		}
		over = true
	})
	v.after(v.w.t.Renew/2, func() {
		if !over {
			over = true
			v.epoch++
		}
		v.probe()
	})
}

func (v *watch) view() rules.View {
	return rules.View{Epoch: v.epoch, Synced: v.synced, Age: v.local() - v.current}
}

func (v *watch) tick() {
	v.after(v.w.t.Tick(), v.tick)
	if v.busy {
		return
	}
	now := v.local()
	dead, doubt := v.rule.Look(now, v.view())
	if !doubt {
		v.declare(dead)
		return
	}
	r := v.w.store.records[proof]
	if r == nil {
		r = &record{}
	}
	v.write(proof, r.rev, false, func() {
		v.rule.Proved(now)
		v.declare(dead)
	})
}

// declare declares leases dead, one after another.
func (v *watch) declare(dead []rules.Sight) {
	if len(dead) == 0 {
		return
	}
	next := func() { v.declare(dead[1:]) }
	if !v.rule.Still(dead[0], v.local(), v.view()) {
		next()
		return
	}
	v.write(dead[0].ID, dead[0].Revision, true, next)
}

// write tries until Renew has passed.
func (v *watch) write(id string, expect uint64, dead bool, done func()) {
	over, began := false, v.local()
	v.busy = true
	var try func()
	try = func() {
		if over || v.local()-began >= v.w.t.Renew {
			return
		}
		v.w.store.write(&v.process, id, expect, record{writer: v.known[id].writer, dead: dead}, func(uint64, bool) {
			if !over {
				over, v.busy = true, false
				done()
			}
		})
		v.after(v.w.t.Renew/8, try)
	}
	try()
	v.after(v.w.t.Renew, func() {
		if !over {
			over, v.busy = true, false
			v.rule.Refused(v.local())
		}
	})
}
