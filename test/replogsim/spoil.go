package replogsim

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// machine is the machine under test as a replica has it: with the bug, if that is one of the machine.
func (w *world[S]) machine(replica int) engine.Machine[S] { return w.spoilMachine(w.Machine, replica) }

func (w *world[S]) spoilMachine(m engine.Machine[S], replica int) engine.Machine[S] {
	if w.Bug != OutcomeTwice && w.Bug != TimerAgain && w.Bug != MapOrder {
		return m
	}
	all := m.Rules
	m.Rules = map[int]engine.Rules[S]{}
	for v, rules := range all {
		good := rules.Decide
		rules.Decide = func(s S, c engine.Command) engine.Decision {
			d := good(s, c)
			switch {
			case w.Bug == OutcomeTwice && c.Kind == engine.KindOutcome:
				d.Events = append(d.Events, d.Events...)
			case w.Bug == TimerAgain && c.Kind == engine.KindTimer && c.Seq%4 == 0:
				d.Timers = append(d.Timers, engine.Timer{ID: c.Key, At: c.Time.Add(time.Second)})
			case w.Bug == MapOrder && c.Seq%16 == 15 && c.Hash != "":
				d.Answer = fmt.Appendf(nil, "%d", replica)
			}
			return d
		}
		m.Rules[v] = rules
	}
	return m
}

// spoilEntry is where the bugs of the engine are: it changes what a replica applies.
func (w *world[S]) spoilEntry(e *engine.Engine[S], en engine.Entry, local time.Time) engine.Entry {
	if w.Bug == LocalClock && !local.IsZero() {
		en.Time = local
	}
	if w.Bug != NoRepeats && w.Bug != StaleCarriedOut {
		return en
	}
	b, err := engine.ParseBatch(en.Data)
	if err != nil {
		return en
	}
	if w.Bug == StaleCarriedOut {
		b.Applied, b.AppliedTime, b.Claim = e.Seq(), e.Time(), e.Hash()
	}
	for i := range b.Commands {
		if w.Bug == NoRepeats {
			b.Commands[i].ID = ""
		}
	}
	en.Data = b.Append(nil)
	return en
}

// spoilSnapshot is where the bugs of snapshots are: it cuts out a part, which is found by reading the parts before it.
func (w *world[S]) spoilSnapshot(data []byte) []byte {
	if w.Bug != LostAnswers && w.Bug != LostTimers {
		return data
	}
	at := len("msnp\x01")
	number := func() uint64 {
		v, n := binary.Uvarint(data[at:])
		at += n
		return v
	}
	text := func() { at += int(number()) }
	text() // machine
	text() // log
	number()
	seq := number()
	at += 8 + 32*int(min(seq+1, engine.MaxLag))
	for range 2 { // snapshots
		number()
		at += 32
		text()
	}
	from := at
	for range number() { // timers
		at += 8
		text()
	}
	if w.Bug == LostAnswers {
		at += 8 // up to when ids are too old
		from = at
		for range number() {
			text()
			text()
			at += 8 + 1
			if data[at-1] == 0 {
				text()
				continue
			}
			text()
			text()
			text()
			at++
			text()
			at += 8
			for range number() {
				text()
			}
		}
	}
	return append(append(append([]byte{}, data[:from]...), 0), data[at:]...)
}
