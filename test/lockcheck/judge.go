package lockcheck

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// judge sees everything at its true time.
type judge struct {
	holds   []*hold // those that are not over
	all     []*hold
	granted uint64 // the newest token that a client of an exclusive lock got
	ops     []Op
}

func (j *judge) blame(w *world, format string, args ...any) {
	if !w.blind {
		w.fail(format, args...)
	}
}

// written checks a write at the instant that the store takes it.
func (j *judge) written(w *world, before, after entry) {
	switch v := after.value.(type) {
	case *api.Lock:
		j.lockWritten(w, lockOf(before), lockOf(after))
	case *cellRecord:
		if c := cellOf(before); v.token < c.token {
			j.blame(w, "token %d writes the cell after token %d had opened it", v.token, c.token)
		}
	}
}

// lockWritten checks the order, the tokens and the capacity of a lock, by rules of its own.
func (j *judge) lockWritten(w *world, before, after *api.Lock) {
	last, waits, taken := uint64(0), false, 0
	for _, t := range after.Tickets {
		if t.Token <= last {
			j.blame(w, "ticket %s has token %d and comes after token %d", t.ID, t.Token, last)
		}
		last = t.Token
		if !t.Granted {
			waits = true
			continue
		}
		if taken += t.Takes; waits || taken > w.capacity {
			j.blame(w, "ticket %s is granted, %d of %d are taken, somebody waits before it: %t", t.ID, taken, w.capacity, waits)
		}
	}
	if before == nil {
		return
	}
	at := -1
	for _, t := range before.Tickets {
		now, place, ok := queue.Find(after, t.ID)
		switch {
		case !ok:
		case place < at:
			j.blame(w, "ticket %s was overtaken", t.ID)
		case now.Token != t.Token, t.Granted && !now.Granted:
			j.blame(w, "ticket %s with token %d (granted: %t) became %d (%t)", t.ID, t.Token, t.Granted, now.Token, now.Granted)
		}
		if ok {
			at = place
		}
	}
	for _, t := range after.Tickets {
		if _, _, ok := queue.Find(before, t.ID); !ok && t.Token <= before.Last {
			j.blame(w, "ticket %s got token %d after token %d was given", t.ID, t.Token, before.Last)
		}
	}
}

// entered is called when a client learns that it holds.
func (j *judge) entered(h *hold) {
	w := h.c.w
	if w.capacity == 1 && h.token <= j.granted {
		j.blame(w, "%s holds with token %d after token %d", h.c.name, h.token, j.granted)
	}
	j.granted = max(j.granted, h.token)
	j.holds, j.all = append(j.holds, h), append(j.all, h)
	j.look(w)
}

// look checks who knows at this instant that he holds. One who is paused knows nothing, and looks at his clock first when
// he goes on.
func (j *judge) look(w *world) {
	taken, live := 0, j.holds[:0]
	for _, h := range j.holds {
		if h.over || h.c.crashed {
			continue
		}
		live = append(live, h)
		if w.now >= h.c.paused && h.s.believes() {
			taken += h.takes
		}
	}
	j.holds = live
	if taken > w.capacity {
		j.blame(w, "%d of %d are held by %d who know it", taken, w.capacity, len(live))
	}
}

// record adds to the history. Times in histories are nanoseconds.
func (j *judge) record(o Op, call, ret int64) {
	o.Call, o.Return = call*1000, ret*1000
	j.ops = append(j.ops, o)
}

// history is what the clients did and saw, with the ends of the holds that ended by themselves.
func (j *judge) history() []Op {
	for _, h := range j.all {
		if end := h.s.end(); !h.released && end < never {
			j.record(Op{Client: h.c.index, Kind: Lost, Lock: lockName, Ticket: h.a.ticket.ID, Token: h.token}, end, end)
		}
	}
	return j.ops
}
