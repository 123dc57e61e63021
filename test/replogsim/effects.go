package replogsim

import (
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// runEffect runs an effect that the replica owns.
func (r *replica[S]) runEffect(id string) {
	w := r.w
	if r.running[id] {
		return
	}
	r.running[id] = true
	longest := 500 * time.Millisecond
	if !w.calm {
		longest = 5 * time.Second
	}
	r.after(w.between(time.Millisecond, longest), func() {
		if r.point("before an effect") {
			return
		}
		w.say("%s runs effect %s", r.name(), id)
		w.receive(id)
		if r.point("after an effect") {
			return
		}
		r.enqueue(engine.OutcomeCommand(id, []byte("done")), nil)
	})
}

// receive is the receiver of an effect, which drops repetitions.
func (w *world[S]) receive(id string) {
	rec := w.receiver[id]
	if rec == nil {
		rec = new(receipt)
		w.receiver[id] = rec
	}
	rec.runs++
	w.result.Runs++
	if rec.applied == 0 || w.Bug == BlindReceiver {
		rec.applied++
	}
}

// claims renews the claims of what the replica runs, and claims what nobody seems to run.
func (r *replica[S]) claims(now time.Time) {
	w := r.w
	for f := range r.e.Effects() {
		left := f.Deadline.Sub(now)
		mine := f.Owner == r.writer
		switch {
		case r.claimed[f.ID]:
		case mine && left < engine.Claim/2:
			r.claim(f.ID)
		case !mine && left < -time.Duration(r.index)*100*time.Millisecond && w.Bug != NoTakeOver:
			r.claim(f.ID)
		}
	}
}

func (r *replica[S]) claim(id string) {
	r.claimed[id] = true
	r.enqueue(engine.ClaimCommand(id), func(reply engine.Reply) {
		delete(r.claimed, id)
		if f, ok := r.e.Effect(id); reply.Err == nil && ok && f.Owner == r.writer {
			r.runEffect(id)
		}
	})
}
