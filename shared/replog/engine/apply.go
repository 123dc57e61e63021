package engine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
)

// Apply applies the next entry. The errors are ErrGap, ErrVersion and ErrEvolve; whatever else may be wrong with an entry is said in
// Applied, since somebody's garbage in the stream must not stop everybody.
func (e *Engine[S]) Apply(en Entry) (*Applied, error) {
	if e.broken != nil {
		return nil, e.broken
	}
	if en.Seq != e.seq+1 {
		return nil, fmt.Errorf("%w: entry %d after %d", ErrGap, en.Seq, e.seq)
	}
	a := &Applied{Seq: en.Seq}
	b, err := ParseBatch(en.Data)
	switch {
	case errors.Is(err, ErrFormat):
		return nil, e.breaks(fmt.Errorf("%w: entry %d: %w", ErrVersion, en.Seq, err))
	case err != nil:
		a.Skipped = SkipJunk
	default:
		a.Batch, a.Writer, a.Number = b, b.Writer, b.Number
		if b.Machine != e.machine.Name || !e.belongs(b, en.Seq) {
			a.Skipped = SkipForeign
		}
	}
	if a.Skipped != "" {
		a.Time = moment(e.time)
		e.close(&en)
		return a, nil
	}
	if err := e.batch(&en, a); err != nil {
		return nil, e.breaks(err)
	}
	a.Time = moment(e.time)
	e.close(&en)
	return a, nil
}

// belongs tells whether a batch is of this log. One that would not be carried out begins none: it is left over from another log, of
// which this stream has taken the place.
func (e *book) belongs(b *Batch, seq uint64) bool {
	if e.log == "" {
		return e.members.judge(b, seq, e.time) == ""
	}
	return b.Log == e.log
}

// batch applies a batch of this log.
func (e *Engine[S]) batch(en *Entry, a *Applied) error {
	b := a.Batch
	if e.log == "" {
		if err := e.begin(b); err != nil {
			return err
		}
	}
	if hash, ok := e.HashAt(b.Applied); ok && hash != b.Claim {
		a.Contradicts = true
	}
	before := e.time
	e.members.forget(before)
	a.Skipped = e.members.judge(b, en.Seq, before)
	e.time = max(before, nanos(en.Time))
	e.kept.drop(e.time)
	if a.Skipped == "" {
		e.members.saw(b, e.time)
	}
	clock := before
	if err := e.fire(a, &clock); err != nil || a.Skipped != "" {
		return err
	}
	if len(b.Commands) > 0 {
		a.Replies = make([]Reply, len(b.Commands))
	}
	for i := range b.Commands {
		c := &b.Commands[i]
		c.Seq, c.Index, c.Time = en.Seq, i, moment(e.time)
		if err := e.command(a, c, &a.Replies[i]); err != nil {
			return err
		}
		e.recordReply(&a.Replies[i])
		clock = e.time
		if err := e.fire(a, &clock); err != nil { // one that the command has set for now
			return err
		}
	}
	return nil
}

// begin takes over what the first batch says of the log.
func (e *Engine[S]) begin(b *Batch) error {
	if b.Version < e.version || e.version == 0 {
		return fmt.Errorf("%w: the log begins with version %d of %s", ErrVersion, b.Version, e.machine.Name)
	}
	if err := e.advance(b.Version); err != nil {
		return err
	}
	e.log = b.Log
	return nil
}

// fire fires the timers that are due. The time of the commands goes from that of the entry before to that of this one.
func (e *Engine[S]) fire(a *Applied, clock *int64) error {
	for a.Fired < MaxFired {
		t, ok := e.timers.due(e.time)
		if !ok {
			return nil
		}
		a.Fired++
		*clock = max(*clock, t.at)
		var r Reply
		c := Command{Kind: KindTimer, Key: t.id, Seq: a.Seq, Index: -a.Fired, Time: moment(*clock)}
		if err := e.decide(a, &c, &r); err != nil {
			return err
		}
		if r.Panic != "" {
			a.Panics = append(a.Panics, fmt.Sprintf("timer %s: %s", t.id, r.Panic))
		}
		e.result = append(e.result, 't')
		e.result = appendString(e.result, t.id)
		e.recordReply(&r)
	}
	return nil
}

// recordReply puts an answer into the hash of the entry.
func (e *book) recordReply(r *Reply) {
	if r.Err == nil {
		e.result = append(e.result, 'a')
		e.result = appendString(e.result, r.Answer)
		return
	}
	e.result = append(e.result, 'e')
	e.result = appendString(e.result, r.Err.Code)
	e.result = appendString(e.result, r.Err.Details.Reason)
	e.result = appendString(e.result, r.Err.Message)
}

// errFailed answers a command on which the machine panicked.
var errFailed = api.Errorf(api.Internal, "the service failed on this request: nothing was changed")

// emptyAnswer is that of who has nothing to say.
var emptyAnswer = []byte("{}")

// decide asks the machine, and does what it says.
func (e *Engine[S]) decide(a *Applied, c *Command, r *Reply) error {
	d, text := e.ask(c)
	if text != "" {
		r.Err, r.Panic = errFailed, text
		return nil
	}
	e.result = binary.AppendUvarint(append(e.result, 'd'), uint64(len(d.Events)))
	if len(d.Events) > 0 {
		if text := e.evolve(d.Events); text != "" {
			return fmt.Errorf("%w: entry %d, command %d (%s): %s", ErrEvolve, c.Seq, c.Index, c.Kind, text)
		}
		a.Events = append(a.Events, d.Events...)
	}
	if d.Err != nil {
		r.Err = d.Err
		return nil
	}
	if r.Answer = d.Answer; len(r.Answer) == 0 {
		r.Answer = emptyAnswer
	}
	for _, f := range d.Effects {
		e.result = append(e.result, 'f')
		e.result = appendString(e.result, f.ID)
		e.result = appendString(e.result, f.Kind)
		e.result = appendString(e.result, f.Body)
		if n := e.effects.start(f, a.Writer, plus(e.time, Claim)); n != nil {
			a.Started = append(a.Started, n.pending())
		}
	}
	for _, t := range d.Timers {
		e.result = append(e.result, 's')
		e.result = appendString(e.result, t.ID)
		at := nanos(t.At)
		e.result = appendInt(e.result, at)
		e.timers.set(t.ID, at)
	}
	return nil
}

func (e *Engine[S]) ask(c *Command) (d Decision, text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("panic: %v", r)
		}
	}()
	return e.rules.Decide(e.state, *c), ""
}

func (e *Engine[S]) evolve(events []any) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("panic: %v", r)
		}
	}()
	for _, event := range events {
		e.rules.Evolve(e.state, event)
	}
	return ""
}
