package replogsim

import (
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// resend is after which time a batch without an acknowledgement is sent again.
const resend = time.Second

// atOnce is how many commands go into a batch at most.
const atOnce = 5

// flight is a batch under way. There is one at a time.
type flight struct {
	number   uint64
	commands []*waiting
	data     []byte
	acked    bool
}

// enqueue lets a command be appended.
func (r *replica[S]) enqueue(c engine.Command, answer func(engine.Reply)) {
	if answer == nil {
		answer = func(engine.Reply) {}
	}
	r.queue = append(r.queue, &waiting{c, answer})
	r.after(r.w.between(0, time.Millisecond), func() { r.append(false) })
}

// append makes a batch of what waits, or of nothing when a tick is wanted, unless one is under way.
func (r *replica[S]) append(tick bool) {
	if !r.live || r.flight != nil || len(r.queue) == 0 && !tick {
		return
	}
	n := min(len(r.queue), atOnce)
	r.number++
	r.flight = &flight{number: r.number, commands: r.queue[:n:n]}
	r.queue = r.queue[n:]
	r.make()
}

// make makes the bytes of the batch under way, as of now, and sends them.
func (r *replica[S]) make() {
	f, w := r.flight, r.w
	log := r.e.Log()
	if log == "" {
		log = "by " + r.writer
	}
	b := engine.Batch{
		Machine: w.Machine.Name, Log: log, Version: r.e.Version(), Writer: r.writer, Number: f.number,
		Applied: r.e.Seq(), AppliedTime: r.e.Time(), Claim: r.e.Hash(),
	}
	for _, c := range f.commands {
		b.Commands = append(b.Commands, c.command)
	}
	f.data, f.acked = b.Append(nil), false
	r.spoke = w.now
	w.say("%s appends batch %d of %d commands, having seen %d", r.writer, f.number, len(f.commands), b.Applied)
	if w.Bug == AnswerEarly {
		r.answerEarly(f)
	}
	r.send(f)
}

// send publishes the batch under way, and again until it is acknowledged, or seen.
func (r *replica[S]) send(f *flight) {
	w := r.w
	if r.flight != f || f.acked || r.point("before it appends") {
		return
	}
	data, life := f.data, r.life
	w.publish(r.writer, data, func() {
		if r.life == life && f.same(data) {
			f.acked = true
		}
	})
	if r.point("when it has appended") {
		return
	}
	r.after(resend, func() {
		if r.flight != f || !f.same(data) || f.acked {
			return
		}
		if w.Bug == NewBatch {
			r.number++
			f.number = r.number
			r.make()
			return
		}
		r.send(f)
	})
}

// settle looks at what became of the batch under way: only at copies of it as it is now, since of an older form no copy can be carried
// out any more.
func (r *replica[S]) settle(a *engine.Applied, data []byte) {
	f, w := r.flight, r.w
	if a.Skipped != "" {
		w.say("%s: entry %d of %s is skipped: %s", r.name(), a.Seq, a.Writer, a.Skipped)
	}
	if !f.same(data) {
		return
	}
	switch a.Skipped {
	case "":
		r.flight = nil
		if r.point("before it answers") {
			return
		}
		for i, c := range f.commands {
			c.answer(a.Replies[i])
		}
		r.append(false)
	case engine.SkipStale, engine.SkipForeign:
		r.make()
	case engine.SkipUnknown:
		r.writer += "+"
		r.number, f.number = 1, 1
		r.make()
	case engine.SkipRepeated:
		if w.Bug == SameWriter { // it takes its batch for carried out
			r.flight = nil
			for _, c := range f.commands {
				c.answer(engine.Reply{Answer: []byte("{}")})
			}
		}
	default:
		w.fail("%s: its batch %d was skipped: %s", r.name(), f.number, a.Skipped)
	}
}

// answerEarly is a bug. It needs no answer for a command on which the machine panics.
func (r *replica[S]) answerEarly(f *flight) {
	for _, c := range f.commands {
		if c.command.Hash != "" {
			r.foresee(c)
		}
	}
}

func (r *replica[S]) foresee(c *waiting) {
	defer func() { _ = recover() }()
	d := r.w.Machine.Rules[r.e.Version()].Decide(r.e.State(), c.command)
	if d.Answer == nil && d.Err == nil {
		d.Answer = []byte("{}")
	}
	c.answer(engine.Reply{Answer: d.Answer, Err: d.Err})
	c.answer = func(engine.Reply) {}
}
