package replogsim

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// settled checks that everything has come to rest, and that all replicas are equal.
func (w *world[S]) settled() {
	var first []byte
	for _, r := range w.replicas {
		if !r.up || !r.live || r.e.Seq() != uint64(len(w.entries)) {
			w.fail("%s is not at the end of the log: %d of %d", r.name(), r.e.Seq(), len(w.entries))
			return
		}
		for f := range r.e.Effects() {
			w.fail("effect %s has no outcome, it is %s's", f.ID, f.Owner)
			return
		}
		if next, ok := r.e.Next(); ok && next.Before(w.time().Add(-10*time.Second)) {
			w.fail("a timer of %s has not fired at %s", next, w.time())
			return
		}
		data, err := r.e.Snapshot()
		if err != nil {
			w.fail("%s: %w", r.name(), err)
			return
		}
		if first == nil {
			first = data
		} else if !bytes.Equal(first, data) {
			w.fail("%s has another state than %s", r.name(), w.replicas[0].name())
			return
		}
	}
}

// judge replays the log once more, and looks at everything that the machine was asked.
func (w *world[S]) judge() error {
	p := &probe[S]{decided: map[string]int{}, timers: map[string]time.Time{}, effects: map[string]int{}}
	e := engine.New(w.spoilMachine(p.wrap(w.Machine), 0))
	replies := map[string]engine.Reply{}
	for _, en := range w.entries {
		a, err := e.Apply(w.spoilEntry(e, en, en.Time))
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if a.Skipped != "" {
			w.result.Skipped++
		}
		for i, r := range a.Replies {
			if tag := a.Batch.Commands[i].Hash; tag != "" && !r.Repeated {
				replies[tag] = r
			}
		}
		if p.fault != nil {
			return fmt.Errorf("entry %d: %w", en.Seq, p.fault)
		}
		if w.Check != nil {
			if err := w.Check(e.State()); err != nil {
				return fmt.Errorf("after entry %d: %w", en.Seq, err)
			}
		}
	}
	w.result.Timers, w.result.Effects = p.fired, p.outcomes
	if !w.equal(e) {
		return errors.New("a replay of the log gives another state")
	}
	if err := w.judgeRequests(p, replies); err != nil {
		return err
	}
	if w.Quiet != nil && e.Pending() == 0 {
		if err := w.Quiet(e.State()); err != nil {
			return err
		}
	}
	return w.judgeEffects(p)
}

func (w *world[S]) equal(e *engine.Engine[S]) bool {
	want, err := e.Snapshot()
	got, err2 := w.replicas[0].e.Snapshot()
	return err == nil && err2 == nil && bytes.Equal(got, want)
}

// judgeRequests: each command was done once at most, and once if it was acknowledged, with that answer.
func (w *world[S]) judgeRequests(p *probe[S], replies map[string]engine.Reply) error {
	for _, c := range w.clients {
		switch n := p.decided[c.tag]; {
		case n > 1:
			return fmt.Errorf("request %s (id %q) was done %d times", c.tag, c.command.ID, n)
		case c.reply == nil:
		case n == 0:
			return fmt.Errorf("request %s (id %q) was acknowledged and never done", c.tag, c.command.ID)
		case !sameReply(*c.reply, replies[c.tag]):
			return fmt.Errorf("request %s was answered %s, but the log says %s", c.tag, show(*c.reply), show(replies[c.tag]))
		}
	}
	return nil
}

// judgeEffects: each effect was done once, and run once if nobody died and nothing took long.
func (w *world[S]) judgeEffects(p *probe[S]) error {
	for _, id := range slices.Sorted(maps.Keys(p.effects)) {
		rec := w.receiver[id]
		switch {
		case rec == nil || rec.applied == 0:
			return fmt.Errorf("effect %s has an outcome, and was never run", id)
		case rec.applied > 1:
			return fmt.Errorf("effect %s was done %d times", id, rec.applied)
		case w.calm && rec.runs > 1:
			return fmt.Errorf("effect %s was run %d times, though nobody died", id, rec.runs)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.receiver)) {
		if _, ok := p.effects[id]; !ok {
			return fmt.Errorf("effect %s was run, and the machine never asked for it", id)
		}
	}
	return nil
}

// probe is between the engine and the machine, and sees what one asks and the other says.
type probe[S any] struct {
	decided  map[string]int       // by the tag of a command
	timers   map[string]time.Time // that are set
	effects  map[string]int       // outcomes that are missing, by id
	fired    int
	outcomes int
	fault    error
}

func (p *probe[S]) wrap(m engine.Machine[S]) engine.Machine[S] {
	all := m.Rules
	m.Rules = map[int]engine.Rules[S]{}
	for v, rules := range all {
		decide := rules.Decide
		rules.Decide = func(s S, c engine.Command) engine.Decision {
			p.before(c)
			d := decide(s, c)
			if d.Err == nil {
				p.after(d)
			}
			return d
		}
		m.Rules[v] = rules
	}
	return m
}

func (p *probe[S]) before(c engine.Command) {
	switch c.Kind {
	case engine.KindTimer:
		at, ok := p.timers[c.Key]
		delete(p.timers, c.Key)
		p.fired++
		if !ok {
			p.fail("timer %s fired, and is not set", c.Key)
		} else if c.Time.Before(at) {
			p.fail("timer %s fired at %s, and is set to %s", c.Key, c.Time, at)
		}
	case engine.KindOutcome:
		p.effects[c.Key]--
		p.outcomes++
		if p.effects[c.Key] != 0 {
			p.fail("an outcome of effect %s came, and none was missing", c.Key)
		}
	}
	if c.Hash != "" {
		p.decided[c.Hash]++
	}
}

func (p *probe[S]) after(d engine.Decision) {
	for _, f := range d.Effects {
		if p.effects[f.ID] == 0 {
			p.effects[f.ID] = 1
		}
	}
	for _, t := range d.Timers {
		if t.At.IsZero() {
			delete(p.timers, t.ID)
		} else {
			p.timers[t.ID] = t.At
		}
	}
}

func (p *probe[S]) fail(format string, args ...any) {
	if p.fault == nil {
		p.fault = fmt.Errorf(format, args...)
	}
}
